/*
 * core_world - the rig as most tests of the core begin: one broadcast, one worker "w", few words
 *
 * Threads    none; one world at a time.
 */
#ifndef CORE_WORLD_H
#define CORE_WORLD_H

#include "core_rig.h"

#define SMS CR_CHANNEL_SMS

extern rig_t rig;

/* A report of `count` positions from `from` on that ended alike. */
typedef struct {
    uint64_t lease;
    uint32_t sequence, intent, from, count;
    cr_status_t outcome;
    uint32_t retry_after_ms;
    bool last;
    const cr_slice_t *ids;
    size_t id_count;
} said_t;

/* With broadcast 1 to `total` people; 0: without. */
void begin(uint32_t total);
/* ... and "w" holding leases; the one of rank 0. */
uint64_t begin_leased(uint32_t total);
uint64_t begin_windowed(uint32_t total, uint32_t window);
/* Fails the test when a rule was broken on the way. */
void finish(void);
void join(const char *worker);
/* Ticks and stores everything: leases leave when they are on record. */
void hand_out(void);
void say(const char *worker, said_t said);
/* Of broadcast 1 on SMS. */
uint32_t count_of(cr_status_t status);
/* Time in which the worker stays alive. */
void pass_alive(const char *worker, int64_t us);

#endif
