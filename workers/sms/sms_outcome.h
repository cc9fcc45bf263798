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

outcome_t sms_answer_outcome(const cr_http_answer_t *answer);
cr_status_t sms_receipt_outcome(bool success, cr_slice_t code);

#endif
