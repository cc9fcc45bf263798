/*
 * sms - plays the SMS gateway: Alibaba Cloud Dysmsapi, version 2017-05-25, SendSms
 *
 * Refuses what the real one refuses (signature, missing fields, numbers that cannot be), in its own
 * words, and pushes status reports (SmsReport). A number that ends in 0000 does not exist. One
 * number a request; the real one's lists are refused.
 *
 * Source     Alibaba Cloud documentation of SendSms, SmsReport and of the V3 signature (acs.h).
 */
#ifndef SMS_H
#define SMS_H

#include "acs.h"
#include "gateway.h"
#include "web.h"

typedef struct sms sms_t;

extern const receipts_kind_t sms_receipts;

/* The gateway is borrowed; id and secret are copied. */
sms_t *sms_new(gateway_t *gateway, const acs_key_t *key, uint64_t seed) CR_MUST_USE;
void sms_destroy(sms_t **self_p);

/* POST /sms/; the context is the sms_t. */
void sms_answer(void *context, const web_request_t *request, web_answer_t *answer);

#endif
