/*
 * A person's order about what is UNKNOWN: sent again, or taken as sent. Swept by slices like every
 * end; told as done when the store says the same. An order that is lost with the daemon changed some
 * bytes and not others: given again it does the rest.
 */
#include <string.h>

#include "state.h"

enum { SLICE_BLOCKS = 64, SLICE_LOOKS = 4096 };

static bool
may_order(const broadcast_t *broadcast, cr_status_t to)
{
    bool goes_on = !broadcast->over && broadcast->end == 0;
    return broadcast->order.to == 0 && (goes_on || to == CR_STATUS_PRESUMED);
}

cr_err_t
core_order(core_t *core, core_time_t now, uint64_t id, unsigned channels, cr_status_t to)
{
    CR_ASSERT(to == CR_STATUS_RETRY_1 || to == CR_STATUS_PRESUMED);
    core->now = now;
    broadcast_t *broadcast = core_find_broadcast(core, id);
    if (!broadcast)
        return CR_NOTFOUND;
    if (!may_order(broadcast, to))
        return CR_CONFLICT;
    broadcast->order = (order_t){.to = to, .channels = channels};
    broadcast->anywhere |= to == CR_STATUS_RETRY_1;
    core->orders++;
    core->timed_us = 0;
    return CR_OK;
}

/* That they may have been sent is on record before they are sent again: the record of a lease that
 * is over and was nobody's. */
static void
order_block(core_t *core, channel_t *channel, uint32_t block)
{
    cursor_t *cursor = &channel->cursor;
    order_t *order = &channel->broadcast->order;
    uint32_t first = block * CORE_BLOCK, length = cursor_block_length(cursor, block);
    worker_t nobody = {0};
    lease_t kept = {
        .id = lease_next_id(core), .worker = &nobody, .channel = channel, .block = block};
    write_t write;
    write_begin(&write, channel, block);
    write_sign(&write, core, TRAIL_ORDER, "", "");
    for (uint32_t i = 0; i < length; i++) {
        if (cursor->status[first + i] != CR_STATUS_UNKNOWN ||
            !core_move(core, channel, first + i, order->to))
            continue;
        kept.offsets[kept.count++] = (uint8_t)i;
        write_change(&write, i);
        write_note(&write, i, 0, order->to);
        order->moved++;
        if (order->to == CR_STATUS_RETRY_1)
            cursor_doubt(cursor, first + i, CURSOR_SEVERAL);
    }
    if (order->to == CR_STATUS_RETRY_1) {
        write.lease = &kept;
        write.lease_over = true;
        cursor_hurry(cursor, block);
    }
    order->writes++;
    write_send(core, &write, &(ticket_t){.kind = TICKET_ORDER});
}

typedef struct {
    uint32_t looks, writes;
} budget_t;

/* True when the channel is done with. */
static bool
sweep_channel(core_t *core, channel_t *channel, budget_t *budget)
{
    const cursor_t *cursor = &channel->cursor;
    order_t *order = &channel->broadcast->order;
    for (; order->block < cursor->block_count; order->block++) {
        if (cursor->by_status[CR_STATUS_UNKNOWN] == 0)
            return true;
        if (budget->looks == 0 || budget->writes == 0 || core_is_busy(core))
            return false;
        budget->looks--;
        if (!memchr(cursor->status + order->block * CORE_BLOCK, CR_STATUS_UNKNOWN,
                    cursor_block_length(cursor, order->block)))
            continue;
        budget->writes--;
        order_block(core, channel, order->block);
    }
    return true;
}

static void
sweep(core_t *core, broadcast_t *broadcast, budget_t *budget)
{
    order_t *order = &broadcast->order;
    if (order->to == CR_STATUS_RETRY_1 && broadcast->end != 0)
        order->channel = CR_CHANNEL_COUNT; /* nothing is sent any more */
    for (; order->channel < CR_CHANNEL_COUNT; order->channel++) {
        channel_t *channel = broadcast->channels[order->channel];
        bool meant = channel && (order->channels >> order->channel & 1) != 0;
        if (meant && !sweep_channel(core, channel, budget))
            return;
        order->block = 0;
    }
}

static void
conclude(core_t *core, broadcast_t *broadcast)
{
    const order_t done = broadcast->order;
    if (done.to == 0 || done.channel < CR_CHANNEL_COUNT || done.writes > 0)
        return;
    broadcast->order = (order_t){0};
    core->orders--;
    core->act.ordered(core->act.context, broadcast->spec.id, done.moved);
}

bool
unknown_tick(core_t *core)
{
    budget_t budget = {SLICE_LOOKS, SLICE_BLOCKS};
    for (size_t i = 0; core->orders > 0 && i < core->broadcast_count; i++) {
        broadcast_t *broadcast = core->broadcasts[i];
        if (broadcast->order.to == 0)
            continue;
        sweep(core, broadcast, &budget);
        conclude(core, broadcast);
    }
    return budget.looks == 0 || budget.writes == 0;
}

void
unknown_stored(core_t *core, broadcast_t *broadcast)
{
    broadcast->order.writes--;
    conclude(core, broadcast);
}
