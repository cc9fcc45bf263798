/*
 * delay - things to do later, in order, on the loop
 *
 * Slow answers and late receipts are tens of thousands of timers at once, due in microseconds: a
 * heap behind one timerfd, where the loop's own timers are a list in milliseconds. Nothing ever
 * waits by blocking.
 *
 * Order      by due time; what is due at the same time keeps the order in which it was added.
 * Ownership  contexts must outlive the module, which drops what is left without calling it.
 * Limits     `capacity` as given to delay_new.
 */
#ifndef DELAY_H
#define DELAY_H

#include <czmq.h>

#include "cr_base.h"

typedef struct delay delay_t;
typedef void delay_fn(void *context);

delay_t *delay_new(zloop_t *loop, size_t capacity) CR_MUST_USE;
void delay_destroy(delay_t **self_p);

/* Calls `due` from the loop at or after `due_us` (monotonic), never from inside this call.
 * CR_TOOBIG at the limit, CR_NOMEM. */
cr_err_t delay_until(delay_t *self, int64_t due_us, delay_fn *due, void *context) CR_MUST_USE;

#endif
