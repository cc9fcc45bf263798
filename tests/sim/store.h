/*
 * store - the ledger and Redis: takes writes in order, answers late, and forgets what it did not
 * answer when the daemon dies
 *
 * Writes of one broadcast are applied in the order they were made; those of different broadcasts may
 * overtake each other in some runs. What is answered is durable. Of what is not, a beginning may
 * have been applied when the daemon crashes; a store that crashes alone gets the rest again, which
 * is the same as a late answer.
 */
#ifndef STORE_H
#define STORE_H

#include "sim.h"

void store_begin(sim_t *self);
/* The core's actions. `report_ends`: it is a report that ends its lease. */
void store_write(sim_t *self, const core_write_t *write, bool report_ends);
void store_find(sim_t *self, uint32_t batch, const cr_slice_t *ids, size_t count);
/* Events: an answer arrives. */
void store_on_stored(sim_t *self, const event_t *event);
void store_on_found(sim_t *self, const event_t *event);
/* The daemon is gone: applies a beginning of what is under way (all of it: `everything`). */
void store_cut(sim_t *self, bool everything);

/* A gateway's own id for the `nth` submit of a delivery, in 8 bytes. */
uint64_t store_pack_id(const receipt_t *due, int channel);

#endif
