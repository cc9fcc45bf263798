/*
 * core_rig - the dispatch core between a ledger that answers on demand and a log of what it said
 *
 * Writes wait until rig_store stores them into an image (status bytes, lease records, gateway ids);
 * rig_restart builds a new core from that image alone, as a daemon does after kill -9. Rules that
 * hold at any time are checked on the way: bytes move by cr_status_may, a block has one lease, and
 * nothing is acknowledged before the image has it.
 *
 * Threads    none. Memory is never short here: allocations are asserted.
 * Limits     RIG_BROADCASTS broadcasts with ids from 1.
 */
#ifndef CORE_RIG_H
#define CORE_RIG_H

#include "dispatch/core.h"

enum { RIG_BROADCASTS = 16, RIG_CHANNELS = CR_CHANNEL_COUNT };

typedef enum {
    RIG_LEASE,
    RIG_WELCOME,
    RIG_ACK,
    RIG_REFUSE,
    RIG_REVOKE,
    RIG_RECEIPTS_ACK,
    RIG_LOST,
    RIG_GONE,
    RIG_DONE,
    RIG_ORDERED,
    RIG_WANT,
    RIG_BAD_ADDRESS, /* `moved` is the rank */
    RIG_KIND_COUNT
} rig_kind_t;

/* One thing the core said. */
typedef struct {
    rig_kind_t kind;
    char worker[CORE_NAME_MAX];
    uint64_t number; /* lease, batch or broadcast */
    uint32_t sequence, intent, moved;
    int reason;
    core_lease_t lease; /* its pointers are not to be used: */
    uint8_t offsets[CORE_BLOCK], attempts[CORE_BLOCK];
    core_loss_t loss;
    uint64_t dropped[8];
    size_t dropped_count;
} rig_event_t;

/* A write, copied. */
typedef struct {
    core_write_t write;
    cr_status_t status[CORE_BLOCK];
    uint8_t record[CORE_RECORD_MAX], trail[CORE_TRAIL_MAX];
    core_gateway_id_t *index;
} rig_write_t;

typedef struct {
    uint32_t batch;
    size_t count;
    cr_slice_t *ids;
} rig_find_t;

typedef struct {
    uint64_t lease; /* 0: free */
    cr_delivery_t place;
    uint32_t bytes;
    uint8_t record[CORE_RECORD_MAX];
} rig_record_t;

typedef struct {
    char id[CORE_GATEWAY_ID_MAX];
    cr_delivery_t delivery;
} rig_id_t;

typedef struct {
    core_broadcast_t spec; /* id 0: none */
    bool done;
    cr_status_t *status[RIG_CHANNELS]; /* the image */
    cr_status_t *seen[RIG_CHANNELS];   /* the core's bytes when they were last looked at */
    uint64_t *owner[RIG_CHANNELS];     /* lease that is out, by block */
} rig_broadcast_t;

typedef struct {
    core_t *core;
    core_config_t config;
    core_time_t now;
    unsigned broken;     /* rules seen broken */
    const char *rule;    /* the first of them */
    cr_status_t verdict; /* what `screen` says of ranks in [screen_first, screen_end) */
    uint32_t screen_first, screen_end;
    bool deaf;     /* `lease` says that the worker's socket does not take it */
    uint32_t room; /* positions that a frame holds; 0: all */

    rig_event_t *events; /* since rig_forget */
    size_t event_count;
    rig_write_t *writes;
    size_t write_count;
    rig_find_t *finds;
    size_t find_count;

    rig_broadcast_t broadcasts[RIG_BROADCASTS];
    rig_record_t *records;
    size_t record_count;
    uint64_t *ended; /* leases whose end is stored */
    size_t ended_count;
    rig_id_t *ids;
    size_t id_count;
    cr_bill_t billed; /* in all that is stored */
} rig_t;

void rig_init(rig_t *self);
void rig_fini(rig_t *self);

/* A broadcast with what most tests want: SMS, routine lane, an hour to go. */
core_broadcast_t rig_spec(const rig_t *self, uint64_t id, uint32_t total);
void rig_start(rig_t *self, const core_broadcast_t *spec);
/* A worker with what most tests want: SMS, window 16, credit 2, urgent credit 1. */
core_hello_t rig_hello(const char *worker);
void rig_say_hello(rig_t *self, const core_hello_t *hello);

/* Lets time pass and ticks. */
void rig_pass(rig_t *self, int64_t us);
void rig_tick(rig_t *self);
/* Stores the oldest write and tells the core; false: there is none. */
bool rig_store(rig_t *self);
bool rig_find(rig_t *self);
/* Stores and finds everything, ticking until nothing happens. */
void rig_settle(rig_t *self);
/* Kill -9: `stored` of the writes under way still reach the image, their answers do not. */
void rig_restart(rig_t *self, size_t stored);
/* Compares the core's bytes with those seen before, and its counts with a recount. */
void rig_check(rig_t *self);

void rig_forget(rig_t *self);
size_t rig_count(const rig_t *self, rig_kind_t kind);
/* The newest of its kind; asserts that there is one. */
const rig_event_t *rig_last(const rig_t *self, rig_kind_t kind);

core_channel_t rig_channel(const rig_t *self, uint64_t broadcast, cr_channel_t channel);
cr_status_t rig_status(const rig_t *self, uint64_t broadcast, cr_channel_t channel, uint32_t rank);
cr_status_t rig_stored(const rig_t *self, uint64_t broadcast, cr_channel_t channel, uint32_t rank);

#endif
