/* The core's writes and look-ups as ops of the ledger, and their answers. */
#include <stdlib.h>
#include <string.h>

#include "../metrics.h"
#include "actor.h"

static void
hand_over(actor_t *self, ledger_op_t *op)
{
    self->in_flight++;
    ledger_send(self->ledger, &op);
}

/* The ledger takes so many at once; what is over waits here, bounded by leases and batches. Nothing
 * overtakes what waits: a byte must not be written before the one that it replaced. */
void
store_send(actor_t *self, ledger_op_t *op)
{
    if (self->in_flight >= LEDGER_INFLIGHT_MAX || zlist_size(self->waiting) > 0)
        zlist_append(self->waiting, op);
    else
        hand_over(self, op);
}

static void *
ticket_cookie(uint32_t ticket)
{
    return (void *)(uintptr_t)ticket; /* NOLINT(performance-no-int-to-ptr): comes back as it went */
}

static cr_str_t *
lines_new(size_t count)
{
    if (count == 0)
        return NULL;
    cr_str_t *lines = malloc(sizeof *lines);
    CR_ASSERT(lines);
    cr_str_init(lines, count * (CORE_GATEWAY_ID_MAX + 32));
    return lines;
}

/* Lines and tabs part the ledger's entries; an id that holds one cannot be kept. */
static bool
is_storable(cr_slice_t id)
{
    for (size_t i = 0; i < id.length; i++)
        if ((unsigned char)id.text[i] < ' ')
            return false;
    return id.length > 0 && id.length < CORE_GATEWAY_ID_MAX;
}

static void
act_store(void *context, const core_write_t *write)
{
    ledger_op_t *op = ledger_op_new(LEDGER_BLOCK);
    CR_ASSERT(op);
    op->cookie = ticket_cookie(write->ticket);
    op->broadcast = write->broadcast;
    op->channel = write->channel;
    op->first_rank = write->first_rank;
    op->length = write->length;
    memcpy(op->status, write->status, write->length);
    op->lease = write->lease;
    op->lease_ends = write->lease_ends;
    memcpy(op->lease_record, write->record, write->record_bytes);
    op->lease_record_bytes = write->record_bytes;
    memcpy(op->trail, write->trail, write->trail_bytes);
    op->trail_bytes = write->trail_bytes;
    op->gateway_ids = lines_new(write->index_count);
    for (size_t i = 0; i < write->index_count; i++)
        if (is_storable(write->index[i].id))
            cr_str_appendf(op->gateway_ids, "%u\t%u\t%.*s\n", write->index[i].rank,
                           write->index[i].attempt, (int)write->index[i].id.length,
                           write->index[i].id.text);
    op->forget_ids = lines_new(write->forget_count);
    for (size_t i = 0; i < write->forget_count; i++)
        if (is_storable(write->forget[i]))
            cr_str_appendf(op->forget_ids, "%.*s\n", (int)write->forget[i].length,
                           write->forget[i].text);
    store_send(context, op);
}

static void
act_find(void *context, uint32_t batch, const cr_slice_t *ids, size_t count)
{
    ledger_op_t *op = ledger_op_new(LEDGER_RECEIPTS_FIND);
    CR_ASSERT(op);
    op->cookie = ticket_cookie(batch);
    op->find = calloc(count, sizeof *op->find);
    op->found = calloc(count, sizeof *op->found);
    CR_ASSERT(op->find && op->found);
    op->find_count = count;
    for (size_t i = 0; i < count; i++) {
        op->find[i] = strndup(ids[i].text, ids[i].length);
        CR_ASSERT(op->find[i]);
    }
    store_send(context, op);
}

static void
on_block(actor_t *self, ledger_op_t *op)
{
    core_stored(self->core, actor_now(), (uint32_t)(uintptr_t)op->cookie);
}

static void
on_found(actor_t *self, ledger_op_t *op)
{
    core_found(self->core, actor_now(), (uint32_t)(uintptr_t)op->cookie, op->found, op->find_count);
}

static void (*const answers[LEDGER_OP_COUNT])(actor_t *self, ledger_op_t *op) = {
    [LEDGER_BLOCK] = on_block,
    [LEDGER_RECEIPTS_FIND] = on_found,
    [LEDGER_TRAIL] = explain_trail,
};

/* Another daemon has taken over: nothing we hold is true any more, so nothing is acknowledged. */
static void
become_fenced(actor_t *self)
{
    if (!self->fenced)
        cr_log(CR_LOG_ERR, "dispatch_fenced", "action=stop");
    self->fenced = true;
    core_stop(self->core);
}

void
store_take(actor_t *self)
{
    while (zsock_events(self->ledger) & ZMQ_POLLIN) {
        ledger_op_t *op = ledger_receive(self->ledger);
        if (!op)
            return;
        self->in_flight--;
        CR_ASSERT(answers[op->kind]);
        if (op->err == CR_CONFLICT)
            become_fenced(self);
        if (op->err == CR_OK || op->kind == LEDGER_TRAIL)
            answers[op->kind](self, op);
        ledger_op_destroy(&op);
        if (zlist_size(self->waiting) > 0)
            hand_over(self, zlist_pop(self->waiting));
    }
}

bool
store_is_idle(const actor_t *self)
{
    return self->fenced || (self->in_flight == 0 && zlist_size(self->waiting) == 0);
}

void
store_actions(core_actions_t *actions)
{
    actions->store = act_store;
    actions->find = act_find;
}
