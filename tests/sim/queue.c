#include "queue.h"

static bool
is_before(const event_t *a, const event_t *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void
queue_clear(queue_t *self)
{
    self->count = self->order = 0;
}

static void
sift_up(queue_t *self, const event_t *event)
{
    CR_ASSERT(self->count < QUEUE_MAX);
    uint32_t at = self->count++;
    while (at > 0 && is_before(event, &self->heap[(at - 1) / 2])) {
        self->heap[at] = self->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    self->heap[at] = *event;
}

void
queue_push(queue_t *self, const event_t *event)
{
    event_t placed = *event;
    placed.order = self->order++;
    sift_up(self, &placed);
}

void
queue_postpone(queue_t *self, const event_t *event, int64_t at_us)
{
    event_t later = *event;
    later.at_us = at_us;
    sift_up(self, &later);
}

event_t
queue_pop(queue_t *self)
{
    CR_ASSERT(self->count > 0);
    event_t first = self->heap[0], last = self->heap[--self->count];
    uint32_t at = 0, child;
    while ((child = 2 * at + 1) < self->count) {
        if (child + 1 < self->count && is_before(&self->heap[child + 1], &self->heap[child]))
            child++;
        if (!is_before(&self->heap[child], &last))
            break;
        self->heap[at] = self->heap[child];
        at = child;
    }
    self->heap[at] = last;
    return first;
}
