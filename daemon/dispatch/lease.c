/* Leases: what is handed out to whom, how far it may go, how it is told to stop. */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "state.h"

enum { EPOCH_SHIFT = 40 };

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
    if (lease->route)
        lease->route->promised--;
}

bool
lease_is_urgent(const lease_t *lease)
{
    return lease->channel->broadcast->spec.lane == CR_LANE_EMERGENCY;
}

void
lease_doubt(const lease_t *lease, uint32_t rank)
{
    cursor_doubt(&lease->channel->cursor, rank, gateway_key(lease->gateway));
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

void
lease_link(lease_t *lease)
{
    worker_t *worker = lease->worker;
    channel_t *channel = lease->channel;
    lease->next = worker->leases;
    worker->leases = lease;
    worker->out[lease_is_urgent(lease)]++;
    channel->leases++;
    channel->leased += lease->count - lease->answered;
    channel->cursor.blocks[lease->block].lease = lease;
    lease->nth = ++channel->cursor.blocks[lease->block].grants;
    channel->broadcast->changed = true;
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
    lease->route = worker->gateway;
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
    if (doubter == 0 || doubter == gateway_key(lease->gateway) || broadcast->anywhere ||
        broadcast->spec.resend_unknown)
        return;
    uint32_t length = cursor_block_length(cursor, lease->block);
    for (uint32_t i = 0; i < length; i++)
        if (cursor_is_doubtful(cursor, lease->block * CORE_BLOCK + i))
            verdicts[i] = CR_STATUS_UNKNOWN;
}

/* Ranks that another gateway reaches better, unless this one has left some of the block before: then
 * nobody else came for them. */
static bool
leaves_some(core_t *core, const lease_t *lease, const core_run_t *run, uint8_t leave[CORE_BLOCK])
{
    cursor_block_t *block = &lease->channel->cursor.blocks[lease->block];
    unsigned others = lease->free_running ? 0 : gateway_leaves(core, lease->worker);
    uint8_t bit = gateway_bit(lease->gateway);
    if (others == 0 || block->left & bit || !core->act.carriers)
        return false;
    block->left |= bit;
    core->act.carriers(core->act.context, run, leave);
    for (uint32_t i = 0; i < run->count; i++)
        leave[i] = others >> leave[i] & 1;
    return true;
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
    uint8_t leave[CORE_BLOCK];
    bool hinted = leaves_some(core, lease, &run, leave);
    uint32_t room = lease->free_running ? CORE_BLOCK : gateway_room(core, lease->route);
    for (uint32_t i = 0; i < count && lease->count < room; i++) {
        uint32_t rank = first + ready[i];
        if (hinted && leave[ready[i]])
            continue;
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
    lease->moved_us = core->now.mono_us;
    return taken;
}

/* A frame holds no more: the rest of the block is somebody else's. */
static void
shrink(core_t *core, lease_t *lease, uint32_t count)
{
    lease->channel->leased -= lease->count - count;
    lease->route->promised -= lease->count - count;
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
    lease_link(lease);
    gateway_charge(core, lease);
    core->stats.leases_out++;
    core->stats.leases_granted++;
    write->lease = lease;
    write->intent = lease->intent;
    return true;
}

bool
lease_grant(core_t *core, worker_t *worker, channel_t *channel, uint32_t block)
{
    lease_t *lease =
        write_reserve(core, core->stats.leases_out + 1) ? new_lease(worker, channel, block) : NULL;
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
    lease_t **at = &lease->worker->leases;
    while (*at != lease)
        at = &(*at)->next;
    *at = lease->next;
    lease->channel->leases--;
    lease->channel->leased -= lease->count - lease->answered;
    if (lease->route)
        lease->route->promised -= lease->count - lease->answered;
    lease->channel->broadcast->changed = true;
    core->stats.leases_out--;
    cursor_release(&lease->channel->cursor, lease->block);
}
