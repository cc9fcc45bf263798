#include "call_queue.h"

void
call_queue_append(call_queue_t *self, call_t *call)
{
    call->next = NULL;
    if (self->last)
        self->last->next = call;
    else
        self->first = call;
    self->last = call;
}

void
call_queue_prepend(call_queue_t *self, call_t *call)
{
    call->next = self->first;
    self->first = call;
    if (!self->last)
        self->last = call;
}

call_t *
call_queue_shift(call_queue_t *self)
{
    call_t *call = self->first;
    CR_ASSERT(call);
    self->first = call->next;
    if (!self->first)
        self->last = NULL;
    return call;
}

void
call_queue_take_out(call_queue_t *self, const call_t *call)
{
    call_t *before = NULL, *at = self->first;
    while (at != call) {
        CR_ASSERT(at);
        before = at;
        at = at->next;
    }
    if (before)
        before->next = call->next;
    else
        self->first = call->next;
    if (self->last == call)
        self->last = before;
}
