/* How broadcasts end: what is left is settled, overdue receipts are given up, all is stored. */
#include "policy.h"
#include "state.h"

enum { SWEEPS_MAX = 32 }; /* blocks a tick: 8,192 bytes, far below a millisecond */

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
settle_stop_leases(core_t *core, const broadcast_t *broadcast, core_stop_t reason)
{
    for (uint32_t i = 0; i < core->worker_count; i++)
        for (lease_t *lease = core->workers[i]->leases; lease; lease = lease->next)
            if (lease->channel->broadcast == broadcast)
                lease_stop(core, lease, reason);
}

void
settle_begin(core_t *core, broadcast_t *broadcast, cr_status_t end)
{
    core_stop_t reason;
    if (broadcast->end)
        return;
    broadcast->end = end;
    broadcast->changed = true;
    if (settle_stop_reason(broadcast, &reason))
        settle_stop_leases(core, broadcast, reason);
}

/* -- what is left ------------------------------------------------------------------------------- */

typedef cr_status_t verdict_fn(const channel_t *channel, uint32_t rank);

/* Moves each byte of the block that `verdict` changes, and stores them in one write. */
static void
sweep_block(core_t *core, channel_t *channel, uint32_t block, verdict_fn *verdict)
{
    write_t write;
    write_begin(&write, channel, block);
    uint32_t length = cursor_block_length(&channel->cursor, block);
    for (uint32_t offset = 0; offset < length; offset++) {
        uint32_t rank = block * CORE_BLOCK + offset;
        cr_status_t to = verdict(channel, rank);
        if (to != channel->cursor.status[rank] && core_move(core, channel, rank, to))
            write_change(&write, offset);
    }
    if (!write_is_empty(&write))
        write_send(core, &write, &(ticket_t){.kind = TICKET_PLAIN});
}

static cr_status_t
leftover(const channel_t *channel, uint32_t rank)
{
    cr_status_t status = channel->cursor.status[rank];
    if (status > CR_STATUS_RETRY_MAX)
        return status;
    return policy_leftover(channel->broadcast->end, cursor_is_doubtful(&channel->cursor, rank));
}

static cr_status_t
unconfirmed(const channel_t *channel, uint32_t rank)
{
    cr_status_t status = channel->cursor.status[rank];
    return status == CR_STATUS_ACCEPTED ? CR_STATUS_UNCONFIRMED : status;
}

/* Nothing will be submitted any more, and the receipts had their time. */
static bool
is_overdue(const core_t *core, const channel_t *channel)
{
    const broadcast_t *broadcast = channel->broadcast;
    return channel->cursor.open == 0 && channel->leases == 0 &&
           broadcast->spec.receipt_wait_us > 0 &&
           core->now.mono_us - channel->submitted_us >= broadcast->spec.receipt_wait_us;
}

static void
sweep_channel(core_t *core, channel_t *channel, int *left)
{
    cursor_t *cursor = &channel->cursor;
    uint32_t block;
    while (channel->broadcast->end && *left > 0 && !core_is_busy(core) &&
           cursor_next_open(cursor, &block)) {
        sweep_block(core, channel, block, leftover);
        --*left;
    }
    if (!is_overdue(core, channel) || cursor->by_status[CR_STATUS_ACCEPTED] == 0)
        return;
    for (; *left > 0 && !core_is_busy(core) && channel->confirm < cursor->block_count; --*left)
        sweep_block(core, channel, channel->confirm++, unconfirmed);
    if (channel->confirm == cursor->block_count)
        channel->confirm = 0;
}

/* -- the end ------------------------------------------------------------------------------------ */

static bool
is_channel_over(const core_t *core, const channel_t *channel)
{
    const cursor_t *cursor = &channel->cursor;
    if (cursor->open > 0 || channel->leases > 0 || cursor->by_status[CR_STATUS_ACCEPTED] > 0)
        return false;
    return cursor->by_status[CR_STATUS_UNKNOWN] == 0 || is_overdue(core, channel) ||
           channel->broadcast->spec.receipt_wait_us == 0;
}

static bool
is_over(const core_t *core, const broadcast_t *broadcast)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        if (broadcast->channels[i] && !is_channel_over(core, broadcast->channels[i]))
            return false;
    return broadcast->writes_out == 0;
}

/* Late receipts still find it; it is no longer looked at. */
static void
close_broadcast(core_t *core, broadcast_t **place)
{
    broadcast_t *broadcast = *place;
    *place = broadcast->next;
    broadcast->next = NULL;
    broadcast->over = true;
    broadcast->changed = true;
    core->act.done(core->act.context, broadcast->spec.id);
}

bool
settle_tick(core_t *core)
{
    int left = SWEEPS_MAX;
    for (int lane = 0; lane < CR_LANE_COUNT; lane++) {
        for (broadcast_t **at = &core->lanes[lane]; *at;) {
            for (int i = 0; i < CR_CHANNEL_COUNT; i++)
                if ((*at)->channels[i])
                    sweep_channel(core, (*at)->channels[i], &left);
            if (is_over(core, *at))
                close_broadcast(core, at);
            else
                at = &(*at)->next;
        }
    }
    return left == 0;
}
