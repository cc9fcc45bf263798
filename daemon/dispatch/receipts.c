/*
 * Receipts: a batch is acknowledged when what could be applied is stored. What has no delivery yet
 * (it overtook the submit's answer) is kept for a minute and tried again.
 */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "state.h"

enum { FIRST_WAIT_MS = 50, LONGEST_WAIT_MS = 5000, KEPT_MS = 60000 };

typedef struct {
    cr_delivery_t delivery; /* broadcast 0: not known (yet) */
    cr_slice_t id;
    cr_status_t outcome;
    bool settled;
} item_t;

struct batch {
    worker_t *worker;
    uint64_t number;
    uint32_t place; /* in core->batches: its name in finds */
    uint32_t count, left, writes;
    bool finding, acknowledged;
    int64_t wait_us, next_us, deadline_us;
    item_t *items;
    char *ids; /* the bytes of all gateway ids */
};

static void
free_batch(core_t *core, batch_t *batch)
{
    core->batches[batch->place] = NULL;
    core->stats.batches = --core->batch_count;
    batch->worker->uses--;
    free(batch->items);
    free(batch->ids);
    free(batch);
}

void
receipts_fini(core_t *core)
{
    for (uint32_t i = 0; i < CORE_BATCHES_MAX; i++)
        if (core->batches[i])
            free_batch(core, core->batches[i]);
}

/* ---- which delivery --------------------------------------------------------------------------- */

/* The channel if there is such a delivery. */
static channel_t *
channel_of(const core_t *core, const cr_delivery_t *delivery)
{
    if (delivery->broadcast == 0 || delivery->channel >= CR_CHANNEL_COUNT)
        return NULL;
    const broadcast_t *broadcast = core_find_broadcast(core, delivery->broadcast);
    channel_t *channel = broadcast ? broadcast->channels[delivery->channel] : NULL;
    return channel && delivery->rank < channel->cursor.total ? channel : NULL;
}

/* Whether this attempt can have been made, as far as we know. */
static bool
is_expected(const channel_t *channel, const cr_delivery_t *delivery)
{
    const cursor_t *cursor = &channel->cursor;
    cr_status_t made = cursor->status[delivery->rank];
    if (made > CR_STATUS_RETRY_MAX || delivery->attempt <= made)
        return true;
    return delivery->attempt == made + 1u && (cursor->blocks[delivery->rank / CORE_BLOCK].lease ||
                                              cursor_is_doubtful(cursor, delivery->rank));
}

/* A failure of an earlier attempt says nothing while the next one is on its way. */
static bool
is_overtaken(const channel_t *channel, const item_t *item)
{
    const cursor_t *cursor = &channel->cursor;
    cr_status_t made = cursor->status[item->delivery.rank];
    return cr_status_class(item->outcome) == CR_STATUS_CLASS_FAILED &&
           made <= CR_STATUS_RETRY_MAX && item->delivery.attempt <= made &&
           cursor->blocks[item->delivery.rank / CORE_BLOCK].lease;
}

/* ---- applying --------------------------------------------------------------------------------- */

static int
by_delivery(const void *left, const void *right)
{
    const cr_delivery_t *a = &(*(item_t *const *)left)->delivery;
    const cr_delivery_t *b = &(*(item_t *const *)right)->delivery;
    if (a->broadcast != b->broadcast)
        return a->broadcast < b->broadcast ? -1 : 1;
    if (a->channel != b->channel)
        return a->channel < b->channel ? -1 : 1;
    return a->rank < b->rank ? -1 : a->rank > b->rank;
}

static bool
same_block(const item_t *a, const item_t *b)
{
    return a->delivery.broadcast == b->delivery.broadcast &&
           a->delivery.channel == b->delivery.channel &&
           a->delivery.rank / CORE_BLOCK == b->delivery.rank / CORE_BLOCK;
}

static void
apply(core_t *core, channel_t *channel, const item_t *item, write_t *write)
{
    uint32_t offset = item->delivery.rank % CORE_BLOCK;
    core->stats.receipts++;
    if (is_overtaken(channel, item) ||
        !core_move(core, channel, item->delivery.rank, item->outcome))
        return;
    write_change(write, offset);
    write_note(write, offset, item->delivery.attempt, item->outcome);
}

/* Items of one block: one write. */
static void
apply_run(core_t *core, batch_t *batch, item_t **items, size_t count)
{
    channel_t *channel = channel_of(core, &items[0]->delivery);
    cr_slice_t forget[CORE_RECEIPTS_MAX];
    size_t forget_count = 0;
    write_t write;
    write_begin(&write, channel, items[0]->delivery.rank / CORE_BLOCK);
    write_sign(&write, core, TRAIL_RECEIPT, "", batch->worker->shown.gateway.name);
    for (size_t i = 0; i < count; i++) {
        apply(core, channel, items[i], &write);
        items[i]->settled = true;
        if (items[i]->id.length > 0)
            forget[forget_count++] = items[i]->id;
    }
    batch->left -= (uint32_t)count;
    write.forget = forget;
    write.forget_count = forget_count;
    /* What another batch said already may not be stored yet: this one's answer waits behind it. */
    if (write_is_empty(&write) && channel->broadcast->writes_out == 0)
        return;
    batch->writes++;
    write_send(core, &write,
               &(ticket_t){.kind = TICKET_RECEIPTS, .worker = batch->worker, .batch = batch});
}

static void
remember(worker_t *worker, uint64_t number)
{
    worker->receipts[worker->receipts_next] = number;
    worker->receipts_next = (worker->receipts_next + 1) % STATE_REMEMBERED;
}

/* Acknowledges it when all is stored, and lets it go when nothing is left. */
static void
conclude(core_t *core, batch_t *batch)
{
    if (batch->finding || batch->writes > 0)
        return;
    if (!batch->acknowledged) {
        batch->acknowledged = true;
        remember(batch->worker, batch->number);
        core->act.receipts_ack(core->act.context, batch->worker->shown.name, batch->number);
    }
    if (batch->left == 0)
        free_batch(core, batch);
}

static void
want_broadcast(core_t *core, const item_t *item)
{
    uint64_t id = item->delivery.broadcast;
    if (id != 0 && core->act.want && !core_find_broadcast(core, id))
        core->act.want(core->act.context, id);
}

static void
apply_all(core_t *core, batch_t *batch)
{
    item_t *known[CORE_RECEIPTS_MAX]; // cppcheck-suppress uninitvar ; `count` of them are set
    size_t count = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        item_t *item = &batch->items[i];
        const channel_t *channel = item->settled ? NULL : channel_of(core, &item->delivery);
        if (channel && is_expected(channel, &item->delivery))
            known[count++] = item;
        else if (!item->settled)
            want_broadcast(core, item);
    }
    /* cppcheck-suppress uninitvar; the first `count` are set */
    qsort(known, count, sizeof *known, by_delivery);
    for (size_t i = 0, length; i < count; i += length) {
        length = 1;
        while (i + length < count && same_block(known[i], known[i + length]))
            length++;
        apply_run(core, batch, known + i, length);
    }
    conclude(core, batch);
}

/* Asks for the deliveries of gateway ids; false when there are none to ask for. */
static bool
find(core_t *core, batch_t *batch)
{
    cr_slice_t ids[CORE_RECEIPTS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        if (!batch->items[i].settled && batch->items[i].delivery.broadcast == 0)
            ids[count++] = batch->items[i].id;
    if (count == 0)
        return false;
    batch->finding = true;
    core->act.find(core->act.context, batch->place, ids, count);
    return true;
}

void
core_found(core_t *core, core_time_t now, uint32_t place, const cr_delivery_t *found, size_t count)
{
    core->now = now;
    batch_t *batch = core->batches[place];
    CR_ASSERT(batch && batch->finding);
    size_t at = 0;
    for (uint32_t i = 0; i < batch->count && at < count; i++)
        if (!batch->items[i].settled && batch->items[i].delivery.broadcast == 0)
            batch->items[i].delivery = found[at++];
    batch->finding = false;
    apply_all(core, batch);
}

void
receipts_stored(core_t *core, batch_t *batch)
{
    batch->writes--;
    conclude(core, batch);
}

/* ---- a batch's life --------------------------------------------------------------------------- */

/* Copies the receipts and the bytes of their ids. */
static bool
fill(batch_t *batch, const core_receipts_t *receipts)
{
    size_t bytes = 1;
    for (size_t i = 0; i < receipts->count; i++)
        bytes += receipts->receipts[i].gateway_id.length;
    batch->items = calloc(receipts->count + 1, sizeof *batch->items);
    batch->ids = malloc(bytes);
    if (!batch->items || !batch->ids)
        return false;
    char *to = batch->ids;
    for (size_t i = 0; i < receipts->count; i++) {
        const core_receipt_t *receipt = &receipts->receipts[i];
        batch->items[i] = (item_t){.delivery = receipt->delivery,
                                   .id = {to, receipt->gateway_id.length},
                                   .outcome = receipt->outcome};
        if (receipt->gateway_id.length > 0)
            memcpy(to, receipt->gateway_id.text, receipt->gateway_id.length);
        to += receipt->gateway_id.length;
    }
    batch->count = batch->left = (uint32_t)receipts->count;
    return true;
}

static batch_t *
new_batch(core_t *core, worker_t *worker, const core_receipts_t *receipts)
{
    uint32_t place = 0;
    while (core->batches[place])
        place++;
    batch_t *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->worker = worker;
    batch->number = receipts->number;
    batch->place = place;
    batch->wait_us = FIRST_WAIT_MS * CR_US_PER_MS;
    batch->next_us = core->now.mono_us + batch->wait_us;
    batch->deadline_us = core->now.mono_us + KEPT_MS * CR_US_PER_MS;
    core->batches[place] = batch;
    core->stats.batches = ++core->batch_count;
    worker->uses++;
    if (fill(batch, receipts))
        return batch;
    free_batch(core, batch);
    return NULL;
}

static bool
are_receipts(const core_receipts_t *receipts)
{
    for (size_t i = 0; i < receipts->count; i++)
        if (!policy_is_receipt(receipts->receipts[i].outcome))
            return false;
    return true;
}

/* One that is being worked on is not begun again; one that was acknowledged is so again. */
static bool
is_repeated(const core_t *core, const worker_t *worker, uint64_t number)
{
    for (size_t i = 0; i < STATE_REMEMBERED; i++) {
        if (worker->receipts[i] != number || number == 0)
            continue;
        core->act.receipts_ack(core->act.context, worker->shown.name, number);
        return true;
    }
    for (uint32_t i = 0; core->batch_count > 0 && i < CORE_BATCHES_MAX; i++) {
        const batch_t *batch = core->batches[i];
        if (batch && batch->worker == worker && batch->number == number)
            return true;
    }
    return false;
}

void
core_receipts(core_t *core, core_time_t now, const char *name, const core_receipts_t *receipts)
{
    core->now = now;
    CR_ASSERT(receipts->count <= CORE_RECEIPTS_MAX);
    worker_t *worker = roster_find(core, name);
    if (!worker || worker->shown.state == CORE_ABSENT) {
        core_refuse(core, name, CORE_UNKNOWN_WORKER, 0, "say Hello first");
        return;
    }
    if (!are_receipts(receipts)) {
        core_refuse(core, name, CORE_MALFORMED, 0, "an outcome that no receipt may have");
        return;
    }
    roster_touch(core, worker);
    /* When there is no room the worker repeats them in a second. */
    bool full = core_is_busy(core) || core->batch_count == CORE_BATCHES_MAX;
    if (is_repeated(core, worker, receipts->number) || full)
        return;
    batch_t *batch = new_batch(core, worker, receipts);
    if (batch && !find(core, batch))
        apply_all(core, batch);
}

/* Those whose delivery never appeared. */
static void
give_up(core_t *core, batch_t *batch)
{
    core->stats.receipts_unknown += batch->left;
    free_batch(core, batch);
}

static void
try_again(core_t *core, batch_t *batch)
{
    batch->wait_us *= 2;
    if (batch->wait_us > LONGEST_WAIT_MS * CR_US_PER_MS)
        batch->wait_us = LONGEST_WAIT_MS * CR_US_PER_MS;
    batch->next_us = core->now.mono_us + batch->wait_us;
    if (!find(core, batch))
        apply_all(core, batch);
}

void
receipts_tick(core_t *core)
{
    for (uint32_t i = 0; core->batch_count > 0 && i < CORE_BATCHES_MAX; i++) {
        batch_t *batch = core->batches[i];
        if (!batch || batch->finding || batch->writes > 0)
            continue;
        if (core->now.mono_us >= batch->deadline_us)
            give_up(core, batch);
        else if (core->now.mono_us >= batch->next_us && !core_is_busy(core))
            try_again(core, batch);
    }
}
