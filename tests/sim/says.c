#include "says.h"

#include <inttypes.h>
#include <string.h>

#include "record.h"
#include "store.h"
#include "truth.h"

void
says_frame(sim_t *self, const event_t *event)
{
    worker_t *worker = &self->workers[event->worker];
    if (sim_strikes(self, FAULT_lose_down))
        return;
    event_t frame = *event;
    int64_t most_us = sim_strikes(self, FAULT_late_down) ? 5 * CR_US_PER_S : self->wire_us;
    int64_t at_us = self->now.mono_us + sim_between(self, 1, most_us);
    if (at_us > worker->down_at)
        worker->down_at = at_us;
    frame.at_us = worker->down_at;
    frame.life = worker->life;
    queue_push(&self->queue, &frame);
    if (sim_strikes(self, FAULT_double_down))
        queue_push(&self->queue, &frame);
}

/* Names are "w" and the number. */
static uint8_t
number_of(const char *worker)
{
    return (uint8_t)(worker[1] - '0');
}

static void
hash(sim_t *self, event_kind_t kind, const char *worker, uint64_t number, uint64_t value)
{
    sim_hash(self, (uint64_t)kind << 56 ^ (uint64_t)number_of(worker) << 48 ^ value);
    sim_hash(self, number);
}

static void
on_carriers(void *context, const core_run_t *run, uint8_t carriers[CORE_BLOCK])
{
    (void)context;
    for (uint32_t i = 0; i < run->count; i++)
        carriers[i] = (uint8_t)((run->first_rank + i) * 7 % 5);
}

static void
on_screen(void *context, const core_run_t *run, cr_status_t verdicts[CORE_BLOCK])
{
    const sim_t *self = context;
    const book_t *book = &self->broadcasts[run->broadcast - 1].books[run->channel];
    memcpy(verdicts, book->verdicts + run->first_rank, run->count);
}

/* How many positions go out. */
static uint32_t
draw_taken(sim_t *self, uint32_t count)
{
    if (sim_strikes(self, FAULT_deaf))
        return 0;
    return sim_strikes(self, FAULT_short_lease) ? 1 + sim_below(self, count) : count;
}

/* May be submitted from now on. */
static void
intend(sim_t *self, const grant_t *grant, uint32_t until)
{
    fate_t *fates = self->broadcasts[grant->broadcast].books[grant->channel].fates;
    for (uint32_t i = 0; i < until; i++)
        fates[sim_rank(grant, i)].flags |= FATE_INTENDED;
}

/* A lease is decided on. */
static grant_t *
enter(sim_t *self, const core_lease_t *lease)
{
    worker_t *worker = &self->workers[number_of(lease->worker)];
    truth_leased(self, worker, lease);
    grant_t *grant = sim_add_grant(self, lease->lease);
    grant->worker = number_of(lease->worker);
    grant->broadcast = (uint8_t)(lease->broadcast - 1);
    grant->channel = (uint8_t)lease->channel;
    grant->free_running = lease->free_running;
    grant->out = true;
    grant->block = lease->first_rank / CORE_BLOCK;
    grant->count = lease->count;
    memcpy(grant->offsets, lease->offsets, lease->count);
    memcpy(grant->attempts, lease->attempts, lease->count);
    self->broadcasts[grant->broadcast].books[grant->channel].owner[grant->block] =
        (uint16_t)self->grant_count;
    worker->out[lease->lane == CR_LANE_EMERGENCY]++;
    return grant;
}

static void
leave(sim_t *self, grant_t *grant)
{
    broadcast_t *broadcast = &self->broadcasts[grant->broadcast];
    grant->out = false;
    broadcast->books[grant->channel].owner[grant->block] = 0;
    self->workers[grant->worker].out[broadcast->spec.lane == CR_LANE_EMERGENCY]--;
}

static uint32_t
on_lease(void *context, const core_lease_t *lease)
{
    sim_t *self = context;
    uint32_t taken = draw_taken(self, lease->count);
    grant_t *grant = sim_grant(self, lease->lease);
    TRACE(self,
          "< lease worker=%s lease=%" PRIx64 " broadcast=%" PRIu64 " channel=%d first=%u count=%u"
          " intent=%u taken=%u%s",
          lease->worker, lease->lease, lease->broadcast, (int)lease->channel, lease->first_rank,
          lease->count, lease->intent, taken, lease->free_running ? " free" : "");
    TRACE(self, "< offsets %s", sim_hex(lease->offsets, taken));
    TRACE(self, "< attempts %s", sim_hex(lease->attempts, taken));
    hash(self, WORKER_LEASE, lease->worker, lease->lease, taken);
    sim_hash_bytes(self, lease->offsets, lease->count);
    if (!grant && taken > 0)
        grant = enter(self, lease);
    if (taken == 0)
        return 0;
    truth_sent(self, grant, lease);
    grant->unsent = false;
    grant->count = taken;
    grant->acked = lease->intent < taken ? lease->intent : taken;
    intend(self, grant, grant->free_running ? taken : grant->acked);
    says_frame(self, &(event_t){.kind = WORKER_LEASE,
                                .worker = grant->worker,
                                .number = (uint32_t)(grant - self->grants),
                                .intent = (uint16_t)grant->acked});
    return taken;
}

static void
on_welcome(void *context, const char *worker, const uint64_t *dropped, size_t count)
{
    sim_t *self = context;
    event_t frame = {.kind = WORKER_WELCOME, .worker = number_of(worker)};
    hash(self, WORKER_WELCOME, worker, count, 0);
    for (size_t i = 0; i < count && i < QUEUE_LIST; i++) {
        const grant_t *grant = sim_grant(self, dropped[i]);
        if (grant)
            frame.list[frame.list_count++] = (uint16_t)(grant - self->grants);
    }
    TRACE(self, "< welcome worker=%s dropped=%zu", worker, count);
    says_frame(self, &frame);
}

static void
on_ack(void *context, const char *worker, uint64_t lease, uint32_t sequence, uint32_t intent)
{
    sim_t *self = context;
    grant_t *grant = sim_grant(self, lease);
    TRACE(self, "< ack worker=%s lease=%" PRIx64 " sequence=%u intent=%u", worker, lease, sequence,
          intent);
    hash(self, WORKER_ACK, worker, lease, (uint64_t)sequence << 16 ^ intent);
    CR_ASSERT(grant);
    truth_acknowledged(self, grant, sequence, intent);
    says_frame(self, &(event_t){.kind = WORKER_ACK,
                                .worker = number_of(worker),
                                .number = (uint32_t)(grant - self->grants),
                                .sequence = sequence,
                                .intent = (uint16_t)intent});
}

static void
on_refuse(void *context, const char *worker, core_refusal_t reason, uint64_t lease,
          const char *text)
{
    sim_t *self = context;
    const grant_t *grant = sim_grant(self, lease);
    TRACE(self, "< refuse worker=%s lease=%" PRIx64 " reason=%d %s", worker, lease, (int)reason,
          text);
    hash(self, WORKER_REFUSE, worker, lease, reason);
    says_frame(self, &(event_t){.kind = WORKER_REFUSE,
                                .worker = number_of(worker),
                                .number = grant ? (uint32_t)(grant - self->grants) : SIM_GRANTS,
                                .reason = (uint8_t)reason});
}

static void
on_revoke(void *context, const char *worker, uint64_t lease, core_stop_t reason)
{
    sim_t *self = context;
    grant_t *grant = sim_grant(self, lease);
    TRACE(self, "< revoke worker=%s lease=%" PRIx64 " reason=%d", worker, lease, (int)reason);
    hash(self, WORKER_REVOKE, worker, lease, reason);
    CR_ASSERT(grant);
    grant->frozen = true;
    says_frame(self, &(event_t){.kind = WORKER_REVOKE,
                                .worker = number_of(worker),
                                .number = (uint32_t)(grant - self->grants),
                                .reason = (uint8_t)reason});
}

/* A batch is acknowledged when what could be made of it is stored; what nobody knows yet is only
 * kept. */
static void
check_receipts(sim_t *self, const batch_t *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const receipt_t *due = &batch->receipts[i];
        if ((batch->applied >> i & 1) == 0 || due->outcome != CR_STATUS_DELIVERED)
            continue;
        const broadcast_t *broadcast = &self->broadcasts[due->broadcast];
        const book_t *book = &broadcast->books[batch->channel];
        if (book->live && book->live[due->rank] == CR_STATUS_DELIVERED &&
            book->stored[due->rank] != CR_STATUS_DELIVERED)
            truth_break(self, RULE_unstored, broadcast, batch->channel, due->rank);
    }
}

static void
on_receipts_ack(void *context, const char *worker, uint64_t number)
{
    sim_t *self = context;
    uint32_t place = (uint32_t)(number % SIM_BATCHES);
    TRACE(self, "< receipts_ack worker=%s batch=%" PRIu64, worker, number);
    hash(self, WORKER_RECEIPTS_ACK, worker, number, 0);
    batch_t *batch = &self->batches[place];
    if (batch->number == number && !batch->acknowledged)
        check_receipts(self, batch);
    batch->acknowledged |= batch->number == number;
    says_frame(
        self,
        &(event_t){.kind = WORKER_RECEIPTS_ACK, .worker = number_of(worker), .number = place});
}

/* The first write of a lease that waits for it, or of what nobody holds but may have been sent. */
static grant_t *
enter_record(sim_t *self, const core_write_t *write, const record_t *record)
{
    const broadcast_t *broadcast = &self->broadcasts[write->broadcast - 1];
    uint8_t attempts[CORE_BLOCK];
    core_lease_t lease = {.worker = record->worker,
                          .lease = write->lease,
                          .broadcast = write->broadcast,
                          .channel = write->channel,
                          .lane = broadcast->spec.lane,
                          .first_rank = record->block * CORE_BLOCK,
                          .count = record->count,
                          .offsets = record->offsets,
                          .attempts = attempts};
    if (record->over) {
        grant_t *kept = sim_add_grant(self, write->lease);
        kept->broadcast = (uint8_t)(write->broadcast - 1);
        kept->channel = (uint8_t)write->channel;
        return kept;
    }
    for (uint32_t i = 0; i < record->count; i++)
        attempts[i] =
            (uint8_t)(broadcast->books[write->channel].live[lease.first_rank + record->offsets[i]] +
                      1);
    grant_t *grant = enter(self, &lease);
    grant->unsent = true;
    TRACE(self, "< grant lease=%" PRIx64 " broadcast=%" PRIu64 " channel=%d first=%u offsets=%s",
          write->lease, write->broadcast, (int)write->channel, lease.first_rank,
          sim_hex(record->offsets, record->count));
    intend(self, grant, record->intent);
    return grant;
}

/* The report under way is taken; what ends with it gives its block back. */
static bool
take_report(sim_t *self, grant_t *grant)
{
    const event_t *report = self->report;
    grant->sequence = report->sequence;
    grant->told = report->until;
    if (report->last) {
        grant->out = false;
        self->broadcasts[grant->broadcast].books[grant->channel].owner[grant->block] = 0;
    }
    return report->last;
}

/* What the write says about its lease. True: it ends with the report that is being taken. */
static bool
follow_lease(sim_t *self, const core_write_t *write)
{
    grant_t *grant = sim_grant(self, write->lease);
    record_t record;
    if (write->record_bytes > 0)
        record_read(write->record, write->record_bytes, &record);
    bool ends = false;
    if (!grant && write->record_bytes == 0)
        return false; /* it was nobody's, and nothing of it is kept */
    if (!grant)
        grant = enter_record(self, write, &record);
    else if (grant->out && grant->unsent)
        leave(self, grant); /* it never went out */
    else if (grant->out && self->report)
        ends = take_report(self, grant);
    if (write->record_bytes > 0) {
        grant->asked = record.intent;
        intend(self, grant, record.over ? 0 : record.intent);
    } else if (ends && self->report->intent > grant->asked) {
        grant->asked = self->report->intent;
    }
    return ends;
}

static void
on_store(void *context, const core_write_t *write)
{
    sim_t *self = context;
    TRACE(self,
          "< store ticket=%u broadcast=%" PRIu64 " channel=%d first=%u length=%u lease=%" PRIx64
          "%s",
          write->ticket, write->broadcast, (int)write->channel, write->first_rank, write->length,
          write->lease, write->lease_ends ? " ends" : "");
    sim_hash(self, write->broadcast << 32 ^ write->ticket);
    sim_hash(self, (uint64_t)write->first_rank << 32 ^ write->length);
    sim_hash_bytes(self, write->status, write->length);
    if (write->record_bytes > 0)
        sim_hash_bytes(self, write->record, write->record_bytes);
    if (write->trail_bytes > 0)
        sim_hash_bytes(self, write->trail, write->trail_bytes);
    if (self->report && self->report->kind == DAEMON_GARBAGE)
        truth_break(self, RULE_garbage, NULL, 0, TRUTH_NO_RANK);
    store_write(self, write, write->lease != 0 && follow_lease(self, write));
}

static void
on_find(void *context, uint32_t batch, const cr_slice_t *ids, size_t count)
{
    sim_t *self = context;
    TRACE(self, "< find batch=%u count=%zu", batch, count);
    sim_hash(self, (uint64_t)batch << 32 ^ count);
    if (self->receipts)
        self->batch_of[batch] = self->receipts->number;
    store_find(self, batch, ids, count);
}

static void
on_lost(void *context, const core_loss_t *loss)
{
    sim_t *self = context;
    grant_t *grant = sim_grant(self, loss->lease);
    TRACE(self, "< lost worker=%s lease=%" PRIx64 " returned=%u unknown=%u resent=%u", loss->worker,
          loss->lease, loss->returned, loss->unknown, loss->resent);
    hash(self, DAEMON_DOWN, loss->worker, loss->lease, loss->unknown);
    CR_ASSERT(grant && grant->out);
    truth_lost(self, grant, loss);
    leave(self, grant);
}

static void
on_gone(void *context, const char *worker)
{
    sim_t *self = context;
    TRACE(self, "< gone worker=%s", worker);
    hash(self, WORKER_UP, worker, 0, 0);
}

static void
on_done(void *context, uint64_t broadcast)
{
    sim_t *self = context;
    TRACE(self, "< done broadcast=%" PRIu64, broadcast);
    sim_hash(self, broadcast);
    truth_done(self, &self->broadcasts[broadcast - 1]);
}

static void
on_bad_address(void *context, uint64_t broadcast, cr_channel_t channel, uint32_t rank)
{
    sim_t *self = context;
    const fate_t *fate = &self->broadcasts[broadcast - 1].books[channel].fates[rank];
    if ((fate->flags & FATE_REFUSED) == 0)
        truth_break(self, RULE_invented, &self->broadcasts[broadcast - 1], (int)channel, rank);
}

static void
on_ordered(void *context, uint64_t broadcast, uint32_t moved)
{
    sim_t *self = context;
    TRACE(self, "< ordered broadcast=%" PRIu64 " moved=%u", broadcast, moved);
    sim_hash(self, broadcast << 32 ^ moved);
}

void
says_actions(sim_t *self, core_actions_t *actions)
{
    *actions = (core_actions_t){
        .context = self,
        .screen = on_screen,
        .carriers = on_carriers,
        .lease = on_lease,
        .welcome = on_welcome,
        .ack = on_ack,
        .refuse = on_refuse,
        .revoke = on_revoke,
        .receipts_ack = on_receipts_ack,
        .store = on_store,
        .find = on_find,
        .lost = on_lost,
        .gone = on_gone,
        .done = on_done,
        .ordered = on_ordered,
        .bad_address = on_bad_address,
    };
}
