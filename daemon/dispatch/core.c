/* The core's broadcasts and its tick: lanes, hand-out, counts. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

#include "state.h"

enum { TIMED_MS = 10, IDLE_MS = 100, SCREENS_A_TICK = 32 };

core_t *
core_new(const core_config_t *config, const core_actions_t *actions)
{
    core_t *core = calloc(1, sizeof *core);
    if (!core)
        return NULL;
    core->config = *config;
    core->act = *actions;
    core->seed = config->seed;
    if (!write_init(core))
        core_destroy(&core);
    return core;
}

static void
destroy_broadcast(broadcast_t *broadcast)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        if (broadcast->channels[i])
            cursor_fini(&broadcast->channels[i]->cursor);
        free(broadcast->channels[i]);
    }
    free(broadcast);
}

void
core_destroy(core_t **self_p)
{
    core_t *core = *self_p;
    if (!core)
        return;
    lease_forget_lost(core, NULL);
    receipts_fini(core);
    roster_fini(core);
    for (size_t i = 0; i < core->broadcast_count; i++)
        destroy_broadcast(core->broadcasts[i]);
    free(core->broadcasts);
    write_fini(core);
    free(core);
    *self_p = NULL;
}

bool
core_is_busy(const core_t *core)
{
    return core->stats.writes_out >= CORE_WRITES_BUSY;
}

void
core_refuse(core_t *core, const char *worker, core_refusal_t reason, uint64_t lease,
            const char *text)
{
    core->stats.refused++;
    core->act.refuse(core->act.context, worker, reason, lease, text);
}

/* ---- broadcasts ------------------------------------------------------------------------------- */

/* Index of the first broadcast whose id is not smaller. */
static size_t
place_of(const core_t *core, uint64_t id)
{
    size_t low = 0, high = core->broadcast_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (core->broadcasts[middle]->spec.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

broadcast_t *
core_find_broadcast(const core_t *core, uint64_t id)
{
    size_t at = place_of(core, id);
    return at < core->broadcast_count && core->broadcasts[at]->spec.id == id ? core->broadcasts[at]
                                                                             : NULL;
}

static cr_err_t
insert(core_t *core, broadcast_t *broadcast)
{
    if (core->broadcast_count == core->broadcast_capacity) {
        size_t capacity = core->broadcast_capacity * 2 + 16;
        broadcast_t **larger = realloc(core->broadcasts, capacity * sizeof(broadcast_t *));
        if (!larger)
            return CR_NOMEM;
        core->broadcasts = larger;
        core->broadcast_capacity = capacity;
    }
    size_t at = place_of(core, broadcast->spec.id);
    memmove(core->broadcasts + at + 1, core->broadcasts + at,
            (core->broadcast_count - at) * sizeof *core->broadcasts);
    core->broadcasts[at] = broadcast;
    core->broadcast_count++;
    return CR_OK;
}

static void
queue(core_t *core, broadcast_t *broadcast)
{
    broadcast_t **last = &core->lanes[broadcast->spec.lane];
    while (*last)
        last = &(*last)->next;
    *last = broadcast;
}

static cr_err_t
add_channel(core_t *core, broadcast_t *broadcast, cr_channel_t kind, cr_status_t *status)
{
    channel_t *channel = calloc(1, sizeof *channel);
    if (!channel) {
        free(status);
        return CR_NOMEM;
    }
    broadcast->channels[kind] = channel;
    channel->broadcast = broadcast;
    channel->kind = kind;
    channel->submitted_us = core->now.mono_us;
    channel->bill = broadcast->spec.bill[kind];
    cr_err_t err = cursor_init(&channel->cursor, broadcast->spec.total, status);
    channel->cursor.anywhere = broadcast->spec.resend_unknown;
    return err;
}

static cr_err_t
new_broadcast(core_t *core, const core_broadcast_t *spec, cr_status_t *status[CR_CHANNEL_COUNT],
              broadcast_t **out)
{
    broadcast_t *broadcast = calloc(1, sizeof *broadcast);
    cr_err_t err = broadcast ? CR_OK : CR_NOMEM;
    if (broadcast)
        broadcast->spec = *spec;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        if (err == CR_OK && spec->channels >> i & 1)
            err = add_channel(core, broadcast, (cr_channel_t)i, status[i]);
        else
            free(status[i]);
        status[i] = NULL;
    }
    if (err != CR_OK && broadcast)
        destroy_broadcast(broadcast);
    else
        *out = broadcast;
    return err;
}

cr_err_t
core_start(core_t *core, core_time_t now, const core_broadcast_t *spec,
           cr_status_t *status[CR_CHANNEL_COUNT])
{
    core->now = now;
    bool exists = core_find_broadcast(core, spec->id) != NULL;
    broadcast_t *broadcast;
    cr_err_t err = new_broadcast(core, spec, status, &broadcast);
    if (err != CR_OK)
        return err;
    err = exists ? CR_EXISTS : insert(core, broadcast);
    core->timed_us = 0;
    if (err != CR_OK) {
        destroy_broadcast(broadcast);
        return err;
    }
    broadcast->changed = true;
    broadcast->over = spec->over;
    if (!spec->over)
        queue(core, broadcast);
    return CR_OK;
}

cr_err_t
core_forget(core_t *core, uint64_t id)
{
    size_t at = place_of(core, id);
    broadcast_t *broadcast = core_find_broadcast(core, id);
    if (!broadcast)
        return CR_NOTFOUND;
    if (!broadcast->over || broadcast->writes_out > 0 || broadcast->order.to != 0)
        return CR_CONFLICT;
    lease_forget_broadcast(core, broadcast);
    core->broadcast_count--;
    memmove(core->broadcasts + at, core->broadcasts + at + 1,
            (core->broadcast_count - at) * sizeof *core->broadcasts);
    destroy_broadcast(broadcast);
    return CR_OK;
}

static cr_err_t
find_running(const core_t *core, uint64_t id, broadcast_t **broadcast)
{
    *broadcast = core_find_broadcast(core, id);
    if (!*broadcast)
        return CR_NOTFOUND;
    return (*broadcast)->over || (*broadcast)->end != 0 ? CR_CONFLICT : CR_OK;
}

cr_err_t
core_pause(core_t *core, uint64_t id)
{
    broadcast_t *broadcast;
    cr_err_t err = find_running(core, id, &broadcast);
    if (err != CR_OK)
        return err;
    broadcast->spec.paused = broadcast->changed = true;
    settle_stop_leases(core, broadcast, CORE_STOP_PAUSED);
    return CR_OK;
}

cr_err_t
core_resume(core_t *core, uint64_t id)
{
    broadcast_t *broadcast;
    cr_err_t err = find_running(core, id, &broadcast);
    if (err != CR_OK)
        return err;
    broadcast->spec.paused = false;
    broadcast->changed = true;
    return CR_OK;
}

cr_err_t
core_cancel(core_t *core, uint64_t id)
{
    broadcast_t *broadcast;
    cr_err_t err = find_running(core, id, &broadcast);
    if (err == CR_OK)
        settle_begin(core, broadcast, CR_STATUS_CANCELLED);
    return err;
}

bool
core_is_held(const broadcast_t *broadcast, int64_t wall_us)
{
    return wall_us < broadcast->held_until_us;
}

cr_err_t
core_hold(core_t *core, uint64_t id, int64_t until_us)
{
    broadcast_t *broadcast;
    cr_err_t err = find_running(core, id, &broadcast);
    if (err != CR_OK || broadcast->held_until_us == until_us)
        return err;
    bool begins = broadcast->held_until_us == 0;
    broadcast->held_until_us = until_us;
    broadcast->changed = true;
    if (begins)
        settle_stop_leases(core, broadcast, CORE_STOP_PAUSED);
    return CR_OK;
}

void
core_stop(core_t *core)
{
    core->stopping = true;
}

/* ---- counts ----------------------------------------------------------------------------------- */

/* Whether `settled` has just reached `share` hundredths of the total. */
static bool
reached(const cursor_t *cursor, uint32_t before, uint64_t share)
{
    uint64_t mark = (cursor->total * share + 99) / 100;
    return before < mark && cursor->settled >= mark;
}

static void
note_times(channel_t *channel, uint32_t before, int64_t wall_us)
{
    const struct {
        uint64_t share;
        int64_t *at_us;
    } marks[] = {{50, &channel->half_us}, {95, &channel->most_us}, {100, &channel->last_us}};
    channel->settled_us = wall_us;
    for (size_t i = 0; i < CR_COUNT(marks); i++)
        if (*marks[i].at_us == 0 && reached(&channel->cursor, before, marks[i].share))
            *marks[i].at_us = wall_us;
}

bool
core_move(core_t *core, channel_t *channel, uint32_t rank, cr_status_t to)
{
    cursor_t *cursor = &channel->cursor;
    uint32_t before = cursor->settled;
    if (!cursor_move(cursor, rank, to)) {
        if (cursor->status[rank] != to)
            core->stats.moves_refused++;
        return false;
    }
    channel->broadcast->changed = true;
    if (to == CR_STATUS_FAILED_ADDRESS && core->act.bad_address)
        core->act.bad_address(core->act.context, channel->broadcast->spec.id, channel->kind, rank);
    if (cursor->settled > before) {
        core->stats.settled++;
        note_times(channel, before, core->now.wall_us);
    }
    return true;
}

bool
core_channel(const core_t *core, core_time_t now, uint64_t id, cr_channel_t kind,
             core_channel_t *out)
{
    const broadcast_t *broadcast = core_find_broadcast(core, id);
    const channel_t *channel = broadcast ? broadcast->channels[kind] : NULL;
    if (!channel)
        return false;
    const cursor_t *cursor = &channel->cursor;
    bool retries = cursor->open > cursor->by_status[CR_STATUS_WAITING];
    int64_t due_us = retries ? cursor->next_due_us : CURSOR_NEVER;
    core_wait_t waits = wait_reason(core, channel);
    *out = (core_channel_t){
        .total = cursor->total,
        .leased = channel->leased,
        .by_status = cursor->by_status,
        .status = cursor->status,
        .first_us = channel->first_us,
        .half_us = channel->half_us,
        .most_us = channel->most_us,
        .last_us = channel->last_us,
        .bill = channel->bill,
        .waits = waits,
        .behind = waits == CORE_WAITS_TURN ? wait_behind(core, channel) : 0,
        .held_until_us = channel->broadcast->held_until_us,
        .next_retry_us = due_us > now.mono_us || due_us == CURSOR_NEVER ? due_us : now.mono_us,
    };
    return true;
}

void
core_each_broadcast(const core_t *core, core_see_broadcast_fn *see, void *context)
{
    for (size_t i = 0; i < core->broadcast_count; i++)
        see(context, &core->broadcasts[i]->spec, core->broadcasts[i]->over);
}

void
core_each_changed(core_t *core, core_see_broadcast_fn *see, void *context)
{
    for (size_t i = 0; i < core->broadcast_count; i++) {
        broadcast_t *broadcast = core->broadcasts[i];
        if (!broadcast->changed)
            continue;
        broadcast->changed = false;
        see(context, &broadcast->spec, broadcast->over);
    }
}

core_stats_t
core_stats(const core_t *core)
{
    return core->stats;
}

/* ---- the tick --------------------------------------------------------------------------------- */

static bool
is_offered(const core_t *core, const broadcast_t *broadcast, const worker_t *worker)
{
    int64_t expires_us = broadcast->spec.expires_us;
    return broadcast->end == 0 && (expires_us == 0 || core->now.wall_us < expires_us) &&
           !broadcast->spec.paused && !core_is_held(broadcast, core->now.wall_us) &&
           broadcast->spec.drill == worker->shown.gateway.drill &&
           broadcast->channels[worker->shown.channel];
}

/* A gateway that said "later" is not asked again while another one can be; in an emergency, which waits
 * for nobody, while another one is free. */
static bool
next_block(core_t *core, const worker_t *worker, channel_t *channel, gateway_turn_t turn,
           uint32_t *block)
{
    cursor_t *cursor = &channel->cursor;
    uint32_t key = gateway_key(worker->shown.gateway.name);
    if (turn == GATEWAY_REFUSED)
        return cursor_next_refused(cursor, core->now.mono_us, key, block);
    bool urgent = channel->broadcast->spec.lane == CR_LANE_EMERGENCY;
    bool leaves = urgent ? roster_another_is_free(core, worker, channel, INT64_MAX)
                         : gateway_has_another(core, worker);
    return cursor_next(cursor, core->now.mono_us, leaves ? key : 0,
                       gateway_bit(worker->shown.gateway.name), block);
}

/* One lease of this broadcast, past blocks where everybody is suppressed. */
static bool
offer_broadcast(core_t *core, worker_t *worker, broadcast_t *broadcast, gateway_turn_t turn,
                uint32_t *budget)
{
    channel_t *channel = broadcast->channels[worker->shown.channel];
    uint32_t block;
    while (*budget > 0 && !worker->unreachable && !core_is_busy(core) &&
           next_block(core, worker, channel, turn, &block)) {
        --*budget;
        if (lease_grant(core, worker, channel, block))
            return true;
    }
    return false;
}

/* The first lane first; within a lane the broadcast that began first. */
static bool
offer_work(core_t *core, worker_t *worker, bool fair, uint32_t *budget)
{
    for (int lane = 0; lane < CR_LANE_COUNT; lane++) {
        if (!core->lanes[lane] || !roster_has_credit(core, worker, (cr_lane_t)lane))
            continue;
        gateway_turn_t turn = gateway_turn(core, worker, (cr_lane_t)lane);
        if (turn == GATEWAY_NOTHING || (fair && turn == GATEWAY_LATER))
            continue;
        for (broadcast_t *broadcast = core->lanes[lane]; broadcast; broadcast = broadcast->next)
            if (is_offered(core, broadcast, worker) &&
                offer_broadcast(core, worker, broadcast, turn, budget))
                return true;
    }
    return false;
}

/* A lease each in turn. */
static bool
offer_round(core_t *core, bool fair, uint32_t *budget)
{
    bool taken = false;
    gateways_survey(core);
    for (uint32_t i = 0; i < core->worker_count; i++)
        taken |=
            offer_work(core, core->workers[(core->turn + i) % core->worker_count], fair, budget);
    core->turn++;
    return taken;
}

/* Until nobody takes more; who is ahead of its share gets what those behind it leave. False: there
 * was more than one tick may do. */
static bool
hand_out(core_t *core)
{
    uint32_t budget = SCREENS_A_TICK;
    bool taken = !core->stopping;
    while (taken && budget > 0)
        taken = offer_round(core, true, &budget) || offer_round(core, false, &budget);
    return budget > 0;
}

static bool
is_idle(const core_t *core)
{
    for (int lane = 0; lane < CR_LANE_COUNT; lane++)
        if (core->lanes[lane])
            return false;
    return core->batch_count == 0;
}

int64_t
core_tick(core_t *core, core_time_t now)
{
    core->now = now;
    bool more = false;
    if (now.mono_us >= core->timed_us) {
        core->timed_us = now.mono_us + (is_idle(core) ? IDLE_MS : TIMED_MS) * CR_US_PER_MS;
        roster_tick(core);
        gateways_tune(core);
        receipts_tick(core);
        more = settle_tick(core);
        more |= unknown_tick(core);
        recovery_tick(core);
    }
    more |= !hand_out(core);
    if (more)
        core->timed_us = now.mono_us + CR_US_PER_MS;
    return core->timed_us;
}
