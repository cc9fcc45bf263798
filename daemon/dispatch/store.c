/* The core's writes and look-ups as ops of the ledger, and their answers. */
#include <stdlib.h>
#include <string.h>

#include "../metrics.h"
#include "actor.h"

enum { IDS_MOST = 1 << 23 }; /* 128 MB when all are taken */

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

static void
act_store(void *context, const core_write_t *write)
{
    actor_t *self = context;
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
    op->bill = write->bill;
    const notice_t *notice = actor_find(self, write->broadcast);
    finds_keep(self->finds, write, notice ? notice->spec->receipt_wait_us : 0, op);
    store_send(self, op);
}

static void
send_read(void *context, ledger_op_t *op)
{
    store_send(context, op);
}

static void
act_find(void *context, uint32_t batch, const cr_slice_t *ids, size_t count)
{
    const actor_t *self = context;
    finds_ask(self->finds, batch, ids, count);
}

static void
on_block(actor_t *self, ledger_op_t *op)
{
    core_stored(self->core, actor_now(), (uint32_t)(uintptr_t)op->cookie);
}

finds_t *
store_finds(actor_t *self)
{
    size_t most = self->config.ids_most > 0 ? self->config.ids_most : IDS_MOST;
    return finds_new(most, send_read, self);
}

static void
on_found(void *context, uint32_t batch, const cr_delivery_t *found, size_t count)
{
    actor_t *self = context;
    core_found(self->core, actor_now(), batch, found, count);
}

void
store_answer_finds(actor_t *self)
{
    finds_answer(self->finds, on_found);
}

static void
on_books(actor_t *self, ledger_op_t *op)
{
    finds_take_books(self->finds, op);
}

static void
on_ids(actor_t *self, ledger_op_t *op)
{
    finds_take_ids(self->finds, op);
}

static void (*const answers[LEDGER_OP_COUNT])(actor_t *self, ledger_op_t *op) = {
    [LEDGER_BLOCK] = on_block,
    [LEDGER_BOOKS_READ] = on_books,
    [LEDGER_IDS_READ] = on_ids,
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
