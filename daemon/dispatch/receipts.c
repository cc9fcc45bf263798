/* What gateways say later: found by our reference or by their id, applied, stored, acknowledged. */
#include <stdlib.h>
#include <string.h>

#include "state.h"

enum {
    KEEP_US = 60000000, /* a receipt may overtake the answer to its submit by so much */
    AGAIN_US = 2000000,
};

typedef struct {
    cr_delivery_t delivery; /* broadcast 0: not known yet */
    char id[CORE_GATEWAY_ID_MAX];
    cr_status_t outcome;
    bool done;
} item_t;

struct batch {
    worker_t *worker;
    uint64_t number;
    uint32_t slot, writes; /* in core->batches; not stored yet */
    bool finding;
    int64_t again_us, until_us;
    size_t count, open; /* items; those that are not done */
    item_t items[];
};

static void
free_batch(core_t *core, batch_t *batch)
{
    core->batches[batch->slot] = NULL;
    core->batch_count--;
    batch->worker->uses--;
    free(batch);
}

/* Everything in it is stored or given up: the worker may forget it. */
static void
finish_if_complete(core_t *core, batch_t *batch)
{
    worker_t *worker = batch->worker;
    if (batch->open > 0 || batch->writes > 0 || batch->finding)
        return;
    worker->receipts[worker->receipts_next++ % STATE_REMEMBERED] = batch->number;
    core->act.receipts_ack(core->act.context, worker->shown.name, batch->number);
    free_batch(core, batch);
}

/* -- applying ----------------------------------------------------------------------------------- */

static channel_t *
channel_of(const core_t *core, const cr_delivery_t *delivery)
{
    const broadcast_t *broadcast =
        delivery->broadcast ? core_find_broadcast(core, delivery->broadcast) : NULL;
    channel_t *channel = broadcast ? broadcast->channels[delivery->channel] : NULL;
    return channel && delivery->rank < channel->cursor.total ? channel : NULL;
}

/* By broadcast, channel, rank: what lies in one block is neighbours. */
static int
by_place(const void *a, const void *b)
{
    const cr_delivery_t *x = &((const item_t *)a)->delivery, *y = &((const item_t *)b)->delivery;
    if (x->broadcast != y->broadcast)
        return x->broadcast < y->broadcast ? -1 : 1;
    if (x->channel != y->channel)
        return x->channel < y->channel ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static bool
is_receipt(cr_status_t outcome)
{
    return outcome == CR_STATUS_DELIVERED ||
           (cr_status_is_known(outcome) && cr_status_class(outcome) == CR_STATUS_CLASS_FAILED);
}

static void
apply_item(core_t *core, batch_t *batch, item_t *item, channel_t *channel, write_t *write)
{
    uint32_t rank = item->delivery.rank;
    item->done = true;
    batch->open--;
    if (!is_receipt(item->outcome) || !core_move(core, channel, rank, item->outcome))
        return; /* known already, or less than what we know */
    core->stats.receipts++;
    write_change(write, rank % CORE_BLOCK);
    write_note(write, rank % CORE_BLOCK, item->delivery.attempt, item->outcome);
}

static void
send(core_t *core, batch_t *batch, write_t *write, const cr_slice_t *forget, size_t count)
{
    write->forget = forget;
    write->forget_count = count;
    if (write_is_empty(write))
        return;
    batch->writes++;
    write_send(core, write,
               &(ticket_t){.kind = TICKET_RECEIPTS, .worker = batch->worker, .batch = batch});
}

/* The items from `first` on that lie in one block, as one write; returns how many were looked at. */
static size_t
apply_block(core_t *core, batch_t *batch, size_t first)
{
    channel_t *channel = channel_of(core, &batch->items[first].delivery);
    uint32_t block = batch->items[first].delivery.rank / CORE_BLOCK;
    cr_slice_t forget[CORE_BLOCK];
    size_t forgotten = 0, i = first;
    write_t write;
    if (!channel || batch->items[first].done)
        return 1;
    write_begin(&write, channel, block);
    write_sign(&write, core, TRAIL_RECEIPT, batch->worker->shown.name,
               batch->worker->shown.gateway.name);
    for (; i < batch->count && forgotten < CORE_BLOCK; i++) {
        item_t *item = &batch->items[i];
        if (channel_of(core, &item->delivery) != channel ||
            item->delivery.rank / CORE_BLOCK != block || item->done)
            break;
        apply_item(core, batch, item, channel, &write);
        if (item->id[0] != '\0')
            forget[forgotten++] = cr_slice_of(item->id);
    }
    send(core, batch, &write, forget, forgotten);
    return i - first;
}

static void
apply(core_t *core, batch_t *batch)
{
    qsort(batch->items, batch->count, sizeof *batch->items, by_place);
    for (size_t i = 0; i < batch->count;)
        i += apply_block(core, batch, i);
    batch->again_us = core->now.mono_us + AGAIN_US;
    finish_if_complete(core, batch);
}

/* -- finding ------------------------------------------------------------------------------------ */

/* Asks for the deliveries of the gateway's ids; false when there is none to ask for. */
static bool
find(core_t *core, batch_t *batch)
{
    static cr_slice_t ids[CORE_RECEIPTS_MAX]; /* filled and used within this call */
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (!batch->items[i].done && batch->items[i].delivery.broadcast == 0)
            ids[count++] = cr_slice_of(batch->items[i].id);
    if (count == 0)
        return false;
    batch->finding = true;
    core->act.find(core->act.context, batch->slot, ids, count);
    return true;
}

void
core_found(core_t *core, core_time_t now, uint32_t slot, const cr_delivery_t *found, size_t count)
{
    core->now = now;
    CR_ASSERT(slot < CORE_BATCHES_MAX && core->batches[slot]);
    batch_t *batch = core->batches[slot];
    size_t at = 0;
    batch->finding = false;
    for (size_t i = 0; i < batch->count && at < count; i++)
        if (!batch->items[i].done && batch->items[i].delivery.broadcast == 0)
            batch->items[i].delivery = found[at++];
    apply(core, batch);
}

/* -- taking ------------------------------------------------------------------------------------- */

static bool
was_acknowledged(const worker_t *worker, uint64_t number)
{
    for (size_t i = 0; i < STATE_REMEMBERED; i++)
        if (worker->receipts[i] == number)
            return true;
    return false;
}

static bool
is_under_way(const core_t *core, const worker_t *worker, uint64_t number)
{
    for (uint32_t i = 0; i < CORE_BATCHES_MAX; i++)
        if (core->batches[i] && core->batches[i]->worker == worker &&
            core->batches[i]->number == number)
            return true;
    return false;
}

static batch_t *
new_batch(core_t *core, worker_t *worker, const core_receipts_t *receipts)
{
    uint32_t slot = 0;
    while (slot < CORE_BATCHES_MAX && core->batches[slot])
        slot++;
    batch_t *batch = slot < CORE_BATCHES_MAX
                         ? calloc(1, sizeof *batch + receipts->count * sizeof batch->items[0])
                         : NULL;
    if (!batch)
        return NULL;
    batch->worker = worker;
    batch->number = receipts->number;
    batch->slot = slot;
    batch->count = batch->open = receipts->count;
    batch->until_us = core->now.mono_us + KEEP_US;
    for (size_t i = 0; i < receipts->count; i++) {
        const core_receipt_t *from = &receipts->receipts[i];
        CR_ASSERT(from->gateway_id.length < CORE_GATEWAY_ID_MAX);
        batch->items[i].delivery = from->delivery;
        batch->items[i].outcome = from->outcome;
        if (from->gateway_id.length > 0)
            memcpy(batch->items[i].id, from->gateway_id.text, from->gateway_id.length);
    }
    core->batches[slot] = batch;
    core->batch_count++;
    worker->uses++;
    return batch;
}

void
core_receipts(core_t *core, core_time_t now, const char *name, const core_receipts_t *receipts)
{
    core->now = now;
    worker_t *worker = roster_find(core, name);
    CR_ASSERT(worker && receipts->count <= CORE_RECEIPTS_MAX);
    if (was_acknowledged(worker, receipts->number)) {
        core->act.receipts_ack(core->act.context, name, receipts->number);
        return;
    }
    if (is_under_way(core, worker, receipts->number))
        return;
    batch_t *batch = new_batch(core, worker, receipts);
    if (batch && !find(core, batch)) /* without room it is repeated by the worker */
        apply(core, batch);
}

void
receipts_stored(core_t *core, batch_t *batch)
{
    batch->writes--;
    finish_if_complete(core, batch);
}

static void
give_up(core_t *core, batch_t *batch)
{
    core->stats.receipts_unknown += batch->open;
    batch->open = 0;
    finish_if_complete(core, batch);
}

void
receipts_tick(core_t *core)
{
    for (uint32_t i = 0; i < CORE_BATCHES_MAX && core->batch_count > 0; i++) {
        batch_t *batch = core->batches[i];
        if (!batch || batch->finding || batch->open == 0 || batch->again_us > core->now.mono_us)
            continue;
        if (core->now.mono_us >= batch->until_us)
            give_up(core, batch);
        else if (!find(core, batch))
            apply(core, batch);
    }
}

void
receipts_fini(core_t *core)
{
    for (uint32_t i = 0; i < CORE_BATCHES_MAX; i++)
        free(core->batches[i]);
}
