/*
 * A platform answers anything: the outcome is one that a report may carry, and only a code of the
 * platform makes it a success or the recipient's fault. The first byte chooses the HTTP status.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "wechat_outcome.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const long statuses[] = {200, 204, 302, 403, 404, 429, 500, 502, 503};
    if (length == 0)
        return 0;
    answer_t answer;
    const cr_http_answer_t http = {
        .answered = true,
        .sent = true,
        .status = statuses[bytes[0] % CR_COUNT(statuses)],
        .body = {(const char *)bytes + 1, length - 1},
        .error = "",
    };
    answer_judge(&answer, wechat_codes, &http);
    cr_status_t status = answer.outcome.status;
    bool certain =
        status == CR_STATUS_ACCEPTED || cr_status_class(status) == CR_STATUS_CLASS_FAILED;
    if (answer.odd ? certain : status == CR_STATUS_UNKNOWN)
        abort();
    if (answer.outcome.gateway_id.length >= ANSWER_MSGID_MAX)
        abort();
    return 0;
}
