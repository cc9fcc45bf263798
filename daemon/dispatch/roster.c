/* The workers: who is there, what it can take, when it is given up. */
#include <stdlib.h>
#include <string.h>

#include "state.h"

enum { RATE_MS = 2000 };

/* FNV-1a. */
static uint32_t
hash_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

/* Where the name is in the index, or the free place where it would be. */
static uint32_t
place_of(const core_t *core, const char *name)
{
    uint32_t i = hash_of(name) % STATE_INDEX;
    while (core->index[i] && strcmp(core->index[i]->shown.name, name) != 0)
        i = (i + 1) % STATE_INDEX;
    return i;
}

worker_t *
roster_find(const core_t *core, const char *name)
{
    return core->index[place_of(core, name)];
}

static void
index_again(core_t *core)
{
    memset(core->index, 0, sizeof core->index);
    for (uint32_t i = 0; i < core->worker_count; i++)
        core->index[place_of(core, core->workers[i]->shown.name)] = core->workers[i];
}

static bool
is_forgettable(const worker_t *worker)
{
    return worker->shown.state == CORE_SILENT && !worker->shown.drained && !worker->leases &&
           worker->uses == 0;
}

/* Forgets the worker that has been silent for longest. */
static bool
make_room(core_t *core)
{
    uint32_t oldest = core->worker_count;
    for (uint32_t i = 0; i < core->worker_count; i++)
        if (is_forgettable(core->workers[i]) &&
            (oldest == core->worker_count ||
             core->workers[i]->shown.heard_us < core->workers[oldest]->shown.heard_us))
            oldest = i;
    if (oldest == core->worker_count)
        return false;
    lease_forget_lost(core, core->workers[oldest]);
    gateway_leave(core->workers[oldest]);
    free(core->workers[oldest]);
    core->workers[oldest] = core->workers[--core->worker_count];
    index_again(core);
    return true;
}

worker_t *
roster_add(core_t *core, const char *name)
{
    if (core->worker_count == CORE_WORKERS_MAX && !make_room(core))
        return NULL;
    worker_t *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    CR_ASSERT(strlen(name) < CORE_NAME_MAX);
    memcpy(worker->shown.name, name, strlen(name));
    worker->shown.state = CORE_ABSENT;
    worker->shown.heard_us = core->now.mono_us;
    core->workers[core->worker_count++] = worker;
    core->index[place_of(core, name)] = worker;
    return worker;
}

lease_t *
roster_lease(const worker_t *worker, uint64_t lease)
{
    lease_t *at = worker->leases;
    while (at && at->id != lease)
        at = at->next;
    return at;
}

static bool
is_connected(const worker_t *worker)
{
    return worker->shown.state == CORE_READY || worker->shown.state == CORE_DRAINING;
}

void
roster_touch(core_t *core, worker_t *worker)
{
    worker->shown.heard_us = core->now.mono_us;
    worker->unreachable = false;
}

static bool
is_held(const core_hello_t *hello, uint64_t lease)
{
    for (size_t i = 0; i < hello->held_count; i++)
        if (hello->held[i] == lease)
            return true;
    return false;
}

/* A worker that does not hold a lease any more, or serves something else now, has lost it. */
static void
keep_what_is_held(core_t *core, worker_t *worker, const core_hello_t *hello)
{
    for (lease_t *lease = worker->leases, *next; lease; lease = next) {
        next = lease->next;
        bool fits = lease->channel->kind == hello->channel &&
                    lease->channel->broadcast->spec.drill == hello->gateway.drill;
        if (!fits || !is_held(hello, lease->id))
            lease_lose(core, lease);
    }
}

static void
set_credit(core_worker_t *shown, uint32_t credit, uint32_t urgent_credit)
{
    shown->credit = credit < CORE_CREDIT_MAX ? credit : CORE_CREDIT_MAX;
    shown->urgent_credit = urgent_credit < CORE_CREDIT_MAX ? urgent_credit : CORE_CREDIT_MAX;
}

static void
adopt(core_t *core, worker_t *worker, const core_hello_t *hello)
{
    core_worker_t *shown = &worker->shown;
    if (!is_connected(worker)) {
        core->stats.workers++;
        shown->connected_us = core->now.wall_us;
    }
    shown->state = CORE_READY;
    shown->channel = hello->channel;
    shown->gateway = hello->gateway;
    set_credit(shown, hello->credit, hello->urgent_credit);
    memset(shown->version, 0, sizeof shown->version);
    memcpy(shown->version, hello->version, strnlen(hello->version, CORE_NAME_MAX - 1));
    gateway_assign(core, worker);
    worker->rest_until_us = 0;
    worker->tuned = 0; /* it may be another process, which knows its configuration alone */
    core->retune = true;
    roster_touch(core, worker);
}

static void
welcome(core_t *core, const worker_t *worker, const core_hello_t *hello)
{
    uint64_t dropped[2 * CORE_CREDIT_MAX * 2];
    size_t count = 0;
    for (size_t i = 0; i < hello->held_count && count < CR_COUNT(dropped); i++)
        if (!roster_lease(worker, hello->held[i]))
            dropped[count++] = hello->held[i];
    core->act.welcome(core->act.context, worker->shown.name, dropped, count);
}

void
core_hello(core_t *core, core_time_t now, const core_hello_t *hello)
{
    core->now = now;
    worker_t *worker = roster_find(core, hello->worker);
    if (!worker)
        worker = roster_add(core, hello->worker);
    if (!worker) {
        core_refuse(core, hello->worker, CORE_FULL, 0, "too many workers");
        return;
    }
    keep_what_is_held(core, worker, hello);
    adopt(core, worker, hello);
    welcome(core, worker, hello);
    core_stop_t reason;
    for (lease_t *lease = worker->leases; lease; lease = lease->next)
        if (settle_stop_reason(lease->channel->broadcast, &reason))
            lease_stop(core, lease, reason);
}

bool
core_heard(core_t *core, core_time_t now, const char *name)
{
    core->now = now;
    worker_t *worker = roster_find(core, name);
    if (!worker || !is_connected(worker)) {
        core_refuse(core, name, CORE_UNKNOWN_WORKER, 0, "say Hello first");
        return false;
    }
    roster_touch(core, worker);
    return true;
}

void
core_bye(core_t *core, const char *name)
{
    worker_t *worker = roster_find(core, name);
    if (worker && is_connected(worker))
        worker->shown.state = CORE_DRAINING;
}

void
core_credit(core_t *core, const char *name, uint32_t credit, uint32_t urgent_credit)
{
    worker_t *worker = roster_find(core, name);
    if (worker)
        set_credit(&worker->shown, credit, urgent_credit);
}

cr_err_t
core_drain(core_t *core, core_time_t now, const char *name, bool on)
{
    core->now = now;
    worker_t *worker = roster_find(core, name);
    if (!worker && on)
        worker = roster_add(core, name);
    if (!worker)
        return on ? CR_TOOBIG : CR_OK;
    worker->shown.drained = on;
    return CR_OK;
}

void
core_unreachable(core_t *core, const char *name)
{
    worker_t *worker = roster_find(core, name);
    if (worker)
        worker->unreachable = true;
}

static void
give_up(core_t *core, worker_t *worker)
{
    while (worker->leases)
        lease_lose(core, worker->leases);
    if (is_connected(worker)) {
        core->stats.workers--;
        core->act.gone(core->act.context, worker->shown.name);
        core->retune = true;
    }
    worker->shown.state = CORE_SILENT;
}

static void
measure(worker_t *worker, int64_t now_us)
{
    int64_t elapsed_us = now_us - worker->rated_us;
    if (elapsed_us < RATE_MS * CR_US_PER_MS)
        return;
    uint64_t done = worker->shown.outcomes - worker->rated_outcomes;
    worker->shown.rate = (uint32_t)(done * CR_US_PER_S / (uint64_t)elapsed_us);
    worker->rated_us = now_us;
    worker->rated_outcomes = worker->shown.outcomes;
}

void
roster_tick(core_t *core)
{
    for (uint32_t i = 0; i < core->worker_count; i++) {
        worker_t *worker = core->workers[i];
        measure(worker, core->now.mono_us);
        if (worker->shown.state != CORE_SILENT &&
            core->now.mono_us - worker->shown.heard_us > core->config.lease_us)
            give_up(core, worker);
        for (lease_t *lease = worker->leases, *next; lease; lease = next) {
            next = lease->next;
            lease_tick(core, lease);
        }
    }
}

bool
roster_has_credit(const core_t *core, const worker_t *worker, cr_lane_t lane)
{
    bool urgent = lane == CR_LANE_EMERGENCY;
    uint32_t credit = urgent ? worker->shown.urgent_credit : worker->shown.credit;
    return worker->shown.state == CORE_READY && !worker->shown.drained && !worker->unreachable &&
           worker->rest_until_us <= core->now.mono_us && worker->out[urgent] < credit;
}

bool
roster_may_serve(const worker_t *self, const channel_t *channel)
{
    const core_worker_t *worker = &self->shown;
    return worker->state == CORE_READY && !worker->drained && worker->channel == channel->kind &&
           worker->gateway.drill == channel->broadcast->spec.drill;
}

bool
roster_another_is_free(const core_t *core, const worker_t *worker, const channel_t *channel,
                       int64_t since_us)
{
    for (uint32_t i = 0; i < core->worker_count; i++) {
        const worker_t *other = core->workers[i];
        bool works = other->gateway != worker->gateway || other->moved_us > since_us;
        if (other->gateway && other != worker && works && roster_may_serve(other, channel) &&
            roster_has_credit(core, other, CR_LANE_EMERGENCY) &&
            gateway_is_open(core, other, CR_LANE_EMERGENCY))
            return true;
    }
    return false;
}

void
roster_fini(core_t *core)
{
    for (uint32_t i = 0; i < core->worker_count; i++) {
        for (lease_t *lease = core->workers[i]->leases, *next; lease; lease = next) {
            next = lease->next;
            free(lease);
        }
        free(core->workers[i]);
    }
}

void
core_each_worker(const core_t *core, void (*see)(void *context, const core_worker_t *worker),
                 void *context)
{
    for (uint32_t i = 0; i < core->worker_count; i++) {
        core_worker_t shown = core->workers[i]->shown;
        shown.leases = core->workers[i]->out[0] + core->workers[i]->out[1];
        see(context, &shown);
    }
}
