/*
 * core - every decision of dispatch: who is handed what, what a report means, when all is over
 *
 * Events go in as calls, actions come out through core_actions_t while the call runs. Nothing else
 * enters: the time and the seed are arguments, so that a simulator can drive the very same core for
 * years and a failing seed can be played again.
 *
 * Storage    what must survive is given to `store` and is true for workers (acknowledged) only when
 *            core_stored has come back for it. The bytes in memory are ahead of the store.
 * Ownership  pointers in actions live until the callback returns. Status arrays given to core_start
 *            belong to the core.
 * Time       monotonic for leases, retries and receipts; wall for expiry and for what is shown.
 * Threads    none: a core belongs to one thread. Actions must not call the core.
 * Limits     CORE_WORKERS_MAX workers; leases by their credit; CORE_BATCHES_MAX batches of receipts;
 *            nothing is handed out or swept while CORE_WRITES_BUSY writes are not stored.
 */
#ifndef CORE_H
#define CORE_H

#include "cr_bill.h"
#include "cr_clock.h"
#include "cr_id.h"
#include "cr_status.h"
#include "share.h"

enum {
    CORE_BLOCK = 256,        /* ranks of one lease; also the unit of retries and sweeps */
    CORE_NAME_MAX = 32,      /* of a worker or gateway, with its NUL */
    CORE_RECORD_MAX = 352,   /* bytes of a stored lease */
    CORE_TRAIL_MAX = 512,    /* bytes of a trail record */
    CORE_CREDIT_MAX = 64,    /* leases a worker can hold */
    CORE_WINDOW_MAX = 4096,  /* submits that a gateway can have unanswered */
    CORE_WORKERS_MAX = 1024, /* known at once */
    CORE_RULES_MAX = 256,    /* gateways that somebody said something about */
    CORE_WEIGHT_MAX = 1000,
    CORE_RECEIPTS_MAX = 1024, /* in one batch */
    CORE_BATCHES_MAX = 256,   /* not yet stored or found */
    CORE_GATEWAY_ID_MAX = 128,
    CORE_WRITES_BUSY = 192,
};

typedef struct {
    int64_t mono_us, wall_us;
} core_time_t;

typedef struct {
    uint64_t epoch; /* of the daemon: lease numbers of different lives never meet */
    uint64_t seed;  /* of the jitter */
    int64_t lease_us, retry_first_us, retry_max_us;
    unsigned attempts_max; /* 1..8 */
    int64_t zone_us;       /* local time less UTC: when a day begins */
} core_config_t;

typedef struct {
    uint64_t id;
    cr_lane_t lane;
    bool drill, paused, resend_unknown;
    bool over;         /* it ended before: only receipts and core_order change it */
    unsigned channels; /* bit per cr_channel_t */
    uint32_t total;    /* recipients */
    int64_t expires_us, receipt_wait_us; /* 0: never */
    cr_bill_t bill[CR_CHANNEL_COUNT];    /* of a restarted one: so far */
} core_broadcast_t;

typedef struct {
    char name[CORE_NAME_MAX];
    bool drill, gives_receipts, idempotent;
    uint32_t window, per_second;
    uint32_t price; /* of what it bills once, in millionths of a yuan */
} core_gateway_t;

/* How the office uses a gateway. The emergency lane heeds `paused` alone. */
typedef struct {
    unsigned priority;   /* 0 comes first; a higher number stands by while a lower one can work */
    unsigned weight;     /* 1 to CORE_WEIGHT_MAX: its share among those of the same priority */
    uint32_t per_second; /* submits of all its workers; 0: as they are configured */
    uint32_t per_day;    /* submits from midnight to midnight; 0: no limit */
    unsigned carriers;   /* bit per carrier_t that it reaches best: a hint; 0: all alike */
    bool paused;
} core_rule_t;

typedef struct {
    const char *worker; /* shorter than CORE_NAME_MAX */
    cr_channel_t channel;
    core_gateway_t gateway;
    uint32_t credit, urgent_credit;
    const uint64_t *held;
    size_t held_count;
    const char *version;
} core_hello_t;

typedef struct {
    uint64_t lease;
    uint32_t sequence, intent;
    const uint8_t *positions, *outcomes;
    size_t count;
    const cr_slice_t *gateway_ids; /* one for each ACCEPTED, in order, or none */
    size_t gateway_id_count;
    uint32_t retry_after_ms;
    const uint8_t *parts; /* that the gateway bills for each; NULL: one for each that was taken */
    bool last;
} core_report_t;

/* What a gateway said later. `delivery.broadcast` is 0 where it gave its own id. */
typedef struct {
    cr_delivery_t delivery;
    cr_slice_t gateway_id;
    cr_status_t outcome;
} core_receipt_t;

typedef struct {
    uint64_t number; /* the worker's, repeated until it is acknowledged */
    const core_receipt_t *receipts;
    size_t count; /* at most CORE_RECEIPTS_MAX */
} core_receipts_t;

/* ---- actions ---------------------------------------------------------------------------------- */

typedef struct {
    uint64_t broadcast;
    cr_channel_t channel;
    uint32_t first_rank, count;
} core_run_t;

typedef struct {
    const char *worker;
    uint64_t lease, broadcast;
    cr_channel_t channel;
    cr_lane_t lane;
    bool drill, free_running;
    int64_t expires_us;
    uint32_t first_rank, count;
    uint32_t intent; /* positions that may be submitted at once: stored before the lease leaves */
    const uint8_t *offsets, *attempts;
} core_lease_t;

typedef struct {
    uint32_t rank, attempt;
    cr_slice_t id;
} core_gateway_id_t;

/* One atomic write; answered by core_stored with the same ticket. */
typedef struct {
    uint32_t ticket;
    uint64_t broadcast;
    cr_channel_t channel;
    uint32_t first_rank, length; /* run of `status`; 0: no bytes */
    const cr_status_t *status;
    uint64_t lease; /* 0: none */
    bool lease_ends;
    uint32_t record_bytes, trail_bytes;
    const uint8_t *record, *trail;
    size_t index_count;
    const core_gateway_id_t *index; /* from now on receipts of these ids find their delivery */
    cr_bill_t bill;                 /* to be added to what the channel has */
} core_write_t;

typedef enum { /* values are those of Refusal.Reason on the wire */
               CORE_UNKNOWN_WORKER = 1,
               CORE_WRONG_NAME,
               CORE_BAD_VERSION,
               CORE_MALFORMED,
               CORE_UNKNOWN_LEASE,
               CORE_OUT_OF_LEASE,
               CORE_FULL,
               CORE_STALE
} core_refusal_t;

typedef enum {
    CORE_STOP_LOST,
    CORE_STOP_CANCELLED,
    CORE_STOP_PAUSED,
    CORE_STOP_EXPIRED
} core_stop_t;

/* A lease that ended without its worker's word, for the log. */
typedef struct {
    const char *worker;
    uint64_t lease, broadcast;
    cr_channel_t channel;
    uint32_t first_rank, returned, unknown, resent;
} core_loss_t;

typedef struct {
    void *context;
    /* Fills a verdict for each rank: WAITING if it may be sent, or why it is suppressed. */
    void (*screen)(void *context, const core_run_t *run, cr_status_t verdicts[CORE_BLOCK]);
    /* Who gave out each rank's number (carrier_t); asked where gateways are hinted at. May be NULL. */
    void (*carriers)(void *context, const core_run_t *run, uint8_t carriers[CORE_BLOCK]);
    /* How many of the positions, from the first on, went out with it: fewer than all when a frame
     * holds no more, none when the worker's socket did not take it. */
    uint32_t (*lease)(void *context, const core_lease_t *lease);
    void (*welcome)(void *context, const char *worker, const uint64_t *dropped, size_t count);
    void (*ack)(void *context, const char *worker, uint64_t lease, uint32_t sequence,
                uint32_t intent);
    void (*refuse)(void *context, const char *worker, core_refusal_t reason, uint64_t lease,
                   const char *text);
    /* It may submit so many a second from now on; 0: as it is configured. May be NULL. */
    void (*tune)(void *context, const char *worker, uint32_t per_second);
    void (*revoke)(void *context, const char *worker, uint64_t lease, core_stop_t reason);
    void (*receipts_ack)(void *context, const char *worker, uint64_t batch);
    void (*store)(void *context, const core_write_t *write);
    /* Looks gateway ids up; answered by core_found with the same batch number. */
    void (*find)(void *context, uint32_t batch, const cr_slice_t *ids, size_t count);
    /* A receipt is for a broadcast that is not here; asked again as long as it is kept. May be NULL. */
    void (*want)(void *context, uint64_t broadcast);
    void (*lost)(void *context, const core_loss_t *loss);
    void (*gone)(void *context, const char *worker);
    void (*done)(void *context, uint64_t broadcast);
    /* All that core_order asked for is stored. */
    void (*ordered)(void *context, uint64_t broadcast, uint32_t moved);
    /* The gateway said, in a report or receipt, that this rank's address is none. NULL: not asked. */
    void (*bad_address)(void *context, uint64_t broadcast, cr_channel_t channel, uint32_t rank);
} core_actions_t;

/* ---- events ----------------------------------------------------------------------------------- */

typedef struct core core_t;

/* NULL: memory. `actions` is copied. */
core_t *core_new(const core_config_t *config, const core_actions_t *actions);
void core_destroy(core_t **self_p);

/* A broadcast begins or is taken up again; `status` has an array of `total` bytes, or NULL for "all
 * waiting", for each channel. CR_EXISTS, CR_NOMEM; the arrays are taken over in any case. */
cr_err_t core_start(core_t *self, core_time_t now, const core_broadcast_t *broadcast,
                    cr_status_t *status[CR_CHANNEL_COUNT]) CR_MUST_USE;
/* A stored lease of a broadcast just started; nothing is handed out between the two. CR_CORRUPT. */
cr_err_t core_restore(core_t *self, core_time_t now, const cr_delivery_t *place, uint64_t lease,
                      cr_slice_t record) CR_MUST_USE;
/* CR_NOTFOUND; CR_CONFLICT when it is over or being cancelled. */
cr_err_t core_pause(core_t *self, uint64_t broadcast) CR_MUST_USE;
cr_err_t core_resume(core_t *self, uint64_t broadcast) CR_MUST_USE;
cr_err_t core_cancel(core_t *self, uint64_t broadcast) CR_MUST_USE;
/* Lets go of one that is over, with what its lost leases could still prove. CR_NOTFOUND; CR_CONFLICT
 * while it is not over, or something of it is not stored yet. */
cr_err_t core_forget(core_t *self, uint64_t broadcast) CR_MUST_USE;
/* A person decides about what is UNKNOWN now: RETRY_1 sends it again, PRESUMED takes it as sent.
 * CR_NOTFOUND; CR_CONFLICT while another order is under way, and for RETRY_1 when nothing is sent any
 * more. */
cr_err_t core_order(core_t *self, core_time_t now, uint64_t broadcast, unsigned channels,
                    cr_status_t to) CR_MUST_USE;
/* Hands nothing of it out before this wall time, and takes back what is out; 0: it may go. */
cr_err_t core_hold(core_t *self, uint64_t broadcast, int64_t until_us) CR_MUST_USE;
/* Hands nothing out any more. */
void core_stop(core_t *self);

void core_hello(core_t *self, core_time_t now, const core_hello_t *hello);
/* Any message came from the worker. False: it must say Hello first (it has been refused). */
bool core_heard(core_t *self, core_time_t now, const char *worker);
void core_bye(core_t *self, const char *worker);
/* It wants so many leases from now on, and keeps those that it has. */
void core_credit(core_t *self, const char *worker, uint32_t credit, uint32_t urgent_credit);
/* The worker gets no leases from now on, or does again; what it holds it finishes. One that is not
 * there is remembered. CR_TOOBIG: no room for another. */
cr_err_t core_drain(core_t *self, core_time_t now, const char *worker, bool on) CR_MUST_USE;
/* From now on the gateway of this name is used so, whether it is there or not. CR_TOOBIG: no room for
 * another rule. */
cr_err_t core_rule(core_t *self, core_time_t now, const char *gateway,
                   const core_rule_t *rule) CR_MUST_USE;
/* Of a gateway that has a rule: submits of that local day (since 1970) before our start. */
void core_used(core_t *self, core_time_t now, const char *gateway, int64_t day, uint32_t used);
/* The worker's connection is gone: nothing is sent to it until it is heard again. */
void core_unreachable(core_t *self, const char *worker);
void core_report(core_t *self, core_time_t now, const char *worker, const core_report_t *report);
void core_receipts(core_t *self, core_time_t now, const char *worker,
                   const core_receipts_t *receipts);
void core_found(core_t *self, core_time_t now, uint32_t batch, const cr_delivery_t *found,
                size_t count);
void core_stored(core_t *self, core_time_t now, uint32_t ticket);
/* Does what is due and hands out what can be handed out. Call it after events and not later than it
 * asks for; the answer is on the monotonic clock. */
int64_t core_tick(core_t *self, core_time_t now);

/* ---- what is to be seen ----------------------------------------------------------------------- */

typedef enum { CORE_READY, CORE_DRAINING, CORE_SILENT, CORE_ABSENT } core_worker_state_t;

typedef struct {
    char name[CORE_NAME_MAX], version[CORE_NAME_MAX];
    cr_channel_t channel;
    core_gateway_t gateway;
    core_worker_state_t state; /* ABSENT: known from a stored lease only */
    uint32_t credit, urgent_credit, leases;
    int64_t connected_us, heard_us; /* wall, monotonic */
    uint64_t outcomes, accepted, failed, retried, unknown;
    uint32_t rate; /* outcomes a second, of late */
    bool drained;  /* gets no leases: core_drain */
} core_worker_t;

typedef enum {
    CORE_WAITS_NOT,
    CORE_WAITS_PAUSED,
    CORE_WAITS_HELD,
    CORE_WAITS_WORKER,
    CORE_WAITS_RETRY,
    CORE_WAITS_RECEIPTS,
    CORE_WAITS_LEDGER,
    CORE_WAITS_GATEWAY, /* workers are there, none of which can reach its gateway */
    CORE_WAITS_RULE,    /* their gateways are paused, or have submitted what a day allows */
    CORE_WAITS_TURN     /* all workers have as much as they may hold */
} core_wait_t;

typedef struct {
    uint32_t total, leased;
    const uint32_t *by_status;
    const cr_status_t *status;
    int64_t first_us, half_us, most_us, last_us; /* wall; 0: not yet */
    cr_bill_t bill;
    core_wait_t waits;
    uint64_t behind;       /* the broadcast that has the workers; of CORE_WAITS_TURN; 0: several */
    int64_t held_until_us; /* wall; of CORE_WAITS_HELD */
    int64_t next_retry_us; /* monotonic; INT64_MAX: none */
} core_channel_t;

/* Counters over the core's life. */
typedef struct {
    uint64_t leases_granted, leases_lost, outcomes, receipts, receipts_unknown, settled, refused,
        moves_refused;
    uint32_t workers, leases_out, writes_out, batches;
} core_stats_t;

/* A gateway that a worker or a rule names. */
typedef struct {
    const char *name;
    const core_rule_t *rule;
    int64_t day;   /* local, since 1970 */
    uint32_t used; /* submits of that day */
    share_verdict_t receipts;
} core_route_t;

typedef void core_see_gateway_fn(void *context, const core_route_t *gateway);
void core_each_gateway(core_t *self, core_time_t now, core_see_gateway_fn *see, void *context);
void core_each_worker(const core_t *self, void (*see)(void *context, const core_worker_t *worker),
                      void *context);
/* All, the oldest first. `over`: done, cancelled or not. */
typedef void core_see_broadcast_fn(void *context, const core_broadcast_t *broadcast, bool over);
void core_each_broadcast(const core_t *self, core_see_broadcast_fn *see, void *context);
/* Those whose counts changed since the last call. */
void core_each_changed(core_t *self, core_see_broadcast_fn *see, void *context);
/* False: no such broadcast or channel. */
bool core_channel(const core_t *self, core_time_t now, uint64_t broadcast, cr_channel_t channel,
                  core_channel_t *out);
core_stats_t core_stats(const core_t *self);

#endif
