#include "ask.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_log.h"
#include "internal.h"

enum { REST_MS = 1000, LOG_MS = 60000 };

#ifndef JANSSON_THREAD_SAFE_REFCOUNT
#error "answers share values with what plan keeps: jansson must count references atomically"
#endif

static const char errand_name[] = "crierd";

ask_t *
ask_new(plan_verb_t verb)
{
    ask_t *self = calloc(1, sizeof *self);
    CR_ASSERT(self);
    self->verb = verb;
    return self;
}

void
ask_destroy(ask_t **self_p)
{
    ask_t *self = *self_p;
    if (!self)
        return;
    free(self->token);
    free(self->idempotency_key);
    free(self->body_hash);
    json_decref(self->arguments);
    intake_destroy(&self->intake);
    plan_answer_fini(&self->answer);
    free(self->who);
    free(self->person);
    dispatch_broadcast_destroy(&self->starting);
    import_destroy(&self->import);
    reply_batch_destroy(&self->replies);
    json_decref(self->kept);
    for (size_t i = 0; i < self->outcome_count; i++)
        outcome_fini(&self->outcomes[i]);
    free(self);
    *self_p = NULL;
}

ask_t *
ask_errand(plan_t *plan, broadcast_t *broadcast)
{
    ask_t *self = ask_new(PLAN_VERB_COUNT);
    self->who = strdup(errand_name);
    self->person = strdup(errand_name);
    self->broadcast = broadcast;
    zlistx_add_end(plan->open, self);
    return self;
}

broadcast_actor_t
ask_actor(const ask_t *self)
{
    return (broadcast_actor_t){self->who, self->person, cr_clock_wall_us()};
}

/* Lets go of what the ask held. */
static void
release(plan_t *plan, ask_t *self)
{
    if (self->broadcast && self->broadcast->move == self)
        self->broadcast->move = NULL;
    if (plan->import == self)
        plan->import = NULL;
    if (plan->counting == self)
        plan->counting = NULL;
    void *place = zlistx_find(plan->open, self);
    if (place)
        zlistx_detach(plan->open, place);
}

void
ask_deliver(plan_t *plan, ask_t *self)
{
    release(plan, self);
    if (self->route_length == 0) {
        ask_destroy(&self);
        return;
    }
    /* A client that is gone does not hear the answer; what was done is stored. */
    cr_err_t err = ask_send(zsock_resolve(plan->asks), &self, true);
    (void)err;
}

void
ask_answer(plan_t *plan, ask_t *self, int http_status, json_t *body)
{
    self->answer.http_status = http_status;
    self->answer.body = body;
    if (!idempotency_end(plan, self))
        ask_deliver(plan, self);
}

static int
status_of(cr_err_t err)
{
    static const int statuses[CR_ERR_COUNT] = {
        [CR_INVAL] = 400,    [CR_RANGE] = 400,  [CR_NOTFOUND] = 404, [CR_EXISTS] = 409,
        [CR_CONFLICT] = 409, [CR_DENIED] = 403, [CR_TOOBIG] = 413,   [CR_CORRUPT] = 500,
    };
    return statuses[err] > 0 ? statuses[err] : 503;
}

/* It is tried again, but not at every tick. */
static void
rest(plan_t *plan, const ask_t *self, const cr_fault_t *fault)
{
    char id[CR_ID_TEXT_MAX], why[160];
    uint64_t suppressed;
    int64_t now = cr_clock_mono_us();
    self->broadcast->rest_until_us = now + REST_MS * CR_US_PER_MS;
    if (cr_log_limit(&plan->errand_log, now, LOG_MS, &suppressed))
        cr_log(CR_LOG_ERR, "errand_failed", "broadcast=%s state=%s reason=%s suppressed=%" PRIu64,
               cr_id_format(self->broadcast->id, id), lifecycle_state_name(self->broadcast->state),
               cr_log_value(cr_slice_of(fault->text), why), suppressed);
}

void
ask_refuse(plan_t *plan, ask_t *self, const cr_fault_t *fault, json_t *extra)
{
    int http_status = self->answer.http_status;
    self->answer.fault = *fault;
    self->answer.err = fault->code;
    if (self->route_length == 0 && self->broadcast)
        rest(plan, self, fault);
    ask_answer(plan, self, http_status > 0 ? http_status : status_of(fault->code), extra);
}

ledger_op_t *
ask_op(ledger_kind_t kind)
{
    ledger_op_t *op = ledger_op_new(kind);
    CR_ASSERT(op);
    return op;
}

json_t *
ask_audit(const ask_t *self, const char *what, const char *object, json_t *detail)
{
    json_t *line = json_pack("{s:s,s:s,s:s,s:s}", "who", self->who, "person", self->person, "what",
                             what, "object", object);
    CR_ASSERT(line);
    if (detail)
        json_object_set_new(line, "detail", detail);
    return line;
}

void
ask_store(plan_t *plan, ask_t *self, ledger_op_t *op, ask_step_fn *step)
{
    op->cookie = self;
    self->step = step;
    self->outstanding++;
    ports_store(plan, op);
}

void
ask_tell(plan_t *plan, ask_t *self, dispatch_message_t *message, ask_heard_fn *heard)
{
    message->cookie = self;
    self->heard = heard;
    ports_tell(plan, message);
}
