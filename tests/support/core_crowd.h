/*
 * core_crowd - workers and gateways around the rig, who lose, repeat, delay and forget
 *
 * The workers are written from docs/protocol.md and know nothing of the core. What the gateways
 * really did is kept beside it as the truth: fates.
 *
 * Channels   SMS: receipts by our reference, a doubled submit is a doubled message. WeChat: receipts
 *            by the gateway's id, a doubled submit is recognised. Mail: no receipts.
 * Threads    none. Everything follows from the seed.
 */
#ifndef CORE_CROWD_H
#define CORE_CROWD_H

#include "core_rig.h"

enum { CROWD_WORKERS = 6, CROWD_HELD = 8, CROWD_BATCH = 16 };

/* What happened to one delivery at its gateway. */
typedef struct {
    uint8_t submitted, accepted, refused; /* messages; a recognised double is none */
} fate_t;

/* A lease at its worker. Positions [0, reported) are told, [reported, next) are tried. */
typedef struct {
    rig_event_t given; /* number 0: free */
    uint32_t next, reported, intent, sequence;
    cr_status_t outcomes[CORE_BLOCK];
    bool outstanding, stopped, last; /* a report waits for its answer; it is the last */
    uint32_t asked, until;           /* of that report: its intent, the end of its outcomes */
} held_t;

typedef struct {
    char name[CORE_NAME_MAX];
    cr_channel_t channel;
    bool greeted;
    held_t held[CROWD_HELD];
    rig_event_t *inbox;
    size_t inbox_count;
    uint64_t batch; /* of receipts, 0: none under way */
    core_receipt_t receipts[CROWD_BATCH];
    size_t receipt_count;
} crowd_worker_t;

typedef struct {
    rig_t rig;
    uint64_t seed, batches;
    unsigned loss; /* of a hundred frames */
    fate_t *fates[RIG_BROADCASTS][RIG_CHANNELS];
    cr_delivery_t *due; /* receipts that gateways owe */
    size_t due_count;
    crowd_worker_t workers[CROWD_WORKERS];
    size_t events_read;
} crowd_t;

void crowd_init(crowd_t *self, uint64_t seed);
void crowd_fini(crowd_t *self);
uint32_t crowd_random(crowd_t *self, uint32_t below);
void crowd_start(crowd_t *self, const core_broadcast_t *spec);

/* Brings what the core said on its way to the workers, or loses it. */
void crowd_carry(crowd_t *self);
void crowd_hello(crowd_t *self, crowd_worker_t *worker);
void crowd_ping(crowd_t *self, crowd_worker_t *worker);
/* Reads one frame; false: there is none. */
bool crowd_read(crowd_t *self, crowd_worker_t *worker);
/* Submits one delivery; false: it may not now. */
bool crowd_submit(crowd_t *self, crowd_worker_t *worker);
/* Reports what is due, or repeats what is not answered. */
void crowd_report(crowd_t *self, crowd_worker_t *worker);
void crowd_receipts(crowd_t *self, crowd_worker_t *worker);
/* Kill -9 of the worker. */
void crowd_crash(crowd_t *self, crowd_worker_t *worker);
/* Its connection is gone with all that was on the way. */
void crowd_cut(crowd_t *self, crowd_worker_t *worker);

#endif
