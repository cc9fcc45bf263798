/*
 * The gateways behind the workers, and whose turn it is.
 *
 * Of the gateways that can take a lease those of the lowest priority number do; the others stand by,
 * and take only what those before them refused for the time being. Among equals the shares follow
 * the weights as start-time fair queueing has it: each lease moves its gateway ahead by the
 * lease's size over the weight, and who is ahead waits for those behind that have room. That never
 * lets a gateway idle for the sake of another's share.
 *
 * The emergency lane knows neither priority, weight nor quota: whatever can take something does.
 *
 * Source     Goyal, Vin, Cheng: Start-time Fair Queuing, SIGCOMM 1996.
 */
#include <limits.h>
#include <string.h>

#include "state.h"

enum { WEIGHT_SCALE = 1 << 16 };

static const core_rule_t plain_rule = {.weight = 1};
static const int64_t day_us = 24 * 3600 * CR_US_PER_S;

static gateway_t *
find(core_t *core, const char *name)
{
    for (uint32_t i = 0; i < core->gateway_count; i++)
        if (strcmp(core->gateways[i].name, name) == 0)
            return &core->gateways[i];
    return NULL;
}

/* Nobody's, and nobody has said anything about it. */
static bool
is_unused(const gateway_t *gateway)
{
    return gateway->users == 0 && gateway->promised == 0 && !gateway->ruled;
}

/* There is room for as many as workers and rules can name. */
static gateway_t *
add(core_t *core, const char *name)
{
    gateway_t *gateway = &core->gateways[0];
    while (gateway < core->gateways + core->gateway_count && !is_unused(gateway))
        gateway++;
    if (gateway == core->gateways + core->gateway_count)
        core->gateway_count++;
    CR_ASSERT(core->gateway_count <= CR_COUNT(core->gateways));
    *gateway = (gateway_t){.rule = plain_rule};
    memcpy(gateway->name, name, strnlen(name, CORE_NAME_MAX - 1));
    return gateway;
}

void
gateway_leave(worker_t *worker)
{
    if (worker->gateway)
        worker->gateway->users--;
    worker->gateway = NULL;
}

void
gateway_assign(core_t *core, worker_t *worker)
{
    const char *name = worker->shown.gateway.name;
    gateway_leave(worker);
    gateway_t *gateway = find(core, name);
    worker->gateway = gateway ? gateway : add(core, name);
    worker->gateway->users++;
}

/* FNV-1a, but none of the values that stand for no gateway or several. */
uint32_t
gateway_key(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash | 2;
}

uint8_t
gateway_bit(const char *name)
{
    return (uint8_t)(1 << gateway_key(name) / 4 % 8);
}

/* ---- quota ------------------------------------------------------------------------------------ */

static int64_t
today(const core_t *core)
{
    return (core->now.wall_us + core->config.zone_us) / day_us;
}

static void
turn_day(const core_t *core, gateway_t *gateway)
{
    if (gateway->day != today(core)) {
        gateway->day = today(core);
        gateway->used = 0;
    }
}

uint32_t
gateway_room(const core_t *core, gateway_t *gateway)
{
    if (gateway->rule.per_day == 0)
        return UINT32_MAX;
    turn_day(core, gateway);
    uint64_t gone = (uint64_t)gateway->used + gateway->promised;
    return gone < gateway->rule.per_day ? gateway->rule.per_day - (uint32_t)gone : 0;
}

/* ---- whose turn ------------------------------------------------------------------------------- */

bool
gateway_is_open(const core_t *core, const worker_t *worker, cr_lane_t lane)
{
    return !worker->gateway->rule.paused &&
           (lane == CR_LANE_EMERGENCY || gateway_room(core, worker->gateway) > 0);
}

static turn_t *
turn_of(core_t *core, const worker_t *worker)
{
    return &core->turns[worker->shown.channel][worker->shown.gateway.drill];
}

static uint64_t
start_of(const core_t *core, const worker_t *worker)
{
    uint64_t now = core->turns[worker->shown.channel][worker->shown.gateway.drill].clock;
    return worker->gateway->finish > now ? worker->gateway->finish : now;
}

static bool
is_able(const core_t *core, const worker_t *worker)
{
    return worker->shown.state == CORE_READY && !worker->shown.drained && !worker->unreachable &&
           worker->shown.credit > 0 && gateway_is_open(core, worker, CR_LANE_BULK);
}

static void
see_able(turn_t *turn, const worker_t *worker)
{
    if (turn->first && turn->first != worker->gateway)
        turn->several = true;
    turn->first = worker->gateway;
    turn->carriers |= worker->gateway->rule.carriers;
    if (worker->gateway->rule.priority < turn->best)
        turn->best = worker->gateway->rule.priority;
}

void
gateways_survey(core_t *core)
{
    for (int i = 0; i < CR_CHANNEL_COUNT * 2; i++) {
        turn_t *turn = &core->turns[i / 2][i % 2];
        *turn = (turn_t){.clock = turn->clock, .best = UINT_MAX, .least = UINT64_MAX};
    }
    for (uint32_t i = 0; i < core->worker_count; i++)
        if (is_able(core, core->workers[i]))
            see_able(turn_of(core, core->workers[i]), core->workers[i]);
    for (uint32_t i = 0; i < core->worker_count; i++) {
        const worker_t *worker = core->workers[i];
        turn_t *turn = turn_of(core, worker);
        if (is_able(core, worker) && worker->gateway->rule.priority == turn->best &&
            roster_has_credit(core, worker, CR_LANE_BULK) && start_of(core, worker) < turn->least)
            turn->least = start_of(core, worker);
    }
}

gateway_turn_t
gateway_turn(core_t *core, const worker_t *worker, cr_lane_t lane)
{
    const turn_t *turn = turn_of(core, worker);
    if (!gateway_is_open(core, worker, lane))
        return GATEWAY_NOTHING;
    if (lane == CR_LANE_EMERGENCY)
        return GATEWAY_ALL;
    if (worker->gateway->rule.priority > turn->best)
        return GATEWAY_REFUSED;
    return start_of(core, worker) > turn->least ? GATEWAY_LATER : GATEWAY_ALL;
}

bool
gateway_has_another(core_t *core, const worker_t *worker)
{
    const turn_t *turn = turn_of(core, worker);
    return turn->several || (turn->first && turn->first != worker->gateway);
}

unsigned
gateway_leaves(core_t *core, const worker_t *worker)
{
    return turn_of(core, worker)->carriers & ~worker->gateway->rule.carriers;
}

void
gateway_charge(core_t *core, const lease_t *lease)
{
    gateway_t *gateway = lease->route;
    turn_t *turn = turn_of(core, lease->worker);
    turn->clock = start_of(core, lease->worker);
    gateway->finish = turn->clock + (uint64_t)lease->count * WEIGHT_SCALE / gateway->rule.weight;
    gateway->promised += lease->count;
}

void
gateway_note_submits(const core_t *core, gateway_t *gateway, uint32_t gone, uint32_t due)
{
    turn_day(core, gateway);
    gateway->used += gone;
    share_note(&gateway->share, core->now.mono_us, SHARE_ACCEPTED, due);
}

void
gateway_note_receipts(const core_t *core, gateway_t *gateway, const core_receipts_t *receipts)
{
    uint32_t delivered = 0;
    for (size_t i = 0; i < receipts->count; i++)
        delivered += receipts->receipts[i].outcome == CR_STATUS_DELIVERED;
    uint32_t failed = (uint32_t)receipts->count - delivered;
    share_note(&gateway->share, core->now.mono_us, SHARE_DELIVERED, delivered);
    share_note(&gateway->share, core->now.mono_us, SHARE_FAILED, failed);
}

/* ---- what people decide ----------------------------------------------------------------------- */

/* The worker's part of what all workers of its gateway may submit a second, rounded up. */
static void
tune(const core_t *core, worker_t *worker)
{
    const gateway_t *gateway = worker->gateway;
    uint32_t rate = (gateway->rule.per_second + gateway->sharers - 1) / gateway->sharers;
    if (rate == worker->tuned)
        return;
    worker->tuned = rate;
    core->act.tune(core->act.context, worker->shown.name, rate);
}

void
gateways_tune(core_t *core)
{
    if (!core->retune || !core->act.tune)
        return;
    core->retune = false;
    for (uint32_t i = 0; i < core->gateway_count; i++)
        core->gateways[i].sharers = 0;
    for (uint32_t i = 0; i < core->worker_count; i++)
        if (core->workers[i]->shown.state == CORE_READY)
            core->workers[i]->gateway->sharers++;
    for (uint32_t i = 0; i < core->worker_count; i++)
        if (core->workers[i]->shown.state == CORE_READY)
            tune(core, core->workers[i]);
}

cr_err_t
core_rule(core_t *core, core_time_t now, const char *name, const core_rule_t *rule)
{
    core->now = now;
    gateway_t *gateway = find(core, name);
    uint32_t ruled = 0;
    for (uint32_t i = 0; i < core->gateway_count; i++)
        ruled += core->gateways[i].ruled;
    if (!(gateway && gateway->ruled) && ruled == CORE_RULES_MAX)
        return CR_TOOBIG;
    if (!gateway)
        gateway = add(core, name);
    gateway->ruled = true;
    gateway->rule = *rule;
    core->retune = true;
    return CR_OK;
}

void
core_used(core_t *core, core_time_t now, const char *name, int64_t day, uint32_t used)
{
    core->now = now;
    gateway_t *gateway = find(core, name);
    if (!gateway || day != today(core))
        return;
    turn_day(core, gateway);
    gateway->used += used;
}

void
core_each_gateway(core_t *core, core_time_t now, core_see_gateway_fn *see, void *context)
{
    core->now = now;
    for (uint32_t i = 0; i < core->gateway_count; i++) {
        gateway_t *gateway = &core->gateways[i];
        if (is_unused(gateway))
            continue;
        turn_day(core, gateway);
        const core_route_t shown = {
            .name = gateway->name,
            .rule = &gateway->rule,
            .day = gateway->day,
            .used = gateway->used,
            .receipts = share_judge(&gateway->share, now.mono_us),
        };
        see(context, &shown);
    }
}
