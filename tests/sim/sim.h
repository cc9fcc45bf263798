/*
 * sim - the dispatch core in a world of its own: one queue of events, one generator, no other thread
 *
 * What the world really did (what was submitted where, what a gateway accepted, what the store
 * holds) is kept beside the core and never shown to it. truth.h holds the rules.
 *
 * Who owns what  sim_t owns everything and is a plain block of memory: nothing is allocated while a
 *                run goes on, except by the core.
 * Numbers        a broadcast's id is its place + 1; grants are found by their lease's id.
 * Limits         below. A run ends when one of them is near.
 */
#ifndef SIM_H
#define SIM_H

#include <stdio.h>

#include "core.h"
#include "fault.h"
#include "queue.h"

enum {
    SIM_BROADCASTS = 10,
    SIM_BLOCKS = 3,
    SIM_TOTAL = SIM_BLOCKS * CORE_BLOCK,
    SIM_WORKERS = 9,
    SIM_HELD = QUEUE_LIST,
    SIM_GRANTS = 1 << 13,
    SIM_GRANT_INDEX = 1 << 15,
    SIM_WRITES = 1 << 11,
    SIM_FINDS = 1 << 9,
    SIM_IDS = 1 << 16,
    SIM_BATCH = 16,
    SIM_BATCHES = 1 << 10,
    SIM_DUE = 1 << 11,
    SIM_GATEWAYS = 2 * CR_CHANNEL_COUNT,
    SIM_STATES = 1 << 24,
};

/* ---- the truth about one delivery ------------------------------------------------------------- */

enum {
    FATE_REFUSED = 1,  /* a gateway said "never" */
    FATE_EXCUSED = 2,  /* a gateway lied about it, or a crash forgot a lease that ran freely */
    FATE_INTENDED = 4, /* it was inside an intent that the core was asked for */
    FATE_KNOWN = 8,    /* that it was accepted was acknowledged to the worker */
    FATE_RECEIPT_FAILED = 16,
    FATE_RESENT = 32, /* on a person's order */
};

typedef struct {
    uint8_t submitted, accepted, flags;
    uint8_t gateways; /* that accepted it, as bits */
} fate_t;

/* One channel of a broadcast. */
typedef struct {
    const cr_status_t *live; /* the core's bytes; NULL: not sent there, or no core */
    cr_status_t seen[SIM_TOTAL], stored[SIM_TOTAL], verdicts[SIM_TOTAL];
    uint32_t by_status[256];
    fate_t fates[SIM_TOTAL];
    uint64_t ids[SIM_TOTAL];    /* stored: 4 bits a gateway id: its attempt, 0 for none */
    uint16_t owner[SIM_BLOCKS]; /* grant that is out + 1 */
} book_t;

typedef struct {
    core_broadcast_t spec;
    book_t books[CR_CHANNEL_COUNT];
    bool cancelled, expired, done; /* the user said so; the daemon's clock has; the core has */
    bool resent, presumed;         /* a person ordered it for what is unknown */
    uint32_t pending;              /* writes on their way */
    int64_t held_until_us;         /* wall */
    int64_t store_at;              /* when the last of them is answered */
} broadcast_t;

/* ---- a lease, as all sides know it ------------------------------------------------------------ */

typedef struct {
    uint64_t id;
    uint8_t worker, broadcast, channel;
    bool free_running, out, frozen, arrived;
    bool unsent; /* it waits until its record is stored */
    uint32_t block, count;
    uint32_t sequence, asked, told; /* of the core: newest report, intent on record, outcomes */
    uint32_t stored_sequence, stored_asked, stored_told; /* the same, in the store */
    uint32_t acked, known; /* furthest intent acknowledged; outcomes acknowledged */
    uint32_t record_bytes;
    uint8_t offsets[CORE_BLOCK], attempts[CORE_BLOCK];
    cr_status_t outcomes[CORE_BLOCK]; /* written by the worker, in the order of positions */
    uint8_t nth[CORE_BLOCK];          /* which submit of the delivery that was */
    uint8_t record[CORE_RECORD_MAX];
} grant_t;

/* ---- workers and gateways --------------------------------------------------------------------- */

/* A lease at its worker. Positions [0, reported) are acknowledged, [reported, until) are in the
 * report that is out, [until, next) are tried and not told. */
typedef struct {
    uint16_t grant; /* + 1; 0: free */
    uint32_t next, reported, until, asked, intent, sequence, retry_after_ms;
    bool outstanding, last, stopped, lost;
    int64_t sent_us, open_us;
} held_t;

typedef struct {
    char name[CORE_NAME_MAX];
    cr_channel_t channel;
    uint8_t gateway;
    bool drill;
    uint32_t window, credit, urgent_credit, burst, report_outcomes;
    int64_t pace_us, skew_us;

    bool running, greeted, draining, drained; /* it leaves; an operator said so */
    uint16_t life;                            /* of its connection */
    int64_t frozen_until, turn_at, up_at, down_at, heard_us, sent_us, hello_us;
    int64_t old_until; /* frames of the connection before this one still arrive */
    held_t held[SIM_HELD];
    uint16_t batch; /* of receipts, + 1; 0: none */
    int64_t batch_sent_us;

    uint32_t out[2]; /* leases that use its credit and its urgent credit */
    uint64_t loss_step;
    uint32_t loss_unknown, loss_lanes;
} worker_t;

typedef struct {
    uint8_t broadcast, nth; /* which submit of this delivery */
    uint16_t rank, attempt;
    cr_status_t outcome;
} receipt_t;

typedef struct {
    char name[CORE_NAME_MAX];
    bool idempotent, by_id, gives_receipts, ruled;
    core_rule_t rule;
    uint32_t due_count;
    receipt_t due[SIM_DUE]; /* receipts it owes */
} gateway_t;

typedef struct {
    uint8_t gateway, channel, count;
    bool acknowledged;
    uint16_t applied; /* a bit for each that the core has found a delivery for */
    uint64_t number;
    receipt_t receipts[SIM_BATCH];
} batch_t;

/* ---- the store -------------------------------------------------------------------------------- */

typedef struct {
    uint32_t ticket;
    uint16_t next, previous;   /* of those under way, or next free one */
    uint16_t broadcast, grant; /* grant + 1 */
    uint8_t channel;
    bool lease_ends, report_ends;
    uint32_t first_rank, length, record_bytes, sequence, asked, told;
    uint32_t index_at, index_count; /* in ids */
    cr_status_t status[CORE_BLOCK];
    uint8_t record[CORE_RECORD_MAX];
} write_t;

typedef struct {
    uint32_t batch, count, of; /* the core's number; ids; the batch it is about */
    uint64_t ids[SIM_BATCH];
} find_t;

typedef struct {
    uint32_t pending, ids_at, find_at;
    uint16_t free, oldest, newest;
    bool reorders; /* answers of different broadcasts */
    int64_t delay_us, at, stopped_until;
    write_t writes[SIM_WRITES];
    find_t finds[SIM_FINDS];
    struct {
        uint64_t id; /* packed */
        uint32_t attempt;
    } ids[SIM_IDS];
} store_t;

/* ---- rules ------------------------------------------------------------------------------------ */

/* name, what is wrong when it is broken */
#define RULE_LIST(X)                                                                               \
    X(lost, "a gateway accepted it, but it counts as never sent")                                  \
    X(invented, "it counts as sent or refused, but no gateway did so")                             \
    X(open, "it is still open although its broadcast is done")                                     \
    X(sent_twice, "a gateway accepted it twice, and nothing here is sent again")                   \
    X(known_again, "it is leased again although its acceptance was acknowledged")                  \
    X(moved, "a byte moved as the table forbids")                                                  \
    X(groundless, "a byte moved without a reason")                                                 \
    X(counts, "the counts differ from a recount")                                                  \
    X(overtaken, "work of a higher lane waits while this is handed out")                           \
    X(ended, "leased although nothing of it may be sent now")                                      \
    X(content, "a lease holds what it must not")                                                   \
    X(shared, "a block is leased twice, or beyond the worker's credit")                            \
    X(unstored, "acknowledged before it was stored, or further than asked")                        \
    X(widened, "the intent of a stopped lease grew, or nobody was told to stop")                   \
    X(beyond, "submitted beyond the acknowledged intent")                                          \
    X(unknown, "a lost lease leaves more unknown than two windows")                                \
    X(garbage, "a report that breaks a rule was taken")                                            \
    X(done, "done was said too early or twice")                                                    \
    X(restore, "a stored lease was refused")                                                       \
    X(memory, "more leases or writes are out than the limits say")                                 \
    X(stuck, "faults have ceased, and it does not come to an end")

typedef enum {
#define X(name, text) RULE_##name,
    RULE_LIST(X) RULE_COUNT
#undef X
} rule_t;

/* ---- totals over all runs --------------------------------------------------------------------- */

typedef struct {
    uint64_t runs, steps, core_events, submits, deliveries, lost, sent_twice, unknown, violations,
        states, hash;
    uint64_t faults[FAULT_COUNT];
    uint8_t seen_states[SIM_STATES / 8];
} totals_t;

/* ---- the world -------------------------------------------------------------------------------- */

typedef struct {
    uint64_t seed, random;
    faults_t drawn, faults; /* of this run; on now */
    totals_t *totals;
    FILE *log; /* NULL: none */
    uint64_t hash, steps, end_step, disaster_step, disaster_gap, user_step, user_gap;
    bool calm;
    core_time_t now;
    int64_t wall_ahead_us;

    core_t *core; /* NULL: it is down */
    core_config_t config;
    bool stopping, keeps_frames;
    uint16_t life;
    int64_t frozen_until, up_at, tick_at, tick_slack_us, wire_us;
    const event_t *report;               /* being taken by the core */
    const event_t *receipts;             /* the same */
    uint32_t batch_of[CORE_BATCHES_MAX]; /* by the core's number of a batch: ours */

    rule_t broken; /* RULE_COUNT: none */
    char detail[128];

    queue_t queue;
    store_t store;
    uint32_t broadcast_count, grant_count, batch_count;
    uint32_t worker_count;
    bool drills;
    broadcast_t broadcasts[SIM_BROADCASTS];
    grant_t grants[SIM_GRANTS];
    bool recorded[SIM_GRANTS]; /* the store has its record */
    uint16_t grant_index[SIM_GRANT_INDEX];
    worker_t workers[SIM_WORKERS];
    gateway_t gateways[SIM_GATEWAYS]; /* those of channel c: c, and in some runs c + 3 */
    batch_t batches[SIM_BATCHES];
} sim_t;

typedef enum {
    /* Frames to the daemon. */
    DAEMON_HELLO,
    DAEMON_PING,
    DAEMON_BYE,
    DAEMON_REPORT,
    DAEMON_GARBAGE, /* a report that breaks a rule */
    DAEMON_RECEIPTS,
    DAEMON_CREDIT,
    DAEMON_UNREACHABLE,
    /* Other things that happen to it. */
    DAEMON_STORED,
    DAEMON_FOUND,
    DAEMON_TICK,
    DAEMON_UP,
    DAEMON_DOWN,
    /* Frames to a worker. */
    WORKER_LEASE,
    WORKER_WELCOME,
    WORKER_ACK,
    WORKER_REFUSE,
    WORKER_REVOKE,
    WORKER_RECEIPTS_ACK,
    WORKER_PONG,
    /* Other things that happen to it. */
    WORKER_TURN,
    WORKER_UP,
    EVENT_COUNT
} event_kind_t;

/* sim.c */
uint32_t sim_below(sim_t *self, uint32_t limit);
int64_t sim_between(sim_t *self, int64_t low, int64_t high);
/* Mostly short, sometimes `most_us` long. */
int64_t sim_while(sim_t *self, int64_t most_us);
/* Whether the fault strikes now; counts it. */
bool sim_strikes(sim_t *self, fault_t fault);
void sim_hash(sim_t *self, uint64_t value);
void sim_hash_bytes(sim_t *self, const void *bytes, size_t length);
void sim_trace(const sim_t *self, const char *format, ...) CR_PRINTF(2, 3);
/* For TRACE, once in a line. */
const char *sim_hex(const uint8_t *bytes, uint32_t length);
/* NULL: no such lease was ever handed out. */
grant_t *sim_grant(sim_t *self, uint64_t lease);
grant_t *sim_add_grant(sim_t *self, uint64_t lease);
uint32_t sim_rank(const grant_t *grant, uint32_t position);

/* Formatting costs, so that it is done only where somebody reads it. */
#define TRACE(sim, ...)                                                                            \
    do {                                                                                           \
        if ((sim)->log)                                                                            \
            sim_trace((sim), __VA_ARGS__);                                                         \
    } while (0)

#endif
