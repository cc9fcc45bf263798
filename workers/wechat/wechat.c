#include "wechat.h"

#include <libxml/parser.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_http.h"
#include "cr_keys.h"
#include "token.h"
#include "wechat_message.h"

enum { BODY_BYTES_MAX = 64 * 1024, URL_BYTES_MAX = 8 * 1024, NO_TOKEN_RETRY_MS = 1000 };

/* A message on its way: free, waiting for a token, or posted. */
typedef struct call {
    struct wechat *gateway;
    struct call *next; /* of the free ones, or of those who wait */
    gateway_done_fn *done;
    void *context;
    cr_str_t body;
    uint64_t generation; /* of the token it was posted with */
    bool repeated;       /* after its token was refused */
} call_t;

typedef struct wechat {
    const wechat_config_t *config;
    news_t *news;
    cr_http_t *http;
    token_config_t token_config;
    token_t *token;
    char *secret, *event_token;
    cr_str_t url; /* kept between submits */
    call_t *calls, *free_calls, *waiting;
} wechat_t;

/* ---- submit --------------------------------------------------------------------------------- */

static void
finish(call_t *call, const outcome_t *outcome)
{
    wechat_t *self = call->gateway;
    gateway_done_fn *done = call->done;
    void *context = call->context;
    call->next = self->free_calls;
    self->free_calls = call;
    done(context, outcome);
}

static void
wait_for_token(call_t *call)
{
    call->next = call->gateway->waiting;
    call->gateway->waiting = call;
}

static void on_answer(void *context, const cr_http_answer_t *answer);

static cr_err_t
post(call_t *call, const char *token)
{
    wechat_t *self = call->gateway;
    cr_str_clear(&self->url);
    cr_str_appendf(&self->url, "%s/cgi-bin/message/template/send?access_token=%s",
                   self->config->runtime.url, token);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *request =
        headers && cr_str_err(&self->url) == CR_OK
            ? cr_http_request(cr_str_text(&self->url), (long)self->config->runtime.timeout_ms)
            : NULL;
    if (!request) {
        curl_slist_free_all(headers);
        return CR_NOMEM;
    }
    curl_easy_setopt(request, CURLOPT_POSTFIELDSIZE, (long)call->body.length);
    curl_easy_setopt(request, CURLOPT_POSTFIELDS, cr_str_text(&call->body));
    return cr_http_submit(self->http, request, headers, on_answer, call);
}

/* Posted, or waiting for a token. */
static cr_err_t
go(call_t *call)
{
    const char *token = token_get(call->gateway->token, &call->generation);
    if (token)
        return post(call, token);
    wait_for_token(call);
    return CR_OK;
}

/* `go` from the loop: there is no caller left to tell. */
static void
go_on(call_t *call)
{
    static const outcome_t later = {.status = CR_STATUS_RETRY_1};
    if (go(call) != CR_OK)
        finish(call, &later);
}

static void
on_answer(void *context, const cr_http_answer_t *answer)
{
    call_t *call = context;
    wechat_verdict_t verdict;
    wechat_judge_answer(answer, &verdict);
    if (verdict.token_is_stale)
        token_drop(call->gateway->token, call->generation);
    if (verdict.token_is_stale && !call->repeated) {
        call->repeated = true;
        go_on(call);
        return;
    }
    finish(call, &verdict.outcome);
}

static void
on_token(void *context, cr_err_t err)
{
    static const outcome_t later = {.status = CR_STATUS_RETRY_1,
                                    .retry_after_ms = NO_TOKEN_RETRY_MS};
    static const outcome_t refused = {.status = CR_STATUS_FAILED_ACCOUNT};
    wechat_t *self = context;
    call_t *call = self->waiting;
    self->waiting = NULL;
    for (call_t *next; call; call = next) {
        next = call->next;
        if (err == CR_OK)
            go_on(call);
        else
            finish(call, err == CR_DENIED ? &refused : &later);
    }
}

static cr_err_t
wechat_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    wechat_t *self = gateway;
    call_t *call = self->free_calls;
    CR_ASSERT(call); /* as many as the window */
    cr_str_clear(&call->body);
    cr_err_t err = wechat_message_json(message, &call->body);
    if (err != CR_OK)
        return err;
    self->free_calls = call->next;
    call->done = done;
    call->context = context;
    call->repeated = false;
    err = go(call);
    if (err != CR_OK) {
        call->next = self->free_calls;
        self->free_calls = call;
    }
    return err;
}

/* ---- events --------------------------------------------------------------------------------- */

static bool
is_signed(const wechat_t *self, const push_t *push)
{
    return wechat_signature_is_right(self->event_token, push_query(push, "timestamp"),
                                     push_query(push, "nonce"), push_query(push, "signature"),
                                     cr_clock_wall_us() / CR_US_PER_S);
}

static push_reply_t
take_event(const wechat_t *self, const push_t *push)
{
    static const push_reply_t taken = {200, "text/plain", "success"};
    static const push_reply_t broken = {400, "text/plain", "not an event\n"};
    static const push_reply_t busy = {503, "text/plain", "later\n"};
    wechat_event_t event;
    if (wechat_event_read(push_body(push), &event) != CR_OK)
        return broken;
    if (!event.is_result)
        return taken;
    const receipt_t receipt = {CR_SLICE(""), cr_slice_of(event.msgid), event.outcome};
    return news_receipt(self->news, &receipt) == CR_OK ? taken : busy;
}

static push_reply_t
wechat_push(void *gateway, const push_t *push)
{
    static const push_reply_t unknown = {404, "text/plain", "not found\n"};
    static const push_reply_t denied = {403, "text/plain", "wrong signature\n"};
    static const push_reply_t method = {405, "text/plain", "GET or POST\n"};
    if (strcmp(push_path(push), "/events") != 0)
        return unknown;
    if (!is_signed(gateway, push))
        return denied;
    if (strcmp(push_method(push), "GET") == 0) /* the platform checks the address once */
        return (push_reply_t){200, "text/plain", push_query(push, "echostr")};
    return strcmp(push_method(push), "POST") == 0 ? take_event(gateway, push) : method;
}

/* ---- open and close ------------------------------------------------------------------------- */

static void
wechat_close(void **gateway_p)
{
    wechat_t *self = *gateway_p;
    if (!self)
        return;
    cr_http_destroy(&self->http);
    token_destroy(&self->token);
    if (self->secret)
        sodium_memzero(self->secret, strlen(self->secret));
    free(self->secret);
    free(self->event_token);
    cr_str_fini(&self->url);
    for (int64_t i = 0; self->calls && i < self->config->runtime.window; i++)
        cr_str_fini(&self->calls[i].body);
    free(self->calls);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
make_calls(wechat_t *self, uint32_t window)
{
    self->calls = calloc(window, sizeof *self->calls);
    if (!self->calls)
        return CR_NOMEM;
    for (uint32_t i = 0; i < window; i++) {
        self->calls[i] = (call_t){.gateway = self, .next = self->free_calls};
        cr_str_init(&self->calls[i].body, BODY_BYTES_MAX);
        self->free_calls = &self->calls[i];
    }
    return CR_OK;
}

static cr_err_t
make_parts(wechat_t *self, zloop_t *loop, uint32_t window)
{
    self->token_config = (token_config_t){
        .url = self->config->runtime.url,
        .appid = self->config->appid,
        .secret = self->secret,
        .timeout_ms = (long)self->config->runtime.timeout_ms,
    };
    /* One connection more than the window: the token's must not wait for a message. */
    self->http = cr_http_new(loop, (size_t)window + 1);
    self->token =
        self->http ? token_new(loop, self->http, &self->token_config, on_token, self) : NULL;
    return self->token ? make_calls(self, window) : CR_NOMEM;
}

static cr_err_t
wechat_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    wechat_t *self = calloc(1, sizeof *self);
    if (!self || sodium_init() < 0) {
        free(self);
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    *gateway = self;
    self->config = port->config;
    self->news = port->news;
    cr_str_init(&self->url, URL_BYTES_MAX);
    xmlInitParser();
    cr_err_t err = cr_keys_load_line(self->config->secret_file, &self->secret, fault);
    if (err == CR_OK)
        err = cr_keys_load_line(self->config->listen.token_file, &self->event_token, fault);
    if (err == CR_OK && make_parts(self, port->loop, port->window) != CR_OK)
        err = cr_fault_set(fault, CR_NOMEM, "out of memory");
    return err;
}

const gateway_kind_t wechat_gateway = {
    .name = "wechat",
    .channel = CR_CHANNEL_WECHAT,
    .idempotent = true,
    .gives_receipts = true,
    .by_id = true,
    .open = wechat_open,
    .close = wechat_close,
    .submit = wechat_submit,
    .push = wechat_push,
};
