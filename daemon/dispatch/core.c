/* The core as a whole: broadcasts, the tick, what is handed out, what is to be seen. */
#include <stdlib.h>
#include <string.h>

#include "state.h"

enum {
    TIMED_US = 50000, /* how often what depends on time alone is looked at */
    GRANTS_MAX = 64,  /* a tick, so that no tick works for long */
    EPOCH_SHIFT = 32,
};

core_t *
core_new(const core_config_t *config, const core_actions_t *actions)
{
    core_t *core = calloc(1, sizeof *core);
    if (!core)
        return NULL;
    core->config = *config;
    core->act = *actions;
    core->seed = config->seed;
    core->lease_number = config->epoch << EPOCH_SHIFT;
    return core;
}

static void
broadcast_free(broadcast_t *broadcast)
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
    receipts_fini(core);
    lease_forget_lost(core, NULL);
    roster_fini(core);
    write_fini(core);
    for (size_t i = 0; i < core->broadcast_count; i++)
        broadcast_free(core->broadcasts[i]);
    free(core->broadcasts);
    free(core);
    *self_p = NULL;
}

bool
core_is_busy(const core_t *core)
{
    return core->stats.writes_out >= CORE_WRITES_BUSY;
}

/* -- broadcasts --------------------------------------------------------------------------------- */

/* Where the broadcast is or would be; they are in the order of their numbers. */
static size_t
place_of(const core_t *core, uint64_t id)
{
    size_t low = 0, high = core->broadcast_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
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
    bool here = at < core->broadcast_count && core->broadcasts[at]->spec.id == id;
    return here ? core->broadcasts[at] : NULL;
}

static cr_err_t
register_broadcast(core_t *core, broadcast_t *broadcast)
{
    if (core->broadcast_count == core->broadcast_capacity) {
        size_t capacity = core->broadcast_capacity > 0 ? core->broadcast_capacity * 2 : 64;
        broadcast_t **grown = realloc(core->broadcasts, capacity * sizeof *grown);
        if (!grown)
            return CR_NOMEM;
        core->broadcasts = grown;
        core->broadcast_capacity = capacity;
    }
    size_t at = place_of(core, broadcast->spec.id);
    memmove(core->broadcasts + at + 1, core->broadcasts + at,
            (core->broadcast_count - at) * sizeof *core->broadcasts);
    core->broadcasts[at] = broadcast;
    core->broadcast_count++;
    broadcast_t **last = &core->lanes[broadcast->spec.lane];
    while (*last)
        last = &(*last)->next;
    *last = broadcast;
    return CR_OK;
}

static cr_err_t
open_channel(core_t *core, broadcast_t *broadcast, cr_channel_t kind, cr_status_t **status)
{
    channel_t *channel = calloc(1, sizeof *channel);
    if (!channel)
        return CR_NOMEM;
    broadcast->channels[kind] = channel;
    channel->broadcast = broadcast;
    channel->kind = kind;
    channel->submitted_us = core->now.mono_us;
    cr_err_t err = cursor_init(&channel->cursor, broadcast->spec.total, *status);
    *status = NULL; /* the cursor's, also after a failure */
    return err;
}

cr_err_t
core_start(core_t *core, core_time_t now, const core_broadcast_t *spec,
           cr_status_t *status[CR_CHANNEL_COUNT])
{
    core->now = now;
    broadcast_t *broadcast = calloc(1, sizeof *broadcast);
    cr_err_t err = broadcast ? CR_OK : CR_NOMEM;
    if (core_find_broadcast(core, spec->id))
        err = CR_EXISTS;
    else if (broadcast)
        *broadcast = (broadcast_t){.spec = *spec, .changed = true};
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        if (err == CR_OK && (spec->channels & (1u << i)))
            err = open_channel(core, broadcast, (cr_channel_t)i, &status[i]);
        free(status[i]);
        status[i] = NULL;
    }
    if (err == CR_OK)
        err = register_broadcast(core, broadcast);
    if (err != CR_OK && broadcast)
        broadcast_free(broadcast);
    return err;
}

/* The broadcast, if it can still be moved. */
static cr_err_t
find_going(const core_t *core, uint64_t id, broadcast_t **out)
{
    *out = core_find_broadcast(core, id);
    if (!*out)
        return CR_NOTFOUND;
    return (*out)->over || (*out)->end ? CR_CONFLICT : CR_OK;
}

cr_err_t
core_pause(core_t *core, uint64_t id)
{
    broadcast_t *broadcast;
    cr_err_t err = find_going(core, id, &broadcast);
    if (err != CR_OK)
        return err;
    broadcast->spec.paused = true;
    broadcast->changed = true;
    settle_stop_leases(core, broadcast, CORE_STOP_PAUSED);
    return CR_OK;
}

cr_err_t
core_resume(core_t *core, uint64_t id)
{
    broadcast_t *broadcast;
    cr_err_t err = find_going(core, id, &broadcast);
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
    cr_err_t err = find_going(core, id, &broadcast);
    if (err == CR_OK)
        settle_begin(core, broadcast, CR_STATUS_CANCELLED);
    return err;
}

void
core_stop(core_t *core)
{
    core->stopping = true;
}

/* -- moving a byte ------------------------------------------------------------------------------ */

/* Wall time at which the settled passed a share of all, unless that was before our time. */
static void
note_passing(int64_t *at_us, uint64_t before, uint64_t after, uint64_t needed, int64_t now_us)
{
    if (before < needed && after >= needed)
        *at_us = now_us;
}

bool
core_move(core_t *core, channel_t *channel, uint32_t rank, cr_status_t to)
{
    cursor_t *cursor = &channel->cursor;
    uint64_t before = cursor->settled, total = cursor->total;
    if (!cursor_move(cursor, rank, to)) {
        core->stats.moves_refused++;
        return false;
    }
    uint64_t after = cursor->settled;
    channel->broadcast->changed = true;
    core->stats.settled += after > before;
    if (channel->first_us == 0 && cr_status_class(to) != CR_STATUS_CLASS_SUPPRESSED)
        channel->first_us = core->now.wall_us;
    note_passing(&channel->half_us, before, after, (total + 1) / 2, core->now.wall_us);
    note_passing(&channel->most_us, before, after, total - total / 20, core->now.wall_us);
    note_passing(&channel->last_us, before, after, total, core->now.wall_us);
    return true;
}

/* -- handing out -------------------------------------------------------------------------------- */

/* Round robin over those that could take it; NULL: none can. */
static worker_t *
choose_worker(core_t *core, const channel_t *channel)
{
    const core_broadcast_t *spec = &channel->broadcast->spec;
    for (uint32_t i = 0; i < core->worker_count; i++) {
        uint32_t at = (core->turn + i) % core->worker_count;
        worker_t *worker = core->workers[at];
        if (worker->shown.channel == channel->kind && worker->shown.gateway.drill == spec->drill &&
            roster_has_credit(core, worker, spec->lane)) {
            core->turn = at + 1;
            return worker;
        }
    }
    return NULL;
}

static void
hand_out_channel(core_t *core, channel_t *channel, int *left)
{
    uint32_t block;
    worker_t *worker;
    while (*left > 0 && !core_is_busy(core) &&
           cursor_next(&channel->cursor, core->now.mono_us, &block) &&
           (worker = choose_worker(core, channel)) != NULL) {
        lease_grant(core, worker, channel, block);
        --*left;
    }
}

/* Strict lanes, and in a lane the older broadcast first. True: there may be more at once. */
static bool
hand_out(core_t *core)
{
    int left = GRANTS_MAX;
    for (int lane = 0; lane < CR_LANE_COUNT && !core->stopping; lane++)
        for (broadcast_t *at = core->lanes[lane]; at && left > 0; at = at->next)
            for (int i = 0; i < CR_CHANNEL_COUNT && !at->spec.paused && !at->end; i++)
                if (at->channels[i])
                    hand_out_channel(core, at->channels[i], &left);
    return left == 0;
}

static void
expire(core_t *core)
{
    for (int lane = 0; lane < CR_LANE_COUNT; lane++)
        for (broadcast_t *at = core->lanes[lane]; at; at = at->next)
            if (at->spec.expires_us > 0 && core->now.wall_us >= at->spec.expires_us)
                settle_begin(core, at, CR_STATUS_EXPIRED);
}

/* When the next retry is due, over all channels that could send it. */
static int64_t
next_retry(const core_t *core)
{
    int64_t next = INT64_MAX;
    for (int lane = 0; lane < CR_LANE_COUNT; lane++)
        for (const broadcast_t *at = core->lanes[lane]; at; at = at->next)
            for (int i = 0; i < CR_CHANNEL_COUNT && !at->spec.paused; i++)
                if (at->channels[i] && at->channels[i]->cursor.next_due_us > core->now.mono_us &&
                    at->channels[i]->cursor.next_due_us < next)
                    next = at->channels[i]->cursor.next_due_us;
    return next;
}

int64_t
core_tick(core_t *core, core_time_t now)
{
    core->now = now;
    if (now.mono_us >= core->timed_us) {
        core->timed_us = now.mono_us + TIMED_US;
        roster_tick(core);
        receipts_tick(core);
        expire(core);
    }
    bool more = settle_tick(core);
    more = hand_out(core) || more;
    if (more && !core_is_busy(core))
        return now.mono_us;
    int64_t retry = next_retry(core);
    return retry < core->timed_us ? retry : core->timed_us;
}

/* -- what is to be seen ------------------------------------------------------------------------- */

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

static core_wait_t
wait_of(const core_t *core, const channel_t *channel)
{
    const broadcast_t *broadcast = channel->broadcast;
    const cursor_t *cursor = &channel->cursor;
    if (broadcast->over || broadcast->end || channel->leases > 0)
        return CORE_WAITS_NOT;
    if (cursor->open == 0)
        return cursor->settled < cursor->total ? CORE_WAITS_RECEIPTS : CORE_WAITS_NOT;
    if (broadcast->spec.paused)
        return CORE_WAITS_PAUSED;
    if (!roster_serves(core, channel))
        return CORE_WAITS_WORKER;
    if (core_is_busy(core))
        return CORE_WAITS_LEDGER;
    return cursor->by_status[CR_STATUS_WAITING] == 0 ? CORE_WAITS_RETRY : CORE_WAITS_NOT;
}

bool
core_channel(const core_t *core, core_time_t now, uint64_t id, cr_channel_t kind,
             core_channel_t *out)
{
    (void)now;
    const broadcast_t *broadcast = core_find_broadcast(core, id);
    const channel_t *channel = broadcast ? broadcast->channels[kind] : NULL;
    if (!channel)
        return false;
    const cursor_t *cursor = &channel->cursor;
    bool retries = cursor->open > cursor->by_status[CR_STATUS_WAITING];
    *out = (core_channel_t){
        .total = cursor->total,
        .leased = channel->leased,
        .by_status = cursor->by_status,
        .status = cursor->status,
        .first_us = channel->first_us,
        .half_us = channel->half_us,
        .most_us = channel->most_us,
        .last_us = channel->last_us,
        .waits = wait_of(core, channel),
        .next_retry_us = retries ? cursor->next_due_us : INT64_MAX,
    };
    return true;
}

core_stats_t
core_stats(const core_t *core)
{
    return core->stats;
}
