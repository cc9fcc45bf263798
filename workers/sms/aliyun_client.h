/*
 * aliyun_client - signed calls to an aggregator that speaks Aliyun's Dysmsapi, and its pushes
 *
 * What the kinds of sending have in common: the account, one POST a call, and who may push.
 *
 * Secrets    the AccessKey's secret is never logged, and wiped at the end.
 * Source     Dysmsapi 2017-05-25; signature ACS3-HMAC-SHA256 (acs.h).
 */
#ifndef ALIYUN_CLIENT_H
#define ALIYUN_CLIENT_H

#include "cr_http.h"
#include "sms_config.h"

typedef struct {
    const sms_config_t *config;
    cr_http_t *http;
    char *host, *path, *secret, *token;
    cr_str_t form;   /* of the next call */
    cr_str_t header; /* kept between calls */
} aliyun_client_t;

/* `calls` bounds the connections. aliyun_client_close also after a failure. */
cr_err_t aliyun_client_open(aliyun_client_t *self, const gateway_port_t *port, size_t calls,
                            cr_fault_t *fault) CR_MUST_USE;
/* Calls that run are dropped without `done`. */
void aliyun_client_close(aliyun_client_t *self);

/* Posts the form. CR_NOMEM: nothing left. */
cr_err_t aliyun_client_call(aliyun_client_t *self, const char *action, cr_http_done_fn *done,
                            void *context) CR_MUST_USE;

/* Whether the push is one of the account's; else `reply` refuses it. */
bool aliyun_client_admits(const aliyun_client_t *self, const push_t *push, push_reply_t *reply);
/* What reading a push is answered with. */
push_reply_t aliyun_client_reply(cr_err_t err);

#endif
