#include "answer.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

enum { UNREACHED_RETRY_MS = 1000, RETRY_AFTER_MAX_MS = 3600 * 1000 };

static cr_status_t
status_of(answer_class_t class, cr_status_t never)
{
    static const cr_status_t statuses[] = {
        [ANSWER_TAKEN] = CR_STATUS_ACCEPTED,         [ANSWER_RETRY] = CR_STATUS_RETRY_1,
        [ANSWER_TOKEN] = CR_STATUS_RETRY_1,          [ANSWER_NEVER] = CR_STATUS_FAILED_ADDRESS,
        [ANSWER_CONTENT] = CR_STATUS_FAILED_CONTENT, [ANSWER_QUOTA] = CR_STATUS_RETRY_1,
        [ANSWER_STOP] = CR_STATUS_RETRY_1,           [ANSWER_UNKNOWN] = CR_STATUS_UNKNOWN,
    };
    return class == ANSWER_NEVER ? never : statuses[class];
}

void
answer_make(answer_t *self, answer_class_t class, uint32_t retry_after_ms)
{
    *self = (answer_t){.class = class};
    self->outcome = (outcome_t){
        .status = status_of(class, CR_STATUS_FAILED_ADDRESS),
        .retry_after_ms = retry_after_ms,
        .gateway_id = CR_SLICE(""),
        .away = class == ANSWER_STOP,
    };
}

static void
judge_code(answer_t *self, const answer_code_t *codes, int64_t code)
{
    const answer_code_t *row = codes;
    while (row->class != ANSWER_UNKNOWN && (code < row->from || code > row->to))
        row++;
    bool known = row->class != ANSWER_UNKNOWN;
    answer_make(self, known ? row->class : ANSWER_RETRY, known ? row->retry_after_ms : 0);
    if (self->class == ANSWER_NEVER)
        self->outcome.status = row->never;
    self->code = code;
}

/* Something before the platform answered. What it may have passed on is unknown. */
static void
judge_stranger(answer_t *self, long status)
{
    bool later = status == 429 || status == 500 || status == 503;
    bool refused = status >= 400 && status < 500;
    bool redirect = status >= 300 && status < 400;
    answer_make(self,
                later      ? ANSWER_RETRY
                : refused  ? ANSWER_STOP
                : redirect ? ANSWER_RETRY
                           : ANSWER_UNKNOWN,
                redirect ? UNREACHED_RETRY_MS : 0);
    self->outcome.away = redirect || refused || status >= 500;
    self->odd = redirect ? "redirect" : status == 200 ? "not_json" : "http_status";
}

static void
judge_silence(answer_t *self, const cr_http_answer_t *answer)
{
    answer_make(self, answer->sent ? ANSWER_UNKNOWN : ANSWER_RETRY,
                answer->sent ? 0 : UNREACHED_RETRY_MS);
    self->outcome.away = true;
    self->odd = answer->sent ? "unanswered" : "unreachable";
}

static void
read_msgid(answer_t *self, const json_t *body)
{
    const json_t *msgid = json_object_get(body, "msgid");
    if (json_is_integer(msgid))
        snprintf(self->msgid, sizeof self->msgid, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(msgid));
    self->outcome.gateway_id = cr_slice_of(self->msgid);
}

void
answer_judge(answer_t *self, const answer_code_t *codes, const cr_http_answer_t *answer)
{
    if (!answer->answered) {
        judge_silence(self, answer);
        return;
    }
    json_t *body = json_loadb(answer->body.text, answer->body.length, 0, NULL);
    const json_t *code = json_object_get(body, "errcode");
    if (json_is_integer(code))
        judge_code(self, codes, json_integer_value(code));
    else
        judge_stranger(self, answer->status);
    self->outcome.away |= answer->status >= 500;
    read_msgid(self, body);
    json_decref(body);
    if (self->class == ANSWER_RETRY && answer->retry_after_ms > 0 &&
        answer->retry_after_ms <= RETRY_AFTER_MAX_MS)
        self->outcome.retry_after_ms = (uint32_t)answer->retry_after_ms;
}
