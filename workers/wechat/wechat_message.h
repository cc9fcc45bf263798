/*
 * wechat_message - a template message as JSON, and the events that the platform pushes
 *
 * client_msg_id is the delivery's reference without its attempt, so that a second attempt is
 * recognised and delivered once. Events are XML from outside: no DTD, no entities, no network.
 *
 * Source     developers.weixin.qq.com: template/send, Template Message Interface (events).
 */
#ifndef WECHAT_MESSAGE_H
#define WECHAT_MESSAGE_H

#include "cr_str.h"
#include "runtime/render.h"
#include "wechat_outcome.h"

enum { WECHAT_SIGNATURE_WINDOW_S = 300 };

/* Appends the body of a template/send. CR_TOOBIG, CR_NOMEM. */
cr_err_t wechat_message_json(const message_t *message, cr_str_t *out) CR_MUST_USE;

/* Whether `signature` is the hex SHA-1 of token, timestamp and nonce in ascending order, and the
 * timestamp not further than 5 minutes from `now_s`. */
bool wechat_signature_is_right(const char *token, const char *timestamp, const char *nonce,
                               const char *signature, int64_t now_s);

typedef struct {
    bool is_result; /* TEMPLATESENDJOBFINISH; every other event is none of ours */
    char msgid[WECHAT_MSGID_MAX];
    cr_status_t outcome;
} wechat_event_t;

/* CR_INVAL: not an event. */
cr_err_t wechat_event_read(cr_slice_t xml, wechat_event_t *event) CR_MUST_USE;

#endif
