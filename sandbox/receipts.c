#include "receipts.h"

#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_log.h"

#define RETRY_US (500 * CR_US_PER_MS)

enum {
    HELD_MAX = 1000000,
    FLIGHTS_MAX = 32,
    BATCH_MAX = 200,
    BODY_BYTES_MAX = 1024 * 1024,
    URL_BYTES_MAX = 4096,
    TIMEOUT_MS = 10000,
    LOG_EVERY_MS = 10000,
};

typedef struct receipt {
    receipts_t *owner;
    struct receipt *previous, *next; /* among all that are held */
    struct receipt *next_due;
    char *text;
} receipt_t;

/* One POST under way; free while its batch is empty. */
typedef struct {
    receipts_t *owner;
    receipt_t *batch[BATCH_MAX];
    size_t count;
} flight_t;

struct receipts {
    const receipts_kind_t *kind;
    cr_http_t *http;
    delay_t *delay;
    counts_t *counts;
    char *url;
    receipt_t *held;
    size_t held_count;
    receipt_t *first_due, **last_due; /* the order in which they became due */
    flight_t flights[FLIGHTS_MAX];
    cr_log_limit_t full, failed;
};

receipts_t *
receipts_new(const receipts_kind_t *kind, cr_http_t *http, delay_t *delay, counts_t *counts)
{
    CR_ASSERT(kind->batch_max <= BATCH_MAX && kind->flights_max <= FLIGHTS_MAX);
    receipts_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->kind = kind;
    self->http = http;
    self->delay = delay;
    self->counts = counts;
    self->last_due = &self->first_due;
    for (size_t i = 0; i < FLIGHTS_MAX; i++)
        self->flights[i].owner = self;
    if (receipts_set_url(self, "") != CR_OK)
        receipts_destroy(&self);
    return self;
}

static void
receipt_free(receipt_t *receipt)
{
    receipts_t *self = receipt->owner;
    if (receipt->previous)
        receipt->previous->next = receipt->next;
    else
        self->held = receipt->next;
    if (receipt->next)
        receipt->next->previous = receipt->previous;
    self->held_count--;
    free(receipt->text);
    free(receipt);
}

void
receipts_destroy(receipts_t **self_p)
{
    receipts_t *self = *self_p;
    if (!self)
        return;
    for (receipt_t *at = self->held, *next; at; at = next) {
        next = at->next;
        free(at->text);
        free(at);
    }
    free(self->url);
    free(self);
    *self_p = NULL;
}

const char *
receipts_url(const receipts_t *self)
{
    return self->url;
}

static void pump(receipts_t *self);

static void
on_due(void *context)
{
    receipt_t *receipt = context;
    receipts_t *self = receipt->owner;
    receipt->next_due = NULL;
    *self->last_due = receipt;
    self->last_due = &receipt->next_due;
    pump(self);
}

static receipt_t *
take_due(receipts_t *self)
{
    receipt_t *receipt = self->first_due;
    self->first_due = receipt->next_due;
    if (!self->first_due)
        self->last_due = &self->first_due;
    return receipt;
}

static void
wait_until(receipt_t *receipt, int64_t due_us)
{
    if (delay_until(receipt->owner->delay, due_us, on_due, receipt) != CR_OK)
        receipt_free(receipt);
}

static void
flight_log(receipts_t *self, const cr_http_answer_t *answer)
{
    uint64_t suppressed;
    if (cr_log_limit(&self->failed, cr_clock_mono_us(), LOG_EVERY_MS, &suppressed))
        cr_log(CR_LOG_WARN, "push_refused", "channel=%s status=%ld error=\"%s\" suppressed=%zu",
               self->kind->name, answer->status, answer->error, (size_t)suppressed);
}

static void
on_answer(void *context, const cr_http_answer_t *answer)
{
    flight_t *flight = context;
    receipts_t *self = flight->owner;
    bool taken = answer->answered && self->kind->is_taken(answer);
    if (!taken)
        flight_log(self, answer);
    int64_t now_us = cr_clock_mono_us();
    for (size_t i = 0; i < flight->count; i++) {
        if (!taken) {
            wait_until(flight->batch[i], now_us + RETRY_US);
            continue;
        }
        counts_add(self->counts, COUNT_receipts, now_us);
        receipt_free(flight->batch[i]);
    }
    flight->count = 0;
    pump(self);
}

static char *
body_of(const receipts_kind_t *kind, const flight_t *flight)
{
    cr_str_t body;
    cr_str_init(&body, BODY_BYTES_MAX);
    cr_str_append_text(&body, kind->open);
    for (size_t i = 0; i < flight->count; i++) {
        if (i > 0)
            cr_str_append_char(&body, ',');
        cr_str_append_text(&body, flight->batch[i]->text);
    }
    cr_str_append_text(&body, kind->close);
    return cr_str_take(&body);
}

static CURL *
request_of(receipts_t *self, const flight_t *flight)
{
    cr_str_t url;
    cr_str_init(&url, URL_BYTES_MAX);
    if (self->kind->append_url)
        self->kind->append_url(self->kind->context, self->url, &url);
    else
        cr_str_append_text(&url, self->url);
    char *body = body_of(self->kind, flight);
    CURL *request = body && cr_str_err(&url) == CR_OK
                        ? cr_http_request(self->http, cr_str_text(&url), TIMEOUT_MS)
                        : NULL;
    if (request)
        curl_easy_setopt(request, CURLOPT_COPYPOSTFIELDS, body);
    free(body);
    cr_str_fini(&url);
    return request;
}

/* False when the request could not even be made; the batch then waits like one that was refused. */
static bool
fly(receipts_t *self, flight_t *flight)
{
    while (self->first_due && flight->count < self->kind->batch_max)
        flight->batch[flight->count++] = take_due(self);
    CURL *request = request_of(self, flight);
    if (!request)
        return false;
    struct curl_slist *headers = curl_slist_append(NULL, self->kind->content_type);
    return cr_http_submit(self->http, request, headers, on_answer, flight) == CR_OK;
}

static void
ground(flight_t *flight)
{
    for (size_t i = 0; i < flight->count; i++)
        wait_until(flight->batch[i], cr_clock_mono_us() + RETRY_US);
    flight->count = 0;
}

static void
pump(receipts_t *self)
{
    for (size_t i = 0; i < self->kind->flights_max && self->first_due && *self->url; i++)
        if (self->flights[i].count == 0 && !fly(self, &self->flights[i]))
            ground(&self->flights[i]);
}

cr_err_t
receipts_set_url(receipts_t *self, const char *url)
{
    char *copy = strdup(url);
    if (!copy)
        return CR_NOMEM;
    free(self->url);
    self->url = copy;
    pump(self);
    return CR_OK;
}

static void
log_full(receipts_t *self)
{
    uint64_t suppressed;
    if (cr_log_limit(&self->full, cr_clock_mono_us(), LOG_EVERY_MS, &suppressed))
        cr_log(CR_LOG_WARN, "receipt_dropped", "channel=%s held=%zu suppressed=%zu",
               self->kind->name, self->held_count, (size_t)suppressed);
}

void
receipts_add(receipts_t *self, int64_t due_us, char *text)
{
    receipt_t *receipt = text && self->held_count < HELD_MAX ? calloc(1, sizeof *receipt) : NULL;
    if (!receipt) {
        log_full(self);
        free(text);
        return;
    }
    *receipt = (receipt_t){.owner = self, .next = self->held, .text = text};
    if (self->held)
        self->held->previous = receipt;
    self->held = receipt;
    self->held_count++;
    wait_until(receipt, due_us);
}
