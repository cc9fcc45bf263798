/*
 * wechat_outcome - the error codes of a service account, and what its results mean
 *
 * Source     developers.weixin.qq.com, Global Return Code; TEMPLATESENDJOBFINISH for receipts.
 */
#ifndef WECHAT_OUTCOME_H
#define WECHAT_OUTCOME_H

#include "answer.h"

extern const answer_code_t wechat_codes[];

/* The Status of a result event: "success", "failed:user block", "failed: system failed". */
cr_status_t wechat_event_outcome(cr_slice_t status);

#endif
