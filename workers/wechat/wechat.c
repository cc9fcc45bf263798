#include "wechat.h"

#include <inttypes.h>
#include <libxml/parser.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "callback.h"
#include "cr_clock.h"
#include "cr_keys.h"
#include "cr_log.h"
#include "quota.h"
#include "runtime/json_text.h"
#include "seen.h"
#include "wechat_event.h"
#include "wechat_message.h"

enum { TOKEN_TEXT_MAX = 4096, XML_BYTES_MAX = 1 << 20, REPEATED_S = 3600 };
static const int64_t stopped_us = 60 * CR_US_PER_S;
static const int64_t stop_log_ms = 60000;

typedef struct {
    const wechat_config_t *config;
    const gateway_port_t *port;
    cr_str_t token_url, token_body; /* with the secret */
    cr_str_t opened;                /* the last push */
    api_t *api;
    callback_t *callback;
    seen_t *seen; /* events and messages, by what names them */
    quota_t quota;
    cr_log_limit_t stop_limit;
} wechat_t;

/* ---- submit --------------------------------------------------------------------------------- */

static bool
is_subscription(const char *list, cr_slice_t template_id)
{
    for (const char *at = list; *at; at += strspn(at, ", ")) {
        size_t length = strcspn(at, ", ");
        if (length > 0 && cr_slice_equal((cr_slice_t){at, length}, template_id))
            return true;
        at += length;
    }
    return false;
}

/* The account is refused: others of the channel may take the messages, or we when it works again. */
static void
stop(wechat_t *self, int64_t code)
{
    uint64_t suppressed;
    int64_t now_us = cr_clock_mono_us();
    if (cr_log_limit(&self->stop_limit, now_us, stop_log_ms, &suppressed))
        cr_log(CR_LOG_ERR, "account_stopped", "errcode=%" PRId64 " suppressed=%" PRIu64, code,
               suppressed);
    self->port->close_for(self->port->runtime, stopped_us);
}

static void
count(wechat_t *self, const answer_t *answer)
{
    int64_t now_us = cr_clock_wall_us();
    char until[CR_TIME_TEXT_MAX];
    if (answer->class == ANSWER_TAKEN)
        quota_spend(&self->quota, now_us);
    if (answer->class == ANSWER_QUOTA)
        quota_end(&self->quota, now_us);
    if (quota_has_ended(&self->quota, now_us)) {
        int64_t opens_us = quota_opens_us(now_us);
        cr_log(CR_LOG_ERR, "quota_used_up", "used=%" PRId64 " until=%s", self->quota.used,
               cr_time_format(opens_us, until));
        self->port->close_for(self->port->runtime, opens_us - now_us);
    } else if (quota_is_short(&self->quota, now_us)) {
        int64_t lasts_us = quota_lasts_until_us(&self->quota, now_us);
        cr_log(CR_LOG_WARN, "quota_short", "used=%" PRId64 " limit=%" PRId64 " lasts_until=%s",
               self->quota.used, self->quota.limit,
               lasts_us == INT64_MAX ? "midnight" : cr_time_format(lasts_us, until));
    }
}

static void
on_answer(void *owner, api_call_t *call, const answer_t *answer, cr_slice_t body)
{
    (void)body;
    wechat_t *self = owner;
    outcome_t outcome = answer->outcome;
    gateway_done_fn *done = call->done;
    void *context = call->context;
    if (call->subscription && outcome.status == CR_STATUS_ACCEPTED)
        outcome.status = CR_STATUS_HANDED;
    api_give(call);
    count(self, answer);
    if (answer->class == ANSWER_STOP)
        stop(self, answer->code);
    done(context, &outcome);
}

static cr_err_t
wechat_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    wechat_t *self = gateway;
    api_call_t *call = api_take(self->api);
    CR_ASSERT(call); /* as many as the window */
    call->done = done;
    call->context = context;
    call->subscription = is_subscription(self->config->subscriptions, message->template_id);
    cr_err_t err = call->subscription ? wechat_subscription_json(message, &call->body)
                                      : wechat_template_json(message, &call->body);
    if (err != CR_OK) {
        api_give(call);
        return err;
    }
    return api_send(call,
                    call->subscription ? "/cgi-bin/message/subscribe/bizsend"
                                       : "/cgi-bin/message/template/send",
                    on_answer);
}

/* ---- events --------------------------------------------------------------------------------- */

static cr_err_t
take_result(wechat_t *self, const wechat_event_t *event)
{
    const receipt_t receipt = {CR_SLICE(""), cr_slice_of(event->msgid),
                               wechat_event_outcome(cr_slice_of(event->status))};
    return news_receipt(self->port->news, &receipt);
}

static cr_err_t
take_reply(wechat_t *self, const wechat_event_t *event)
{
    static const Crier__V1__Replies__Kind kinds[] = {
        [WECHAT_EVENT_CAME] = CRIER__V1__REPLIES__KIND__CAME,
        [WECHAT_EVENT_LEFT] = CRIER__V1__REPLIES__KIND__LEFT,
        [WECHAT_EVENT_TEXT] = CRIER__V1__REPLIES__KIND__TEXT,
    };
    bool wrote = event->kind == WECHAT_EVENT_TEXT;
    const reply_t reply = {kinds[event->kind], cr_slice_of(event->from),
                           cr_slice_of(wrote ? event->text : "")};
    return news_reply(self->port->news, &reply);
}

static cr_err_t
take_mass(wechat_t *self, const wechat_event_t *event)
{
    (void)self;
    char status[160], sent[160], failed[160];
    cr_log(CR_LOG_INFO, "mass_finished", "status=%s sent=%s failed=%s",
           cr_log_value(cr_slice_of(event->status), status),
           cr_log_value(cr_slice_of(event->sent), sent),
           cr_log_value(cr_slice_of(event->failed), failed));
    return CR_OK;
}

static cr_err_t
take_other(wechat_t *self, const wechat_event_t *event)
{
    (void)self;
    (void)event;
    return CR_OK;
}

typedef cr_err_t take_fn(wechat_t *self, const wechat_event_t *event);

static take_fn *const takers[] = {
    [WECHAT_EVENT_OTHER] = take_other, [WECHAT_EVENT_RESULT] = take_result,
    [WECHAT_EVENT_MASS] = take_mass,   [WECHAT_EVENT_CAME] = take_reply,
    [WECHAT_EVENT_LEFT] = take_reply,  [WECHAT_EVENT_TEXT] = take_reply,
};

/* What the platform pushes again is taken once; receipts may come as often as they like. */
static cr_err_t
take_once(wechat_t *self, const wechat_event_t *event, int64_t now_s)
{
    cr_str_t key;
    cr_str_init(&key, sizeof *event);
    wechat_event_key(event, &key);
    bool repeated = event->kind != WECHAT_EVENT_RESULT &&
                    seen_has(self->seen, cr_str_slice(&key), now_s, REPEATED_S);
    cr_err_t err = repeated ? CR_OK : takers[event->kind](self, event);
    if (err == CR_OK && !repeated)
        seen_add(self->seen, cr_str_slice(&key), now_s);
    cr_str_fini(&key);
    return err;
}

static push_reply_t
refusal(cr_err_t err)
{
    static const push_reply_t denied = {403, "text/plain",
                                        "wrong signature, too old, or repeated\n"};
    static const push_reply_t broken = {400, "text/plain", "not an event\n"};
    static const push_reply_t busy = {503, "text/plain", "later\n"};
    return err == CR_DENIED ? denied : err == CR_INVAL ? broken : busy;
}

static push_reply_t
take_event(wechat_t *self, const push_t *push, const callback_query_t *query)
{
    static const push_reply_t taken = {200, "text/plain", "success"};
    int64_t now_s = cr_clock_wall_us() / CR_US_PER_S;
    wechat_event_t event;
    cr_err_t err = callback_open(self->callback, query, push_body(push), now_s, &self->opened);
    if (err == CR_OK)
        err = wechat_event_read(cr_str_slice(&self->opened), &event);
    if (err == CR_OK)
        err = take_once(self, &event, now_s);
    if (err != CR_OK)
        return refusal(err);
    callback_use(self->callback, query, now_s);
    return taken;
}

/* The platform checks the address once. */
static push_reply_t
take_check(wechat_t *self, const push_t *push, const callback_query_t *query)
{
    int64_t now_s = cr_clock_wall_us() / CR_US_PER_S;
    cr_err_t err =
        callback_echo(self->callback, query, push_query(push, "echostr"), now_s, &self->opened);
    return err == CR_OK ? (push_reply_t){200, "text/plain", cr_str_text(&self->opened)}
                        : refusal(err);
}

static push_reply_t
wechat_push(void *gateway, const push_t *push)
{
    static const push_reply_t unknown = {404, "text/plain", "not found\n"};
    static const push_reply_t method = {405, "text/plain", "GET or POST\n"};
    wechat_t *self = gateway;
    const callback_query_t query = {
        .timestamp = push_query(push, "timestamp"),
        .nonce = push_query(push, "nonce"),
        .signature = push_query(push, "signature"),
        .msg_signature = push_query(push, "msg_signature"),
    };
    cr_str_clear(&self->opened);
    if (strcmp(push_path(push), "/events") != 0)
        return unknown;
    if (strcmp(push_method(push), "GET") == 0)
        return take_check(self, push, &query);
    return strcmp(push_method(push), "POST") == 0 ? take_event(self, push, &query) : method;
}

/* ---- open and close ------------------------------------------------------------------------- */

static void
wechat_close(void **gateway_p)
{
    wechat_t *self = *gateway_p;
    if (!self)
        return;
    api_destroy(&self->api);
    callback_destroy(&self->callback);
    seen_destroy(&self->seen);
    cr_str_fini(&self->token_url);
    cr_str_fini(&self->token_body);
    cr_str_fini(&self->opened);
    free(self);
    *gateway_p = NULL;
}

static void
forget(char *secret)
{
    if (secret)
        sodium_memzero(secret, strlen(secret));
    free(secret);
}

static cr_err_t
make_token_request(wechat_t *self, cr_fault_t *fault)
{
    char *secret = NULL;
    cr_err_t err = cr_keys_load_line(self->config->secret_file, &secret, fault);
    if (err != CR_OK)
        return err;
    cr_str_appendf(&self->token_url, "%s/cgi-bin/stable_token", self->config->runtime.url);
    cr_str_append_text(&self->token_body, "{\"grant_type\":\"client_credential\",\"appid\":");
    json_text_append(&self->token_body, cr_slice_of(self->config->appid));
    cr_str_append_text(&self->token_body, ",\"secret\":");
    json_text_append(&self->token_body, cr_slice_of(secret));
    cr_str_append_text(&self->token_body, ",\"force_refresh\":false}");
    forget(secret);
    if (cr_str_err(&self->token_url) != CR_OK || cr_str_err(&self->token_body) != CR_OK)
        return cr_fault_set(fault, CR_TOOBIG, "gateway.url or the secret is too long");
    return CR_OK;
}

static cr_err_t
make_callback(wechat_t *self, cr_fault_t *fault)
{
    char *token = NULL, *key = NULL;
    cr_err_t err = cr_keys_load_line(self->config->listen.token_file, &token, fault);
    if (err == CR_OK && *self->config->aes_key_file)
        err = cr_keys_load_line(self->config->aes_key_file, &key, fault);
    if (err == CR_OK) {
        err = callback_new(token, key, self->config->appid, &self->callback);
        if (err != CR_OK)
            cr_fault_set(fault, err, "%s: not an EncodingAESKey", self->config->aes_key_file);
    }
    forget(token);
    forget(key);
    return err;
}

static cr_err_t
make_api(wechat_t *self, cr_fault_t *fault)
{
    const api_config_t config = {
        .loop = self->port->loop,
        .url = self->config->runtime.url,
        .token = {cr_str_text(&self->token_url), cr_str_text(&self->token_body),
                  (long)self->config->runtime.timeout_ms, self->config->ca_file},
        .codes = wechat_codes,
        .calls = self->port->window,
        .owner = self,
    };
    self->api = api_new(&config);
    self->seen = seen_new();
    return self->api && self->seen ? CR_OK : cr_fault_set(fault, CR_NOMEM, "out of memory");
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
    self->port = port;
    cr_str_init(&self->token_url, TOKEN_TEXT_MAX);
    cr_str_init(&self->token_body, TOKEN_TEXT_MAX);
    cr_str_init(&self->opened, XML_BYTES_MAX);
    quota_init(&self->quota, self->config->quota_per_day);
    xmlInitParser();
    cr_err_t err = make_token_request(self, fault);
    if (err == CR_OK)
        err = make_callback(self, fault);
    return err == CR_OK ? make_api(self, fault) : err;
}

static void
wechat_dump(const void *gateway)
{
    const wechat_t *self = gateway;
    cr_log(CR_LOG_INFO, "quota", "used=%" PRId64 " limit=%" PRId64, self->quota.used,
           self->quota.limit);
}

#define WECHAT_KIND(sends_once)                                                                    \
    {                                                                                              \
        .name = "wechat", .channel = CR_CHANNEL_WECHAT, .idempotent = (sends_once),                \
        .gives_receipts = true, .by_id = true, .open = wechat_open, .close = wechat_close,         \
        .submit = wechat_submit, .push = wechat_push, .dump = wechat_dump,                         \
    }

const gateway_kind_t wechat_gateway = WECHAT_KIND(true);
const gateway_kind_t wechat_subscription_gateway = WECHAT_KIND(false);
