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

#include "runtime/runtime.h"

typedef struct {
    runtime_config_t runtime;
    runtime_listen_t listen;
    char *key_id, *key_secret_file;
    char *template_code, *template_parameter;
} aliyun_config_t;

extern const gateway_kind_t aliyun_gateway; /* its config is an aliyun_config_t */

#endif
