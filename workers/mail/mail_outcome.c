#include "mail_outcome.h"

#include <string.h>

enum { AWAY_RETRY_MS = 1000 }; /* no connection, or the server closes it (421) */

/* By enhanced code; one that ends in '.' matches what begins so. The first match counts. */
static const struct {
    const char *code;
    cr_status_t status;
} enhanced_codes[] = {
    {"5.1.7", CR_STATUS_FAILED_ACCOUNT}, /* our own sender address */
    {"5.1.8", CR_STATUS_FAILED_ACCOUNT},    {"5.1.", CR_STATUS_FAILED_ADDRESS},
    {"5.2.1", CR_STATUS_FAILED_MAILBOX}, /* disabled */
    {"5.2.2", CR_STATUS_FAILED_MAILBOX}, /* full */
    {"5.2.3", CR_STATUS_FAILED_CONTENT}, /* too long */
    {"5.3.4", CR_STATUS_FAILED_CONTENT},    {"5.6.", CR_STATUS_FAILED_CONTENT},
    {"5.3.", CR_STATUS_FAILED_UNREACHABLE}, /* the server, not the mailbox */
    {"5.5.", CR_STATUS_FAILED_CONTENT},     /* what we said */
    {"5.7.3", CR_STATUS_FAILED_ACCOUNT},    {"5.7.8", CR_STATUS_FAILED_ACCOUNT},
    {"5.7.9", CR_STATUS_FAILED_ACCOUNT},    {"5.7.", CR_STATUS_FAILED_BLOCKED},
};

static const struct {
    unsigned from, to;
    cr_status_t status;
} reply_codes[] = {
    {200, 299, CR_STATUS_HANDED},         {400, 499, CR_STATUS_RETRY_1},
    {530, 530, CR_STATUS_FAILED_ACCOUNT}, {534, 535, CR_STATUS_FAILED_ACCOUNT},
    {538, 538, CR_STATUS_FAILED_ACCOUNT}, {550, 551, CR_STATUS_FAILED_ADDRESS},
    {552, 552, CR_STATUS_FAILED_MAILBOX}, {553, 553, CR_STATUS_FAILED_ADDRESS},
    {554, 554, CR_STATUS_FAILED_BLOCKED}, {500, 599, CR_STATUS_FAILED_CONTENT},
};

static bool
begins(cr_slice_t text, const char *prefix)
{
    size_t length = strlen(prefix);
    return text.length >= length && memcmp(text.text, prefix, length) == 0;
}

static cr_slice_t
first_word(cr_slice_t text)
{
    cr_slice_t word = {text.text, 0};
    while (word.length < text.length && text.text[word.length] > ' ')
        word.length++;
    return word;
}

static bool
enhanced_status(cr_slice_t code, cr_status_t *status)
{
    for (size_t i = 0; i < CR_COUNT(enhanced_codes); i++) {
        const char *known = enhanced_codes[i].code;
        bool family = known[strlen(known) - 1] == '.';
        if (family ? begins(code, known) : cr_slice_equal(code, cr_slice_of(known))) {
            *status = enhanced_codes[i].status;
            return true;
        }
    }
    return false;
}

static cr_status_t
reply_status(unsigned code)
{
    for (size_t i = 0; i < CR_COUNT(reply_codes); i++)
        if (code >= reply_codes[i].from && code <= reply_codes[i].to)
            return reply_codes[i].status;
    return CR_STATUS_UNKNOWN;
}

/* "Too many recipients" of old servers, or full for now: as 452 (RFC 5321 section 4.5.3.1.10). */
static bool
is_for_now(const smtp_answer_t *answer)
{
    return answer->code == 552 && !answer->sent;
}

outcome_t
mail_outcome(const smtp_answer_t *answer)
{
    if (!answer->answered && answer->sent)
        return (outcome_t){.status = CR_STATUS_UNKNOWN};
    if (!answer->answered || answer->code == 421)
        return (outcome_t){
            .status = CR_STATUS_RETRY_1, .retry_after_ms = AWAY_RETRY_MS, .away = true};
    outcome_t outcome = {.status = reply_status(answer->code)};
    if (answer->code < 500)
        return outcome;
    if (!enhanced_status(first_word(answer->text), &outcome.status) && is_for_now(answer))
        outcome.status = CR_STATUS_RETRY_1;
    return outcome;
}
