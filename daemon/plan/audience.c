/*
 * Who a selector means. Terms about broadcasts are about what is stored of them, so their audiences
 * and bytes are read first; the ask holds them until it ends.
 */
#include "audience.h"

#include <string.h>

#include "../audience/selector.h"
#include "arguments.h"
#include "verbs.h"

/* -- reading ------------------------------------------------------------------------------------ */

static outcome_t *
outcome_of(ask_t *ask, uint64_t broadcast)
{
    for (size_t i = 0; i < ask->outcome_count; i++)
        if (ask->outcomes[i].broadcast == broadcast)
            return &ask->outcomes[i];
    return NULL;
}

cr_err_t
audience_want(ask_t *ask, const broadcast_t *broadcast, cr_fault_t *fault)
{
    if (outcome_of(ask, broadcast->id))
        return CR_OK;
    if (broadcast->started_us == 0)
        return cr_fault_set(fault, CR_INVAL, "nothing of it was ever sent");
    if (ask->outcome_count == ASK_OUTCOMES_MAX)
        return cr_fault_set(fault, CR_INVAL, "more than %d broadcasts in one selector",
                            ASK_OUTCOMES_MAX);
    ask->outcomes[ask->outcome_count++] =
        (outcome_t){.broadcast = broadcast->id, .channels = broadcast->channels};
    return CR_OK;
}

static void
on_piece(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    outcome_t *outcome = outcome_of(ask, op->broadcast);
    (void)self;
    if (op->kind == LEDGER_STATUS_READ) {
        outcome->status[op->channel] = op->bytes;
        op->bytes = NULL;
    } else {
        outcome->audience =
            roaring_bitmap_portable_deserialize_safe((const char *)op->bytes, op->bytes_length);
    }
}

static bool
is_complete(const plan_t *self, const outcome_t *outcome)
{
    const broadcast_t *broadcast = broadcasts_find(self, outcome->broadcast);
    return outcome->audience &&
           roaring_bitmap_get_cardinality(outcome->audience) == broadcast_size(broadcast);
}

static void
on_read(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    cr_fault_t fault;
    (void)op;
    ask->each = NULL;
    for (size_t i = 0; i < ask->outcome_count; i++) {
        if (is_complete(self, &ask->outcomes[i]))
            continue;
        cr_fault_set(&fault, CR_CORRUPT, "the stored audience is damaged");
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    ask->next(self, ask);
}

static void
read_one(plan_t *self, ask_t *ask, const outcome_t *outcome)
{
    ledger_op_t *op = ask_op(LEDGER_AUDIENCE_GET);
    op->broadcast = outcome->broadcast;
    ask_store(self, ask, op, on_read);
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        if (!(outcome->channels & (1u << channel)))
            continue;
        op = ask_op(LEDGER_STATUS_READ);
        op->broadcast = outcome->broadcast;
        op->channel = (cr_channel_t)channel;
        op->bytes_length = broadcast_size(broadcasts_find(self, outcome->broadcast));
        ask_store(self, ask, op, on_read);
    }
}

void
audience_read(plan_t *self, ask_t *ask, ask_start_fn *next)
{
    if (ask->outcome_count == 0) {
        next(self, ask);
        return;
    }
    ask->next = next;
    ask->each = on_piece;
    for (size_t i = 0; i < ask->outcome_count; i++)
        read_one(self, ask, &ask->outcomes[i]);
}

/* -- selecting ---------------------------------------------------------------------------------- */

typedef struct {
    const plan_t *plan;
    ask_t *ask;
} scope_t;

/* Notes which broadcast a term is about; who is meant comes later. */
static cr_err_t
resolve_want(void *context, cr_slice_t key, cr_slice_t value, roaring_bitmap_t **members,
             cr_fault_t *fault)
{
    const scope_t *scope = context;
    outcome_term_t term;
    char id[CR_ID_TEXT_MAX];
    cr_err_t err = outcome_parse(key, value, &term, fault);
    if (err != CR_OK)
        return err;
    const broadcast_t *broadcast = broadcasts_find(scope->plan, term.broadcast);
    if (!broadcast)
        return cr_fault_set(fault, CR_INVAL, "no such broadcast: %s",
                            cr_id_format(term.broadcast, id));
    err = audience_want(scope->ask, broadcast, fault);
    if (err == CR_OK)
        *members = roaring_bitmap_create();
    return err;
}

static cr_err_t
resolve_members(void *context, cr_slice_t key, cr_slice_t value, roaring_bitmap_t **members,
                cr_fault_t *fault)
{
    const scope_t *scope = context;
    outcome_term_t term;
    cr_err_t err = outcome_parse(key, value, &term, fault);
    if (err != CR_OK)
        return err;
    const outcome_t *outcome = outcome_of(scope->ask, term.broadcast);
    if (!outcome)
        return cr_fault_set(fault, CR_INVAL, "no such broadcast");
    *members = outcome_members(outcome, &term);
    if (!*members)
        return CR_NOMEM;
    roaring_bitmap_and_inplace(*members, directory_everyone(scope->plan->directory));
    return CR_OK;
}

static cr_err_t
evaluate(const scope_t *scope, const char *select, selector_resolve_fn *resolve,
         roaring_bitmap_t **members, cr_fault_t *fault)
{
    selector_t *selector;
    cr_err_t err = selector_parse(select, &selector, fault);
    if (err != CR_OK)
        return err;
    err = selector_evaluate(selector, scope->plan->directory, resolve, (void *)(uintptr_t)scope,
                            members, fault);
    selector_destroy(&selector);
    return err;
}

cr_err_t
audience_prepare(const plan_t *self, ask_t *ask, const char *select, cr_fault_t *fault)
{
    roaring_bitmap_t *members;
    const scope_t scope = {self, ask};
    cr_err_t err = evaluate(&scope, select, resolve_want, &members, fault);
    if (err == CR_OK)
        roaring_bitmap_free(members);
    return err;
}

cr_err_t
audience_select(const plan_t *self, ask_t *ask, const char *select, roaring_bitmap_t **members,
                cr_fault_t *fault)
{
    const scope_t scope = {self, ask};
    return evaluate(&scope, select, resolve_members, members, fault);
}

cr_err_t
audience_count(const plan_t *self, ask_t *ask, json_t *document, cr_fault_t *fault)
{
    roaring_bitmap_t *members;
    cr_err_t err = audience_select(self, ask, argument_text(document, "to"), &members, fault);
    if (err != CR_OK)
        return err;
    uint64_t count = roaring_bitmap_get_cardinality(members);
    roaring_bitmap_free(members);
    json_object_set_new(document, "audience", json_integer((json_int_t)count));
    if (count == 0 && !argument_flag(document, "allow_empty"))
        return cr_fault_set(fault, CR_INVAL, "to: nobody is meant (allow_empty permits that)");
    return CR_OK;
}
