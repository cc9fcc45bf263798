#include "sms_outcome.h"

#include <jansson.h>
#include <string.h>

enum { UNREACHED_RETRY_MS = 1000 }; /* nothing left this host: the gateway is away */

/* A pattern that ends in '*' matches what begins so. The first match counts. */
typedef struct {
    const char *pattern;
    cr_status_t status;
} rule_t;

static const rule_t answers[] = {
    {"OK", CR_STATUS_ACCEPTED},
    {"isv.BUSINESS_LIMIT_CONTROL", CR_STATUS_RETRY_1},
    {"isv.DAY_LIMIT_CONTROL", CR_STATUS_RETRY_1},
    {"isv.MOBILE_NUMBER_ILLEGAL", CR_STATUS_FAILED_ADDRESS},
    {"isv.OUT_OF_SERVICE", CR_STATUS_FAILED_ACCOUNT},
    {"isv.PRODUCT_UN_SUBSCRIPT", CR_STATUS_FAILED_ACCOUNT},
    {"isv.ACCOUNT_*", CR_STATUS_FAILED_ACCOUNT},
    {"isv.AMOUNT_NOT_ENOUGH", CR_STATUS_FAILED_ACCOUNT},
    /* Signature, template, parameters, words, too many numbers at once. */
    {"isv.*", CR_STATUS_FAILED_CONTENT},
    {"isp.*", CR_STATUS_RETRY_1},
    {"Throttling*", CR_STATUS_RETRY_1},
    {"ServiceUnavailable*", CR_STATUS_RETRY_1},
    {"InternalError*", CR_STATUS_RETRY_1},
    /* A nonce is used once: libcurl sent the request again after a kept connection had died. */
    {"SignatureNonceUsed", CR_STATUS_UNKNOWN},
    {"InvalidAccessKeyId*", CR_STATUS_FAILED_ACCOUNT},
    {"Signature*", CR_STATUS_FAILED_ACCOUNT},
    {"IncompleteSignature*", CR_STATUS_FAILED_ACCOUNT},
    {"InvalidTimeStamp*", CR_STATUS_FAILED_ACCOUNT},
    {"Forbidden*", CR_STATUS_FAILED_ACCOUNT},
    {"NoPermission*", CR_STATUS_FAILED_ACCOUNT},
};

/* Where the answer carries no code of the API. */
static const struct {
    long from, to;
    cr_status_t status;
} statuses[] = {
    {401, 401, CR_STATUS_FAILED_ACCOUNT}, {403, 403, CR_STATUS_FAILED_ACCOUNT},
    {429, 429, CR_STATUS_RETRY_1},        {400, 499, CR_STATUS_FAILED_CONTENT},
    {502, 502, CR_STATUS_UNKNOWN}, /* a proxy lost the answer */
    {504, 504, CR_STATUS_UNKNOWN},        {500, 599, CR_STATUS_RETRY_1},
};

static const rule_t receipts[] = {
    /* Suspended, or no such number: the code does not say which. */
    {"MOBILE_NOT_ON_SERVICE", CR_STATUS_FAILED_RECEIPT},
    {"MOBILE_NUMBER_ILLEGAL", CR_STATUS_FAILED_ADDRESS},
    {"NOT_EXIST*", CR_STATUS_FAILED_ADDRESS},
    {"MK:0001", CR_STATUS_FAILED_ADDRESS}, /* no such number */
    {"IS_CLOSED", CR_STATUS_FAILED_UNREACHABLE},
    {"MOBILE_ACCOUNT_ABNORMAL", CR_STATUS_FAILED_UNREACHABLE},
    {"MOBILE_UNREACHABLE", CR_STATUS_FAILED_UNREACHABLE},
    {"EXPIRED", CR_STATUS_FAILED_UNREACHABLE},
    {"MK:0005", CR_STATUS_FAILED_UNREACHABLE}, /* switched off */
    {"MI:0005", CR_STATUS_FAILED_UNREACHABLE},
    {"MOBILE_IN_BLACK", CR_STATUS_FAILED_BLOCKED},
    {"BLACK*", CR_STATUS_FAILED_BLOCKED},
    {"USER_REJECT", CR_STATUS_FAILED_BLOCKED},
    {"CONTENT_*", CR_STATUS_FAILED_CONTENT},
    {"SMS_SIGNATURE_*", CR_STATUS_FAILED_CONTENT},
};

static bool
matches(const char *pattern, cr_slice_t code)
{
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*')
        return code.length >= length - 1 && memcmp(code.text, pattern, length - 1) == 0;
    return cr_slice_equal(cr_slice_of(pattern), code);
}

static cr_status_t
judge(const rule_t *rules, size_t count, cr_slice_t code, cr_status_t otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (matches(rules[i].pattern, code))
            return rules[i].status;
    return otherwise;
}

cr_status_t
sms_status_outcome(long status)
{
    for (size_t i = 0; i < CR_COUNT(statuses); i++)
        if (status >= statuses[i].from && status <= statuses[i].to)
            return statuses[i].status;
    return CR_STATUS_UNKNOWN;
}

static cr_status_t
judge_answer(const cr_http_answer_t *answer)
{
    json_t *body = json_loadb(answer->body.text, answer->body.length, 0, NULL);
    const char *code = json_string_value(json_object_get(body, "Code"));
    cr_status_t status = sms_status_outcome(answer->status);
    if (code)
        status = judge(answers, CR_COUNT(answers), cr_slice_of(code), status);
    json_decref(body);
    return status;
}

outcome_t
sms_unanswered_outcome(const cr_http_answer_t *answer)
{
    if (answer->sent)
        return (outcome_t){.status = CR_STATUS_UNKNOWN};
    return (outcome_t){
        .status = CR_STATUS_RETRY_1, .retry_after_ms = UNREACHED_RETRY_MS, .away = true};
}

uint32_t
sms_retry_after_ms(const cr_http_answer_t *answer)
{
    return answer->retry_after_ms < UINT32_MAX ? (uint32_t)answer->retry_after_ms : UINT32_MAX;
}

outcome_t
sms_answer_outcome(const cr_http_answer_t *answer)
{
    if (!answer->answered)
        return sms_unanswered_outcome(answer);
    outcome_t outcome = {.status = judge_answer(answer), .away = answer->status >= 500};
    if (outcome.status == CR_STATUS_RETRY_1)
        outcome.retry_after_ms = sms_retry_after_ms(answer);
    return outcome;
}

cr_status_t
sms_receipt_outcome(bool success, cr_slice_t code)
{
    if (success)
        return CR_STATUS_DELIVERED;
    return judge(receipts, CR_COUNT(receipts), code, CR_STATUS_FAILED_RECEIPT);
}
