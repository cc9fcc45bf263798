/*
 * pace - how fast one gateway is spoken to: a window and a rate
 *
 * The window bounds submits without an answer (and with that what can ever become unknown); the
 * rate spreads submits evenly with a burst of a tenth of a second. A gateway that asks for quiet
 * gets it.
 *
 * Throttled  each "later" in a row doubles a short quiet, to a second: deliveries do not use up their
 *            attempts against a gateway that takes so many a second.
 * Breaker    when a whole window of submits (at least 8) went unanswered in a row, the gateway is away:
 *            nothing is submitted for a second, then one at a time, each after twice the wait, until
 *            one is answered. Until it is away the unanswered keep their places in the window, so that
 *            no more than that can end so. A gateway that needs long for a lease gets one at a time.
 *
 * Time       callers pass the monotonic clock; nothing is read here.
 * Source     the generic cell rate algorithm (ITU-T I.371) is a token bucket in one number.
 */
#ifndef PACE_H
#define PACE_H

#include "cr_clock.h"

typedef struct {
    uint32_t window, in_flight;
    int64_t step_ns, burst_ns; /* 0: no rate */
    int64_t full_ns;           /* when the bucket is full again */
    int64_t quiet_until_us, closed_until_us;
    uint32_t unanswered, refused; /* in a row */
    bool broken, probing;
    int64_t wait_us;   /* of the breaker, before the next probe */
    int64_t answer_us; /* how long answers take, smoothed; 0: none yet */
} pace_t;

/* TAKEN: for good or for bad; LATER: the gateway wants it again; NONE: no sensible answer. */
typedef enum { PACE_TAKEN, PACE_LATER, PACE_NONE } pace_answer_t;
typedef enum { PACE_SAME, PACE_BROKEN, PACE_MENDED } pace_change_t;

/* `window` is at least 1; `per_second` 0 means that only the window limits. */
void pace_init(pace_t *self, uint32_t window, uint32_t per_second);
/* Another rate from now on. */
void pace_rate(pace_t *self, uint32_t per_second);
/* When pace_take can succeed: not after `now_us` if at once, INT64_MAX while the window is full. */
int64_t pace_ready_us(const pace_t *self, int64_t now_us);
/* Takes a slot of the window and a token; false when pace_ready_us lies ahead. */
bool pace_take(pace_t *self, int64_t now_us) CR_MUST_USE;
void pace_release(pace_t *self);
/* What became of a submit that took `took_us`. BROKEN: the gateway is away, also when a probe found
 * it so; MENDED: it is back. */
pace_change_t pace_learn(pace_t *self, pace_answer_t answer, int64_t took_us, int64_t now_us);
/* How many of `full` leases are worth holding: none while the gateway is away, one for a probe or
 * when it is slow. */
uint32_t pace_credit(const pace_t *self, uint32_t full, int64_t now_us);
/* Nothing before `until_us`; an earlier end of quiet is kept if it is later. */
void pace_quiet(pace_t *self, int64_t until_us);
/* The same for long: no lease is worth holding meanwhile. */
void pace_close(pace_t *self, int64_t until_us);

#endif
