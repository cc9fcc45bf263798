/*
 * wechat_event - what a service account or a WeCom application pushes, read from its XML
 *
 * Source     developers.weixin.qq.com: TEMPLATESENDJOBFINISH, MASSSENDJOBFINISH, subscribe, text.
 */
#ifndef WECHAT_EVENT_H
#define WECHAT_EVENT_H

#include "runtime/news.h"
#include "wechat_outcome.h"

typedef enum {
    WECHAT_EVENT_OTHER,  /* none of ours */
    WECHAT_EVENT_RESULT, /* of a template message */
    WECHAT_EVENT_MASS,   /* somebody of the office sent to many by the platform's own console */
    WECHAT_EVENT_CAME,
    WECHAT_EVENT_LEFT,
    WECHAT_EVENT_TEXT
} wechat_event_kind_t;

typedef struct {
    wechat_event_kind_t kind;
    char msgid[ANSWER_MSGID_MAX];
    char from[NEWS_ADDRESS_MAX + 1];
    char created[24], status[64], sent[16], failed[16];
    char text[NEWS_TEXT_MAX + 1];
} wechat_event_t;

/* CR_INVAL: not an event. */
cr_err_t wechat_event_read(cr_slice_t xml, wechat_event_t *event) CR_MUST_USE;
/* Appends what is the same when the platform pushes it again. */
void wechat_event_key(const wechat_event_t *event, cr_str_t *out);

#endif
