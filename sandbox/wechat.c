#include "wechat.h"

#include <gnutls/crypto.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_text.h"
#include "dedup.h"
#include "hash.h"
#include "wechat_token.h"

#define DEDUP_WINDOW_US (10 * 60 * CR_US_PER_S)
#define BEIJING_US (8 * 3600 * CR_US_PER_S) /* the quota's day begins at midnight there */
#define DAY_US (86400 * CR_US_PER_S)

enum { DEDUP_MAX = 1 << 20, VALUE_CHARACTERS_MAX = 200, OPENID_LEAST = 8, OPENID_MOST = 128 };
enum { PUSH_FLIGHTS = 16, SHA1_BYTES = 20 };

static const char user_block[] = "failed:user block";

struct wechat {
    gateway_t *gateway;
    wechat_account_t account;
    receipts_kind_t events;
    wechat_tokens_t tokens;
    dedup_t *seen;
    uint64_t next_message, nonces;
    int64_t day, sent_today;
};

typedef struct {
    int code;
    const char *text;
} refusal_t;

static const refusal_t busy = {-1, "system error"};
static const refusal_t bad_grant = {40002, "invalid grant_type"};
static const refusal_t bad_token = {40001, "invalid credential, access_token is invalid"};
static const refusal_t bad_openid = {40003, "invalid openid"};
static const refusal_t bad_appid = {40013, "invalid appid"};
static const refusal_t bad_template = {40037, "invalid template_id"};
static const refusal_t bad_secret = {40125, "invalid appsecret"};
static const refusal_t no_token = {41001, "access_token missing"};
static const refusal_t old_token = {42001, "access_token expired"};
static const refusal_t not_following = {43004, "require subscribe"};
static const refusal_t empty_post = {44002, "empty post data"};
static const refusal_t over_quota = {45009, "reach max api daily quota limit"};
static const refusal_t too_often = {45011,
                                    "api minute-quota reach limit, must slower, retry later"};
static const refusal_t bad_json = {47001, "data format error"};
static const refusal_t bad_value = {47003, "argument invalid! data"};

/* What the sandbox looks at in a template message; `json` owns the texts. */
typedef struct {
    json_t *json;
    cr_slice_t openid, template_id, client_id;
} submit_t;

static bool
is_taken(const cr_http_answer_t *answer)
{
    return answer->status == 200 &&
           (answer->body.length == 0 || cr_slice_equal(answer->body, CR_SLICE("success")));
}

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
append_signature(cr_str_t *out, const char *token, const char *timestamp, const char *nonce)
{
    const char *parts[] = {token, timestamp, nonce};
    qsort(parts, CR_COUNT(parts), sizeof *parts, compare_texts);
    gnutls_hash_hd_t hash;
    unsigned char digest[SHA1_BYTES];
    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA1) != 0)
        return;
    for (size_t i = 0; i < CR_COUNT(parts); i++)
        gnutls_hash(hash, parts[i], strlen(parts[i]));
    gnutls_hash_deinit(hash, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        cr_str_appendf(out, "%02x", digest[i]);
}

static void
append_event_url(const void *context, const char *url, cr_str_t *out)
{
    wechat_t *self = (wechat_t *)(uintptr_t)context; /* only the nonce changes */
    char timestamp[24], nonce[24];
    snprintf(timestamp, sizeof timestamp, "%" PRId64, cr_clock_wall_us() / CR_US_PER_S);
    snprintf(nonce, sizeof nonce, "%" PRIu64, hash_roll(&self->nonces));
    cr_str_appendf(out, "%s%csignature=", url, strchr(url, '?') ? '&' : '?');
    append_signature(out, self->account.event_token, timestamp, nonce);
    cr_str_appendf(out, "&timestamp=%s&nonce=%s", timestamp, nonce);
}

wechat_t *
wechat_new(gateway_t *gateway, const wechat_account_t *account)
{
    wechat_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (wechat_t){
        .gateway = gateway,
        .account = *account,
        .events = {.name = "wechat",
                   .content_type = "Content-Type: text/xml",
                   .open = "",
                   .close = "",
                   .batch_max = 1,
                   .flights_max = PUSH_FLIGHTS,
                   .append_url = append_event_url,
                   .is_taken = is_taken,
                   .context = self},
        .tokens = {.ttl_us = account->token_ttl_s * CR_US_PER_S},
        .seen = dedup_new(DEDUP_MAX, DEDUP_WINDOW_US),
        .next_message = (uint64_t)cr_clock_wall_us(),
        .nonces = (uint64_t)cr_clock_wall_us(),
    };
    if (!self->seen)
        wechat_destroy(&self);
    return self;
}

void
wechat_destroy(wechat_t **self_p)
{
    if (*self_p)
        dedup_destroy(&(*self_p)->seen);
    free(*self_p);
    *self_p = NULL;
}

const receipts_kind_t *
wechat_events(const wechat_t *self)
{
    return &self->events;
}

static void
write_refusal(web_answer_t *answer, const refusal_t *refusal)
{
    answer->retry_after_s = refusal == &too_often;
    cr_str_appendf(&answer->body, "{\"errcode\":%d,\"errmsg\":\"%s\"}", refusal->code,
                   refusal->text);
}

static bool
is_text(const json_t *object, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && strcmp(text, expected) == 0;
}

static const refusal_t *
check_account(const wechat_t *self, const json_t *asked)
{
    if (!json_is_object(asked))
        return &bad_json;
    if (!is_text(asked, "grant_type", "client_credential"))
        return &bad_grant;
    if (!is_text(asked, "appid", self->account.appid))
        return &bad_appid;
    return is_text(asked, "secret", self->account.secret) ? NULL : &bad_secret;
}

void
wechat_answer_token(void *context, const web_request_t *request, web_answer_t *answer)
{
    wechat_t *self = context;
    cr_slice_t body = web_body(request);
    answer->delay_us = gateway_latency_us(self->gateway);
    json_t *asked = json_loadb(body.text, body.length, JSON_REJECT_DUPLICATES, NULL);
    const refusal_t *refusal = check_account(self, asked);
    bool force = json_is_true(json_object_get(asked, "force_refresh"));
    json_decref(asked);
    if (refusal) {
        write_refusal(answer, refusal);
        return;
    }
    int64_t now_us = cr_clock_mono_us();
    const wechat_token_t *token = wechat_tokens_give(&self->tokens, force, now_us);
    cr_str_appendf(&answer->body, "{\"access_token\":\"%s\",\"expires_in\":%" PRId64 "}",
                   token->text, (token->expires_us - now_us) / CR_US_PER_S);
}

static const refusal_t *
check_token(const wechat_t *self, const char *text)
{
    static const refusal_t *const refusals[] = {[WECHAT_TOKEN_GOOD] = NULL,
                                                [WECHAT_TOKEN_EXPIRED] = &old_token,
                                                [WECHAT_TOKEN_UNKNOWN] = &bad_token};
    if (!text || !*text)
        return &no_token;
    return refusals[wechat_tokens_check(&self->tokens, text, cr_clock_mono_us())];
}

static cr_slice_t
text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return (cr_slice_t){json_is_string(value) ? json_string_value(value) : "",
                        json_string_length(value)};
}

static bool
is_openid(cr_slice_t text)
{
    if (text.length < OPENID_LEAST || text.length > OPENID_MOST)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.text[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
            c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool
are_values(json_t *values)
{
    const char *key;
    json_t *field;
    json_object_foreach(values, key, field)
    {
        cr_slice_t value = text_of(field, "value");
        if (value.length == 0 || cr_text_length(value) > VALUE_CHARACTERS_MAX)
            return false;
    }
    return json_object_size(values) > 0;
}

/* The caller frees `submit->json`, also after a refusal. */
static const refusal_t *
submit_read(submit_t *submit, cr_slice_t body)
{
    if (body.length == 0)
        return &empty_post;
    submit->json = json_loadb(body.text, body.length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(submit->json))
        return &bad_json;
    submit->openid = text_of(submit->json, "touser");
    submit->template_id = text_of(submit->json, "template_id");
    submit->client_id = text_of(submit->json, "client_msg_id");
    if (!is_openid(submit->openid))
        return &bad_openid;
    if (submit->template_id.length == 0)
        return &bad_template;
    if (!are_values(json_object_get(submit->json, "data")))
        return &bad_value;
    bool gone = submit->openid.length >= 5 && memcmp(submit->openid.text, "oGONE", 5) == 0;
    return gone ? &not_following : NULL;
}

static bool
is_over_quota(wechat_t *self, int64_t wall_us)
{
    int64_t day = (wall_us + BEIJING_US) / DAY_US;
    if (day != self->day) {
        self->day = day;
        self->sent_today = 0;
    }
    return self->account.daily_quota > 0 && self->sent_today >= self->account.daily_quota;
}

static char *
event_of(const submit_t *submit, uint64_t message_id, const store_message_t *message)
{
    cr_str_t text;
    cr_str_init(&text, 4096);
    cr_str_appendf(
        &text,
        "<xml><ToUserName><![CDATA[gh_sandbox]]></ToUserName><FromUserName><![CDATA["
        "%.*s]]></FromUserName><CreateTime>%" PRId64 "</CreateTime><MsgType><![CDATA["
        "event]]></MsgType><Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>%" PRIu64
        "</MsgID><Status><![CDATA[%s]]></Status></xml>",
        (int)submit->openid.length, submit->openid.text, message->time_us / CR_US_PER_S, message_id,
        message->failure ? message->failure : "success");
    return cr_str_take(&text);
}

static const refusal_t *
accept_submit(wechat_t *self, const submit_t *submit, cr_slice_t body, uint64_t message_id)
{
    gateway_t *gateway = self->gateway;
    fault_receipt_t receipt = faults_receipt(&gateway->faults, submit->openid);
    const store_message_t message = {
        .channel = CR_CHANNEL_WECHAT,
        .time_us = cr_clock_wall_us(),
        .failure = receipt.failed ? user_block : NULL,
        .address = submit->openid,
        .reference = submit->client_id,
        .title = submit->template_id,
        .content = body,
    };
    if (!gateway_accept(gateway, &message))
        return &busy;
    self->sent_today++;
    int64_t due_us = cr_clock_mono_us() + receipt.delay_us;
    for (unsigned i = 0; i < receipt.copies; i++)
        receipts_add(gateway->receipts, due_us, event_of(submit, message_id, &message));
    return NULL;
}

/* Accepts what is new; what was sent already only gets its number again. */
static const refusal_t *
take_once(wechat_t *self, const submit_t *submit, cr_slice_t body, uint64_t *message_id)
{
    int64_t now_us = cr_clock_mono_us();
    uint64_t key = hash_pair(hash_text(submit->openid, 0), hash_text(submit->client_id, 1));
    bool has_id = submit->client_id.length > 0;
    if (has_id && dedup_find(self->seen, key, now_us, message_id))
        return NULL;
    if (is_over_quota(self, cr_clock_wall_us()))
        return &over_quota;
    *message_id = self->next_message++;
    const refusal_t *refusal = accept_submit(self, submit, body, *message_id);
    if (!refusal && has_id)
        dedup_add(self->seen, key, *message_id, now_us);
    return refusal;
}

static const refusal_t *
take(wechat_t *self, const web_request_t *request, uint64_t *message_id)
{
    submit_t submit = {0};
    cr_slice_t body = web_body(request);
    const refusal_t *refusal = check_token(self, web_argument(request, "access_token"));
    if (!refusal)
        refusal = submit_read(&submit, body);
    if (!refusal)
        refusal = take_once(self, &submit, body, message_id);
    json_decref(submit.json);
    if (refusal && refusal != &busy) /* that one is counted already */
        gateway_refuse(self->gateway);
    return refusal;
}

void
wechat_answer_send(void *context, const web_request_t *request, web_answer_t *answer)
{
    wechat_t *self = context;
    static const refusal_t *const refusals[] = {
        [FAULT_ERROR] = &busy, [FAULT_THROTTLE] = &too_often, [FAULT_DROP_AFTER] = NULL};
    uint64_t message_id = 0;
    answer->delay_us = gateway_latency_us(self->gateway);
    fault_t fault = gateway_arrive(self->gateway);
    answer->drop = fault == FAULT_DROP_BEFORE || fault == FAULT_DROP_AFTER;
    const refusal_t *refusal = refusals[fault];
    if (!refusal && fault != FAULT_DROP_BEFORE)
        refusal = take(self, request, &message_id);
    if (refusal)
        write_refusal(answer, refusal);
    else
        cr_str_appendf(&answer->body, "{\"errcode\":0,\"errmsg\":\"ok\",\"msgid\":%" PRIu64 "}",
                       message_id);
}
