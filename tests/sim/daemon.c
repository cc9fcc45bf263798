#include "daemon.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "says.h"
#include "store.h"
#include "truth.h"
#include "users.h"

/* ---- time ------------------------------------------------------------------------------------- */

static void
tick_at(sim_t *self, int64_t at_us)
{
    if (at_us >= self->tick_at)
        return;
    self->tick_at = at_us;
    queue_push(&self->queue, &(event_t){.at_us = at_us, .kind = DAEMON_TICK, .life = self->life});
}

void
daemon_stepped(sim_t *self)
{
    self->totals->core_events++;
    truth_follow(self);
    tick_at(self, self->now.mono_us + sim_between(self, 0, 200));
}

bool
daemon_is_late(sim_t *self, const event_t *event)
{
    if (self->now.mono_us >= self->frozen_until)
        return false;
    queue_postpone(&self->queue, event, self->frozen_until);
    return true;
}

static void
note_expiry(sim_t *self)
{
    for (uint32_t i = 0; i < self->broadcast_count; i++) {
        broadcast_t *broadcast = &self->broadcasts[i];
        broadcast->expired |=
            broadcast->spec.expires_us > 0 && self->now.wall_us >= broadcast->spec.expires_us;
    }
}

void
daemon_on_tick(sim_t *self, const event_t *event)
{
    if (event->life != self->life || event->at_us != self->tick_at)
        return;
    self->tick_at = INT64_MAX;
    if (daemon_is_late(self, event)) {
        self->tick_at = self->frozen_until;
        return;
    }
    note_expiry(self);
    TRACE(self, "> tick wall=%" PRId64, self->now.wall_us);
    self->totals->core_events++;
    int64_t due_us = core_tick(self->core, self->now);
    truth_follow(self);
    int64_t late_us = sim_strikes(self, FAULT_late_tick) ? CR_US_PER_S : self->tick_slack_us;
    tick_at(self, due_us + sim_between(self, 0, late_us));
}

/* ---- frames ----------------------------------------------------------------------------------- */

static void
on_hello(sim_t *self, const event_t *event)
{
    const worker_t *worker = &self->workers[event->worker];
    const gateway_t *gateway = &self->gateways[worker->gateway];
    uint64_t held[QUEUE_LIST];
    for (uint32_t i = 0; i < event->list_count; i++)
        held[i] = self->grants[event->list[i]].id;
    const core_hello_t hello = {.worker = worker->name,
                                .channel = worker->channel,
                                .gateway = {.drill = worker->drill,
                                            .gives_receipts = gateway->gives_receipts,
                                            .idempotent = gateway->idempotent,
                                            .window = worker->window},
                                .credit = worker->credit,
                                .urgent_credit = worker->urgent_credit,
                                .held = held,
                                .held_count = event->list_count,
                                .version = "1.0"};
    TRACE(self, "> hello worker=%s gateway=%s window=%u idempotent=%d held=%u", worker->name,
          gateway->name, worker->window, gateway->idempotent, event->list_count);
    core_hello_t said = hello;
    memcpy(said.gateway.name, gateway->name, sizeof gateway->name);
    core_hello(self->core, self->now, &said);
}

static void
on_ping(sim_t *self, const event_t *event)
{
    TRACE(self, "> ping worker=%s", self->workers[event->worker].name);
    if (core_heard(self->core, self->now, self->workers[event->worker].name))
        says_frame(self, &(event_t){.kind = WORKER_PONG, .worker = event->worker});
}

static void
on_bye(sim_t *self, const event_t *event)
{
    TRACE(self, "> bye worker=%s", self->workers[event->worker].name);
    core_bye(self->core, self->workers[event->worker].name);
}

static void
on_credit(sim_t *self, const event_t *event)
{
    worker_t *worker = &self->workers[event->worker];
    worker->credit = event->from;
    worker->urgent_credit = event->until;
    TRACE(self, "> credit worker=%s %u urgent=%u", worker->name, event->from, event->until);
    core_credit(self->core, worker->name, worker->credit, worker->urgent_credit);
}

static void
on_unreachable(sim_t *self, const event_t *event)
{
    TRACE(self, "> unreachable worker=%s", self->workers[event->worker].name);
    core_unreachable(self->core, self->workers[event->worker].name);
}

/* Fills `ids` for the accepted positions of the report. */
static size_t
name_accepted(const sim_t *self, const event_t *event, uint64_t packed[CORE_BLOCK],
              cr_slice_t ids[CORE_BLOCK])
{
    const grant_t *grant = &self->grants[event->number];
    size_t count = 0;
    for (uint32_t i = event->from; i < event->until; i++) {
        if (grant->outcomes[i] != CR_STATUS_ACCEPTED)
            continue;
        const receipt_t due = {.broadcast = grant->broadcast,
                               .nth = grant->nth[i],
                               .rank = (uint16_t)sim_rank(grant, i)};
        packed[count] = store_pack_id(&due, grant->channel);
        ids[count] = (cr_slice_t){(const char *)&packed[count], sizeof packed[count]};
        count++;
    }
    return count;
}

static void
on_report(sim_t *self, const event_t *event)
{
    const worker_t *worker = &self->workers[event->worker];
    const grant_t *grant = &self->grants[event->number];
    uint8_t positions[CORE_BLOCK];
    uint64_t packed[CORE_BLOCK];
    cr_slice_t ids[CORE_BLOCK];
    for (uint32_t i = event->from; i < event->until; i++)
        positions[i - event->from] = (uint8_t)i;
    size_t id_count =
        self->gateways[worker->gateway].by_id ? name_accepted(self, event, packed, ids) : 0;
    const core_report_t report = {.lease = grant->id,
                                  .sequence = event->sequence,
                                  .intent = event->intent,
                                  .positions = positions,
                                  .outcomes = grant->outcomes + event->from,
                                  .count = event->until - event->from,
                                  .gateway_ids = ids,
                                  .gateway_id_count = id_count,
                                  .retry_after_ms = event->retry_after_ms,
                                  .last = event->last};
    TRACE(self, "> report worker=%s lease=%" PRIx64 " sequence=%u intent=%u from=%u until=%u%s",
          worker->name, grant->id, event->sequence, event->intent, event->from, event->until,
          event->last ? " last" : "");
    TRACE(self, "> outcomes %s", sim_hex(report.outcomes, (uint32_t)report.count));
    self->report = event;
    core_report(self->core, self->now, worker->name, &report);
    self->report = NULL;
}

/* `reason` is which rule is broken; everything else is as a report would be. */
static void
on_garbage(sim_t *self, const event_t *event)
{
    const worker_t *worker = &self->workers[event->worker];
    const grant_t *grant = &self->grants[event->number];
    uint8_t positions[2] = {0, 0}, outcomes[2] = {CR_STATUS_HANDED, CR_STATUS_HANDED};
    core_report_t report = {.lease = grant->id,
                            .sequence = event->sequence,
                            .intent = event->intent,
                            .positions = positions,
                            .outcomes = outcomes};
    switch (event->reason % 6) {
    case 0: /* further than the lease goes */
        report.intent = grant->count + 1;
        break;
    case 1: /* a position that is not in the lease; a full one has none: an outcome twice */
        report.count = grant->count < CORE_BLOCK ? 1 : 2;
        positions[0] = (uint8_t)grant->count;
        break;
    case 2: /* an outcome that is not for workers */
        report.count = 1;
        outcomes[0] = CR_STATUS_CANCELLED;
        break;
    case 3: /* a report that is not the next one: its lease is lost */
        report.sequence += 5;
        report.intent = 0;
        break;
    case 4: /* a lease that never was */
        report.lease ^= UINT64_C(1) << 39;
        break;
    default: /* two outcomes, and gateway ids for one more */
        report.gateway_ids = (const cr_slice_t[]){CR_SLICE("x"), CR_SLICE("y")};
        report.gateway_id_count = 2;
        break;
    }
    TRACE(self, "> garbage worker=%s lease=%" PRIx64 " kind=%u", worker->name, grant->id,
          event->reason % 6);
    self->report = report.sequence == event->sequence ? event : NULL;
    core_report(self->core, self->now, worker->name, &report);
    self->report = NULL;
}

static core_receipt_t
receipt_of(const sim_t *self, const batch_t *batch, uint32_t i, uint64_t *packed)
{
    const receipt_t *due = &batch->receipts[i];
    core_receipt_t receipt = {.outcome = due->outcome};
    if (self->gateways[batch->gateway].by_id) {
        *packed = store_pack_id(due, batch->channel);
        receipt.gateway_id = (cr_slice_t){(const char *)packed, sizeof *packed};
    } else {
        receipt.delivery = (cr_delivery_t){due->broadcast + 1u, (cr_channel_t)batch->channel,
                                           due->rank, due->attempt};
    }
    return receipt;
}

/* The core knows of these, whatever it makes of them. */
static void
note_applied(const sim_t *self, batch_t *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const receipt_t *due = &batch->receipts[i];
        const book_t *book = due->broadcast < self->broadcast_count
                                 ? &self->broadcasts[due->broadcast].books[batch->channel]
                                 : NULL;
        if (book && book->live && book->live[due->rank] > CR_STATUS_RETRY_MAX)
            batch->applied |= (uint16_t)(1 << i);
    }
}

static void
on_receipts(sim_t *self, const event_t *event)
{
    batch_t *batch = &self->batches[event->number];
    core_receipt_t receipts[SIM_BATCH];
    uint64_t packed[SIM_BATCH];
    for (uint32_t i = 0; i < batch->count; i++)
        receipts[i] = receipt_of(self, batch, i, &packed[i]);
    TRACE(self, "> receipts worker=%s batch=%" PRIu64 " count=%u",
          self->workers[event->worker].name, batch->number, batch->count);
    for (uint32_t i = 0; i < batch->count; i++)
        TRACE(self,
              "> receipt batch=%" PRIu64 " broadcast=%u channel=%u rank=%u copy=%u outcome=%u",
              batch->number, batch->receipts[i].broadcast + 1u, batch->channel,
              batch->receipts[i].rank, batch->receipts[i].nth, batch->receipts[i].outcome);
    if (!self->gateways[batch->gateway].by_id)
        note_applied(self, batch);
    self->receipts = event;
    core_receipts(self->core, self->now, self->workers[event->worker].name,
                  &(core_receipts_t){batch->number, receipts, batch->count});
    self->receipts = NULL;
}

void
daemon_on_frame(sim_t *self, const event_t *event)
{
    static void (*const take[])(sim_t * self, const event_t *event) = {
        [DAEMON_HELLO] = on_hello,
        [DAEMON_PING] = on_ping,
        [DAEMON_CREDIT] = on_credit,
        [DAEMON_BYE] = on_bye,
        [DAEMON_UNREACHABLE] = on_unreachable,
        [DAEMON_REPORT] = on_report,
        [DAEMON_GARBAGE] = on_garbage,
        [DAEMON_RECEIPTS] = on_receipts,
    };
    const worker_t *worker = &self->workers[event->worker];
    bool old = (uint16_t)(event->life + 1) == worker->life && event->at_us <= worker->old_until;
    if (event->life != worker->life && !old)
        return; /* its connection was cut on the way */
    if (!self->core && self->keeps_frames && self->up_at > self->now.mono_us) {
        queue_postpone(&self->queue, event, self->up_at);
    }
    if (!self->core || daemon_is_late(self, event))
        return;
    take[event->kind](self, event);
    daemon_stepped(self);
}

/* ---- its life --------------------------------------------------------------------------------- */

static void
look_at(sim_t *self, broadcast_t *broadcast)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        book_t *book = &broadcast->books[i];
        core_channel_t channel;
        bool there =
            core_channel(self->core, self->now, broadcast->spec.id, (cr_channel_t)i, &channel);
        book->live = there ? channel.status : NULL;
        memset(book->owner, 0, sizeof book->owner);
        if (!there)
            continue;
        memcpy(book->seen, book->stored, broadcast->spec.total);
        memset(book->by_status, 0, sizeof book->by_status);
        for (uint32_t rank = 0; rank < broadcast->spec.total; rank++)
            book->by_status[book->seen[rank]]++;
    }
}

void
daemon_begin(sim_t *self, broadcast_t *broadcast)
{
    cr_status_t *status[CR_CHANNEL_COUNT] = {0};
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        if ((broadcast->spec.channels >> i & 1) == 0)
            continue;
        status[i] = malloc(broadcast->spec.total + 1u);
        CR_ASSERT(status[i]);
        memcpy(status[i], broadcast->books[i].stored, broadcast->spec.total);
    }
    TRACE(self,
          "> start broadcast=%" PRIu64 " lane=%d total=%u channels=%u resend=%d paused=%d"
          " expires=%" PRId64,
          broadcast->spec.id, (int)broadcast->spec.lane, broadcast->spec.total,
          broadcast->spec.channels, broadcast->spec.resend_unknown, broadcast->spec.paused,
          broadcast->spec.expires_us);
    CR_ASSERT(core_start(self->core, self->now, &broadcast->spec, status) == CR_OK);
    look_at(self, broadcast);
}

static void
restore(sim_t *self, grant_t *grant)
{
    const broadcast_t *broadcast = &self->broadcasts[grant->broadcast];
    const cr_delivery_t place = {.broadcast = broadcast->spec.id,
                                 .channel = (cr_channel_t)grant->channel};
    uint32_t before = core_stats(self->core).leases_out;
    TRACE(self, "> restore lease=%" PRIx64 " sequence=%u intent=%u", grant->id,
          grant->stored_sequence, grant->stored_asked);
    if (core_restore(self->core, self->now, &place, grant->id,
                     (cr_slice_t){(const char *)grant->record, grant->record_bytes}) != CR_OK)
        truth_break(self, RULE_restore, broadcast, grant->channel, TRUTH_NO_RANK);
    if (core_stats(self->core).leases_out == before)
        return; /* it is over, and was kept for what may have been sent */
    grant->out = true;
    grant->unsent = false;
    grant->frozen = false; /* it is told again when its worker is back */
    grant->sequence = grant->stored_sequence;
    grant->asked = grant->stored_asked;
    if (grant->acked < grant->stored_asked)
        grant->acked = grant->stored_asked; /* the last daemon may have said so */
    grant->told = grant->stored_told;
    self->broadcasts[grant->broadcast].books[grant->channel].owner[grant->block] =
        (uint16_t)(grant - self->grants + 1);
    self->workers[grant->worker].out[broadcast->spec.lane == CR_LANE_EMERGENCY]++;
}

static void
take_up(sim_t *self)
{
    for (uint32_t i = 0; i < self->broadcast_count; i++) {
        broadcast_t *broadcast = &self->broadcasts[i];
        /* That it is done may be forgotten once more. */
        if (broadcast->done && sim_below(self, 4) > 0)
            continue;
        broadcast->done = false;
        daemon_begin(self, broadcast);
    }
    uint32_t first = self->grant_count > 0 ? sim_below(self, self->grant_count) : 0;
    for (uint32_t i = 0; i < self->grant_count; i++) {
        uint32_t at = (first + i) % self->grant_count;
        grant_t *grant = &self->grants[at];
        if (self->recorded[at] && self->broadcasts[grant->broadcast].books[grant->channel].live)
            restore(self, grant);
    }
    users_tell_again(self);
}

void
daemon_start(sim_t *self)
{
    core_actions_t actions;
    says_actions(self, &actions);
    self->config.epoch++;
    self->life++;
    self->core = core_new(&self->config, &actions);
    CR_ASSERT(self->core);
    self->stopping = false;
    self->tick_at = INT64_MAX;
    TRACE(self, "> daemon epoch=%" PRIu64, self->config.epoch);
    take_up(self);
    daemon_stepped(self);
}

static void
forget_leases(sim_t *self, book_t *book)
{
    for (uint32_t i = 0; i < SIM_BLOCKS; i++) {
        if (book->owner[i] == 0)
            continue;
        self->grants[book->owner[i] - 1].out = false;
        book->owner[i] = 0;
    }
    book->live = NULL;
}

void
daemon_crash(sim_t *self, bool in_order)
{
    TRACE(self, "> crash in_order=%d pending=%u", in_order, self->store.pending);
    core_destroy(&self->core);
    self->life++;
    store_cut(self, in_order);
    for (uint32_t i = 0; i < self->broadcast_count; i++)
        for (int j = 0; j < CR_CHANNEL_COUNT; j++)
            forget_leases(self, &self->broadcasts[i].books[j]);
    for (uint32_t i = 0; i < self->worker_count; i++)
        self->workers[i].out[0] = self->workers[i].out[1] = 0;
    self->keeps_frames = sim_below(self, 2) > 0;
    self->up_at = self->now.mono_us + sim_while(self, 5 * CR_US_PER_S);
    if (self->up_at < self->frozen_until)
        self->up_at = self->frozen_until;
    queue_push(&self->queue,
               &(event_t){.at_us = self->up_at, .kind = DAEMON_UP, .life = self->life});
}
