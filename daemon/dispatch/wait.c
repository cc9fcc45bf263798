/* Why nothing of a channel is handed out, as operators ask it. */
#include "state.h"

/* What the workers that could take it say: none is there, none may have more, or there is room. */
static core_wait_t
waits_for_workers(const core_t *core, const channel_t *channel)
{
    const core_broadcast_t *spec = &channel->broadcast->spec;
    bool urgent = spec->lane == CR_LANE_EMERGENCY;
    core_wait_t waits = CORE_WAITS_WORKER;
    for (uint32_t i = 0; i < core->worker_count; i++) {
        const worker_t *worker = core->workers[i];
        if (!roster_may_serve(worker, channel))
            continue;
        if (!gateway_is_open(core, worker, spec->lane)) {
            waits = waits == CORE_WAITS_WORKER ? CORE_WAITS_RULE : waits;
            continue;
        }
        if (roster_has_credit(core, worker, spec->lane))
            return CORE_WAITS_NOT;
        uint32_t credit = urgent ? worker->shown.urgent_credit : worker->shown.credit;
        if (credit > 0)
            waits = CORE_WAITS_TURN;
        else if (waits != CORE_WAITS_TURN)
            waits = CORE_WAITS_GATEWAY;
    }
    return waits;
}

core_wait_t
wait_reason(const core_t *core, const channel_t *channel)
{
    const cursor_t *cursor = &channel->cursor;
    const broadcast_t *broadcast = channel->broadcast;
    if (broadcast->over || channel->leased > 0 || broadcast->end != 0)
        return CORE_WAITS_NOT;
    if (cursor->open == 0)
        return cursor->settled < cursor->total ? CORE_WAITS_RECEIPTS : CORE_WAITS_NOT;
    if (broadcast->spec.paused)
        return CORE_WAITS_PAUSED;
    if (core_is_held(broadcast, core->now.wall_us))
        return CORE_WAITS_HELD;
    if (core_is_busy(core))
        return CORE_WAITS_LEDGER;
    core_wait_t waits = waits_for_workers(core, channel);
    if (waits != CORE_WAITS_NOT && waits != CORE_WAITS_TURN)
        return waits;
    return cursor->by_status[CR_STATUS_WAITING] == 0 ? CORE_WAITS_RETRY : waits;
}

static bool
shares_workers(const broadcast_t *other, const channel_t *channel)
{
    const channel_t *same = other->channels[channel->kind];
    return same && same->leases > 0 && other->spec.drill == channel->broadcast->spec.drill;
}

uint64_t
wait_behind(const core_t *core, const channel_t *channel)
{
    for (int lane = 0; lane < CR_LANE_COUNT; lane++)
        for (const broadcast_t *other = core->lanes[lane]; other; other = other->next) {
            if (other == channel->broadcast)
                return 0;
            if (shares_workers(other, channel))
                return other->spec.id;
        }
    return 0;
}
