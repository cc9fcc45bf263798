/*
 * What the files of the core share: its memory, and the few functions that cross between them.
 *
 * Who owns what: the core owns everything; a lease hangs on its worker while it is out and in `lost`
 * afterwards; a broadcast is kept for late receipts until core_forget.
 */
#ifndef STATE_H
#define STATE_H

#include "cursor.h"
#include "trail.h"

enum {
    STATE_LOST_MAX = 1024,
    STATE_RECEIPT_WRITES = 1024, /* of one round */
    STATE_REMEMBERED = CORE_CREDIT_MAX,
    STATE_INDEX = 4 * CORE_WORKERS_MAX
};

typedef struct worker worker_t;
typedef struct lease lease_t;
typedef struct broadcast broadcast_t;
typedef struct batch batch_t;

/* One channel of a broadcast. */
typedef struct {
    broadcast_t *broadcast;
    cr_channel_t kind;
    cursor_t cursor;
    uint32_t leases, leased; /* out at workers; their positions without an outcome */
    uint32_t confirm;        /* block the search for overdue receipts has reached */
    int64_t submitted_us;    /* monotonic: the last submit, or the start */
    int64_t first_us, half_us, most_us, last_us, settled_us;
    cr_bill_t bill;
    int64_t asked_until_us; /* monotonic: a gateway asked not to be tried before */
    bool pull;              /* its retries are to be pulled forward */
} channel_t;

/* A gateway by its name, whichever workers speak to it. */
typedef struct {
    char name[CORE_NAME_MAX];
    core_rule_t rule;
    bool ruled;        /* somebody decided about it */
    uint32_t users;    /* workers */
    uint32_t sharers;  /* of its rate */
    uint64_t finish;   /* virtual time at which its last lease ends */
    uint32_t promised; /* positions of its leases without an outcome */
    int64_t day;
    uint32_t used; /* submits of that day */
    share_t share;
} gateway_t;

/* The gateways of one channel and class, as they are now. */
typedef struct {
    uint64_t clock;    /* virtual time: start of the lease that was granted last */
    uint64_t least;    /* the earliest start of those of `best` that have room */
    unsigned best;     /* priority */
    unsigned carriers; /* bits that any of those that can work reaches best */
    const gateway_t *first;
    bool several; /* more than that one can work */
} turn_t;

/* A time without one good answer. */
typedef struct {
    bool on;
    int64_t since_us; /* monotonic */
} outage_t;

/* What a person ordered about UNKNOWN bytes, and how far that is. */
typedef struct {
    cr_status_t to; /* RETRY_1 or PRESUMED; 0: no order */
    unsigned channels;
    uint32_t channel, block; /* where the sweep is */
    uint32_t writes, moved;  /* not stored yet; bytes */
} order_t;

struct broadcast {
    core_broadcast_t spec;
    channel_t *channels[CR_CHANNEL_COUNT]; /* NULL: not sent there */
    broadcast_t *next; /* in its lane, the older first; only while it is not over */
    cr_status_t end;   /* what becomes of what is left: EXPIRED, CANCELLED; 0 while it goes on */
    int64_t held_until_us; /* wall */
    bool over, changed;
    bool anywhere; /* what may have been sent by one gateway may be sent by another: an order */
    uint32_t writes_out;
    order_t order;
};

struct lease {
    uint64_t id;
    worker_t *worker;
    channel_t *channel;
    lease_t *next;
    uint32_t block, count, answered; /* positions; those with an outcome */
    uint32_t sequence;               /* of the newest report that was taken */
    uint32_t intent, asked;          /* acknowledged; wanted by the newest report */
    uint32_t window;
    uint16_t nth;     /* of the leases of its block */
    int64_t moved_us; /* monotonic: it was given, or its gateway took or refused some for good */
    int64_t told_us;  /* when its worker was last told to stop */
    bool unsent;      /* waits until its record is stored */
    bool storing;     /* that report is not stored yet */
    bool progressed;  /* something was tried */
    bool stopped, free_running, idempotent;
    core_stop_t stop;
    char gateway[CORE_NAME_MAX];
    gateway_t *route;                  /* NULL: handed out by the daemon before us */
    uint64_t answers[CORE_BLOCK / 64]; /* bit per position */
    uint8_t offsets[CORE_BLOCK], attempts[CORE_BLOCK];
};

/* A lease that ended by its last report, remembered so that a repeated report is acknowledged. */
typedef struct {
    uint64_t lease;
    uint32_t sequence, intent;
    bool stored;
} ended_t;

struct worker {
    core_worker_t shown;
    gateway_t *gateway; /* NULL: it has not said Hello */
    uint32_t tuned;     /* what it was told to submit a second */
    lease_t *leases;
    uint32_t out[2]; /* of the credit and of the urgent credit, until the last report is stored */
    ended_t ended[STATE_REMEMBERED];
    uint64_t receipts[STATE_REMEMBERED]; /* batches that were acknowledged */
    uint32_t ended_next, receipts_next;
    uint32_t uses; /* tickets and batches that point here */
    int64_t rest_until_us;
    int64_t moved_us; /* when its gateway took or refused something for good, last */
    int64_t rated_us; /* when the rate was taken last, at so many outcomes */
    uint64_t rated_outcomes;
    bool unreachable;
};

typedef enum {
    TICKET_PLAIN,
    TICKET_GRANT,
    TICKET_REPORT,
    TICKET_PROOF,
    TICKET_RECEIPTS,
    TICKET_ORDER
} ticket_kind_t;

/* What becomes true when a write is stored. */
typedef struct {
    ticket_kind_t kind;
    worker_t *worker;
    uint64_t lease;
    uint32_t sequence, intent;
    bool ends, urgent;
    broadcast_t *broadcast;
    uint32_t next_free;
} ticket_t;

struct core {
    core_config_t config;
    core_actions_t act;
    core_time_t now; /* of the present event */
    uint64_t seed, lease_number;
    bool stopping;
    core_stats_t stats;

    worker_t *workers[CORE_WORKERS_MAX];
    worker_t *index[STATE_INDEX]; /* open addressing by name */
    uint32_t worker_count, turn;  /* who is offered work first */

    gateway_t gateways[CORE_WORKERS_MAX + CORE_RULES_MAX];
    uint32_t gateway_count;
    bool retune;                       /* workers come and go, or a rule changed */
    turn_t turns[CR_CHANNEL_COUNT][2]; /* by class: real, drill */

    broadcast_t **broadcasts; /* by id */
    size_t broadcast_count, broadcast_capacity;
    broadcast_t *lanes[CR_LANE_COUNT];
    uint32_t orders;                       /* broadcasts with one */
    outage_t outages[CR_CHANNEL_COUNT][2]; /* by class: real, drill */
    bool pulls;                            /* some channel has `pull` */

    lease_t *lost[STATE_LOST_MAX]; /* a ring; late reports of these still prove something */
    uint32_t lost_next;

    batch_t *batches[CORE_BATCHES_MAX];
    uint32_t batch_count, batch_turn; /* which batch is looked at first */
    uint32_t receipt_writes;          /* of the present round, not stored yet */
    cr_delivery_t receipts_at;        /* where the last round ended */

    ticket_t *tickets;
    uint32_t ticket_capacity, ticket_free;

    int64_t timed_us; /* when timed work is next looked at */
};

/* core.c */
broadcast_t *core_find_broadcast(const core_t *core, uint64_t id);
bool core_is_busy(const core_t *core);
void core_refuse(core_t *core, const char *worker, core_refusal_t reason, uint64_t lease,
                 const char *text);
/* Moves a byte and keeps the channel's counts and times. False: the table forbids it. */
bool core_move(core_t *core, channel_t *channel, uint32_t rank, cr_status_t to);

/* Quiet hours or the like keep it back. */
bool core_is_held(const broadcast_t *broadcast, int64_t wall_us);

/* recovery.c */
void recovery_note(core_t *core, const lease_t *lease, const core_report_t *report);
void recovery_tick(core_t *core);

/* wait.c */
core_wait_t wait_reason(const core_t *core, const channel_t *channel);
/* The broadcast of a higher lane, or an older one, that has the workers; 0: none. */
uint64_t wait_behind(const core_t *core, const channel_t *channel);

/* roster.c */
worker_t *roster_find(const core_t *core, const char *name);
/* NULL: full. Forgets a silent worker to make room. */
worker_t *roster_add(core_t *core, const char *name);
lease_t *roster_lease(const worker_t *worker, uint64_t lease);
void roster_touch(core_t *core, worker_t *worker);
void roster_tick(core_t *core);
void roster_fini(core_t *core);
bool roster_has_credit(const core_t *core, const worker_t *worker, cr_lane_t lane);
/* Whether the worker could take this broadcast's channel, had it room. */
bool roster_may_serve(const worker_t *worker, const channel_t *channel);
/* Whether another worker could have an emergency's lease now: of another gateway, or one that got
 * something through since then. */
bool roster_another_is_free(const core_t *core, const worker_t *worker, const channel_t *channel,
                            int64_t since_us);

/* gateways.c */
uint32_t gateway_key(const char *name);
void gateway_assign(core_t *core, worker_t *worker);
void gateway_leave(worker_t *worker);
/* Looks who can work now: before each round of handing out. */
void gateways_survey(core_t *core);
/* Neither paused nor, unless in the emergency lane, at the end of its quota. */
bool gateway_is_open(const core_t *core, const worker_t *worker, cr_lane_t lane);
/* LATER: others of the same priority are behind their share. REFUSED: only what those before it
 * refused. */
typedef enum { GATEWAY_NOTHING, GATEWAY_REFUSED, GATEWAY_LATER, GATEWAY_ALL } gateway_turn_t;
gateway_turn_t gateway_turn(core_t *core, const worker_t *worker, cr_lane_t lane);
/* Whether one that can work is another than the worker's. */
bool gateway_has_another(core_t *core, const worker_t *worker);
/* Submits that today's quota has left. */
uint32_t gateway_room(const core_t *core, gateway_t *gateway);
/* Bits of the carriers that others reach better. */
unsigned gateway_leaves(core_t *core, const worker_t *worker);
/* Which bit of cursor_block_t.left is the gateway's; another may have the same. */
uint8_t gateway_bit(const char *name);
void gateway_charge(core_t *core, const lease_t *lease);
/* `gone`: submits that it took or may have taken; `due`: of those, receipts that should follow. */
void gateway_note_submits(const core_t *core, gateway_t *gateway, uint32_t gone, uint32_t due);
void gateway_note_receipts(const core_t *core, gateway_t *gateway, const core_receipts_t *receipts);
/* Tells workers what their part of the rate is, when it has changed. */
void gateways_tune(core_t *core);

/* lease.c */
uint64_t lease_next_id(core_t *core);
/* False when nothing was leased: all suppressed, or the worker cannot be reached. */
bool lease_grant(core_t *core, worker_t *worker, channel_t *channel, uint32_t block);
/* Its record is stored: the lease goes out, unless it was stopped or given up meanwhile. */
void lease_send(core_t *core, lease_t *lease);
/* How far the lease may go when `answered` of it have their outcome: all leases of a worker together
 * are two windows ahead at most. Those of lower lanes count as one window, or a higher lane would
 * wait for them; free-running ones do not count, as their unknowns are sent again anyway. */
uint32_t lease_reach(const lease_t *lease);
void lease_stop(core_t *core, lease_t *lease, core_stop_t reason);
void lease_link(lease_t *lease);
/* After its last report: unlinks it and frees its block. Its credit is held until that is stored. */
void lease_end(core_t *core, lease_t *lease);
bool lease_is_answered(const lease_t *lease, uint32_t position);
void lease_mark_answered(lease_t *lease, uint32_t position);
bool lease_is_urgent(const lease_t *lease);
/* Its submit of this rank may have gone out. */
void lease_doubt(const lease_t *lease, uint32_t rank);

/* loss.c */
void lease_lose(core_t *core, lease_t *lease);
/* Frames get lost with a connection: gives up a lease that its worker never spoke of, and repeats
 * the word to stop. */
void lease_tick(core_t *core, lease_t *lease);
lease_t *lease_find_lost(const core_t *core, const worker_t *worker, uint64_t lease);
void lease_forget_lost(core_t *core, const worker_t *worker); /* NULL: all */
void lease_forget_broadcast(core_t *core, const broadcast_t *broadcast);

/* record.c */
/* `over`: kept for what may have been sent before. */
uint32_t lease_encode(const lease_t *lease, uint32_t intent, bool over,
                      uint8_t out[CORE_RECORD_MAX]);

/* settle.c */
void settle_begin(core_t *core, broadcast_t *broadcast, cr_status_t end);
void settle_stop_leases(core_t *core, const broadcast_t *broadcast, core_stop_t reason);
bool settle_stop_reason(const broadcast_t *broadcast, core_stop_t *reason);
/* True when there is more to do at once. */
bool settle_tick(core_t *core);

/* unknown.c */
/* True when there is more to do at once. */
bool unknown_tick(core_t *core);
void unknown_stored(core_t *core, broadcast_t *broadcast);

/* receipts.c */
void receipts_stored(core_t *core);
void receipts_tick(core_t *core);
void receipts_fini(core_t *core);

/* write.c */
typedef struct {
    channel_t *channel;
    uint32_t block, low, high; /* offsets of the bytes that changed: [low, high) */
    const lease_t *lease;      /* its record is put, */
    uint32_t intent;           /* with this intent, */
    bool lease_over;           /* or deleted, unless its block has a doubtful rank */
    cr_bill_t bill;            /* to be added to the channel's */
    trail_t trail;
    const core_gateway_id_t *index;
    size_t index_count;
} write_t;
void write_begin(write_t *self, channel_t *channel, uint32_t block);
void write_sign(write_t *self, const core_t *core, trail_kind_t kind, const char *worker,
                const char *gateway);
void write_change(write_t *self, uint32_t offset);
/* Offsets ascend; one that is there already is left as it is. */
void write_note(write_t *self, uint32_t offset, uint32_t attempt, cr_status_t outcome);
bool write_is_empty(const write_t *self);
void write_send(core_t *core, const write_t *self, const ticket_t *ticket);
bool write_init(core_t *core) CR_MUST_USE;
/* Room for the tickets of so many leases, so that what follows from them cannot fail. */
bool write_reserve(core_t *core, uint32_t leases) CR_MUST_USE;
void write_fini(core_t *core);

#endif
