/*
 * call_queue - calls with pieces to be submitted, in the order in which they go
 *
 * Ownership  calls are linked, not owned; a call is in one queue.
 */
#ifndef CALL_QUEUE_H
#define CALL_QUEUE_H

#include "call.h"

typedef struct {
    call_t *first, *last;
} call_queue_t;

void call_queue_append(call_queue_t *self, call_t *call);
/* What was begun goes before what was not. */
void call_queue_prepend(call_queue_t *self, call_t *call);
/* The first; there must be one. */
call_t *call_queue_shift(call_queue_t *self);
/* One that is in it. */
void call_queue_take_out(call_queue_t *self, const call_t *call);

#endif
