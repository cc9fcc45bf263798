#include "wechat_outcome.h"

#include <string.h>

enum { OFTEN_RETRY_MS = 5000, REPEATED_RETRY_MS = 60 * 1000 };

/* clang-format off */
const answer_code_t wechat_codes[] = {
    {0, 0, ANSWER_TAKEN, 0, 0},
    {-1, -1, ANSWER_RETRY, 0, 0}, /* busy */
    /* the access token: wrong, missing, over */
    {40001, 40001, ANSWER_TOKEN, 0, 0},
    {40014, 40014, ANSWER_TOKEN, 0, 0},
    {41001, 41001, ANSWER_TOKEN, 0, 0},
    {42001, 42001, ANSWER_TOKEN, 0, 0},
    /* the recipient */
    {40003, 40003, ANSWER_NEVER, CR_STATUS_FAILED_ADDRESS, 0},
    {46004, 46004, ANSWER_NEVER, CR_STATUS_FAILED_ADDRESS, 0},
    {43004, 43005, ANSWER_NEVER, CR_STATUS_FAILED_UNFOLLOWED, 0},
    {50005, 50005, ANSWER_NEVER, CR_STATUS_FAILED_UNFOLLOWED, 0},
    {43019, 43019, ANSWER_NEVER, CR_STATUS_FAILED_BLOCKED, 0},
    {43101, 43101, ANSWER_NEVER, CR_STATUS_FAILED_BLOCKED, 0}, /* did not subscribe, or no more */
    {48002, 48002, ANSWER_NEVER, CR_STATUS_FAILED_BLOCKED, 0},
    {45015, 45015, ANSWER_NEVER, CR_STATUS_FAILED_UNREACHABLE, 0},
    {45047, 45047, ANSWER_NEVER, CR_STATUS_FAILED_UNREACHABLE, 0},
    /* template and text */
    {40033, 40033, ANSWER_CONTENT, 0, 0},
    {40035, 40035, ANSWER_CONTENT, 0, 0},
    {40037, 40037, ANSWER_CONTENT, 0, 0},
    {41030, 41030, ANSWER_CONTENT, 0, 0}, /* the page of a subscription notice */
    {44002, 44002, ANSWER_CONTENT, 0, 0},
    {45002, 45008, ANSWER_CONTENT, 0, 0},
    {45067, 45067, ANSWER_CONTENT, 0, 0},
    {47001, 47001, ANSWER_CONTENT, 0, 0},
    {47003, 47003, ANSWER_CONTENT, 0, 0},
    /* limits */
    {45009, 45009, ANSWER_QUOTA, 0, 0},
    {45028, 45028, ANSWER_QUOTA, 0, 0},
    {45011, 45011, ANSWER_RETRY, 0, OFTEN_RETRY_MS},
    {45065, 45065, ANSWER_TAKEN, 0, 0}, /* this client_msg_id was sent already */
    {45066, 45066, ANSWER_RETRY, 0, REPEATED_RETRY_MS},
    /* the account: its id and secret, our address, what it may do */
    {40013, 40013, ANSWER_STOP, 0, 0},
    {40125, 40125, ANSWER_STOP, 0, 0},
    {40164, 40164, ANSWER_STOP, 0, 0},
    {43002, 43003, ANSWER_STOP, 0, 0}, /* POST, https */
    {43107, 43108, ANSWER_STOP, 0, 0}, /* subscription notices are barred */
    {48001, 48001, ANSWER_STOP, 0, 0},
    {48004, 48004, ANSWER_STOP, 0, 0},
    {48008, 48008, ANSWER_STOP, 0, 0},
    {50002, 50002, ANSWER_STOP, 0, 0},
    {0, 0, ANSWER_UNKNOWN, 0, 0},
};
/* clang-format on */

cr_status_t
wechat_event_outcome(cr_slice_t status)
{
    if (cr_slice_equal(status, CR_SLICE("success")))
        return CR_STATUS_DELIVERED;
    if (memmem(status.text, status.length, "user block", strlen("user block")))
        return CR_STATUS_FAILED_BLOCKED;
    return CR_STATUS_FAILED_RECEIPT;
}
