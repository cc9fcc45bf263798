#include "aliyun.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aliyun_client.h"
#include "cr_clock.h"
#include "cr_log.h"
#include "cr_sms.h"
#include "sms_message.h"
#include "sms_outcome.h"

enum { PULL_MS = 1000, QUERIES = 16, PULLED_MOST = 1 << 18 };

/* A submit whose answer is awaited. */
typedef struct call {
    struct aliyun *gateway;
    struct call *next_free;
    gateway_done_fn *done;
    void *context;
    uint8_t parts; /* that its text takes */
    pull_item_t pulled;
} call_t;

/* A question what became of a message. */
typedef struct query {
    struct aliyun *gateway;
    struct query *next_free;
    pull_item_t item;
} query_t;

typedef struct aliyun {
    aliyun_client_t client;
    const gateway_port_t *port;
    call_t *calls, *free_calls;
    pull_t *pull; /* NULL: receipts are only pushed */
    query_t queries[QUERIES], *free_queries;
    int timer; /* -1: none */
} aliyun_t;

/* ---- submit --------------------------------------------------------------------------------- */

static void
on_answer(void *context, const cr_http_answer_t *answer)
{
    call_t *call = context;
    aliyun_t *self = call->gateway;
    gateway_done_fn *done = call->done;
    void *done_context = call->context;
    call->next_free = self->free_calls;
    self->free_calls = call;
    outcome_t outcome = sms_answer_outcome(answer);
    outcome.parts = call->parts;
    if (self->pull && outcome.status == CR_STATUS_ACCEPTED)
        pull_add(self->pull, &call->pulled, cr_clock_mono_us());
    done(done_context, &outcome);
}

/* "20260512", in the office's zone, which is Beijing's. */
static void
fill_pulled(const message_t *message, pull_item_t *item)
{
    char now[CR_TIME_TEXT_MAX];
    cr_time_format(cr_clock_wall_us(), now);
    snprintf(item->day, sizeof item->day, "%.4s%.2s%.2s", now, now + 5, now + 8);
    snprintf(item->reference, sizeof item->reference, "%s", message->reference);
    snprintf(item->phone, sizeof item->phone, "%.*s", (int)message->address.length,
             message->address.text);
    item->asked = 0;
}

static cr_err_t
aliyun_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    aliyun_t *self = gateway;
    const sms_config_t *config = self->client.config;
    const sms_template_t template = {config->template_code, config->template_parameter};
    cr_str_clear(&self->client.form);
    cr_err_t err = sms_message_form(message, &template, &self->client.form);
    if (err != CR_OK)
        return err;
    call_t *call = self->free_calls;
    CR_ASSERT(call); /* as many as the window */
    call->done = done;
    call->context = context;
    call->parts = (uint8_t)cr_sms_measure(message->text).parts;
    if (self->pull)
        fill_pulled(message, &call->pulled);
    err = aliyun_client_call(&self->client, "SendSms", on_answer, call);
    if (err == CR_OK)
        self->free_calls = call->next_free;
    return err;
}

static push_reply_t
aliyun_push(void *gateway, const push_t *push)
{
    const aliyun_t *self = gateway;
    push_reply_t refusal;
    if (!aliyun_client_admits(&self->client, push, &refusal))
        return refusal;
    const sms_reader_t reader = {.news = self->port->news, .pull = self->pull};
    return aliyun_client_reply(sms_push_read(push_body(push), &reader));
}

/* ---- receipts that nobody pushed ------------------------------------------------------------ */

static void ask_what_is_due(aliyun_t *self);

static void
on_details(void *context, const cr_http_answer_t *answer)
{
    query_t *query = context;
    aliyun_t *self = query->gateway;
    const receipt_t receipt = {
        .reference = cr_slice_of(query->item.reference),
        .gateway_id = CR_SLICE(""),
        .outcome = sms_details_outcome(answer, query->item.reference),
    };
    if (receipt.outcome != CR_STATUS_ACCEPTED && news_receipt(self->port->news, &receipt) == CR_OK)
        self->port->wake(self->port->runtime);
    else
        pull_add(self->pull, &query->item, cr_clock_mono_us());
    query->next_free = self->free_queries;
    self->free_queries = query;
    ask_what_is_due(self);
}

static bool
ask(aliyun_t *self, query_t *query)
{
    cr_str_t *form = &self->client.form;
    cr_str_clear(form);
    return sms_details_form(&query->item, form) == CR_OK &&
           aliyun_client_call(&self->client, "QuerySendDetails", on_details, query) == CR_OK;
}

/* As many as may be under way. */
static void
ask_what_is_due(aliyun_t *self)
{
    for (query_t *query; (query = self->free_queries);) {
        if (!pull_next(self->pull, cr_clock_mono_us(), &query->item))
            break;
        if (!ask(self, query)) {
            pull_add(self->pull, &query->item, cr_clock_mono_us());
            break;
        }
        self->free_queries = query->next_free;
    }
}

static int
on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    ask_what_is_due(context);
    return 0;
}

static cr_err_t
start_pulling(aliyun_t *self, cr_fault_t *fault)
{
    int64_t after_us = self->client.config->pull_after_s * CR_US_PER_S;
    if (after_us == 0)
        return CR_OK;
    for (size_t i = 0; i < QUERIES; i++) {
        self->queries[i] = (query_t){.gateway = self, .next_free = self->free_queries};
        self->free_queries = &self->queries[i];
    }
    self->pull = pull_new(PULLED_MOST, after_us);
    if (self->pull)
        self->timer = zloop_timer(self->port->loop, PULL_MS, 0, on_timer, self);
    return self->pull && self->timer != -1 ? CR_OK : cr_fault_set(fault, CR_NOMEM, "out of memory");
}

static void
aliyun_dump(const void *gateway)
{
    const aliyun_t *self = gateway;
    if (self->pull)
        cr_log(CR_LOG_INFO, "pull", "waiting=%zu forgotten=%" PRIu64, pull_count(self->pull),
               pull_forgotten(self->pull));
}

/* ---- open and close ------------------------------------------------------------------------- */

static void
aliyun_close(void **gateway_p)
{
    aliyun_t *self = *gateway_p;
    if (!self)
        return;
    if (self->timer != -1)
        zloop_timer_end(self->port->loop, self->timer);
    aliyun_client_close(&self->client);
    pull_destroy(&self->pull);
    free(self->calls);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
make_calls(aliyun_t *self, cr_fault_t *fault)
{
    self->calls = calloc(self->port->window, sizeof *self->calls);
    if (!self->calls)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    for (uint32_t i = 0; i < self->port->window; i++) {
        self->calls[i] = (call_t){.gateway = self, .next_free = self->free_calls};
        self->free_calls = &self->calls[i];
    }
    return CR_OK;
}

static cr_err_t
aliyun_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    aliyun_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *gateway = self;
    self->port = port;
    self->timer = -1;
    cr_err_t err = aliyun_client_open(&self->client, port, port->window + QUERIES, fault);
    if (err == CR_OK)
        err = make_calls(self, fault);
    return err == CR_OK ? start_pulling(self, fault) : err;
}

const gateway_kind_t aliyun_gateway = {
    .name = "aliyun",
    .channel = CR_CHANNEL_SMS,
    .idempotent = false,
    .gives_receipts = true,
    .by_id = false,
    .open = aliyun_open,
    .close = aliyun_close,
    .submit = aliyun_submit,
    .push = aliyun_push,
    .dump = aliyun_dump,
};
