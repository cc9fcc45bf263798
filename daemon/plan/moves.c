/*
 * The one place where a broadcast changes its state: checked against the lifecycle, stored, then
 * adopted, counted and logged. While a move is on its way another one is refused.
 */
#include <string.h>

#include "arguments.h"
#include "audience.h"
#include "cr_clock.h"
#include "cr_log.h"
#include "metrics.h"
#include "verbs.h"

typedef struct {
    plan_t *plan;
    const ask_t *ask;
    const broadcast_t *broadcast;
    int64_t now_us;
} move_context_t;

static cr_err_t
check_other_person(const move_context_t *self, cr_fault_t *fault)
{
    if (lifecycle_may_approve(self->broadcast->author_person, self->broadcast->submitter_person,
                              self->ask->person))
        return CR_OK;
    return cr_fault_set(fault, CR_DENIED, "nobody approves what the same person wrote");
}

/* At approval the template must still be the one that was submitted; what was approved goes out as
 * it is in the record. */
static cr_err_t
check_same_hash(const move_context_t *self, cr_fault_t *fault)
{
    char hash[BROADCAST_HASH_TEXT];
    const broadcast_t *broadcast = self->broadcast;
    const char *seen = argument_text(self->ask->arguments, "hash");
    if (seen && strcmp(seen, broadcast->hash) != 0)
        return cr_fault_set(fault, CR_CONFLICT, "hash: this is not what is to be approved");
    json_t *document = json_copy(broadcast->document);
    const shelf_entry_t *entry = shelf_find(self->plan->templates, broadcast->template_name);
    if (broadcast->state == LIFECYCLE_SUBMITTED && entry)
        json_object_set_new(document, "template", template_document(entry->template));
    bool same = strcmp(broadcast_hash(document, hash), broadcast->hash) == 0;
    json_decref(document);
    return same ? CR_OK
                : cr_fault_set(fault, CR_CONFLICT,
                               "the template was changed after submission; draft it again");
}

static cr_err_t
check_due(const move_context_t *self, cr_fault_t *fault)
{
    char at[CR_TIME_TEXT_MAX];
    if (self->broadcast->at_us <= self->now_us)
        return CR_OK;
    return cr_fault_set(fault, CR_CONFLICT, "it is scheduled for %s",
                        cr_time_format(self->broadcast->at_us, at));
}

static cr_err_t
check_unexpired(const move_context_t *self, cr_fault_t *fault)
{
    if (self->now_us < self->broadcast->expires_us)
        return CR_OK;
    return cr_fault_set(fault, CR_CONFLICT, "it has expired");
}

static cr_err_t
check_past_expiry(const move_context_t *self, cr_fault_t *fault)
{
    if (self->now_us >= self->broadcast->expires_us)
        return CR_OK;
    return cr_fault_set(fault, CR_CONFLICT, "it has not expired yet");
}

static cr_err_t
check_all_final(const move_context_t *self, cr_fault_t *fault)
{
    if (self->broadcast->done)
        return CR_OK;
    return cr_fault_set(fault, CR_CONFLICT, "not every delivery has a final status");
}

static const struct {
    unsigned check;
    cr_err_t (*holds)(const move_context_t *self, cr_fault_t *fault);
} checks[] = {
    /* The dear one is last: the clock asks at every tick. */
    {LIFECYCLE_OTHER_PERSON, check_other_person}, {LIFECYCLE_DUE, check_due},
    {LIFECYCLE_UNEXPIRED, check_unexpired},       {LIFECYCLE_PAST_EXPIRY, check_past_expiry},
    {LIFECYCLE_ALL_FINAL, check_all_final},       {LIFECYCLE_SAME_HASH, check_same_hash},
};

cr_err_t
move_check(plan_t *plan, const ask_t *ask, const broadcast_t *broadcast, lifecycle_move_t move,
           cr_fault_t *fault)
{
    move_context_t context = {plan, ask, broadcast, cr_clock_wall_us()};
    lifecycle_state_t to;
    if (broadcast->move)
        return cr_fault_set(fault, CR_CONFLICT, "another change of it is under way");
    cr_err_t err = lifecycle_next(broadcast->state, move, &to, fault);
    for (size_t i = 0; err == CR_OK && i < CR_COUNT(checks); i++)
        if (lifecycle_checks(move) & checks[i].check)
            err = checks[i].holds(&context, fault);
    return err;
}

void
move_hold(ask_t *ask, broadcast_t *broadcast)
{
    ask->broadcast = broadcast;
    broadcast->move = ask;
}

json_t *
move_begin(ask_t *ask, broadcast_t *broadcast, lifecycle_move_t move)
{
    lifecycle_state_t to;
    broadcast_actor_t actor = ask_actor(ask);
    cr_err_t err = lifecycle_next(broadcast->state, move, &to, NULL);
    CR_ASSERT(err == CR_OK && (!broadcast->move || broadcast->move == ask));
    move_hold(ask, broadcast);
    return broadcast_amend(broadcast, to, &actor);
}

void
move_store(plan_t *self, ask_t *ask, const char *what, json_t *document, json_t *detail,
           ask_step_fn *step)
{
    char id[CR_ID_TEXT_MAX];
    ledger_op_t *op = ask_op(LEDGER_BROADCAST_PUT);
    op->broadcast = ask->broadcast->id;
    op->document = document;
    op->audit = ask_audit(ask, what, cr_id_format(op->broadcast, id), detail);
    ask_store(self, ask, op, step);
}

void
move_adopt(ask_t *ask, ledger_op_t *op)
{
    broadcast_t *broadcast = ask->broadcast;
    lifecycle_state_t from = broadcast->state;
    char id[CR_ID_TEXT_MAX];
    broadcast_adopt(broadcast, json_incref(op->document));
    if (broadcast->state == from)
        return;
    metrics_add(METRIC_BROADCAST_MOVES, 1);
    cr_log(CR_LOG_INFO, "broadcast_moved", "broadcast=%s from=%s to=%s by=%s",
           cr_id_format(broadcast->id, id), lifecycle_state_name(from),
           lifecycle_state_name(broadcast->state), ask->who);
}

void
move_done(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    move_adopt(ask, op);
    ask_answer(self, ask, 200, broadcast_view(ask->broadcast));
}

/* -- the moves people ask for ------------------------------------------------------------------- */

/* The broadcast, if the move is possible; else the ask is refused. */
static broadcast_t *
permitted(plan_t *self, ask_t *ask, lifecycle_move_t move)
{
    broadcast_t *broadcast = ask_broadcast(self, ask);
    cr_fault_t fault;
    if (!broadcast || move_check(self, ask, broadcast, move, &fault) == CR_OK)
        return broadcast;
    ask_refuse(self, ask, &fault, NULL);
    return NULL;
}

static void
set_time(json_t *document, const char *name)
{
    json_object_set_new(document, name, json_integer(cr_clock_wall_us()));
}

/* The record takes the template as it is now, and counts its audience again. */
static cr_err_t
renew(plan_t *self, ask_t *ask, json_t *document, cr_fault_t *fault)
{
    const broadcast_t *broadcast = ask->broadcast;
    const shelf_entry_t *entry = shelf_find(self->templates, broadcast->template_name);
    if (!entry)
        return cr_fault_set(fault, CR_CONFLICT, "its template does not exist any more");
    cr_err_t err = broadcast_refresh(document, entry->template, fault);
    return err == CR_OK ? audience_count(self, ask, document, fault) : err;
}

static void
on_selected(plan_t *self, ask_t *ask)
{
    cr_fault_t fault;
    json_t *document = move_begin(ask, ask->broadcast, LIFECYCLE_MOVE_SUBMIT);
    if (renew(self, ask, document, &fault) != CR_OK) {
        json_decref(document);
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    json_object_set_new(document, "submitter", json_string(ask->who));
    json_object_set_new(document, "submitter_person", json_string(ask->person));
    set_time(document, "submitted");
    move_store(self, ask, "broadcast_submit", document,
               json_pack("{s:O}", "hash", json_object_get(document, "hash")), move_done);
}

void
verb_broadcast_submit(plan_t *self, ask_t *ask)
{
    broadcast_t *broadcast = permitted(self, ask, LIFECYCLE_MOVE_SUBMIT);
    cr_fault_t fault;
    if (!broadcast)
        return;
    move_hold(ask, broadcast);
    if (audience_prepare(self, ask, broadcast->select, &fault) == CR_OK)
        audience_read(self, ask, on_selected);
    else
        ask_refuse(self, ask, &fault, NULL);
}

/* With a time it is scheduled in the same breath. */
static void
schedule(json_t *document, const broadcast_t *broadcast, const ask_t *ask)
{
    lifecycle_state_t to;
    cr_err_t err = lifecycle_next(LIFECYCLE_APPROVED, LIFECYCLE_MOVE_SCHEDULE, &to, NULL);
    if (err != CR_OK || broadcast->at_us == 0)
        return;
    broadcast_actor_t actor = ask_actor(ask);
    broadcast_record(document, to, &actor);
}

void
verb_broadcast_approve(plan_t *self, ask_t *ask)
{
    broadcast_t *broadcast = permitted(self, ask, LIFECYCLE_MOVE_APPROVE);
    if (!broadcast)
        return;
    json_t *document = move_begin(ask, broadcast, LIFECYCLE_MOVE_APPROVE);
    schedule(document, broadcast, ask);
    json_object_set_new(document, "approver", json_string(ask->who));
    json_object_set_new(document, "approver_person", json_string(ask->person));
    set_time(document, "approved");
    move_store(self, ask, "broadcast_approve", document,
               json_pack("{s:s}", "hash", broadcast->hash), move_done);
}

/* A reason is kept in the record. */
static void
end_with_reason(plan_t *self, ask_t *ask, lifecycle_move_t move, const char *what,
                ask_step_fn *step)
{
    const char *reason;
    cr_fault_t fault;
    if (argument_note(ask->arguments, "reason", BROADCAST_NOTE_MAX, &reason, &fault) != CR_OK) {
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    broadcast_t *broadcast = permitted(self, ask, move);
    if (!broadcast)
        return;
    json_t *document = move_begin(ask, broadcast, move);
    json_object_set_new(document, "reason", json_string(reason));
    set_time(document, "finished");
    move_store(self, ask, what, document, json_pack("{s:s}", "reason", reason), step);
}

void
verb_broadcast_reject(plan_t *self, ask_t *ask)
{
    end_with_reason(self, ask, LIFECYCLE_MOVE_REJECT, "broadcast_reject", move_done);
}

/* Approved, and its time has not come: it goes by itself then. */
void
verb_broadcast_send(plan_t *self, ask_t *ask)
{
    broadcast_t *broadcast = ask_broadcast(self, ask);
    cr_fault_t fault;
    if (!broadcast)
        return;
    bool later = broadcast->state == LIFECYCLE_APPROVED && broadcast->at_us > cr_clock_wall_us();
    lifecycle_move_t move = later ? LIFECYCLE_MOVE_SCHEDULE : LIFECYCLE_MOVE_SEND;
    if (move_check(self, ask, broadcast, move, &fault) != CR_OK)
        ask_refuse(self, ask, &fault, NULL);
    else if (later)
        move_store(self, ask, "broadcast_schedule", move_begin(ask, broadcast, move), NULL,
                   move_done);
    else
        sending_start(self, ask, broadcast);
}

/* -- moves that dispatch must follow ------------------------------------------------------------ */

static void
on_followed(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    (void)message;
    ask_answer(self, ask, 200, broadcast_view(ask->broadcast));
}

static void
follow(plan_t *self, ask_t *ask, ledger_op_t *op, dispatch_kind_t kind)
{
    move_adopt(ask, op);
    dispatch_message_t *message = dispatch_message_new(kind);
    CR_ASSERT(message);
    message->id = op->broadcast;
    ask_tell(self, ask, message, on_followed);
}

static void
on_paused(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    follow(self, ask, op, DISPATCH_PAUSE);
}

static void
on_resumed(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    follow(self, ask, op, DISPATCH_RESUME);
}

/* Dispatch settles what it has; what never began is over. */
static void
on_cancelled(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    if (ask->broadcast->started_us > 0)
        follow(self, ask, op, DISPATCH_CANCEL);
    else
        move_done(self, ask, op);
}

void
verb_broadcast_pause(plan_t *self, ask_t *ask)
{
    broadcast_t *broadcast = permitted(self, ask, LIFECYCLE_MOVE_PAUSE);
    if (broadcast)
        move_store(self, ask, "broadcast_pause", move_begin(ask, broadcast, LIFECYCLE_MOVE_PAUSE),
                   NULL, on_paused);
}

void
verb_broadcast_resume(plan_t *self, ask_t *ask)
{
    broadcast_t *broadcast = permitted(self, ask, LIFECYCLE_MOVE_RESUME);
    if (broadcast)
        move_store(self, ask, "broadcast_resume", move_begin(ask, broadcast, LIFECYCLE_MOVE_RESUME),
                   NULL, on_resumed);
}

void
verb_broadcast_cancel(plan_t *self, ask_t *ask)
{
    end_with_reason(self, ask, LIFECYCLE_MOVE_CANCEL, "broadcast_cancel", on_cancelled);
}
