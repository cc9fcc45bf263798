/*
 * worker - workers as docs/protocol.md wants them, in all their ages: slow, asleep, dead, back again
 *
 * They know of the core only what its frames say.
 */
#ifndef WORKER_H
#define WORKER_H

#include "sim.h"

void worker_begin(sim_t *self);
/* Kill -9; it comes back. */
void worker_crash(sim_t *self, worker_t *worker);
/* Its connection is gone with all that was on the way. */
void worker_cut(sim_t *self, worker_t *worker);
/* It leaves when it has finished what it holds. */
void worker_leave(sim_t *self, worker_t *worker);
/* It wants another number of leases from now on. */
void worker_want(sim_t *self, worker_t *worker);
/* Has it do something at `at_us`, if not before. */
void worker_wake(sim_t *self, worker_t *worker, int64_t at_us);
/* Events. */
void worker_on_frame(sim_t *self, const event_t *event);
void worker_on_turn(sim_t *self, const event_t *event);
void worker_on_up(sim_t *self, const event_t *event);

#endif
