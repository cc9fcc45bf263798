/*
 * wechat_outcome - what the platform's error codes mean
 *
 * WeChat answers 200 to everything; the code in the body decides, by one table. A code that is not
 * in it was a refusal, so nothing was sent and trying again is safe.
 *
 * Source     developers.weixin.qq.com, Global Return Code; TEMPLATESENDJOBFINISH for receipts.
 */
#ifndef WECHAT_OUTCOME_H
#define WECHAT_OUTCOME_H

#include "cr_http.h"
#include "runtime/outcome.h"

enum { WECHAT_MSGID_MAX = 24 };

typedef struct {
    outcome_t outcome;
    bool token_is_stale;          /* the access token is not known any more: a new one may help */
    char msgid[WECHAT_MSGID_MAX]; /* what outcome.gateway_id shows */
} wechat_verdict_t;

/* `verdict` must not be moved while its outcome is used. */
void wechat_judge_answer(const cr_http_answer_t *answer, wechat_verdict_t *verdict);
/* The Status of a result event: "success", "failed:user block", "failed: system failed". */
cr_status_t wechat_event_outcome(cr_slice_t status);

#endif
