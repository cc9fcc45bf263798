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

extern const gateway_kind_t aliyun_gateway; /* its config is an sms_config_t */

#endif
