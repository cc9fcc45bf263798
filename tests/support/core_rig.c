#include "core_rig_ledger.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the core says ----------------------------------------------------------------------- */

static rig_event_t *
note(rig_t *self, rig_kind_t kind, const char *worker, uint64_t number)
{
    self->events = rig_grown(self->events, self->event_count, sizeof *self->events);
    rig_event_t *event = &self->events[self->event_count++];
    *event = (rig_event_t){.kind = kind, .number = number};
    memcpy(event->worker, worker, strlen(worker) + 1);
    return event;
}

static bool
is_ended(const rig_t *self, uint64_t lease)
{
    for (size_t i = self->ended_count; i > 0; i--)
        if (self->ended[i - 1] == lease)
            return true;
    return false;
}

/* Number by number in turn. */
static void
on_carriers(void *context, const core_run_t *run, uint8_t carriers[CORE_BLOCK])
{
    (void)context;
    for (uint32_t i = 0; i < run->count; i++)
        carriers[i] = (uint8_t)(1 + i % 3);
}

static void
on_screen(void *context, const core_run_t *run, cr_status_t verdicts[CORE_BLOCK])
{
    const rig_t *self = context;
    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t rank = run->first_rank + i;
        bool meant = rank >= self->screen_first && rank < self->screen_end;
        verdicts[i] = meant ? self->verdict : CR_STATUS_WAITING;
    }
}

static uint32_t
on_lease(void *context, const core_lease_t *lease)
{
    rig_t *self = context;
    if (self->deaf)
        return 0;
    uint64_t *owner = &rig_broadcast_of(self, lease->broadcast)
                           ->owner[lease->channel][lease->first_rank / CORE_BLOCK];
    if (*owner != 0)
        rig_broken(self, "a block was leased twice");
    *owner = lease->lease;
    rig_event_t *event = note(self, RIG_LEASE, lease->worker, lease->lease);
    event->lease = *lease;
    memcpy(event->offsets, lease->offsets, lease->count);
    memcpy(event->attempts, lease->attempts, lease->count);
    return self->room > 0 && self->room < lease->count ? self->room : lease->count;
}

static void
on_welcome(void *context, const char *worker, const uint64_t *dropped, size_t count)
{
    rig_event_t *event = note(context, RIG_WELCOME, worker, 0);
    CR_ASSERT(count <= CR_COUNT(event->dropped));
    memcpy(event->dropped, dropped, count * sizeof *dropped);
    event->dropped_count = count;
}

/* The image must say what the acknowledgement says: bytes 2 to 5 of a record are the sequence,
 * 6 and 7 the intent. */
static bool
is_stored(const rig_t *self, uint64_t lease, uint32_t sequence, uint32_t intent)
{
    const rig_record_t *at = rig_record_of(self, lease);
    if (!at)
        return is_ended(self, lease);
    const uint8_t *record = at->record;
    uint32_t stored = rig_number_at(record + 2) | rig_number_at(record + 4) << 16;
    return stored >= sequence && rig_number_at(record + 6) >= intent;
}

static void
on_ack(void *context, const char *worker, uint64_t lease, uint32_t sequence, uint32_t intent)
{
    rig_t *self = context;
    if (!is_stored(self, lease, sequence, intent))
        rig_broken(self, "a report was acknowledged before it was stored");
    rig_event_t *event = note(self, RIG_ACK, worker, lease);
    event->sequence = sequence;
    event->intent = intent;
}

static void
on_refuse(void *context, const char *worker, core_refusal_t reason, uint64_t lease,
          const char *text)
{
    (void)text;
    note(context, RIG_REFUSE, worker, lease)->reason = (int)reason;
}

static void
on_revoke(void *context, const char *worker, uint64_t lease, core_stop_t reason)
{
    note(context, RIG_REVOKE, worker, lease)->reason = (int)reason;
}

static void
on_receipts_ack(void *context, const char *worker, uint64_t batch)
{
    note(context, RIG_RECEIPTS_ACK, worker, batch);
}

static void
on_lost(void *context, const core_loss_t *loss)
{
    note(context, RIG_LOST, loss->worker, loss->lease)->loss = *loss;
}

static void
on_gone(void *context, const char *worker)
{
    note(context, RIG_GONE, worker, 0);
}

static void
on_done(void *context, uint64_t id)
{
    rig_t *self = context;
    rig_broadcast_t *broadcast = rig_broadcast_of(self, id);
    if (broadcast->done)
        rig_broken(self, "done was said twice");
    for (size_t i = 0; i < self->write_count; i++)
        if (self->writes[i].write.broadcast == id)
            rig_broken(self, "done was said before everything was stored");
    broadcast->done = true;
    note(self, RIG_DONE, "", id);
}

static void
on_ordered(void *context, uint64_t id, uint32_t moved)
{
    note(context, RIG_ORDERED, "", id)->moved = moved;
}

static void
on_bad_address(void *context, uint64_t id, cr_channel_t channel, uint32_t rank)
{
    (void)channel;
    note(context, RIG_BAD_ADDRESS, "", id)->moved = rank;
}

static void
on_want(void *context, uint64_t id)
{
    note(context, RIG_WANT, "", id);
}

/* ---- the core's life -------------------------------------------------------------------------- */

static void
new_core(rig_t *self)
{
    const core_actions_t actions = {
        .context = self,
        .screen = on_screen,
        .carriers = on_carriers,
        .lease = on_lease,
        .welcome = on_welcome,
        .ack = on_ack,
        .refuse = on_refuse,
        .revoke = on_revoke,
        .receipts_ack = on_receipts_ack,
        .store = rig_on_store,
        .find = rig_on_find,
        .lost = on_lost,
        .gone = on_gone,
        .done = on_done,
        .ordered = on_ordered,
        .want = on_want,
        .bad_address = on_bad_address,
    };
    self->core = core_new(&self->config, &actions);
    CR_ASSERT(self->core);
}

void
rig_init(rig_t *self)
{
    *self = (rig_t){.config = {.epoch = 1,
                               .seed = 1,
                               .lease_us = 10 * CR_US_PER_S,
                               .retry_first_us = CR_US_PER_S,
                               .retry_max_us = 60 * CR_US_PER_S,
                               .attempts_max = 3},
                    .now = {CR_US_PER_S, 1800000000 * CR_US_PER_S}};
    new_core(self);
}

void
rig_fini(rig_t *self)
{
    core_destroy(&self->core);
    rig_drop_pending(self);
    for (size_t i = 0; i < RIG_BROADCASTS; i++)
        for (int j = 0; j < RIG_CHANNELS; j++) {
            free(self->broadcasts[i].status[j]);
            free(self->broadcasts[i].seen[j]);
            free(self->broadcasts[i].owner[j]);
        }
    free(self->events);
    free(self->writes);
    free(self->finds);
    free(self->records);
    free(self->ended);
    free(self->ids);
}

static void
start_core(rig_t *self, const rig_broadcast_t *broadcast)
{
    cr_status_t *status[RIG_CHANNELS] = {0};
    for (int i = 0; i < RIG_CHANNELS; i++)
        if (broadcast->status[i])
            status[i] = rig_copy_of(broadcast->status[i], broadcast->spec.total);
    CR_ASSERT(core_start(self->core, self->now, &broadcast->spec, status) == CR_OK);
}

void
rig_start(rig_t *self, const core_broadcast_t *spec)
{
    CR_ASSERT(spec->id > 0 && spec->id <= RIG_BROADCASTS);
    rig_broadcast_t *broadcast = &self->broadcasts[spec->id - 1];
    broadcast->spec = *spec;
    for (int i = 0; i < RIG_CHANNELS; i++) {
        if ((spec->channels >> i & 1) == 0)
            continue;
        broadcast->status[i] = calloc(spec->total + 1u, 1);
        broadcast->seen[i] = calloc(spec->total + 1u, 1);
        broadcast->owner[i] = calloc(spec->total / CORE_BLOCK + 1u, sizeof(uint64_t));
        CR_ASSERT(broadcast->status[i] && broadcast->seen[i] && broadcast->owner[i]);
    }
    start_core(self, broadcast);
}

static void
take_up(rig_t *self, rig_broadcast_t *broadcast)
{
    start_core(self, broadcast);
    for (int i = 0; i < RIG_CHANNELS; i++) {
        if (!broadcast->status[i])
            continue;
        memcpy(broadcast->seen[i], broadcast->status[i], broadcast->spec.total);
        memset(broadcast->owner[i], 0, (broadcast->spec.total / CORE_BLOCK + 1u) * 8u);
    }
}

static void
restore(rig_t *self, const rig_record_t *record)
{
    const cr_slice_t bytes = {(const char *)record->record, record->bytes};
    rig_broadcast_t *broadcast = rig_broadcast_of(self, record->place.broadcast);
    if (broadcast->done)
        return;
    if (core_restore(self->core, self->now, &record->place, record->lease, bytes) != CR_OK)
        rig_broken(self, "a stored lease was refused");
    /* Bytes 10 to 13 of a record are its block. */
    if ((record->record[1] & 4) != 0)
        return;
    broadcast->owner[record->place.channel][rig_number_at(record->record + 10)] = record->lease;
}

void
rig_restart(rig_t *self, size_t stored)
{
    for (; stored > 0 && self->write_count > 0; stored--)
        rig_put_in_image(self);
    core_destroy(&self->core);
    rig_drop_pending(self);
    self->config.epoch++;
    new_core(self);
    for (size_t i = 0; i < RIG_BROADCASTS; i++)
        if (self->broadcasts[i].spec.id != 0 && !self->broadcasts[i].done)
            take_up(self, &self->broadcasts[i]);
    for (size_t i = 0; i < self->record_count; i++)
        if (self->records[i].lease != 0)
            restore(self, &self->records[i]);
}

core_broadcast_t
rig_spec(const rig_t *self, uint64_t id, uint32_t total)
{
    return (core_broadcast_t){.id = id,
                              .lane = CR_LANE_ROUTINE,
                              .channels = 1u << CR_CHANNEL_SMS,
                              .total = total,
                              .expires_us = self->now.wall_us + 3600 * CR_US_PER_S};
}

core_hello_t
rig_hello(const char *worker)
{
    return (core_hello_t){.worker = worker,
                          .channel = CR_CHANNEL_SMS,
                          .gateway = {.name = "gate", .gives_receipts = true, .window = 16},
                          .credit = 2,
                          .urgent_credit = 1,
                          .version = "1.0"};
}

void
rig_say_hello(rig_t *self, const core_hello_t *hello)
{
    core_hello(self->core, self->now, hello);
}

void
rig_tick(rig_t *self)
{
    core_tick(self->core, self->now);
}

void
rig_pass(rig_t *self, int64_t us)
{
    self->now.mono_us += us;
    self->now.wall_us += us;
    rig_tick(self);
}

void
rig_settle(rig_t *self)
{
    do
        rig_pass(self, 10 * CR_US_PER_MS); /* timed work is looked at so often */
    while (rig_store(self) || rig_find(self));
}

/* ---- looking ---------------------------------------------------------------------------------- */

static void
check_channel(rig_t *self, rig_broadcast_t *broadcast, cr_channel_t channel)
{
    core_channel_t now;
    if (!core_channel(self->core, self->now, broadcast->spec.id, channel, &now))
        return; /* it was over before a restart */
    uint32_t by_status[256] = {0};
    for (uint32_t i = 0; i < now.total; i++) {
        cr_status_t *seen = &broadcast->seen[channel][i];
        if (*seen != now.status[i] && !cr_status_may(*seen, now.status[i]))
            rig_broken(self, "a byte moved as the table forbids");
        *seen = now.status[i];
        by_status[now.status[i]]++;
    }
    if (memcmp(by_status, now.by_status, sizeof by_status) != 0)
        rig_broken(self, "counts differ from a recount");
}

void
rig_check(rig_t *self)
{
    for (size_t i = 0; i < RIG_BROADCASTS; i++)
        for (int j = 0; j < RIG_CHANNELS; j++)
            if (self->broadcasts[i].status[j])
                check_channel(self, &self->broadcasts[i], (cr_channel_t)j);
}

void
rig_forget(rig_t *self)
{
    free(self->events);
    self->events = NULL;
    self->event_count = 0;
}

size_t
rig_count(const rig_t *self, rig_kind_t kind)
{
    size_t count = 0;
    for (size_t i = 0; i < self->event_count; i++)
        count += self->events[i].kind == kind;
    return count;
}

const rig_event_t *
rig_last(const rig_t *self, rig_kind_t kind)
{
    size_t i = self->event_count;
    while (i > 0 && self->events[i - 1].kind != kind)
        i--;
    CR_ASSERT(i > 0);
    return &self->events[i - 1];
}

core_channel_t
rig_channel(const rig_t *self, uint64_t broadcast, cr_channel_t channel)
{
    core_channel_t now = {0};
    CR_ASSERT(core_channel(self->core, self->now, broadcast, channel, &now));
    return now;
}

cr_status_t
rig_status(const rig_t *self, uint64_t broadcast, cr_channel_t channel, uint32_t rank)
{
    return rig_channel(self, broadcast, channel).status[rank];
}

cr_status_t
rig_stored(const rig_t *self, uint64_t broadcast, cr_channel_t channel, uint32_t rank)
{
    return self->broadcasts[broadcast - 1].status[channel][rank];
}
