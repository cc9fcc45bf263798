/* What operators look at, as docs/http-api.md has it. */
#include <stdio.h>
#include <string.h>

#include "actor.h"
#include "carrier.h"

enum { GATEWAYS_MAX = 256 };

typedef struct {
    const actor_t *actor;
    core_time_t now;
    json_t *items;
    cr_lane_t lane; /* of the queue's rows */
} view_t;

static json_t *
time_json(int64_t wall_us)
{
    char text[CR_TIME_TEXT_MAX];
    return wall_us > 0 ? json_string(cr_time_format(wall_us, text)) : json_null();
}

/* -- workers and gateways ----------------------------------------------------------------------- */

/* One that is being drained is so when it holds nothing any more. */
static const char *
state_of(const core_worker_t *worker)
{
    static const char *const states[] = {[CORE_READY] = "ready",
                                         [CORE_DRAINING] = "draining",
                                         [CORE_SILENT] = "silent",
                                         [CORE_ABSENT] = "silent"};
    if (worker->state == CORE_READY && worker->drained)
        return worker->leases > 0 ? "draining" : "drained";
    return states[worker->state];
}

static void
see_worker(void *context, const core_worker_t *worker)
{
    const view_t *view = context;
    int64_t heard_ms_ago = (view->now.mono_us - worker->heard_us) / CR_US_PER_MS;
    json_array_append_new(
        view->items,
        json_pack("{s:s,s:s,s:s,s:b,s:s,s:s,s:b,s:o,s:I,s:i,s:i,s:I,s:i,s:i,s:i}", "name",
                  worker->name, "channel", cr_channel_name(worker->channel), "gateway",
                  worker->gateway.name, "drill", worker->gateway.drill, "version", worker->version,
                  "state", state_of(worker), "drain", worker->drained, "connected",
                  time_json(worker->connected_us), "heard_ms_ago", (json_int_t)heard_ms_ago,
                  "leases", (int)worker->leases, "credit", (int)worker->credit, "outcomes",
                  (json_int_t)worker->outcomes, "window", (int)worker->gateway.window, "per_second",
                  (int)worker->gateway.per_second, "rate", (int)worker->rate));
}

json_t *
views_workers(const actor_t *self)
{
    view_t view = {.actor = self, .now = actor_now(), .items = json_array()};
    core_each_worker(self->core, see_worker, &view);
    return view.items;
}

typedef struct {
    core_worker_t sum; /* its first worker, with the others' numbers added */
    int connected, able;
} gateway_view_t;

typedef struct {
    gateway_view_t rows[GATEWAYS_MAX];
    size_t count;
    core_time_t now;
    json_t *items;
} gateways_t;

static gateway_view_t *
find_row(gateways_t *gateways, const char *name)
{
    for (size_t i = 0; i < gateways->count; i++)
        if (strcmp(gateways->rows[i].sum.gateway.name, name) == 0)
            return &gateways->rows[i];
    return NULL;
}

static void
see_gateway(void *context, const core_worker_t *worker)
{
    gateways_t *gateways = context;
    gateway_view_t *row = find_row(gateways, worker->gateway.name);
    if (!row && gateways->count == GATEWAYS_MAX)
        return;
    bool connected = worker->state == CORE_READY || worker->state == CORE_DRAINING;
    if (!row) {
        row = &gateways->rows[gateways->count++];
        row->sum = *worker;
    } else {
        row->sum.accepted += worker->accepted;
        row->sum.failed += worker->failed;
        row->sum.retried += worker->retried;
        row->sum.unknown += worker->unknown;
        row->sum.gateway.per_second += worker->gateway.per_second;
    }
    row->connected += connected;
    row->able += connected && worker->credit > 0;
}

static const char *
gateway_state(const gateway_view_t *row, const core_route_t *route)
{
    const core_rule_t *rule = route->rule;
    if (rule->paused)
        return "paused";
    if (row->connected == 0)
        return "absent";
    if (rule->per_day > 0 && route->used >= rule->per_day)
        return "quota";
    return row->able > 0 ? "ready" : "away";
}

/* What the workers say of it. */
static json_t *
gateway_json(const gateway_view_t *row)
{
    const core_worker_t *sum = &row->sum;
    return json_pack("{s:s,s:s,s:b,s:i,s:i,s:b,s:b,s:I,s:I,s:I,s:I}", "name", sum->gateway.name,
                     "channel", cr_channel_name(sum->channel), "drill", sum->gateway.drill,
                     "workers", row->connected, "window", (int)sum->gateway.window,
                     "gives_receipts", sum->gateway.gives_receipts, "idempotent",
                     sum->gateway.idempotent, "accepted", (json_int_t)sum->accepted, "failed",
                     (json_int_t)sum->failed, "retried", (json_int_t)sum->retried, "unknown",
                     (json_int_t)sum->unknown);
}

static json_t *
carriers_json(unsigned carriers)
{
    json_t *names = json_array();
    for (int i = 0; i < CARRIER_COUNT; i++)
        if (carriers >> i & 1)
            json_array_append_new(names, json_string(carrier_name((carrier_t)i)));
    return names;
}

static void
see_route(void *context, const core_route_t *route)
{
    static const char *const receipts[] = {[SHARE_UNJUDGED] = "unjudged",
                                           [SHARE_FINE] = "fine",
                                           [SHARE_MISSING] = "missing",
                                           [SHARE_FAILING] = "failing"};
    static const gateway_view_t nobody;
    gateways_t *gateways = context;
    const gateway_view_t *row = find_row(gateways, route->name);
    bool has_none = row && !row->sum.gateway.gives_receipts;
    json_t *item = row ? gateway_json(row) : json_pack("{s:s,s:n}", "name", route->name, "channel");
    if (!row)
        row = &nobody;
    const core_rule_t *rule = route->rule;
    uint32_t rate = rule->per_second > 0 ? rule->per_second : row->sum.gateway.per_second;
    json_t *rest = json_pack(
        "{s:s,s:i,s:i,s:I,s:I,s:I,s:o,s:s}", "state", gateway_state(row, route), "priority",
        (int)rule->priority, "weight", (int)rule->weight, "per_second", (json_int_t)rate, "per_day",
        (json_int_t)rule->per_day, "used_today", (json_int_t)route->used, "carriers",
        carriers_json(rule->carriers), "receipts", has_none ? "none" : receipts[route->receipts]);
    json_object_update(item, rest);
    json_decref(rest);
    json_array_append_new(gateways->items, item);
}

json_t *
views_gateways(const actor_t *self)
{
    static gateways_t gateways; /* one thread; too large for its stack */
    memset(&gateways, 0, sizeof gateways);
    gateways.items = json_array();
    core_each_worker(self->core, see_gateway, &gateways);
    core_each_gateway(self->core, actor_now(), see_route, &gateways);
    return gateways.items;
}

/* -- counts and the queue ----------------------------------------------------------------------- */

/* Why nothing is being handed out, for people. */
static void
describe_wait(const core_channel_t *channel, const core_broadcast_t *broadcast, cr_channel_t kind,
              core_time_t now, char out[64])
{
    static const char *const words[] = {[CORE_WAITS_NOT] = "",
                                        [CORE_WAITS_PAUSED] = "paused",
                                        [CORE_WAITS_RECEIPTS] = "receipts",
                                        [CORE_WAITS_LEDGER] = "redis",
                                        [CORE_WAITS_GATEWAY] = "gateway",
                                        [CORE_WAITS_RULE] = "paused gateway or its quota",
                                        [CORE_WAITS_TURN] = "busy workers"};
    char time[CR_TIME_TEXT_MAX];
    if (channel->waits == CORE_WAITS_WORKER) {
        snprintf(out, 64, "no %s worker for %s", broadcast->drill ? "drill" : "real",
                 cr_channel_name(kind));
    } else if (channel->waits == CORE_WAITS_HELD) {
        cr_time_format_short(channel->held_until_us, time);
        snprintf(out, 64, "quiet hours until %s", time + strlen("2026-01-01 "));
    } else if (channel->waits == CORE_WAITS_TURN && channel->behind > 0) {
        char id[CR_ID_TEXT_MAX];
        snprintf(out, 64, "behind %s", cr_id_format(channel->behind, id));
    } else if (channel->waits == CORE_WAITS_RETRY) {
        int64_t at = now.wall_us + (channel->next_retry_us - now.mono_us);
        snprintf(out, 64, "retry at %.8s", cr_time_format(at, time) + strlen("2026-01-01T"));
    } else {
        snprintf(out, 64, "%s", words[channel->waits]);
    }
}

static void
count(core_time_t now, const core_broadcast_t *broadcast, cr_channel_t kind,
      const core_channel_t *channel, dispatch_counts_t *out)
{
    out->total = channel->total;
    memcpy(out->by_status, channel->by_status, sizeof out->by_status);
    out->leased = channel->leased;
    out->bill = channel->bill;
    out->first_us = channel->first_us;
    out->half_us = channel->half_us;
    out->most_us = channel->most_us;
    out->last_us = channel->last_us;
    describe_wait(channel, broadcast, kind, now, out->waits_for);
}

void
views_count(const actor_t *self, core_time_t now, uint64_t broadcast, cr_channel_t kind,
            dispatch_counts_t *out)
{
    core_channel_t channel;
    const notice_t *notice = actor_find(self, broadcast);
    if (!notice || !core_channel(self->core, now, broadcast, kind, &channel))
        return;
    core_broadcast_t spec = {.id = broadcast, .drill = notice->spec->drill};
    count(now, &spec, kind, &channel, out);
}

static json_t *
queue_row(core_time_t now, const core_broadcast_t *broadcast, cr_channel_t kind,
          const core_channel_t *channel, const notice_t *notice)
{
    dispatch_counts_t counts = {0};
    count(now, broadcast, kind, channel, &counts);
    json_int_t sums[CR_STATUS_CLASS_COUNT] = {0}, settled = 0;
    for (int i = 0; i < 256; i++) {
        if (counts.by_status[i] == 0)
            continue;
        sums[cr_status_class((cr_status_t)i)] += counts.by_status[i];
        settled += cr_status_is_final((cr_status_t)i) ? counts.by_status[i] : 0;
    }
    bool noted = notice->waits[kind].reason == channel->waits;
    int64_t since_us = noted ? notice->waits[kind].since_us : now.wall_us;
    bool retries = channel->next_retry_us != INT64_MAX;
    int64_t retry_us = retries ? now.wall_us + (channel->next_retry_us - now.mono_us) : 0;
    char id[CR_ID_TEXT_MAX];
    return json_pack(
        "{s:s,s:s,s:s,s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:s,s:o,s:o}", "id",
        cr_id_format(broadcast->id, id), "channel", cr_channel_name(kind), "lane",
        cr_lane_name(broadcast->lane), "drill", broadcast->drill, "state",
        broadcast->paused ? "paused" : "sending", "total", (json_int_t)counts.total, "waiting",
        sums[CR_STATUS_CLASS_WAITING], "leased", (json_int_t)counts.leased, "retry",
        sums[CR_STATUS_CLASS_RETRY], "accepted", sums[CR_STATUS_CLASS_ACCEPTED], "unknown",
        sums[CR_STATUS_CLASS_UNKNOWN], "settled", settled, "waiting_since",
        time_json(notice->spec->started_us), "waits_for", counts.waits_for, "since",
        time_json(counts.waits_for[0] ? since_us : 0), "next_retry", time_json(retry_us));
}

static void
see_broadcast(void *context, const core_broadcast_t *broadcast, bool over)
{
    const view_t *view = context;
    const notice_t *notice = actor_find(view->actor, broadcast->id);
    if (over || !notice || broadcast->lane != view->lane)
        return;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        core_channel_t channel;
        cr_channel_t kind = (cr_channel_t)i;
        if (core_channel(view->actor->core, view->now, broadcast->id, kind, &channel))
            json_array_append_new(view->items,
                                  queue_row(view->now, broadcast, kind, &channel, notice));
    }
}

json_t *
views_queue(const actor_t *self)
{
    view_t view = {.actor = self, .now = actor_now(), .items = json_array()};
    for (int lane = 0; lane < CR_LANE_COUNT; lane++) {
        view.lane = (cr_lane_t)lane;
        core_each_broadcast(self->core, see_broadcast, &view);
    }
    return view.items;
}

bool
views_note_wait(const actor_t *self, core_time_t now, notice_t *notice)
{
    bool changed = false;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        core_channel_t channel;
        if (!core_channel(self->core, now, notice->spec->id, (cr_channel_t)i, &channel) ||
            channel.waits == notice->waits[i].reason)
            continue;
        notice->waits[i].reason = channel.waits;
        notice->waits[i].since_us = now.wall_us;
        changed = true;
    }
    return changed;
}

static void
add_classes(const core_channel_t *channel, int64_t sums[CR_STATUS_CLASS_COUNT])
{
    for (int i = 0; i < 256; i++)
        if (channel->by_status[i] > 0)
            sums[cr_status_class((cr_status_t)i)] += channel->by_status[i];
}

void
views_sum(const actor_t *self, core_time_t now, int64_t sums[CR_STATUS_CLASS_COUNT])
{
    core_channel_t channel;
    memset(sums, 0, CR_STATUS_CLASS_COUNT * sizeof *sums);
    for (size_t i = 0; i < self->notice_count; i++)
        for (int kind = 0; kind < CR_CHANNEL_COUNT && !self->notices[i]->over; kind++)
            if (core_channel(self->core, now, self->notices[i]->spec->id, (cr_channel_t)kind,
                             &channel))
                add_classes(&channel, sums);
}
