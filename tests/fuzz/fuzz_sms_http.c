/*
 * An aggregator answers and pushes anything: the outcomes are ones that a report or a receipt may
 * carry, and what is no answer of the API is neither success nor the recipient's fault. The first
 * byte chooses what is read and the HTTP status.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "sms_message.h"
#include "sms_outcome.h"

static const long statuses[] = {200, 204, 302, 400, 403, 404, 429, 500, 502, 503};

static void
check_answer(const cr_http_answer_t *answer)
{
    cr_status_t status = sms_answer_outcome(answer).status;
    cr_status_class_t kind = cr_status_class(status);
    bool is_json = memchr(answer->body.text, '{', answer->body.length) != NULL;
    if (status == CR_STATUS_ACCEPTED && !is_json)
        abort();
    if (kind != CR_STATUS_CLASS_ACCEPTED && kind != CR_STATUS_CLASS_FAILED &&
        kind != CR_STATUS_CLASS_UNKNOWN && kind != CR_STATUS_CLASS_RETRY)
        abort();
}

static void
check_details(const cr_http_answer_t *answer)
{
    cr_status_t status = sms_details_outcome(answer, "0000001K.s.1.1");
    if (status != CR_STATUS_ACCEPTED && status != CR_STATUS_DELIVERED &&
        cr_status_class(status) != CR_STATUS_CLASS_FAILED)
        abort();
}

static void
check_push(cr_slice_t body, bool by_id)
{
    news_t *news = news_new(1);
    pull_t *pull = pull_new(4, 1);
    pull_add(pull, &(pull_item_t){.reference = "0000001K.s.1.1"}, 0);
    const sms_reader_t reader = {.news = news, .pull = pull, .by_id = by_id};
    cr_err_t err = sms_push_read(body, &reader);
    Crier__V1__Frame frame;
    for (int i = 0; i < 100 && news_due(news, 0, &frame); i++)
        if (frame.body_case == CRIER__V1__FRAME__BODY_RECEIPTS &&
            frame.receipts->outcomes.len > NEWS_RECEIPTS_MAX)
            abort();
    if (err == CR_NOMEM)
        abort();
    pull_destroy(&pull);
    news_destroy(&news);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return 0;
    const cr_http_answer_t answer = {
        .answered = true,
        .sent = true,
        .status = statuses[bytes[0] / 4 % CR_COUNT(statuses)],
        .body = {(const char *)bytes + 1, length - 1},
        .error = "",
    };
    switch (bytes[0] % 4) {
    case 0:
        check_answer(&answer);
        break;
    case 1:
        check_details(&answer);
        break;
    default:
        check_push(answer.body, bytes[0] % 4 == 3);
    }
    return 0;
}
