/*
 * How a broadcast comes to its end: what is left at expiry or cancellation, what is accepted but
 * never confirmed, and when it is done. Sweeps go by slices, so that a broadcast of ten million
 * costs no event more than a millisecond.
 */
#include <string.h>

#include "policy.h"
#include "state.h"

enum { SLICE_BLOCKS = 64, SLICE_LOOKS = 4096 };

void
settle_stop_leases(core_t *core, const broadcast_t *broadcast, core_stop_t reason)
{
    for (uint32_t i = 0; i < core->worker_count; i++)
        for (lease_t *lease = core->workers[i]->leases; lease; lease = lease->next)
            if (lease->channel->broadcast == broadcast)
                lease_stop(core, lease, reason);
}

bool
settle_stop_reason(const broadcast_t *broadcast, core_stop_t *reason)
{
    if (broadcast->end == CR_STATUS_CANCELLED)
        *reason = CORE_STOP_CANCELLED;
    else if (broadcast->end == CR_STATUS_EXPIRED)
        *reason = CORE_STOP_EXPIRED;
    else if (broadcast->spec.paused)
        *reason = CORE_STOP_PAUSED;
    else
        return false;
    return true;
}

void
settle_begin(core_t *core, broadcast_t *broadcast, cr_status_t end)
{
    core_stop_t reason;
    broadcast->end = end;
    broadcast->changed = true;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        if (broadcast->channels[i])
            broadcast->channels[i]->cursor.sweep = 0;
    if (settle_stop_reason(broadcast, &reason))
        settle_stop_leases(core, broadcast, reason);
}

static void
end_block(core_t *core, channel_t *channel, uint32_t block)
{
    cursor_t *cursor = &channel->cursor;
    uint32_t first = block * CORE_BLOCK, length = cursor_block_length(cursor, block);
    write_t write;
    write_begin(&write, channel, block);
    for (uint32_t i = 0; i < length; i++) {
        uint32_t rank = first + i;
        if (cursor->status[rank] > CR_STATUS_RETRY_MAX)
            continue;
        cr_status_t to = policy_leftover(channel->broadcast->end, cursor_is_doubtful(cursor, rank));
        if (core_move(core, channel, rank, to))
            write_change(&write, i);
    }
    write_send(core, &write, &(ticket_t){.kind = TICKET_PLAIN});
}

static void
sweep_open(core_t *core, channel_t *channel, uint32_t *budget)
{
    uint32_t block;
    while (*budget > 0 && !core_is_busy(core) && cursor_next_open(&channel->cursor, &block)) {
        end_block(core, channel, block);
        --*budget;
    }
}

/* Nothing is on its way any more except receipts. */
static bool
is_submitted(const channel_t *channel)
{
    return channel->cursor.open == 0 && channel->leases == 0;
}

static bool
is_overdue(const core_t *core, const channel_t *channel)
{
    int64_t wait_us = channel->broadcast->spec.receipt_wait_us;
    return wait_us > 0 && core->now.mono_us - channel->submitted_us >= wait_us;
}

static void
confirm_block(core_t *core, channel_t *channel, uint32_t block)
{
    const cursor_t *cursor = &channel->cursor;
    uint32_t first = block * CORE_BLOCK, length = cursor_block_length(cursor, block);
    write_t write;
    write_begin(&write, channel, block);
    for (uint32_t i = 0; i < length; i++)
        if (cursor->status[first + i] == CR_STATUS_ACCEPTED &&
            core_move(core, channel, first + i, CR_STATUS_UNCONFIRMED))
            write_change(&write, i);
    write_send(core, &write, &(ticket_t){.kind = TICKET_PLAIN});
}

static void
sweep_accepted(core_t *core, channel_t *channel, uint32_t *budget)
{
    const cursor_t *cursor = &channel->cursor;
    for (uint32_t looks = 0; looks<SLICE_LOOKS && * budget> 0 && !core_is_busy(core); looks++) {
        if (cursor->by_status[CR_STATUS_ACCEPTED] == 0)
            return;
        uint32_t block = channel->confirm < cursor->block_count ? channel->confirm : 0;
        channel->confirm = block + 1;
        if (!memchr(cursor->status + block * CORE_BLOCK, CR_STATUS_ACCEPTED,
                    cursor_block_length(cursor, block)))
            continue;
        confirm_block(core, channel, block);
        --*budget;
    }
}

static bool
is_done(const core_t *core, const channel_t *channel)
{
    const uint32_t *by_status = channel->cursor.by_status;
    return is_submitted(channel) && by_status[CR_STATUS_ACCEPTED] == 0 &&
           (by_status[CR_STATUS_UNKNOWN] == 0 || channel->broadcast->spec.receipt_wait_us == 0 ||
            is_overdue(core, channel));
}

static void
sweep(core_t *core, broadcast_t *broadcast, uint32_t *budget)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        channel_t *channel = broadcast->channels[i];
        if (channel && broadcast->end != 0)
            sweep_open(core, channel, budget);
        if (channel && is_submitted(channel) && is_overdue(core, channel))
            sweep_accepted(core, channel, budget);
    }
}

/* Done is said only when the store says the same. */
static bool
all_done(const core_t *core, const broadcast_t *broadcast)
{
    bool done = broadcast->writes_out == 0 && broadcast->order.to == 0;
    for (int i = 0; done && i < CR_CHANNEL_COUNT; i++)
        done = !broadcast->channels[i] || is_done(core, broadcast->channels[i]);
    return done;
}

static void
finish(core_t *core, broadcast_t *broadcast)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        channel_t *channel = broadcast->channels[i];
        if (channel && channel->last_us == 0)
            channel->last_us = channel->settled_us;
    }
    broadcast->over = true;
    broadcast->changed = true;
    core->act.done(core->act.context, broadcast->spec.id);
}

static bool
is_past(const core_t *core, const broadcast_t *broadcast)
{
    return broadcast->spec.expires_us > 0 && core->now.wall_us >= broadcast->spec.expires_us;
}

bool
settle_tick(core_t *core)
{
    uint32_t budget = SLICE_BLOCKS;
    for (int lane = 0; lane < CR_LANE_COUNT; lane++) {
        for (broadcast_t **at = &core->lanes[lane]; *at;) {
            broadcast_t *broadcast = *at;
            if (broadcast->end == 0 && is_past(core, broadcast))
                settle_begin(core, broadcast, CR_STATUS_EXPIRED);
            sweep(core, broadcast, &budget);
            if (all_done(core, broadcast)) {
                *at = broadcast->next;
                broadcast->next = NULL;
                finish(core, broadcast);
            } else {
                at = &broadcast->next;
            }
        }
    }
    return budget == 0;
}
