#include "wechat_outcome.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
    UNREACHED_RETRY_MS = 1000, /* nothing left this host: the platform is away */
    OFTEN_RETRY_MS = 5000,
    QUOTA_RETRY_MS = 3600 * 1000 /* the quota of the day is used up */
};

static const struct {
    json_int_t from, to;
    uint32_t retry_after_ms;
    cr_status_t status;
    bool token_is_stale;
} codes[] = {
    {0, 0, 0, CR_STATUS_ACCEPTED, false},
    {-1, -1, 0, CR_STATUS_RETRY_1, false}, /* busy */
    /* the access token */
    {40001, 40001, 0, CR_STATUS_RETRY_1, true},
    {40014, 40014, 0, CR_STATUS_RETRY_1, true},
    {41001, 41001, 0, CR_STATUS_RETRY_1, true},
    {42001, 42001, 0, CR_STATUS_RETRY_1, true},
    /* the recipient */
    {40003, 40003, 0, CR_STATUS_FAILED_ADDRESS, false},
    {46004, 46004, 0, CR_STATUS_FAILED_ADDRESS, false},
    {43004, 43005, 0, CR_STATUS_FAILED_UNFOLLOWED, false},
    {50005, 50005, 0, CR_STATUS_FAILED_UNFOLLOWED, false},
    {43019, 43019, 0, CR_STATUS_FAILED_BLOCKED, false},
    {43101, 43101, 0, CR_STATUS_FAILED_BLOCKED, false},
    {48002, 48002, 0, CR_STATUS_FAILED_BLOCKED, false},
    {45015, 45015, 0, CR_STATUS_FAILED_UNREACHABLE, false},
    {45047, 45047, 0, CR_STATUS_FAILED_UNREACHABLE, false},
    /* template and text */
    {40033, 40033, 0, CR_STATUS_FAILED_CONTENT, false},
    {40035, 40035, 0, CR_STATUS_FAILED_CONTENT, false},
    {40037, 40037, 0, CR_STATUS_FAILED_CONTENT, false},
    {44002, 44002, 0, CR_STATUS_FAILED_CONTENT, false},
    {45002, 45008, 0, CR_STATUS_FAILED_CONTENT, false},
    {45067, 45067, 0, CR_STATUS_FAILED_CONTENT, false},
    {47001, 47001, 0, CR_STATUS_FAILED_CONTENT, false},
    {47003, 47003, 0, CR_STATUS_FAILED_CONTENT, false},
    /* limits */
    {45009, 45009, QUOTA_RETRY_MS, CR_STATUS_RETRY_1, false},
    {45011, 45011, OFTEN_RETRY_MS, CR_STATUS_RETRY_1, false},
    {45065, 45065, 0, CR_STATUS_ACCEPTED, false}, /* this client_msg_id was sent already */
    {45066, 45066, 60 * 1000, CR_STATUS_RETRY_1, false},
    /* the account */
    {40013, 40013, 0, CR_STATUS_FAILED_ACCOUNT, false},
    {40125, 40125, 0, CR_STATUS_FAILED_ACCOUNT, false},
    {40164, 40164, 0, CR_STATUS_FAILED_ACCOUNT, false},
    {48001, 48001, 0, CR_STATUS_FAILED_ACCOUNT, false},
    {48004, 48004, 0, CR_STATUS_FAILED_ACCOUNT, false},
    {48008, 48008, 0, CR_STATUS_FAILED_ACCOUNT, false},
    {50002, 50002, 0, CR_STATUS_FAILED_ACCOUNT, false},
};

static void
judge_code(json_int_t code, wechat_verdict_t *verdict)
{
    verdict->outcome.status = CR_STATUS_RETRY_1;
    for (size_t i = 0; i < CR_COUNT(codes); i++) {
        if (code < codes[i].from || code > codes[i].to)
            continue;
        verdict->outcome.status = codes[i].status;
        verdict->outcome.retry_after_ms = codes[i].retry_after_ms;
        verdict->token_is_stale = codes[i].token_is_stale;
        return;
    }
}

static void
read_msgid(const json_t *body, wechat_verdict_t *verdict)
{
    const json_t *msgid = json_object_get(body, "msgid");
    if (json_is_integer(msgid))
        snprintf(verdict->msgid, sizeof verdict->msgid, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(msgid));
    verdict->outcome.gateway_id = cr_slice_of(verdict->msgid);
}

/* An HTTP status beside 200 comes from something before the platform. */
static cr_status_t
judge_status(long status)
{
    if (status == 429 || status == 500 || status == 503)
        return CR_STATUS_RETRY_1;
    return status >= 400 && status < 500 ? CR_STATUS_FAILED_ACCOUNT : CR_STATUS_UNKNOWN;
}

void
wechat_judge_answer(const cr_http_answer_t *answer, wechat_verdict_t *verdict)
{
    *verdict = (wechat_verdict_t){.outcome.gateway_id = CR_SLICE("")};
    if (!answer->answered) {
        verdict->outcome.status = answer->sent ? CR_STATUS_UNKNOWN : CR_STATUS_RETRY_1;
        verdict->outcome.retry_after_ms = answer->sent ? 0 : UNREACHED_RETRY_MS;
        verdict->outcome.away = true;
        return;
    }
    verdict->outcome.away = answer->status >= 500;
    json_t *body = json_loadb(answer->body.text, answer->body.length, 0, NULL);
    const json_t *code = json_object_get(body, "errcode");
    if (json_is_integer(code))
        judge_code(json_integer_value(code), verdict);
    else
        verdict->outcome.status = judge_status(answer->status);
    read_msgid(body, verdict);
    json_decref(body);
    if (verdict->outcome.status == CR_STATUS_RETRY_1 && answer->retry_after_ms > 0 &&
        answer->retry_after_ms <= QUOTA_RETRY_MS)
        verdict->outcome.retry_after_ms = (uint32_t)answer->retry_after_ms;
}

cr_status_t
wechat_event_outcome(cr_slice_t status)
{
    if (cr_slice_equal(status, CR_SLICE("success")))
        return CR_STATUS_DELIVERED;
    if (memmem(status.text, status.length, "user block", strlen("user block")))
        return CR_STATUS_FAILED_BLOCKED;
    return CR_STATUS_FAILED_RECEIPT;
}
