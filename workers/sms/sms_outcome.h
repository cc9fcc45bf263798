/*
 * sms_outcome - what the aggregator's words mean: answers to a submit, codes of a receipt
 *
 * Two tables and nothing else decides. A code that is in neither is judged by its family: what the
 * gateway refused as ours (isv.) was certainly not sent, what it calls its own fault (isp.) may work
 * later. What may have been sent is UNKNOWN and never "try again".
 *
 * Source     Dysmsapi 2017-05-25, SendSms and SmsReport.
 */
#ifndef SMS_OUTCOME_H
#define SMS_OUTCOME_H

#include "cr_http.h"
#include "runtime/outcome.h"

/* Of an answer that did not come: UNKNOWN, or RETRY if nothing left this host. */
outcome_t sms_unanswered_outcome(const cr_http_answer_t *answer);
/* Of an answer that carries no word of the API, by its status of HTTP. */
cr_status_t sms_status_outcome(long status);
/* As Retry-After has it; 0: it does not say. */
uint32_t sms_retry_after_ms(const cr_http_answer_t *answer);
outcome_t sms_answer_outcome(const cr_http_answer_t *answer);
cr_status_t sms_receipt_outcome(bool success, cr_slice_t code);

#endif
