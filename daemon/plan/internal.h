/*
 * What the files of plan share: the actor's state, and how its parts call each other.
 *
 * Everything here belongs to the actor's thread once plan_start has returned.
 */
#ifndef PLAN_INTERNAL_H
#define PLAN_INTERNAL_H

#include "ask.h"
#include "cr_log.h"
#include "importer.h"
#include "shelf.h"
#include "unsubscribe.h"
#include "users.h"

enum { PLAN_OPS_MAX = LEDGER_INFLIGHT_MAX / 2 };

struct plan {
    plan_config_t config;
    ledger_config_t ledger_config;
    uint64_t epoch;
    int64_t started_mono_us;
    importer_config_t importer_config;

    users_t *users;
    shelf_t *templates;
    broadcast_t **broadcasts; /* in the order of their numbers */
    size_t broadcast_count, broadcast_capacity;
    zlist_t *history; /* documents of what has ended, until they are read */
    json_t *off_duty; /* names of workers that get no leases */
    json_t *gateways; /* what operators decided about them, and today's submits, by name */
    directory_t *directory;
    roaring_bitmap_t *marks[LEDGER_MARK_COUNT][CR_CHANNEL_COUNT];
    roaring_bitmap_t *unsaved[CR_CHANNEL_COUNT]; /* bad addresses whose mark the store may lack */
    /* Said to be good after the newest bad ones that dispatch told of. */
    roaring_bitmap_t *pardoned[CR_CHANNEL_COUNT];
    uint64_t pardons;                    /* such words that were passed on */
    consent_t consent[CR_CHANNEL_COUNT]; /* why people opted out */
    quiet_t quiet;

    zactor_t *actor;
    zloop_t *loop;
    zsock_t *asks;     /* ROUTER of the API threads */
    zsock_t *ledger;   /* PAIR */
    zsock_t *dispatch; /* PAIR */
    zactor_t *importer;
    ask_t *counting; /* reads the bytes of what ended before our start */
    ask_t *import;   /* the one import under way */
    unsubscribe_t *unsubscribe;
    uint8_t token_key[CR_KEY_BYTES]; /* of links in mails, when there is a file of it */
    zlist_t *replies; /* batches whose people are to be looked for, the first in its midst */

    zlistx_t *open; /* asks that plan holds */
    zlist_t *ops;   /* that wait for room at the ledger */
    size_t ops_out; /* at the ledger */
    cr_log_limit_t errand_log;
    bool halted;      /* a newer daemon has taken over */
    cr_err_t started; /* said once, when the actor starts; the fault is of who waits for it */
    cr_fault_t *start_fault;
    bool stopping, drained;
};

/* load.c: what is stored, before the ledger's thread starts. */
cr_err_t plan_load(plan_t *self, ledger_t *ledger, cr_fault_t *fault) CR_MUST_USE;

/* history.c: keeps the document for later; false when it is to be read now. */
bool history_keep(plan_t *self, uint64_t id, cr_slice_t text);
cr_err_t history_read(plan_t *self, cr_fault_t *fault) CR_MUST_USE;
void history_destroy(plan_t *self);

/* verbs.c: who is it, may they, is it well-formed; then the verb. */
void verbs_admit(plan_t *self, ask_t *ask);

/* idempotency.c */
void idempotency_begin(plan_t *self, ask_t *ask, ask_start_fn *start);
/* Keeps the answer; false when there is nothing to keep and the answer may go. */
bool idempotency_end(plan_t *self, ask_t *ask);

/* ports.c: the sockets to ledger and dispatch, and what comes back by them. */
int ports_on_ledger(zloop_t *loop, zsock_t *socket, void *plan);
int ports_on_dispatch(zloop_t *loop, zsock_t *socket, void *plan);
void ports_store(plan_t *self, ledger_op_t *op);
/* Without an ask: told, and nobody waits. */
void ports_tell(plan_t *self, dispatch_message_t *message);

/* ask.c */
void ask_deliver(plan_t *plan, ask_t *self);
/* What plan does by itself, mostly for a broadcast: by the clock, or because dispatch has said
 * something. */
ask_t *ask_errand(plan_t *plan, broadcast_t *broadcast);

/* moves.c: the one place where a broadcast changes its state. */
cr_err_t move_check(plan_t *plan, const ask_t *ask, const broadcast_t *broadcast,
                    lifecycle_move_t move, cr_fault_t *fault) CR_MUST_USE;
/* No other move begins before the ask has ended. */
void move_hold(ask_t *ask, broadcast_t *broadcast);
/* The amended document for the move; the ask holds the broadcast from here on. */
json_t *move_begin(ask_t *ask, broadcast_t *broadcast, lifecycle_move_t move);
/* Stores the document with an audit line; the step finds it in op->document. */
void move_store(plan_t *self, ask_t *ask, const char *what, json_t *document, json_t *detail,
                ask_step_fn *step);
/* It is stored: memory follows. */
void move_adopt(ask_t *ask, ledger_op_t *op);
/* The step of a move after which nothing is left but to show the broadcast. */
void move_done(plan_t *self, ask_t *ask, ledger_op_t *op);

/* sending.c */
void sending_start(plan_t *self, ask_t *ask, broadcast_t *broadcast);
/* For dispatch, from the record and its audience (taken over). */
cr_err_t sending_build(const plan_t *self, const broadcast_t *broadcast, roaring_bitmap_t *audience,
                       dispatch_broadcast_t **out, cr_fault_t *fault) CR_MUST_USE;
/* Who is left out because somebody else gets it at the same address. CR_NOMEM. */
cr_err_t sending_screen(const plan_t *self, const broadcast_t *broadcast,
                        dispatch_broadcast_t *out) CR_MUST_USE;
/* Who was tried on any channel; caller frees. */
roaring_bitmap_t *sending_reached(const roaring_bitmap_t *audience,
                                  cr_status_t *const status[CR_CHANNEL_COUNT]);
void sending_restart(plan_t *self);
void sending_counts(plan_t *self, dispatch_message_t *news);
/* Dispatch is done with it: the counts are kept for good, and what was sending is finished. */
void sending_settle(plan_t *self, broadcast_t *broadcast);

/* worker_verbs.c: at start, dispatch learns who gets no leases. */
void workers_tell_drained(plan_t *self);

/* gateway_verbs.c */
void gateways_tell(plan_t *self);
/* Dispatch says how many submits count against a quota. */
void gateways_used(plan_t *self, const dispatch_message_t *news);

/* late.c: what changes after the end. */
void late_want(plan_t *self, uint64_t id);
/* Brings an ended broadcast back to dispatch, then `next`. */
void late_load(plan_t *self, ask_t *ask, broadcast_t *broadcast, ask_start_fn *next);
/* Keeps counts that were corrected. */
void late_recount(plan_t *self, broadcast_t *broadcast);
/* Of a broadcast that ended before our start: a daemon that was stopped may have stored receipts and
 * not the counts after them. One at a time. */
void late_count(plan_t *self, broadcast_t *broadcast);

/* schedule.c: what the clock does. */
int schedule_on_tick(zloop_t *loop, int timer, void *plan);

/* broadcasts.c */
broadcast_t *broadcasts_find(const plan_t *self, uint64_t id);
cr_err_t broadcasts_add(plan_t *self, broadcast_t *broadcast) CR_MUST_USE;
/* From its document as it is stored. CR_CORRUPT. */
cr_err_t broadcasts_load(plan_t *self, uint64_t id, cr_slice_t text, cr_fault_t *fault) CR_MUST_USE;

/* imports.c */
int imports_on_importer(zloop_t *loop, zsock_t *socket, void *plan);

/* replies.c: takes what was said out of the news. */
void replies_heard(plan_t *self, dispatch_message_t *news);
void replies_tick(plan_t *self);

/* unsubscribe.c */
void unsubscribe_tick(plan_t *self);

/* marks.c */
void marks_begin(plan_t *self);
/* To store the first of `people`, a thousand or so; then marks_stored, and what is left. */
ledger_op_t *marks_op(ledger_mark_t mark, cr_channel_t channel, const roaring_bitmap_t *people,
                      bool on);
void marks_stored(plan_t *self, const ledger_op_t *op);
/* Stored otherwise: memory and dispatch follow. */
void marks_set(plan_t *self, ledger_mark_t mark, cr_channel_t channel,
               const roaring_bitmap_t *people, bool on);
void marks_withdrawn(plan_t *self, cr_channel_t channel, const roaring_bitmap_t *people,
                     const consent_reason_t *reason);
/* People opt out of a channel: stored with an audit line about `object`, then `step`. */
typedef struct {
    cr_channel_t channel;
    const roaring_bitmap_t *people; /* at most a thousand */
    consent_reason_t reason;
    const char *object;
    ask_step_fn *step;
} withdrawal_t;
void marks_withdraw(plan_t *self, ask_t *ask, const withdrawal_t *withdrawal);
/* {"at","source","detail"}; NULL: did not opt out, or before reasons were kept. */
json_t *marks_reason(const plan_t *self, uint32_t ordinal, cr_channel_t channel);
void marks_learned(plan_t *self, const dispatch_message_t *news);
void marks_tick(plan_t *self);
/* A mark that was learned is stored, or is not. */
void marks_saved(plan_t *self, const ledger_op_t *op);
/* Who gets nothing on the channel whatever it is; caller frees. */
roaring_bitmap_t *marks_barred(const plan_t *self, cr_channel_t channel);
/* Whose bad address is another one after an import; caller frees. */
roaring_bitmap_t *marks_corrected(const plan_t *self, const directory_t *before,
                                  const directory_t *after, cr_channel_t channel);

#endif
