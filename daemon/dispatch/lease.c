/*
 * Leases: what is out at workers, how it is stored, and what a lost one leaves behind.
 *
 * Record     version 1, little-endian: version, flags (1: idempotent, 2: free running, 4: over),
 *            sequence (4), intent (2), window (2), block (4), a bit per rank of the block that is
 *            leased (32), that has an outcome (32), that may have been sent before (32), worker and
 *            gateway (a length byte and the text each). Positions follow from the first bits,
 *            attempts from the status bytes. The record of a lease that is over is kept only for
 *            what may have been sent before.
 * Upgrade    a daemon refuses records of a version it does not know: stop the old one only when no
 *            lease is out, or teach the new one both.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "policy.h"
#include "state.h"

enum { RECORD_VERSION = 1, BITS = CORE_BLOCK / 8 };
enum { FLAG_IDEMPOTENT = 1, FLAG_FREE_RUNNING = 2, FLAG_OVER = 4 };
enum { EPOCH_SHIFT = 40, STOP_AGAIN_US = 1000000 };

bool
lease_is_answered(const lease_t *lease, uint32_t position)
{
    return (lease->answers[position / 64] >> position % 64 & 1) != 0;
}

void
lease_mark_answered(lease_t *lease, uint32_t position)
{
    CR_ASSERT(!lease_is_answered(lease, position));
    lease->answers[position / 64] |= UINT64_C(1) << position % 64;
    lease->answered++;
    lease->channel->leased--;
}

bool
lease_is_urgent(const lease_t *lease)
{
    return lease->channel->broadcast->spec.lane == CR_LANE_EMERGENCY;
}

/* Of the gateway: FNV-1a, but none of the values that stand for no gateway. */
static uint32_t
gateway_key(const lease_t *lease)
{
    uint32_t hash = 2166136261u;
    for (const char *at = lease->gateway; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    return hash | 2;
}

void
lease_doubt(const lease_t *lease, uint32_t rank)
{
    cursor_doubt(&lease->channel->cursor, rank, gateway_key(lease));
}

uint32_t
lease_encode(const lease_t *lease, uint32_t intent, bool over, uint8_t out[CORE_RECORD_MAX])
{
    uint8_t leased[BITS] = {0}, answered[BITS] = {0}, doubtful[BITS] = {0};
    for (uint32_t i = 0; i < CORE_BLOCK; i++)
        if (cursor_is_doubtful(&lease->channel->cursor, lease->block * CORE_BLOCK + i))
            doubtful[i / 8] |= (uint8_t)(1 << i % 8);
    for (uint32_t i = 0; i < lease->count; i++) {
        uint8_t offset = lease->offsets[i], bit = (uint8_t)(1 << offset % 8);
        leased[offset / 8] |= bit;
        if (lease_is_answered(lease, i))
            answered[offset / 8] |= bit;
    }
    bytes_t to = bytes_over(out, CORE_RECORD_MAX);
    bytes_put(&to, 1, RECORD_VERSION);
    bytes_put(&to, 1,
              (lease->idempotent ? FLAG_IDEMPOTENT : 0u) |
                  (lease->free_running ? FLAG_FREE_RUNNING : 0u) | (over ? FLAG_OVER : 0u));
    bytes_put(&to, 4, lease->sequence);
    bytes_put(&to, 2, intent);
    bytes_put(&to, 2, lease->window);
    bytes_put(&to, 4, lease->block);
    bytes_put_run(&to, leased, sizeof leased);
    bytes_put_run(&to, answered, sizeof answered);
    bytes_put_run(&to, doubtful, sizeof doubtful);
    bytes_put_text(&to, lease->worker->shown.name);
    bytes_put_text(&to, lease->gateway);
    CR_ASSERT(!to.failed);
    return (uint32_t)to.at;
}

/* ---- handing out ------------------------------------------------------------------------------ */

static uint32_t
exposure(const lease_t *lease)
{
    return lease->asked > lease->answered ? lease->asked - lease->answered : 0;
}

uint32_t
lease_reach(const lease_t *lease)
{
    uint32_t others = 0, lower = 0, window = lease->window;
    cr_lane_t lane = lease->channel->broadcast->spec.lane;
    for (const lease_t *other = lease->worker->leases; other; other = other->next)
        if (other != lease && !other->free_running)
            *(other->channel->broadcast->spec.lane > lane ? &lower : &others) += exposure(other);
    others += lower < window ? lower : window;
    uint32_t reach = lease->answered + (others < 2 * window ? 2 * window - others : 0);
    return reach < lease->count ? reach : lease->count;
}

static void
link_lease(lease_t *lease)
{
    worker_t *worker = lease->worker;
    channel_t *channel = lease->channel;
    lease->next = worker->leases;
    worker->leases = lease;
    worker->out[lease_is_urgent(lease)]++;
    channel->leases++;
    channel->leased += lease->count - lease->answered;
    channel->cursor.blocks[lease->block].lease = lease;
    channel->broadcast->changed = true;
}

static void
unlink_lease(core_t *core, lease_t *lease)
{
    lease_t **at = &lease->worker->leases;
    while (*at != lease)
        at = &(*at)->next;
    *at = lease->next;
    lease->channel->leases--;
    lease->channel->leased -= lease->count - lease->answered;
    lease->channel->broadcast->changed = true;
    core->stats.leases_out--;
    cursor_release(&lease->channel->cursor, lease->block);
}

static lease_t *
new_lease(worker_t *worker, channel_t *channel, uint32_t block)
{
    lease_t *lease = calloc(1, sizeof *lease);
    if (!lease)
        return NULL;
    const core_gateway_t *gateway = &worker->shown.gateway;
    lease->worker = worker;
    lease->channel = channel;
    lease->block = block;
    lease->window = gateway->window;
    lease->idempotent = gateway->idempotent;
    lease->free_running = channel->broadcast->spec.lane == CR_LANE_EMERGENCY;
    memcpy(lease->gateway, gateway->name, sizeof lease->gateway);
    return lease;
}

/* What another gateway may have sent is not sent by this one, which would not know. */
static void
keep_from_others(const lease_t *lease, cr_status_t verdicts[CORE_BLOCK])
{
    const cursor_t *cursor = &lease->channel->cursor;
    const broadcast_t *broadcast = lease->channel->broadcast;
    uint32_t doubter = cursor->blocks[lease->block].doubter;
    if (doubter == 0 || doubter == gateway_key(lease) || broadcast->anywhere ||
        broadcast->spec.resend_unknown)
        return;
    uint32_t length = cursor_block_length(cursor, lease->block);
    for (uint32_t i = 0; i < length; i++)
        if (cursor_is_doubtful(cursor, lease->block * CORE_BLOCK + i))
            verdicts[i] = CR_STATUS_UNKNOWN;
}

/* Takes the ranks that are due and may be sent; the others get their reason. */
static void
fill(core_t *core, lease_t *lease, write_t *write)
{
    channel_t *channel = lease->channel;
    uint32_t first = lease->block * CORE_BLOCK;
    uint8_t ready[CORE_BLOCK];
    uint32_t count = cursor_ready(&channel->cursor, lease->block, core->now.mono_us, ready);
    cr_status_t verdicts[CORE_BLOCK];
    core_run_t run = {channel->broadcast->spec.id, channel->kind, first,
                      cursor_block_length(&channel->cursor, lease->block)};
    core->act.screen(core->act.context, &run, verdicts);
    keep_from_others(lease, verdicts);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = first + ready[i];
        if (verdicts[ready[i]] == CR_STATUS_WAITING) {
            lease->offsets[lease->count] = ready[i];
            lease->attempts[lease->count++] = (uint8_t)(channel->cursor.status[rank] + 1);
        } else if (core_move(core, channel, rank,
                             policy_leftover(verdicts[ready[i]],
                                             cursor_is_doubtful(&channel->cursor, rank)))) {
            write_change(write, ready[i]);
            if (policy_is_timed(verdicts[ready[i]]))
                write_note(write, ready[i], 0, verdicts[ready[i]]);
        }
    }
}

uint64_t
lease_next_id(core_t *core)
{
    return core->config.epoch << EPOCH_SHIFT | ++core->lease_number;
}

/* How many positions went out with it; none when the worker cannot be reached. */
static uint32_t
offer(core_t *core, lease_t *lease)
{
    const channel_t *channel = lease->channel;
    const core_broadcast_t *spec = &channel->broadcast->spec;
    const core_lease_t offered = {
        .worker = lease->worker->shown.name,
        .lease = lease->id,
        .broadcast = spec->id,
        .channel = channel->kind,
        .lane = spec->lane,
        .drill = spec->drill,
        .free_running = lease->free_running,
        .expires_us = spec->expires_us,
        .first_rank = lease->block * CORE_BLOCK,
        .count = lease->count,
        .intent = lease->intent,
        .offsets = lease->offsets,
        .attempts = lease->attempts,
    };
    uint32_t taken = core->act.lease(core->act.context, &offered);
    CR_ASSERT(taken <= lease->count);
    lease->worker->unreachable = taken == 0;
    lease->given_us = core->now.mono_us;
    return taken;
}

/* A frame holds no more: the rest of the block is somebody else's. */
static void
shrink(core_t *core, lease_t *lease, uint32_t count)
{
    lease->channel->leased -= lease->count - count;
    lease->count = count;
    if (lease->intent > count)
        lease->intent = lease->asked = count;
    write_t write;
    write_begin(&write, lease->channel, lease->block);
    write.lease = lease;
    write.intent = lease->intent;
    write_send(core, &write, &(ticket_t){.kind = TICKET_PLAIN});
}

void
lease_send(core_t *core, lease_t *lease)
{
    uint32_t taken = lease->stopped || core->stopping ? 0 : offer(core, lease);
    if (taken == 0) {
        lease_lose(core, lease);
        return;
    }
    lease->unsent = false;
    if (taken < lease->count)
        shrink(core, lease, taken);
}

/* An emergency leaves at once: what may have been sent of it is sent again anyway. Any other lease
 * goes out when its first intent is on record. */
static bool
let_go(core_t *core, lease_t *lease, write_t *write)
{
    lease->id = lease_next_id(core);
    lease->unsent = !lease->free_running;
    if (lease->unsent)
        lease->intent = lease->asked = lease_reach(lease);
    else
        lease->count = offer(core, lease);
    if (lease->count == 0)
        return false;
    link_lease(lease);
    core->stats.leases_out++;
    core->stats.leases_granted++;
    write->lease = lease;
    write->intent = lease->intent;
    return true;
}

bool
lease_grant(core_t *core, worker_t *worker, channel_t *channel, uint32_t block)
{
    lease_t *lease = new_lease(worker, channel, block);
    if (!lease)
        return false;
    write_t write;
    write_begin(&write, channel, block);
    write_sign(&write, core, TRAIL_SCREEN, "", "");
    fill(core, lease, &write);
    bool granted = lease->count > 0 && let_go(core, lease, &write);
    ticket_t ticket = {.kind = TICKET_PLAIN};
    if (granted && lease->unsent)
        ticket = (ticket_t){.kind = TICKET_GRANT, .worker = worker, .lease = lease->id};
    if (!granted)
        free(lease);
    if (!write_is_empty(&write))
        write_send(core, &write, &ticket);
    return granted;
}

void
lease_stop(core_t *core, lease_t *lease, core_stop_t reason)
{
    lease->stopped = true;
    lease->stop = reason;
    lease->told_us = core->now.mono_us;
    if (!lease->unsent)
        core->act.revoke(core->act.context, lease->worker->shown.name, lease->id, reason);
}

void
lease_end(core_t *core, lease_t *lease)
{
    unlink_lease(core, lease);
}

/* ---- losing ----------------------------------------------------------------------------------- */

/* What becomes of a position inside the intent that has no outcome. True: the byte changed. */
static bool
lose_submitted(core_t *core, const lease_t *lease, uint32_t position, core_loss_t *loss)
{
    channel_t *channel = lease->channel;
    const broadcast_t *broadcast = channel->broadcast;
    uint32_t rank = lease->block * CORE_BLOCK + lease->offsets[position];
    bool goes_on = broadcast->end == 0;
    if (lease->idempotent && goes_on) { /* the same reference again delivers once */
        lease_doubt(lease, rank);
        loss->resent++;
        return false;
    }
    const policy_t policy = {.attempts_max = core->config.attempts_max,
                             .resend = broadcast->spec.resend_unknown,
                             .expired = !goes_on,
                             .doubtful = true};
    cr_status_t to = policy_after(&policy, CR_STATUS_UNKNOWN, lease->attempts[position]);
    if (to == CR_STATUS_UNKNOWN) {
        loss->unknown++;
        channel->submitted_us = core->now.mono_us; /* its receipt may still come */
    } else {
        lease_doubt(lease, rank);
        loss->resent++;
    }
    return core_move(core, channel, rank, to);
}

static void
lose_positions(core_t *core, const lease_t *lease, write_t *write, core_loss_t *loss)
{
    cursor_t *cursor = &lease->channel->cursor;
    for (uint32_t i = 0; i < lease->count; i++) {
        uint32_t rank = lease->block * CORE_BLOCK + lease->offsets[i];
        if (lease_is_answered(lease, i) || cursor->status[rank] > CR_STATUS_RETRY_MAX)
            continue; /* a receipt may have told already */
        if (i >= lease->intent) {
            loss->returned++;
            if (lease->free_running)
                lease_doubt(lease, rank);
            continue;
        }
        write_note(write, lease->offsets[i], lease->attempts[i], CR_STATUS_UNKNOWN);
        if (lose_submitted(core, lease, i, loss))
            write_change(write, lease->offsets[i]);
    }
}

static void
keep_lost(core_t *core, lease_t *lease)
{
    lease->next = NULL;
    free(core->lost[core->lost_next]);
    core->lost[core->lost_next] = lease;
    core->lost_next = (core->lost_next + 1) % STATE_LOST_MAX;
}

void
lease_lose(core_t *core, lease_t *lease)
{
    channel_t *channel = lease->channel;
    core_loss_t loss = {.worker = lease->worker->shown.name,
                        .lease = lease->id,
                        .broadcast = channel->broadcast->spec.id,
                        .channel = channel->kind,
                        .first_rank = lease->block * CORE_BLOCK};
    if (lease->unsent) /* nothing of it was submitted, whatever the record allows */
        lease->intent = 0;
    write_t write;
    write_begin(&write, channel, lease->block);
    write_sign(&write, core, TRAIL_LOST, lease->worker->shown.name, lease->gateway);
    write.lease = lease;
    write.intent = lease->intent;
    write.lease_over = true;
    lose_positions(core, lease, &write, &loss);
    if (loss.resent > 0)
        cursor_hurry(&channel->cursor, lease->block);
    lease->worker->out[lease_is_urgent(lease)]--;
    unlink_lease(core, lease);
    write_send(core, &write, &(ticket_t){.kind = TICKET_PLAIN});
    if (!lease->unsent) {
        core->stats.leases_lost++;
        core->act.lost(core->act.context, &loss);
    }
    keep_lost(core, lease);
}

void
lease_tick(core_t *core, lease_t *lease)
{
    int64_t now_us = core->now.mono_us;
    if (lease->unsent)
        return;
    if (lease->sequence == 0 && now_us - lease->given_us > core->config.lease_us) {
        lease_stop(core, lease, CORE_STOP_LOST);
        lease_lose(core, lease);
    } else if (lease->stopped && now_us - lease->told_us > STOP_AGAIN_US) {
        lease_stop(core, lease, lease->stop);
    }
}

lease_t *
lease_find_lost(const core_t *core, const worker_t *worker, uint64_t lease)
{
    for (uint32_t i = 0; i < STATE_LOST_MAX; i++)
        if (core->lost[i] && core->lost[i]->id == lease && core->lost[i]->worker == worker)
            return core->lost[i];
    return NULL;
}

void
lease_forget_lost(core_t *core, const worker_t *worker)
{
    for (uint32_t i = 0; i < STATE_LOST_MAX; i++) {
        if (!core->lost[i] || (worker && core->lost[i]->worker != worker))
            continue;
        free(core->lost[i]);
        core->lost[i] = NULL;
    }
}

void
lease_forget_broadcast(core_t *core, const broadcast_t *broadcast)
{
    for (uint32_t i = 0; i < STATE_LOST_MAX; i++) {
        if (!core->lost[i] || core->lost[i]->channel->broadcast != broadcast)
            continue;
        free(core->lost[i]);
        core->lost[i] = NULL;
    }
}

/* ---- taking up again -------------------------------------------------------------------------- */

typedef struct {
    lease_t lease;
    char worker[CORE_NAME_MAX];
    uint8_t leased[BITS], answered[BITS], doubtful[BITS];
    bool over;
} record_t;

static cr_err_t
read_record(cr_slice_t record, record_t *out)
{
    bytes_t from = bytes_of((const uint8_t *)record.text, record.length);
    if (bytes_take(&from, 1) != RECORD_VERSION)
        return CR_CORRUPT;
    uint64_t flags = bytes_take(&from, 1);
    out->lease.idempotent = (flags & FLAG_IDEMPOTENT) != 0;
    out->lease.free_running = (flags & FLAG_FREE_RUNNING) != 0;
    out->over = (flags & FLAG_OVER) != 0;
    out->lease.sequence = (uint32_t)bytes_take(&from, 4);
    out->lease.intent = out->lease.asked = (uint32_t)bytes_take(&from, 2);
    out->lease.window = (uint32_t)bytes_take(&from, 2);
    out->lease.block = (uint32_t)bytes_take(&from, 4);
    bytes_take_run(&from, out->leased, sizeof out->leased);
    bytes_take_run(&from, out->answered, sizeof out->answered);
    bytes_take_run(&from, out->doubtful, sizeof out->doubtful);
    bytes_take_text(&from, out->worker);
    bytes_take_text(&from, out->lease.gateway);
    return from.failed || from.at != from.length ? CR_CORRUPT : CR_OK;
}

/* Positions by the bits, attempts by the bytes as they are stored. */
static cr_err_t
fill_again(record_t *record, channel_t *channel)
{
    lease_t *lease = &record->lease;
    const cursor_t *cursor = &channel->cursor;
    if (lease->block >= cursor->block_count ||
        (cursor->blocks[lease->block].lease && !record->over))
        return CR_CORRUPT;
    lease->channel = channel;
    uint32_t length = cursor_block_length(cursor, lease->block);
    for (uint32_t i = 0; i < CORE_BLOCK; i++) {
        if ((record->leased[i / 8] >> i % 8 & 1) == 0)
            continue;
        if (i >= length)
            return CR_CORRUPT;
        cr_status_t status = cursor->status[lease->block * CORE_BLOCK + i];
        uint32_t position = lease->count++;
        lease->offsets[position] = (uint8_t)i;
        lease->attempts[position] = (uint8_t)(status <= CR_STATUS_RETRY_MAX ? status + 1 : 1);
        if (record->answered[i / 8] >> i % 8 & 1) {
            lease->answers[position / 64] |= UINT64_C(1) << position % 64;
            lease->answered++;
        }
    }
    return lease->count > 0 && lease->intent <= lease->count ? CR_OK : CR_CORRUPT;
}

static void
doubt_again(const record_t *record)
{
    const cursor_t *cursor = &record->lease.channel->cursor;
    uint32_t first = record->lease.block * CORE_BLOCK;
    uint32_t length = cursor_block_length(cursor, record->lease.block);
    for (uint32_t i = 0; i < length; i++)
        if (record->doubtful[i / 8] >> i % 8 & 1)
            lease_doubt(&record->lease, first + i);
    record->lease.channel->broadcast->anywhere |= record->worker[0] == '\0'; /* an order's */
}

cr_err_t
core_restore(core_t *core, core_time_t now, const cr_delivery_t *place, uint64_t id,
             cr_slice_t record)
{
    core->now = now;
    broadcast_t *broadcast = core_find_broadcast(core, place->broadcast);
    channel_t *channel = broadcast ? broadcast->channels[place->channel] : NULL;
    record_t read = {0};
    cr_err_t err = channel ? read_record(record, &read) : CR_CORRUPT;
    if (err == CR_OK)
        err = fill_again(&read, channel);
    if (err != CR_OK)
        return err;
    doubt_again(&read);
    if (read.over)
        return CR_OK;
    worker_t *worker = roster_find(core, read.worker);
    if (!worker)
        worker = roster_add(core, read.worker);
    lease_t *lease = worker ? malloc(sizeof *lease) : NULL;
    if (!lease)
        return CR_NOMEM;
    *lease = read.lease;
    lease->id = id;
    lease->worker = worker;
    lease->given_us = now.mono_us;
    lease->progressed = true;
    link_lease(lease);
    core->stats.leases_out++;
    return CR_OK;
}
