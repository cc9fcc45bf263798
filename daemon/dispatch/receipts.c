/*
 * Receipts: a batch is acknowledged when what could be applied is stored. What has no delivery yet
 * (it overtook the submit's answer) is kept for a minute and tried again.
 *
 * Each block that a receipt touches is a write. So what comes while writes are under way is applied
 * in one round afterwards, block by block: the more there is, the more receipts share a write.
 */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "state.h"

enum { FIRST_WAIT_MS = 50, LONGEST_WAIT_MS = 5000, KEPT_MS = 60000 };
enum { ROUND_ITEMS_MAX = 16 * CORE_RECEIPTS_MAX };

typedef struct {
    batch_t *batch;
    cr_delivery_t delivery; /* broadcast 0: not known (yet) */
    cr_slice_t id;
    cr_status_t outcome;
    bool settled;
} item_t;

struct batch {
    worker_t *worker;
    uint64_t number;
    uint32_t place; /* in core->batches: its name in finds */
    uint32_t count, left;
    bool finding, acknowledged;
    bool ready, in_round; /* has what the next round is to apply; what the present one applied */
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
compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int
by_block(const cr_delivery_t *a, const cr_delivery_t *b)
{
    int order = compare(a->broadcast, b->broadcast);
    order = order != 0 ? order : compare(a->channel, b->channel);
    return order != 0 ? order : compare(a->rank / CORE_BLOCK, b->rank / CORE_BLOCK);
}

/* By block; in it by who says so, whose name the trail keeps; then by rank. */
static int
by_run(const void *left, const void *right)
{
    const item_t *a = *(item_t *const *)left, *b = *(item_t *const *)right;
    int order = by_block(&a->delivery, &b->delivery);
    order = order != 0 ? order : strcmp(a->batch->worker->shown.name, b->batch->worker->shown.name);
    return order != 0 ? order : compare(a->delivery.rank, b->delivery.rank);
}

static bool
same_run(const item_t *a, const item_t *b)
{
    return a->batch->worker == b->batch->worker && by_block(&a->delivery, &b->delivery) == 0;
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
apply_run(core_t *core, item_t **items, size_t count)
{
    channel_t *channel = channel_of(core, &items[0]->delivery);
    write_t write;
    write_begin(&write, channel, items[0]->delivery.rank / CORE_BLOCK);
    write_sign(&write, core, TRAIL_RECEIPT, "", items[0]->batch->worker->shown.gateway.name);
    for (size_t i = 0; i < count; i++) {
        apply(core, channel, items[i], &write);
        items[i]->settled = true;
        items[i]->batch->left--;
    }
    if (write_is_empty(&write))
        return; /* said before, in this round or one that is stored: the answer waits for the round */
    core->receipt_writes++;
    write_send(core, &write, &(ticket_t){.kind = TICKET_RECEIPTS});
}

/* Each in turn, from where the last round ended; what is over has its batch ready again. */
static void
apply_round(core_t *core, item_t **items, size_t count)
{
    size_t start = 0, done = 0;
    while (start < count && by_block(&items[start]->delivery, &core->receipts_at) <= 0)
        start++;
    while (done < count && core->receipt_writes < STATE_RECEIPT_WRITES) {
        size_t at = (start + done) % count, length = 1;
        while (at + length < count && length < CORE_RECEIPTS_MAX &&
               same_run(items[at], items[at + length]))
            length++;
        core->receipts_at = items[at]->delivery;
        apply_run(core, items + at, length);
        done += length;
    }
    for (; done < count; done++)
        items[(start + done) % count]->batch->ready = true;
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
    if (batch->finding || batch->ready || batch->in_round)
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

/* Those of a batch that may be applied now, as many as there is room for. */
static size_t
gather_batch(core_t *core, batch_t *batch, item_t **items, size_t room)
{
    size_t count = 0;
    batch->ready = false;
    batch->in_round = true;
    for (uint32_t i = 0; i < batch->count && !batch->ready; i++) {
        item_t *item = &batch->items[i];
        const channel_t *channel = item->settled ? NULL : channel_of(core, &item->delivery);
        if (channel && is_expected(channel, &item->delivery)) {
            if (count == room)
                batch->ready = true;
            else
                items[count++] = item;
        } else if (!item->settled) {
            want_broadcast(core, item);
        }
    }
    return count;
}

/* False: nothing is ready. */
static bool
gather(core_t *core, item_t **items, size_t *count)
{
    bool some = false;
    uint32_t first = core->batch_turn;
    *count = 0;
    for (uint32_t i = 0; i < CORE_BATCHES_MAX && *count < ROUND_ITEMS_MAX; i++) {
        uint32_t place = (first + i) % CORE_BATCHES_MAX;
        batch_t *batch = core->batches[place];
        if (!batch || !batch->ready)
            continue;
        *count += gather_batch(core, batch, items + *count, ROUND_ITEMS_MAX - *count);
        core->batch_turn = place;
        some = true;
    }
    return some;
}

static void
end_round(core_t *core)
{
    for (uint32_t i = 0; i < CORE_BATCHES_MAX; i++) {
        batch_t *batch = core->batches[i];
        if (!batch || !batch->in_round)
            continue;
        batch->in_round = false;
        conclude(core, batch);
    }
}

/* One round is under way at a time. */
static void
apply_what_is_ready(core_t *core)
{
    item_t *items[ROUND_ITEMS_MAX]; // cppcheck-suppress uninitvar ; `count` of them are set
    size_t count;
    while (core->receipt_writes == 0 && gather(core, items, &count)) {
        /* cppcheck-suppress uninitvar; the first `count` are set */
        qsort(items, count, sizeof *items, by_run);
        apply_round(core, items, count);
        if (core->receipt_writes == 0)
            end_round(core);
    }
}

void
receipts_stored(core_t *core)
{
    if (--core->receipt_writes > 0)
        return;
    end_round(core);
    apply_what_is_ready(core);
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

/* Looks for what is not known; else it is for the next round. */
static void
pursue(core_t *core, batch_t *batch)
{
    if (find(core, batch))
        return;
    batch->ready = true;
    apply_what_is_ready(core);
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
    batch->ready = true;
    apply_what_is_ready(core);
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
        batch->items[i] = (item_t){.batch = batch,
                                   .delivery = receipt->delivery,
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

/* Those whose delivery never appeared. */
static void
give_up(core_t *core, batch_t *batch)
{
    core->stats.receipts_unknown += batch->left;
    free_batch(core, batch);
}

/* Kept for what was not known yet, and nothing else. */
static bool
only_waits(const batch_t *batch)
{
    return batch->acknowledged && !batch->finding && !batch->ready && !batch->in_round;
}

/* What has waited longest makes room for what is new. */
static bool
make_room(core_t *core)
{
    batch_t *oldest = NULL;
    if (core->batch_count < CORE_BATCHES_MAX)
        return true;
    for (uint32_t i = 0; i < CORE_BATCHES_MAX; i++)
        if (only_waits(core->batches[i]) &&
            (!oldest || core->batches[i]->deadline_us < oldest->deadline_us))
            oldest = core->batches[i];
    if (oldest)
        give_up(core, oldest);
    return oldest != NULL;
}

void
core_receipts(core_t *core, core_time_t now, const char *name, const core_receipts_t *receipts)
{
    core->now = now;
    CR_ASSERT(receipts->count <= CORE_RECEIPTS_MAX);
    worker_t *worker = roster_find(core, name);
    if (!worker || !worker->gateway) {
        core_refuse(core, name, CORE_UNKNOWN_WORKER, 0, "say Hello first");
        return;
    }
    if (!are_receipts(receipts)) {
        core_refuse(core, name, CORE_MALFORMED, 0, "an outcome that no receipt may have");
        return;
    }
    roster_touch(core, worker);
    /* When there is no room the worker repeats them in a second. */
    if (is_repeated(core, worker, receipts->number) || !make_room(core))
        return;
    batch_t *batch = new_batch(core, worker, receipts);
    if (!batch)
        return;
    gateway_note_receipts(core, worker->gateway, receipts);
    pursue(core, batch);
}

static void
try_again(core_t *core, batch_t *batch)
{
    batch->wait_us *= 2;
    if (batch->wait_us > LONGEST_WAIT_MS * CR_US_PER_MS)
        batch->wait_us = LONGEST_WAIT_MS * CR_US_PER_MS;
    batch->next_us = core->now.mono_us + batch->wait_us;
    pursue(core, batch);
}

void
receipts_tick(core_t *core)
{
    for (uint32_t i = 0; core->batch_count > 0 && i < CORE_BATCHES_MAX; i++) {
        batch_t *batch = core->batches[i];
        if (!batch || !only_waits(batch))
            continue;
        if (core->now.mono_us >= batch->deadline_us)
            give_up(core, batch);
        else if (core->now.mono_us >= batch->next_us && !core_is_busy(core))
            try_again(core, batch);
    }
}
