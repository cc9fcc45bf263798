#include "http_gateway.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_keys.h"
#include "cr_log.h"
#include "cr_sms.h"
#include "http_mapping.h"
#include "http_template.h"

enum { URL_MAX = 16 * 1024, BODY_MAX = 64 * 1024, HEADERS_MAX = 16, LOG_EVERY_MS = 10000 };

/* A submit whose answer is awaited. */
typedef struct call {
    struct http *gateway;
    struct call *next_free;
    gateway_done_fn *done;
    void *context;
    uint8_t parts; /* that its text takes */
} call_t;

typedef struct http {
    const sms_config_t *config;
    news_t *news;
    cr_http_t *http;
    char *secret, *token;
    char *header_texts; /* cut into lines */
    http_template_t url, body, headers[HEADERS_MAX];
    size_t header_count;
    http_answers_t answers;
    http_receipts_t receipts;
    cr_str_t url_text, body_text, header; /* kept between submits */
    call_t *calls, *free_calls;
    cr_log_limit_t unread;
} http_t;

/* ---- submit --------------------------------------------------------------------------------- */

static void
log_unread(http_t *self, const cr_http_answer_t *answer, const char *reason)
{
    uint64_t suppressed;
    char error[160];
    if (cr_log_limit(&self->unread, cr_clock_mono_us(), LOG_EVERY_MS, &suppressed))
        cr_log(CR_LOG_WARN, "answer_unread", "reason=%s status=%ld error=%s suppressed=%zu", reason,
               answer->status, cr_log_value(cr_slice_of(answer->error), error), (size_t)suppressed);
}

static void
on_answer(void *context, const cr_http_answer_t *answer)
{
    call_t *call = context;
    http_t *self = call->gateway;
    gateway_done_fn *done = call->done;
    void *done_context = call->context;
    char id[NEWS_ID_MAX + 1];
    const char *unread;
    call->next_free = self->free_calls;
    self->free_calls = call;
    outcome_t outcome = http_answer_outcome(&self->answers, answer, id, &unread);
    outcome.parts = call->parts;
    if (unread || !answer->answered)
        log_unread(self, answer, unread ? unread : "no_answer");
    done(done_context, &outcome);
}

static cr_err_t
fill_headers(http_t *self, const message_t *message, struct curl_slist **headers)
{
    for (size_t i = 0; i < self->header_count; i++) {
        cr_str_clear(&self->header);
        cr_err_t err = http_template_fill(&self->headers[i], message, self->secret, &self->header);
        if (err != CR_OK)
            return err;
        struct curl_slist *longer = curl_slist_append(*headers, cr_str_text(&self->header));
        if (!longer)
            return CR_NOMEM;
        *headers = longer;
    }
    return CR_OK;
}

static cr_err_t
fill(http_t *self, const message_t *message, struct curl_slist **headers)
{
    cr_str_clear(&self->url_text);
    cr_str_clear(&self->body_text);
    cr_err_t err = http_template_fill(&self->url, message, self->secret, &self->url_text);
    if (err == CR_OK && *self->config->http_body)
        err = http_template_fill(&self->body, message, self->secret, &self->body_text);
    return err == CR_OK ? fill_headers(self, message, headers) : err;
}

static CURL *
request_of(http_t *self)
{
    CURL *request = cr_http_request(self->http, cr_str_text(&self->url_text),
                                    (long)self->config->runtime.timeout_ms);
    if (!request)
        return NULL;
    curl_easy_setopt(request, CURLOPT_ACCEPT_ENCODING, "gzip"); /* the limit is on what comes out */
    if (strcmp(self->config->http_method, "POST") == 0) {
        curl_easy_setopt(request, CURLOPT_POSTFIELDSIZE, (long)self->body_text.length);
        curl_easy_setopt(request, CURLOPT_COPYPOSTFIELDS, cr_str_text(&self->body_text));
    }
    return request;
}

static cr_err_t
http_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    http_t *self = gateway;
    struct curl_slist *headers = NULL;
    cr_err_t err = fill(self, message, &headers);
    CURL *request = err == CR_OK ? request_of(self) : NULL;
    if (!request) {
        curl_slist_free_all(headers);
        return err == CR_OK ? CR_NOMEM : err;
    }
    call_t *call = self->free_calls;
    CR_ASSERT(call); /* as many as the window */
    call->done = done;
    call->context = context;
    call->parts = (uint8_t)cr_sms_measure(message->text).parts;
    err = cr_http_submit(self->http, request, headers, on_answer, call);
    if (err == CR_OK)
        self->free_calls = call->next_free;
    return err;
}

/* ---- receipts ------------------------------------------------------------------------------- */

static push_reply_t
http_push(void *gateway, const push_t *push)
{
    static const push_reply_t unknown = {404, "text/plain", "not found\n"};
    static const push_reply_t denied = {403, "text/plain", "wrong token\n"};
    static const push_reply_t broken = {400, "text/plain", "not a list of receipts\n"};
    static const push_reply_t busy = {503, "text/plain", "later\n"};
    const http_t *self = gateway;
    const char *token = push_query(push, "token");
    if (strcmp(push_path(push), "/receipts") != 0 || strcmp(push_method(push), "POST") != 0)
        return unknown;
    if (strlen(token) != strlen(self->token) ||
        sodium_memcmp(token, self->token, strlen(token)) != 0)
        return denied;
    cr_err_t err = http_receipts_take(&self->receipts, push_body(push), self->news);
    if (err == CR_OK)
        return (push_reply_t){200, "application/json", self->config->http_receipt_reply};
    return err == CR_INVAL ? broken : busy;
}

/* ---- open and close ------------------------------------------------------------------------- */

static void
http_close(void **gateway_p)
{
    http_t *self = *gateway_p;
    if (!self)
        return;
    cr_http_destroy(&self->http);
    http_template_fini(&self->body);
    if (self->secret)
        sodium_memzero(self->secret, strlen(self->secret));
    free(self->secret);
    free(self->token);
    free(self->header_texts);
    cr_str_fini(&self->url_text);
    cr_str_fini(&self->body_text);
    cr_str_fini(&self->header);
    free(self->calls);
    free(self);
    *gateway_p = NULL;
}

/* `err` with the option's name before what is wrong with it. */
static cr_err_t
name_option(cr_err_t err, const char *key, cr_fault_t *fault)
{
    if (err == CR_OK)
        return CR_OK;
    const cr_fault_t inner = *fault;
    return cr_fault_set(fault, err, "%s: %s", key, inner.text);
}

static cr_err_t
read_headers(http_t *self, cr_fault_t *fault)
{
    self->header_texts = strdup(self->config->http_headers);
    if (!self->header_texts)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    for (char *line = self->header_texts, *end; *line; line = end) {
        end = line + strcspn(line, "\r\n");
        if (*end)
            *end++ = '\0';
        if (!*line)
            continue;
        if (self->header_count == HEADERS_MAX)
            return cr_fault_set(fault, CR_INVAL, "more than %d lines", HEADERS_MAX);
        http_template_t *header = &self->headers[self->header_count++];
        cr_err_t err = http_template_init(header, HTTP_LINE, line, fault);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

static cr_err_t
read_templates(http_t *self, cr_fault_t *fault)
{
    const sms_config_t *config = self->config;
    http_form_t form = strcmp(config->http_body_type, "json") == 0 ? HTTP_JSON : HTTP_FORM;
    cr_err_t err =
        name_option(http_template_init(&self->url, HTTP_FORM, config->runtime.url, fault),
                    "gateway.url", fault);
    if (err == CR_OK && *config->http_body)
        err = name_option(http_template_init(&self->body, form, config->http_body, fault),
                          "http.body", fault);
    return err == CR_OK ? name_option(read_headers(self, fault), "http.headers", fault) : err;
}

static cr_err_t
read_mapping(http_t *self, cr_fault_t *fault)
{
    const sms_config_t *config = self->config;
    bool by_id = strcmp(config->http_receipts, "id") == 0;
    self->answers.code = config->http_code;
    self->answers.id = config->http_id;
    self->answers.gives_receipts = strcmp(config->http_receipts, "none") != 0;
    self->receipts.list = config->http_receipt_list;
    self->receipts.code = config->http_receipt_code;
    self->receipts.id = by_id ? config->http_receipt_name : "";
    self->receipts.reference = by_id ? "" : config->http_receipt_name;
    cr_err_t err =
        name_option(http_rules_read(config->http_outcomes, &self->answers.outcomes, fault),
                    "http.outcomes", fault);
    if (err != CR_OK)
        return err;
    return name_option(
        http_rules_read(config->http_receipt_outcomes, &self->receipts.outcomes, fault),
        "http.receipt_outcomes", fault);
}

static cr_err_t
read_secrets(http_t *self, cr_fault_t *fault)
{
    const sms_config_t *config = self->config;
    cr_err_t err = CR_OK;
    if (*config->http_secret_file)
        err = cr_keys_load_line(config->http_secret_file, &self->secret, fault);
    else if (!(self->secret = strdup("")))
        err = cr_fault_set(fault, CR_NOMEM, "out of memory");
    if (err != CR_OK || !self->answers.gives_receipts)
        return err;
    err = sms_config_need(config->http_receipt_name, "http.receipt_name", fault);
    if (err == CR_OK)
        err = sms_config_need(config->http_receipt_code, "http.receipt_code", fault);
    if (err == CR_OK)
        err = sms_config_need(config->listen.token_file, "receipts.token_file", fault);
    return err == CR_OK ? cr_keys_load_line(config->listen.token_file, &self->token, fault) : err;
}

static cr_err_t
make_calls(http_t *self, const gateway_port_t *port, cr_fault_t *fault)
{
    self->http = cr_http_new(port->loop, port->window);
    self->calls = calloc(port->window, sizeof *self->calls);
    if (!self->http || !self->calls)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    for (uint32_t i = 0; i < port->window; i++) {
        self->calls[i] = (call_t){.gateway = self, .next_free = self->free_calls};
        self->free_calls = &self->calls[i];
    }
    return CR_OK;
}

static cr_err_t
http_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    http_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *gateway = self;
    self->config = port->config;
    self->news = port->news;
    cr_str_init(&self->url_text, URL_MAX);
    cr_str_init(&self->body_text, BODY_MAX);
    cr_str_init(&self->header, URL_MAX);
    cr_err_t err = read_templates(self, fault);
    if (err == CR_OK)
        err = read_mapping(self, fault);
    if (err == CR_OK)
        err = read_secrets(self, fault);
    return err == CR_OK ? make_calls(self, port, fault) : err;
}

#define HTTP_KIND(variable, receipts, id)                                                          \
    const gateway_kind_t variable = {                                                              \
        .name = "http",                                                                            \
        .channel = CR_CHANNEL_SMS,                                                                 \
        .gives_receipts = (receipts),                                                              \
        .by_id = (id),                                                                             \
        .open = http_open,                                                                         \
        .close = http_close,                                                                       \
        .submit = http_submit,                                                                     \
        .push = (receipts) ? http_push : NULL,                                                     \
    }

HTTP_KIND(http_plain_gateway, false, false);
HTTP_KIND(http_reference_gateway, true, false);
HTTP_KIND(http_id_gateway, true, true);
