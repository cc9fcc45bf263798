/*
 * What the files of dispatch's thread share. The core decides; these files carry: frames from
 * workers to events (inbound.c), actions to frames (outbound.c) and writes (store.c), what plan asks
 * (orders.c), what people look at (views.c, explain.c).
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "cr_log.h"
#include "cr_wire.h"
#include "finds.h"
#include "notice.h"
#include "offenders.h"

/* A gateway when it was last looked at. */
typedef struct {
    char name[CORE_NAME_MAX];
    int64_t day;
    uint32_t used;
    share_verdict_t receipts;
} watched_t;

/* A batch of replies that plan has. */
typedef struct {
    char worker[CORE_NAME_MAX];
    uint64_t batch;
} heard_t;

typedef struct dispatch {
    dispatch_config_t config;
    uint64_t epoch;
    core_t *core;
    zsock_t *pipe, *router, *ledger, *plan;
    zactor_t *zap;

    directory_t *directory;
    uint32_t directory_age; /* how many there have been */
    screen_t screen;
    frequency_t *frequency;
    quiet_t quiet;
    notice_t **notices; /* by id, which only grows */
    size_t notice_count, notice_capacity;
    bool has_done;
    bool has_refused; /* some notice has refused addresses */
    uint64_t pardons; /* how often people said that addresses are good */

    finds_t *finds;   /* deliveries by gateways' ids */
    zlist_t *waiting; /* ops that must wait for a place at the ledger */
    size_t in_flight;
    bool fenced;
    bool serves; /* a worker that is heard before would be told that the leases it holds are none */
    dispatch_message_t *stop; /* to be answered when nothing is under way */
    bool stopped;             /* that was done */

    offenders_t offenders;
    cr_wire_pool_t addresses, *columns;
    size_t columns_capacity;
    cr_log_limit_t refusal_log, garbage_log, refused_log;
    int64_t publish_us, watch_us;
    watched_t watched[CORE_RULES_MAX];
    size_t watched_count;
    heard_t heard[16];
    size_t heard_count;
} actor_t;

core_time_t actor_now(void);
notice_t *actor_find(const actor_t *self, uint64_t broadcast);
/* Takes the notice over. CR_NOMEM. */
cr_err_t actor_add(actor_t *self, notice_t **notice_p) CR_MUST_USE;
void actor_remove(actor_t *self, size_t at);

/* inbound.c: takes what the ROUTER has, within a bound. */
void inbound_take(actor_t *self);
/* The peer broke a rule of the protocol; too often, and it is shut out for a while. */
void inbound_offend(actor_t *self, const char *peer, offence_t offence, const char *reason);

/* outbound.c */
void outbound_actions(core_actions_t *actions);
bool outbound_send(actor_t *self, const char *worker, Crier__V1__Frame *frame);
void outbound_refuse(actor_t *self, const char *worker, core_refusal_t reason, uint64_t lease,
                     const char *text);
void outbound_fini(actor_t *self);

/* screening.c */
cr_err_t screening_open(actor_t *self, cr_fault_t *fault) CR_MUST_USE;
void screening_close(actor_t *self);
void screening_actions(core_actions_t *actions);
void screening_begin(actor_t *self, notice_t *notice);
/* Quiet hours: nothing of it is handed out until they end. */
void screening_hold(actor_t *self, const notice_t *notice, int64_t now_us);
void screening_tick(actor_t *self, int64_t now_us);
/* Another directory is in force. */
void screening_addresses(actor_t *self, const directory_t *before, const directory_t *after);
void screening_mark(actor_t *self, ledger_mark_t mark, cr_channel_t channel,
                    const roaring_bitmap_t *people, bool on);
void screening_judge(const actor_t *self, const core_run_t *run, cr_status_t verdicts[CORE_BLOCK]);
/* The first `count` of the lease went out; the notice's ordinals are those of its block. */
void screening_handed(const actor_t *self, const notice_t *notice, const core_lease_t *lease,
                      uint32_t count);
void screening_explain(const actor_t *self, uint32_t ordinal, cr_status_t status, json_t *told);

/* store.c */
void store_actions(core_actions_t *actions);
void store_send(actor_t *self, ledger_op_t *op);
void store_take(actor_t *self);
/* NULL: no memory. */
finds_t *store_finds(actor_t *self);
void store_answer_finds(actor_t *self);
bool store_is_idle(const actor_t *self);

/* orders.c */
void orders_actions(core_actions_t *actions);
void orders_take(actor_t *self);
void orders_answer(actor_t *self, dispatch_message_t **message_p);
void orders_publish(actor_t *self);
void orders_tell_done(actor_t *self);

/* residents.c: takes the replies over. */
void residents_heard(actor_t *self, const char *worker, replies_t **replies_p);
/* Plan has stored them, or could not; takes the message over. */
void residents_answered(actor_t *self, dispatch_message_t **message_p);

/* watch.c */
void watch_tick(actor_t *self, core_time_t now);

/* views.c */
json_t *views_workers(const actor_t *self);
json_t *views_gateways(const actor_t *self);
/* In the order in which it is served. */
json_t *views_queue(const actor_t *self);
/* Deliveries of all running broadcasts, by class. */
void views_sum(const actor_t *self, core_time_t now, int64_t sums[CR_STATUS_CLASS_COUNT]);
/* Remembers since when each channel waits for what it waits for; true when that is something else
 * now. */
bool views_note_wait(const actor_t *self, core_time_t now, notice_t *notice);
void views_count(const actor_t *self, core_time_t now, uint64_t broadcast, cr_channel_t channel,
                 dispatch_counts_t *out);

/* explain.c: takes the message over and answers it when the trail has been read. */
void explain_begin(actor_t *self, dispatch_message_t **message_p);
void explain_trail(actor_t *self, ledger_op_t *op);

#endif
