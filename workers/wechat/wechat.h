/*
 * wechat - template messages and subscription notices of a WeChat service account
 *
 * Templates that the configuration names as subscriptions go out as subscription notices: no dedup
 * id, no result, so an unknown one is not sent again by itself. Pushes come to POST /events, in the
 * plain or the safe mode: results become receipts, what residents write or do becomes replies.
 *
 * Account    a code that stops the account closes the gateway for a minute at a time; a quota that is
 *            used up closes it until midnight in Beijing.
 * Source     developers.weixin.qq.com: stable_token, template/send, subscribe/bizsend, message push.
 */
#ifndef WECHAT_H
#define WECHAT_H

#include "runtime/runtime.h"

typedef struct {
    runtime_config_t runtime;
    runtime_listen_t listen;
    char *appid, *secret_file, *aes_key_file;
    char *ca_file;
    char *subscriptions; /* template ids with commas */
    int64_t quota_per_day;
} wechat_config_t;

/* Their config is a wechat_config_t. The second is for one with subscriptions. */
extern const gateway_kind_t wechat_gateway, wechat_subscription_gateway;

#endif
