/*
 * wechat - template messages of a WeChat service account
 *
 * Messages wait for the access token where there is none. A token that the platform does not know
 * any more is dropped, fetched once, and the message is submitted once more. Results are pushed to
 * POST /events and carry the platform's msgid.
 *
 * Source     developers.weixin.qq.com: stable_token, template/send, message push.
 * Limits     events in plain mode only; the platform's safe mode is not spoken.
 */
#ifndef WECHAT_H
#define WECHAT_H

#include "runtime/runtime.h"

typedef struct {
    runtime_config_t runtime;
    runtime_listen_t listen;
    char *appid, *secret_file;
} wechat_config_t;

extern const gateway_kind_t wechat_gateway; /* its config is a wechat_config_t */

#endif
