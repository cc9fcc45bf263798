/*
 * aliyun - short messages through an HTTP aggregator that speaks Aliyun's Dysmsapi
 *
 * One signed POST a message; receipts are pushed to POST /receipts?token=... and carry our
 * reference. The API knows no idempotency key: what may have arrived unanswered is UNKNOWN.
 *
 * Source     Dysmsapi 2017-05-25; signature ACS3-HMAC-SHA256 (acs.h).
 */
#ifndef ALIYUN_H
#define ALIYUN_H

#include "sms_config.h"

/* Their config is an sms_config_t. */
extern const gateway_kind_t aliyun_gateway;
/* Several numbers a POST (aliyun_batch.c): neighbours with the same text. Their receipts carry the
 * batch's id and the number. One number that is refused has each of its batch sent by itself. */
extern const gateway_kind_t aliyun_batch_gateway;

#endif
