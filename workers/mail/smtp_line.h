/*
 * smtp_line - one connection to the relay on the loop: its socket, its session, and when there is one
 *
 * Connects when there is a mail to send, says good-bye after half a minute without one. A connection
 * that could not be made, or that the relay refused, is tried again after one second, then after
 * twice as long each time, up to half a minute, each wait shortened at random.
 *
 * Ownership  borrows peer and rules; the events' context must outlive it.
 * Threads    the loop's.
 */
#ifndef SMTP_LINE_H
#define SMTP_LINE_H

#include <czmq.h>

#include "runtime/peer.h"
#include "smtp_session.h"

typedef struct smtp_line smtp_line_t;

typedef void smtp_on_answer_fn(void *context, void *tag, const smtp_answer_t *answer);

typedef struct {
    zloop_t *loop;
    peer_t *peer;
    const smtp_rules_t *rules;
    smtp_on_answer_fn *on_answer;
    void *context;
} smtp_place_t;

smtp_line_t *smtp_line_new(const smtp_place_t *place);
/* Says good-bye if it can be said at once; answers what is under way. */
void smtp_line_destroy(smtp_line_t **self_p);

/* Another mail may be submitted: it has room, and is there or may be called. */
bool smtp_line_has_room(const smtp_line_t *self, int64_t now_us);
/* It is connected, on its way there, or may be called. */
bool smtp_line_is_coming(const smtp_line_t *self, int64_t now_us);
void smtp_line_submit(smtp_line_t *self, const smtp_mail_t *mail, void *tag);
/* After submits: connects or writes. */
void smtp_line_flush(smtp_line_t *self);
/* Time-outs and good-byes; call it once a second. */
void smtp_line_tick(smtp_line_t *self);

#endif
