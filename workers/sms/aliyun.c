#include "aliyun.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acs.h"
#include "cr_clock.h"
#include "cr_http.h"
#include "cr_keys.h"
#include "cr_log.h"
#include "cr_sms.h"
#include "sms_message.h"
#include "sms_outcome.h"

#define CONTENT_TYPE "application/x-www-form-urlencoded"

enum { FORM_BYTES_MAX = 64 * 1024, HEADER_BYTES_MAX = 1024, DATE_BYTES = 32, NONCE_BYTES = 16 };
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
    const sms_config_t *config;
    news_t *news;
    cr_http_t *http;
    char *host, *path, *secret, *token;
    sms_template_t template;
    cr_str_t form, header; /* kept between submits */
    call_t *calls, *free_calls;
    const gateway_port_t *port;
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

static const char *
date_text(char out[DATE_BYTES])
{
    time_t now = (time_t)(cr_clock_wall_us() / CR_US_PER_S);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, DATE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return out;
}

static const char *
nonce_text(char out[2 * NONCE_BYTES + 1])
{
    uint8_t random[NONCE_BYTES];
    randombytes_buf(random, sizeof random);
    return sodium_bin2hex(out, 2 * NONCE_BYTES + 1, random, sizeof random);
}

/* Adds "NAME: value"; false and an empty list when memory is short. */
static bool
add_header(aliyun_t *self, struct curl_slist **headers, const char *name, const char *value)
{
    cr_str_clear(&self->header);
    cr_str_appendf(&self->header, "%s: %s", name, value);
    struct curl_slist *longer = cr_str_err(&self->header) == CR_OK
                                    ? curl_slist_append(*headers, cr_str_text(&self->header))
                                    : NULL;
    if (longer)
        *headers = longer;
    return longer != NULL;
}

/* NULL: memory. */
static struct curl_slist *
signed_headers(aliyun_t *self, const char *action)
{
    char hash[ACS_HASH_TEXT_MAX], date[DATE_BYTES], nonce[2 * NONCE_BYTES + 1];
    const acs_request_t request = {
        .method = "POST",
        .path = self->path,
        .query = "",
        .host = self->host,
        .content_type = CONTENT_TYPE,
        .action = action,
        .version = "2017-05-25",
        .date = date_text(date),
        .nonce = nonce_text(nonce),
        .content_hash = acs_hash(cr_str_slice(&self->form), hash),
    };
    cr_str_t proof;
    cr_str_init(&proof, HEADER_BYTES_MAX);
    acs_authorize(&request, self->config->key_id, self->secret, &proof);
    struct curl_slist *headers = NULL;
    bool whole = cr_str_err(&proof) == CR_OK &&
                 add_header(self, &headers, "content-type", CONTENT_TYPE) &&
                 add_header(self, &headers, "host", request.host) &&
                 add_header(self, &headers, "x-acs-action", request.action) &&
                 add_header(self, &headers, "x-acs-version", request.version) &&
                 add_header(self, &headers, "x-acs-date", request.date) &&
                 add_header(self, &headers, "x-acs-signature-nonce", request.nonce) &&
                 add_header(self, &headers, "x-acs-content-sha256", request.content_hash) &&
                 add_header(self, &headers, "authorization", cr_str_text(&proof));
    cr_str_fini(&proof);
    if (whole)
        return headers;
    curl_slist_free_all(headers);
    return NULL;
}

/* What is in the form. */
static cr_err_t
post(aliyun_t *self, const char *action, cr_http_done_fn *done, void *context)
{
    struct curl_slist *headers = signed_headers(self, action);
    CURL *request = headers ? cr_http_request(self->http, self->config->runtime.url,
                                              (long)self->config->runtime.timeout_ms)
                            : NULL;
    if (!request) {
        curl_slist_free_all(headers);
        return CR_NOMEM;
    }
    curl_easy_setopt(request, CURLOPT_POSTFIELDSIZE, (long)self->form.length);
    curl_easy_setopt(request, CURLOPT_COPYPOSTFIELDS, cr_str_text(&self->form));
    return cr_http_submit(self->http, request, headers, done, context);
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
    cr_str_clear(&self->form);
    cr_err_t err = sms_message_form(message, &self->template, &self->form);
    if (err != CR_OK)
        return err;
    call_t *call = self->free_calls;
    CR_ASSERT(call); /* as many as the window */
    call->done = done;
    call->context = context;
    call->parts = (uint8_t)cr_sms_measure(message->text).parts;
    if (self->pull)
        fill_pulled(message, &call->pulled);
    err = post(self, "SendSms", on_answer, call);
    if (err == CR_OK)
        self->free_calls = call->next_free;
    return err;
}

/* ---- receipts ------------------------------------------------------------------------------- */

static push_reply_t
aliyun_push(void *gateway, const push_t *push)
{
    static const push_reply_t taken = {200, "application/json",
                                       "{\"code\":0,\"msg\":\"\xe6\x88\x90\xe5\x8a\x9f\"}"};
    static const push_reply_t unknown = {404, "text/plain", "not found\n"};
    static const push_reply_t denied = {403, "text/plain", "wrong token\n"};
    static const push_reply_t broken = {400, "text/plain", "not a list of reports\n"};
    static const push_reply_t busy = {503, "text/plain", "later\n"};
    const aliyun_t *self = gateway;
    const char *token = push_query(push, "token"), *path = push_path(push);
    bool known = strcmp(path, "/receipts") == 0 || strcmp(path, "/replies") == 0;
    if (!known || strcmp(push_method(push), "POST") != 0)
        return unknown;
    if (strlen(token) != strlen(self->token) ||
        sodium_memcmp(token, self->token, strlen(token)) != 0)
        return denied;
    cr_err_t err = sms_push_read(push_body(push), self->news, self->pull);
    if (err == CR_OK)
        return taken;
    return err == CR_INVAL ? broken : busy;
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
    if (receipt.outcome != CR_STATUS_ACCEPTED && news_receipt(self->news, &receipt) == CR_OK)
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
    cr_str_clear(&self->form);
    return sms_details_form(&query->item, &self->form) == CR_OK &&
           post(self, "QuerySendDetails", on_details, query) == CR_OK;
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
    int64_t after_us = self->config->pull_after_s * CR_US_PER_S;
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

/* What libcurl will send as Host, and the path: both are signed. */
static bool
read_url(aliyun_t *self)
{
    CURLU *url = curl_url();
    char *host = NULL, *port = NULL, *path = NULL, *query = NULL;
    bool sound = url &&
                 curl_url_set(url, CURLUPART_URL, self->config->runtime.url, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_QUERY, &query, 0) != CURLUE_OK;
    curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
    if (sound && asprintf(&self->host, "%s%s%s", host, port ? ":" : "", port ? port : "") < 0)
        self->host = NULL;
    self->path = sound ? strdup(path) : NULL;
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(url);
    return self->host && self->path;
}

static void
aliyun_close(void **gateway_p)
{
    aliyun_t *self = *gateway_p;
    if (!self)
        return;
    if (self->timer != -1)
        zloop_timer_end(self->port->loop, self->timer);
    cr_http_destroy(&self->http);
    pull_destroy(&self->pull);
    free(self->host);
    free(self->path);
    if (self->secret)
        sodium_memzero(self->secret, strlen(self->secret));
    free(self->secret);
    free(self->token);
    cr_str_fini(&self->form);
    cr_str_fini(&self->header);
    free(self->calls);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
make_calls(aliyun_t *self, uint32_t window)
{
    self->calls = calloc(window, sizeof *self->calls);
    if (!self->calls)
        return CR_NOMEM;
    for (uint32_t i = 0; i < window; i++) {
        self->calls[i] = (call_t){.gateway = self, .next_free = self->free_calls};
        self->free_calls = &self->calls[i];
    }
    return CR_OK;
}

static cr_err_t
aliyun_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    aliyun_t *self = calloc(1, sizeof *self);
    if (!self || sodium_init() < 0) {
        free(self);
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    *gateway = self;
    self->config = port->config;
    self->news = port->news;
    self->port = port;
    self->timer = -1;
    self->template =
        (sms_template_t){self->config->template_code, self->config->template_parameter};
    cr_str_init(&self->form, FORM_BYTES_MAX);
    cr_str_init(&self->header, HEADER_BYTES_MAX);
    if (!read_url(self))
        return cr_fault_set(fault, CR_INVAL, "gateway.url: \"%s\" is not http(s)://HOST/PATH",
                            self->config->runtime.url);
    cr_err_t err = sms_config_need(self->config->key_id, "gateway.access_key_id", fault);
    if (err == CR_OK)
        err = cr_keys_load_line(self->config->key_secret_file, &self->secret, fault);
    if (err == CR_OK)
        err = cr_keys_load_line(self->config->listen.token_file, &self->token, fault);
    if (err != CR_OK)
        return err;
    self->http = cr_http_new(port->loop, port->window + QUERIES);
    if (!self->http || make_calls(self, port->window) != CR_OK)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    return start_pulling(self, fault);
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
