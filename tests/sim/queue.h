/*
 * queue - what is going to happen, in the order of time
 *
 * A heap. Of two events of the same time the one pushed first comes first, so that frames of one
 * connection and answers of one store keep their order.
 *
 * Limits     QUEUE_MAX events; more is a mistake of the simulator.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include "cr_base.h"

enum { QUEUE_MAX = 1 << 15, QUEUE_LIST = 8 };

typedef struct {
    int64_t at_us; /* monotonic */
    uint32_t order;
    uint8_t kind, worker;
    uint16_t life; /* of whatever it is meant for: a later life does not hear it */
    uint32_t number;
    uint16_t list_count;
    union {
        struct {
            uint32_t sequence, retry_after_ms;
            uint16_t intent, from, until;
            bool last;
            uint8_t reason;
        };
        uint16_t list[QUEUE_LIST];
    };
} event_t;

typedef struct {
    uint32_t count, order;
    event_t heap[QUEUE_MAX];
} queue_t;

void queue_clear(queue_t *self);
void queue_push(queue_t *self, const event_t *event);
/* Has an event that was popped come again at `at_us`, still before all that were pushed after it. */
void queue_postpone(queue_t *self, const event_t *event, int64_t at_us);
/* Asserts that there is one. */
event_t queue_pop(queue_t *self);

#endif
