/*
 * wechat - plays the WeChat gateway: access tokens and template messages of a service account
 *
 * POST /cgi-bin/stable_token and POST /cgi-bin/message/template/send, with the error numbers that a
 * client must tell apart, and the event TEMPLATESENDJOBFINISH afterwards. As in the real one every
 * answer is HTTP 200. An openid that begins with "oGONE" no longer follows the account. A
 * client_msg_id that is repeated within ten minutes gets the first answer again and nothing else.
 *
 * Source     developers.weixin.qq.com: api_getstableaccesstoken, api_sendtemplatemessage,
 *            Global_Return_Code, message push.
 */
#ifndef WECHAT_H
#define WECHAT_H

#include "gateway.h"
#include "web.h"

typedef struct wechat wechat_t;

typedef struct {
    const char *appid, *secret, *event_token;
    int64_t token_ttl_s, daily_quota;
} wechat_account_t;

/* The account's texts and the gateway are borrowed. */
wechat_t *wechat_new(gateway_t *gateway, const wechat_account_t *account) CR_MUST_USE;
void wechat_destroy(wechat_t **self_p);

/* How result events are pushed; lives as long as the wechat_t. */
const receipts_kind_t *wechat_events(const wechat_t *self);

/* The context is the wechat_t. */
void wechat_answer_token(void *context, const web_request_t *request, web_answer_t *answer);
void wechat_answer_send(void *context, const web_request_t *request, web_answer_t *answer);

#endif
