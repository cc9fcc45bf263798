#include "core_crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 8, ID_MAX = 48 };

uint32_t
crowd_random(crowd_t *self, uint32_t below)
{
    uint64_t x = self->seed;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    self->seed = x;
    return (uint32_t)(x >> 32) % below;
}

static bool
is_lost(crowd_t *self)
{
    return crowd_random(self, 100) < self->loss;
}

void
crowd_init(crowd_t *self, uint64_t seed)
{
    *self = (crowd_t){.seed = seed * UINT64_C(0x9E3779B97F4A7C15) + 1, .loss = 4};
    rig_init(&self->rig);
    for (int i = 0; i < CROWD_WORKERS; i++) {
        self->workers[i].channel = (cr_channel_t)(i % CR_CHANNEL_COUNT);
        snprintf(self->workers[i].name, CORE_NAME_MAX, "w%d", i);
    }
}

void
crowd_fini(crowd_t *self)
{
    for (int i = 0; i < RIG_BROADCASTS; i++)
        for (int j = 0; j < RIG_CHANNELS; j++)
            free(self->fates[i][j]);
    for (int i = 0; i < CROWD_WORKERS; i++)
        free(self->workers[i].inbox);
    free(self->due);
    rig_fini(&self->rig);
}

void
crowd_start(crowd_t *self, const core_broadcast_t *spec)
{
    for (int i = 0; i < RIG_CHANNELS; i++) {
        self->fates[spec->id - 1][i] = calloc(spec->total + 1u, sizeof(fate_t));
        CR_ASSERT(self->fates[spec->id - 1][i]);
    }
    rig_start(&self->rig, spec);
}

/* ---- gateways --------------------------------------------------------------------------------- */

static bool
is_idempotent(cr_channel_t channel)
{
    return channel == CR_CHANNEL_WECHAT;
}

static void
owe_receipt(crowd_t *self, const cr_delivery_t *delivery)
{
    self->due = realloc(self->due, (self->due_count + 1) * sizeof *self->due);
    CR_ASSERT(self->due);
    self->due[self->due_count++] = *delivery;
}

static void
accept_message(crowd_t *self, const cr_delivery_t *delivery)
{
    fate_t *fate = &self->fates[delivery->broadcast - 1][delivery->channel][delivery->rank];
    if (fate->accepted > 0 && is_idempotent(delivery->channel))
        return;
    fate->accepted++;
    if (delivery->channel != CR_CHANNEL_MAIL && crowd_random(self, 10) > 0)
        owe_receipt(self, delivery);
}

/* What the worker sees; what happened is in the fate. */
static cr_status_t
submit(crowd_t *self, const cr_delivery_t *delivery)
{
    fate_t *fate = &self->fates[delivery->broadcast - 1][delivery->channel][delivery->rank];
    bool known = fate->accepted > 0 && is_idempotent(delivery->channel);
    uint32_t luck = known ? 0 : crowd_random(self, 100);
    cr_status_t good = delivery->channel == CR_CHANNEL_MAIL ? CR_STATUS_HANDED : CR_STATUS_ACCEPTED;
    fate->submitted++;
    if (luck < 70 || (luck < 74 && crowd_random(self, 2) > 0)) {
        accept_message(self, delivery);
        return luck < 70 ? good : CR_STATUS_UNKNOWN;
    }
    if (luck >= 74)
        fate->refused++;
    return luck < 74 ? CR_STATUS_UNKNOWN : luck < 92 ? CR_STATUS_RETRY_1 : CR_STATUS_FAILED_ADDRESS;
}

/* ---- frames ----------------------------------------------------------------------------------- */

static crowd_worker_t *
worker_of(crowd_t *self, const char *name)
{
    for (int i = 0; i < CROWD_WORKERS; i++)
        if (strcmp(self->workers[i].name, name) == 0)
            return &self->workers[i];
    return NULL;
}

void
crowd_carry(crowd_t *self)
{
    for (size_t i = 0; i < self->rig.event_count; i++) {
        const rig_event_t *event = &self->rig.events[i];
        crowd_worker_t *to = worker_of(self, event->worker);
        bool is_news = event->kind >= RIG_LOST; /* of the core, not for the worker */
        if (!to || is_news || is_lost(self))
            continue;
        to->inbox = realloc(to->inbox, (to->inbox_count + 1) * sizeof *to->inbox);
        CR_ASSERT(to->inbox);
        to->inbox[to->inbox_count++] = *event;
    }
    rig_forget(&self->rig);
}

void
crowd_hello(crowd_t *self, crowd_worker_t *worker)
{
    uint64_t held[CROWD_HELD];
    core_hello_t hello = rig_hello(worker->name);
    hello.channel = worker->channel;
    hello.gateway.window = WINDOW;
    hello.gateway.idempotent = is_idempotent(worker->channel);
    hello.held = held;
    for (int i = 0; i < CROWD_HELD; i++)
        if (worker->held[i].given.number != 0)
            held[hello.held_count++] = worker->held[i].given.number;
    if (!is_lost(self))
        rig_say_hello(&self->rig, &hello);
}

void
crowd_ping(crowd_t *self, crowd_worker_t *worker)
{
    if (!worker->greeted)
        crowd_hello(self, worker);
    else if (!is_lost(self))
        core_heard(self->rig.core, self->rig.now, worker->name);
}

static held_t *
held_of(crowd_worker_t *worker, uint64_t lease)
{
    for (int i = 0; i < CROWD_HELD; i++)
        if (worker->held[i].given.number == lease)
            return &worker->held[i];
    return NULL;
}

static void
on_lease(crowd_worker_t *worker, const rig_event_t *event)
{
    held_t *held = held_of(worker, 0);
    if (held) /* or it holds too much that it has lost without knowing: the deadline tells */
        *held = (held_t){.given = *event};
}

static void
on_ack(crowd_worker_t *worker, const rig_event_t *event)
{
    held_t *held = held_of(worker, event->number);
    if (!held || !held->outstanding || event->sequence != held->sequence)
        return;
    held->outstanding = false;
    held->reported = held->until;
    held->intent = event->intent;
    if (held->last)
        held->given.number = 0;
}

static void
on_refuse(crowd_worker_t *worker, const rig_event_t *event)
{
    held_t *held = held_of(worker, event->number);
    if (event->reason == CORE_UNKNOWN_WORKER)
        worker->greeted = false;
    else if (event->reason == CORE_UNKNOWN_LEASE && held && event->number != 0)
        held->given.number = 0;
    else
        CR_ASSERT(event->reason == CORE_UNKNOWN_LEASE || event->reason == CORE_MALFORMED);
}

static void
on_revoke(crowd_worker_t *worker, const rig_event_t *event)
{
    held_t *held = held_of(worker, event->number);
    if (held && event->number != 0)
        held->stopped = true;
}

static void
on_welcome(crowd_worker_t *worker, const rig_event_t *event)
{
    worker->greeted = true;
    for (size_t i = 0; i < event->dropped_count; i++) {
        held_t *held = held_of(worker, event->dropped[i]);
        if (held)
            held->stopped = true;
    }
}

static void
on_receipts_ack(crowd_worker_t *worker, const rig_event_t *event)
{
    if (event->number == worker->batch)
        worker->batch = 0;
}

bool
crowd_read(crowd_t *self, crowd_worker_t *worker)
{
    static void (*const read[])(crowd_worker_t * worker, const rig_event_t *event) = {
        [RIG_LEASE] = on_lease,   [RIG_WELCOME] = on_welcome, [RIG_ACK] = on_ack,
        [RIG_REFUSE] = on_refuse, [RIG_REVOKE] = on_revoke,   [RIG_RECEIPTS_ACK] = on_receipts_ack,
    };
    (void)self;
    if (worker->inbox_count == 0)
        return false;
    rig_event_t event = worker->inbox[0];
    memmove(worker->inbox, worker->inbox + 1, --worker->inbox_count * sizeof *worker->inbox);
    read[event.kind](worker, &event);
    return true;
}

/* ---- work ------------------------------------------------------------------------------------- */

static bool
may_submit(const crowd_t *self, const held_t *held)
{
    const core_lease_t *lease = &held->given.lease;
    return held->given.number != 0 && !held->stopped && held->next < lease->count &&
           self->rig.now.wall_us < lease->expires_us &&
           (lease->free_running || held->next < held->intent);
}

bool
crowd_submit(crowd_t *self, crowd_worker_t *worker)
{
    held_t *first = NULL;
    for (int i = 0; i < CROWD_HELD; i++) {
        held_t *held = &worker->held[i];
        if (may_submit(self, held) && (!first || held->given.lease.lane < first->given.lease.lane))
            first = held;
    }
    if (!first)
        return false;
    const core_lease_t *lease = &first->given.lease;
    const cr_delivery_t delivery = {lease->broadcast, lease->channel,
                                    lease->first_rank + first->given.offsets[first->next],
                                    first->given.attempts[first->next]};
    first->outcomes[first->next++] = submit(self, &delivery);
    return true;
}

static uint32_t
smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Fixes what the next report says, if there is something to say. */
static bool
compose(const crowd_t *self, held_t *held)
{
    const core_lease_t *lease = &held->given.lease;
    bool over =
        held->stopped || held->next == lease->count || self->rig.now.wall_us >= lease->expires_us;
    uint32_t asked = over ? held->intent : smaller(lease->count, held->next + 2 * WINDOW);
    if (held->next == held->reported && asked <= held->intent && !over)
        return false;
    held->outstanding = true;
    held->sequence++;
    held->asked = asked > held->asked ? asked : held->asked;
    held->until = held->next;
    held->last = over;
    return true;
}

static void
send_report(crowd_t *self, const crowd_worker_t *worker, const held_t *held)
{
    uint8_t positions[CORE_BLOCK];
    char names[CORE_BLOCK][ID_MAX];
    cr_slice_t ids[CORE_BLOCK];
    size_t id_count = 0, count = held->until - held->reported;
    const core_lease_t *lease = &held->given.lease;
    for (uint32_t i = held->reported; i < held->until; i++) {
        positions[i - held->reported] = (uint8_t)i;
        if (worker->channel != CR_CHANNEL_WECHAT || held->outcomes[i] != CR_STATUS_ACCEPTED)
            continue;
        snprintf(names[id_count], ID_MAX, "%u.%u", (unsigned)lease->broadcast,
                 lease->first_rank + held->given.offsets[i]);
        ids[id_count] = cr_slice_of(names[id_count]);
        id_count++;
    }
    const core_report_t report = {.lease = held->given.number,
                                  .sequence = held->sequence,
                                  .intent = held->asked,
                                  .positions = positions,
                                  .outcomes = held->outcomes + held->reported,
                                  .count = count,
                                  .gateway_ids = ids,
                                  .gateway_id_count = id_count,
                                  .last = held->last};
    if (!is_lost(self))
        core_report(self->rig.core, self->rig.now, worker->name, &report);
}

void
crowd_report(crowd_t *self, crowd_worker_t *worker)
{
    held_t *held = &worker->held[crowd_random(self, CROWD_HELD)];
    if (held->given.number != 0 && (held->outstanding || compose(self, held)))
        send_report(self, worker, held);
}

/* ---- receipts --------------------------------------------------------------------------------- */

static core_receipt_t
receipt_of(crowd_t *self, const cr_delivery_t *delivery, char id[ID_MAX])
{
    core_receipt_t receipt = {.outcome = crowd_random(self, 10) > 0 ? CR_STATUS_DELIVERED
                                                                    : CR_STATUS_FAILED_UNREACHABLE};
    if (delivery->channel == CR_CHANNEL_WECHAT) {
        snprintf(id, ID_MAX, "%u.%u", (unsigned)delivery->broadcast, delivery->rank);
        receipt.gateway_id = cr_slice_of(id);
    } else {
        receipt.delivery = *delivery;
    }
    return receipt;
}

/* A gateway pushes until the push is answered: the batch outlives its worker. */
void
crowd_receipts(crowd_t *self, crowd_worker_t *worker)
{
    static char ids[CROWD_WORKERS][CROWD_BATCH][ID_MAX];
    if (worker->batch == 0) {
        worker->batch = ++self->batches;
        worker->receipt_count = 0;
    }
    for (size_t i = 0; i < self->due_count && worker->receipt_count < CROWD_BATCH;) {
        if (self->due[i].channel != worker->channel || worker->batch != self->batches) {
            i++;
            continue;
        }
        char *id = ids[worker - self->workers][worker->receipt_count];
        worker->receipts[worker->receipt_count++] = receipt_of(self, &self->due[i], id);
        self->due[i] = self->due[--self->due_count];
    }
    const core_receipts_t batch = {worker->batch, worker->receipts, worker->receipt_count};
    if (worker->receipt_count == 0)
        worker->batch = 0;
    else if (!is_lost(self))
        core_receipts(self->rig.core, self->rig.now, worker->name, &batch);
}

/* ---- faults ----------------------------------------------------------------------------------- */

void
crowd_cut(crowd_t *self, crowd_worker_t *worker)
{
    (void)self;
    worker->inbox_count = 0;
    worker->greeted = false;
}

void
crowd_crash(crowd_t *self, crowd_worker_t *worker)
{
    crowd_cut(self, worker);
    memset(worker->held, 0, sizeof worker->held);
}
