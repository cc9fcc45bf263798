/*
 * wechat_message - a message of a service account as JSON
 *
 * client_msg_id is the delivery's reference without its attempt, so that a second attempt is
 * recognised and delivered once. Subscription notices have nothing of the kind.
 *
 * Source     developers.weixin.qq.com: template/send, subscribe/bizsend.
 */
#ifndef WECHAT_MESSAGE_H
#define WECHAT_MESSAGE_H

#include "cr_str.h"
#include "runtime/render.h"

/* Appends the body of a template/send, and of a subscribe/bizsend. CR_TOOBIG, CR_NOMEM. */
cr_err_t wechat_template_json(const message_t *message, cr_str_t *out) CR_MUST_USE;
cr_err_t wechat_subscription_json(const message_t *message, cr_str_t *out) CR_MUST_USE;

#endif
