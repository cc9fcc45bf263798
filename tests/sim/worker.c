#include "worker.h"

#include <string.h>

#include "gateway.h"
#include "truth.h"

enum { REPEAT_US = 1000000, MOST_CREDIT = 3, MOST_URGENT_CREDIT = 2 };

static uint8_t
number_of(const sim_t *self, const worker_t *worker)
{
    return (uint8_t)(worker - self->workers);
}

/* ---- the wire --------------------------------------------------------------------------------- */

static void
send(sim_t *self, worker_t *worker, const event_t *event)
{
    worker->sent_us = self->now.mono_us;
    if (sim_strikes(self, FAULT_lose_up))
        return;
    event_t frame = *event;
    int64_t most_us = sim_strikes(self, FAULT_late_up) ? 5 * CR_US_PER_S : self->wire_us;
    int64_t at_us = self->now.mono_us + sim_between(self, 1, most_us);
    if (at_us > worker->up_at)
        worker->up_at = at_us;
    frame.at_us = worker->up_at;
    frame.life = worker->life;
    frame.worker = number_of(self, worker);
    queue_push(&self->queue, &frame);
    if (sim_strikes(self, FAULT_double_up))
        queue_push(&self->queue, &frame);
}

void
worker_wake(sim_t *self, worker_t *worker, int64_t at_us)
{
    if (at_us >= worker->turn_at)
        return;
    worker->turn_at = at_us;
    queue_push(&self->queue,
               &(event_t){.at_us = at_us, .kind = WORKER_TURN, .worker = number_of(self, worker)});
}

static void
say_hello(sim_t *self, worker_t *worker)
{
    if (worker->greeted || self->now.mono_us < worker->hello_us)
        return;
    event_t hello = {.kind = DAEMON_HELLO};
    for (int i = 0; i < SIM_HELD; i++)
        if (worker->held[i].grant != 0 && !worker->held[i].lost)
            hello.list[hello.list_count++] = (uint16_t)(worker->held[i].grant - 1);
    worker->hello_us = self->now.mono_us + REPEAT_US / 2;
    send(self, worker, &hello);
}

/* ---- what the daemon says --------------------------------------------------------------------- */

static held_t *
held_of(worker_t *worker, uint32_t grant)
{
    for (int i = 0; i < SIM_HELD; i++)
        if (worker->held[i].grant == grant + 1)
            return &worker->held[i];
    return NULL;
}

static held_t *
free_place(worker_t *worker)
{
    for (int i = 0; i < SIM_HELD; i++)
        if (worker->held[i].grant == 0)
            return &worker->held[i];
    return NULL;
}

static void
on_lease(sim_t *self, worker_t *worker, const event_t *event)
{
    grant_t *grant = &self->grants[event->number];
    held_t *held = free_place(worker); /* none: the lease's deadline will tell */
    if (!held || grant->arrived)
        return;
    grant->arrived = true;
    *held = (held_t){.grant = (uint16_t)(event->number + 1), .intent = event->intent};
}

static void
on_welcome(sim_t *self, worker_t *worker, const event_t *event)
{
    worker->greeted = true;
    for (uint32_t i = 0; i < event->list_count; i++) {
        held_t *held = held_of(worker, event->list[i]);
        if (held)
            held->stopped = held->lost = true;
    }
    if (worker->draining)
        send(self, worker, &(event_t){.kind = DAEMON_BYE});
}

static void
on_ack(sim_t *self, worker_t *worker, const event_t *event)
{
    (void)self;
    held_t *held = held_of(worker, event->number);
    if (!held || !held->outstanding || event->sequence != held->sequence)
        return;
    held->outstanding = false;
    held->reported = held->until;
    held->intent = event->intent;
    if (held->last)
        held->grant = 0;
}

static void
on_refuse(sim_t *self, worker_t *worker, const event_t *event)
{
    (void)self;
    held_t *held = event->number < SIM_GRANTS ? held_of(worker, event->number) : NULL;
    if (event->reason == CORE_UNKNOWN_WORKER)
        worker->greeted = false;
    if (event->reason != CORE_UNKNOWN_LEASE || !held)
        return;
    held->stopped = held->lost = true;
    held->outstanding = false;
    held->reported = held->until;
}

static void
on_revoke(sim_t *self, worker_t *worker, const event_t *event)
{
    (void)self;
    held_t *held = held_of(worker, event->number);
    if (held)
        held->stopped = true;
}

static void
on_receipts_ack(sim_t *self, worker_t *worker, const event_t *event)
{
    (void)self;
    if (worker->batch == event->number + 1)
        worker->batch = 0;
}

static void
on_pong(sim_t *self, worker_t *worker, const event_t *event)
{
    (void)self;
    (void)worker;
    (void)event;
}

void
worker_on_frame(sim_t *self, const event_t *event)
{
    static void (*const take[])(sim_t * self, worker_t * worker, const event_t *event) = {
        [WORKER_LEASE] = on_lease,   [WORKER_WELCOME] = on_welcome,
        [WORKER_ACK] = on_ack,       [WORKER_REFUSE] = on_refuse,
        [WORKER_REVOKE] = on_revoke, [WORKER_RECEIPTS_ACK] = on_receipts_ack,
        [WORKER_PONG] = on_pong,
    };
    worker_t *worker = &self->workers[event->worker];
    if (!worker->running || event->life != worker->life)
        return;
    if (self->now.mono_us < worker->frozen_until) {
        queue_postpone(&self->queue, event, worker->frozen_until);
        return;
    }
    worker->heard_us = self->now.mono_us;
    take[event->kind](self, worker, event);
    worker_wake(self, worker, self->now.mono_us + sim_between(self, 0, worker->pace_us));
}

/* ---- work ------------------------------------------------------------------------------------- */

static const core_broadcast_t *
spec_of(const sim_t *self, const held_t *held)
{
    return &self->broadcasts[self->grants[held->grant - 1].broadcast].spec;
}

static bool
has_more(const sim_t *self, const held_t *held)
{
    return held->grant != 0 && !held->stopped && held->next < self->grants[held->grant - 1].count;
}

static bool
may_go_on(const sim_t *self, const held_t *held)
{
    return self->grants[held->grant - 1].free_running || held->next < held->intent;
}

/* Strict lanes: one of the lowest lane that has something left; NULL when none there may go on. */
static held_t *
choose(sim_t *self, worker_t *worker)
{
    held_t *first = NULL;
    for (int i = 0; i < SIM_HELD; i++) {
        held_t *held = &worker->held[i];
        if (!has_more(self, held))
            continue;
        cr_lane_t lane = spec_of(self, held)->lane;
        cr_lane_t lowest = first ? spec_of(self, first)->lane : CR_LANE_COUNT;
        if (lane < lowest || (lane == lowest && !may_go_on(self, first)))
            first = held;
    }
    return first && may_go_on(self, first) ? first : NULL;
}

/* By the worker's own clock. */
static void
expire(sim_t *self, const worker_t *worker, held_t *held)
{
    int64_t expires_us = has_more(self, held) ? spec_of(self, held)->expires_us : 0;
    if (expires_us == 0 || self->now.wall_us + worker->skew_us < expires_us)
        return;
    grant_t *grant = &self->grants[held->grant - 1];
    for (; held->next < grant->count; held->next++)
        grant->outcomes[held->next] = CR_STATUS_EXPIRED;
}

static void
submit(sim_t *self, worker_t *worker)
{
    uint32_t left = 1 + sim_below(self, worker->burst);
    held_t *held = choose(self, worker);
    while (held && left-- > 0 && self->steps < self->disaster_step && self->broken == RULE_COUNT) {
        grant_t *grant = &self->grants[held->grant - 1];
        if (held->next == held->until)
            held->open_us = self->now.mono_us;
        grant->outcomes[held->next] =
            gateway_submit(self, grant, held->next, &held->retry_after_ms);
        held->next++;
        if (held->next == grant->count || !may_go_on(self, held))
            held = choose(self, worker);
    }
    if (held)
        worker_wake(self, worker, self->now.mono_us + 1 + sim_between(self, 0, worker->pace_us));
}

/* ---- reports ---------------------------------------------------------------------------------- */

static uint32_t
smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The intent of a report that tells everything up to `next`: two windows more; the daemon grants what
 * there is room for. */
static uint32_t
intent_of(const sim_t *self, const worker_t *worker, const held_t *held)
{
    if (!has_more(self, held))
        return held->intent;
    return smaller(self->grants[held->grant - 1].count, held->next + 2 * worker->window);
}

static bool
is_due(const sim_t *self, const worker_t *worker, const held_t *held)
{
    if (!has_more(self, held))
        return true;
    uint32_t open = held->next - held->until;
    if (open >= worker->report_outcomes ||
        (open > 0 && self->now.mono_us - held->open_us > REPEAT_US / 10))
        return true;
    /* What was not granted is asked for again after a while. */
    return held->intent < held->next + worker->window &&
           intent_of(self, worker, held) > held->intent &&
           (open > 0 || held->sequence == 0 || self->now.mono_us - held->sent_us > REPEAT_US / 10);
}

static void
send_report(sim_t *self, worker_t *worker, held_t *held)
{
    held->sent_us = self->now.mono_us;
    send(self, worker,
         &(event_t){.kind = DAEMON_REPORT,
                    .number = held->grant - 1u,
                    .sequence = held->sequence,
                    .intent = (uint16_t)held->asked,
                    .from = (uint16_t)held->reported,
                    .until = (uint16_t)held->until,
                    .retry_after_ms = held->retry_after_ms,
                    .last = held->last});
}

static void
compose(sim_t *self, worker_t *worker, held_t *held)
{
    held->asked = intent_of(self, worker, held);
    held->last = !has_more(self, held);
    held->sequence++;
    held->until = held->next;
    held->outstanding = true;
    send_report(self, worker, held);
    held->retry_after_ms = 0;
}

static void
report(sim_t *self, worker_t *worker, held_t *held)
{
    expire(self, worker, held);
    if (held->outstanding) {
        if (self->now.mono_us - held->sent_us >= REPEAT_US)
            send_report(self, worker, held);
    } else if (held->lost && held->next == held->until) {
        held->grant = 0; /* nothing left to prove */
    } else if (is_due(self, worker, held)) {
        if (sim_strikes(self, FAULT_report_garbage))
            send(self, worker,
                 &(event_t){.kind = DAEMON_GARBAGE,
                            .number = held->grant - 1u,
                            .sequence = held->sequence + 1,
                            .intent = (uint16_t)held->asked,
                            .reason = (uint8_t)sim_below(self, 6)});
        compose(self, worker, held);
    }
}

static void
push_receipts(sim_t *self, worker_t *worker)
{
    if (worker->batch != 0 && self->now.mono_us - worker->batch_sent_us < REPEAT_US)
        return;
    if (worker->batch == 0)
        worker->batch = gateway_take_receipts(self, worker->gateway);
    if (worker->batch == 0)
        return;
    worker->batch_sent_us = self->now.mono_us;
    send(self, worker, &(event_t){.kind = DAEMON_RECEIPTS, .number = worker->batch - 1u});
}

/* ---- its life --------------------------------------------------------------------------------- */

static bool
holds_nothing(const worker_t *worker)
{
    for (int i = 0; i < SIM_HELD; i++)
        if (worker->held[i].grant != 0)
            return false;
    return worker->batch == 0;
}

/* Of what is on its way to the daemon a beginning still arrives. */
static void
disconnect(sim_t *self, worker_t *worker)
{
    int64_t now_us = self->now.mono_us;
    worker->life++;
    worker->greeted = false;
    worker->hello_us = 0;
    worker->up_at = worker->up_at > now_us ? sim_between(self, now_us, worker->up_at) : now_us;
    worker->old_until = worker->up_at;
    worker->down_at = 0;
}

static void
go(sim_t *self, worker_t *worker)
{
    worker->running = false;
    disconnect(self, worker);
    queue_push(&self->queue,
               &(event_t){.at_us = self->now.mono_us + sim_while(self, 10 * CR_US_PER_S),
                          .kind = WORKER_UP,
                          .life = worker->life,
                          .worker = number_of(self, worker)});
}

void
worker_on_turn(sim_t *self, const event_t *event)
{
    worker_t *worker = &self->workers[event->worker];
    if (event->at_us != worker->turn_at)
        return;
    worker->turn_at = INT64_MAX;
    int64_t now_us = self->now.mono_us;
    if (!worker->running)
        return;
    if (now_us < worker->frozen_until) {
        worker_wake(self, worker, worker->frozen_until);
        return;
    }
    if (now_us - worker->heard_us > self->config.lease_us)
        worker_cut(self, worker);
    say_hello(self, worker);
    if (now_us - worker->sent_us > self->config.lease_us / 4)
        send(self, worker, &(event_t){.kind = DAEMON_PING});
    submit(self, worker);
    for (int i = 0; i < SIM_HELD; i++)
        if (worker->held[i].grant != 0)
            report(self, worker, &worker->held[i]);
    push_receipts(self, worker);
    if (worker->draining && holds_nothing(worker))
        go(self, worker);
    else
        worker_wake(self, worker, now_us + sim_between(self, REPEAT_US / 20, REPEAT_US));
}

void
worker_on_up(sim_t *self, const event_t *event)
{
    worker_t *worker = &self->workers[event->worker];
    if (worker->running || event->life != worker->life)
        return;
    worker->running = true;
    worker->greeted = worker->draining = false;
    worker->frozen_until = 0;
    worker->heard_us = worker->sent_us = self->now.mono_us;
    worker_wake(self, worker, self->now.mono_us);
}

void
worker_crash(sim_t *self, worker_t *worker)
{
    if (!worker->running)
        return;
    TRACE(self, "* crash worker=%s", worker->name);
    memset(worker->held, 0, sizeof worker->held);
    if (worker->batch != 0)
        gateway_give_back(self, worker->batch);
    worker->batch = 0;
    go(self, worker);
}

void
worker_cut(sim_t *self, worker_t *worker)
{
    TRACE(self, "* cut worker=%s", worker->name);
    disconnect(self, worker);
    worker->heard_us = self->now.mono_us;
    if (sim_below(self, 2) > 0) /* or the daemon does not notice */
        queue_push(&self->queue, &(event_t){.at_us = self->now.mono_us + 1000,
                                            .kind = DAEMON_UNREACHABLE,
                                            .life = worker->life,
                                            .worker = number_of(self, worker)});
}

void
worker_leave(sim_t *self, worker_t *worker)
{
    if (!worker->running || worker->draining)
        return;
    TRACE(self, "* bye worker=%s", worker->name);
    worker->draining = true;
    send(self, worker, &(event_t){.kind = DAEMON_BYE});
}

void
worker_want(sim_t *self, worker_t *worker)
{
    uint32_t credit = self->calm ? MOST_CREDIT : sim_below(self, MOST_CREDIT + 1);
    uint32_t urgent_credit = 1 + sim_below(self, MOST_URGENT_CREDIT);
    if (worker->running)
        send(self, worker,
             &(event_t){.kind = DAEMON_CREDIT,
                        .from = (uint16_t)credit,
                        .until = (uint16_t)urgent_credit});
    if (self->calm)
        worker->credit = credit; /* if that is lost, its next Hello says so */
}

void
worker_begin(sim_t *self)
{
    bool second = sim_below(self, 3) == 0;
    self->drills = sim_below(self, 4) == 0;
    self->worker_count = self->drills ? SIM_WORKERS : 3 + sim_below(self, 4);
    for (uint8_t i = 0; i < self->worker_count; i++) {
        worker_t *worker = &self->workers[i];
        *worker = (worker_t){.channel = (cr_channel_t)(i % CR_CHANNEL_COUNT),
                             .drill = i >= 6,
                             .window = 1 + sim_below(self, 32),
                             .credit = 1 + sim_below(self, MOST_CREDIT),
                             .urgent_credit = 1 + sim_below(self, MOST_URGENT_CREDIT),
                             .burst = 1 + sim_below(self, 32),
                             .report_outcomes = 1 + sim_below(self, 64),
                             .pace_us = (int64_t)100 << sim_below(self, 10),
                             .turn_at = INT64_MAX};
        worker->gateway = (uint8_t)worker->channel;
        if (second && sim_below(self, 2) > 0)
            worker->gateway = (uint8_t)(worker->gateway + CR_CHANNEL_COUNT);
        if (sim_below(self, 4) == 0)
            worker->skew_us = sim_between(self, -60, 60) * CR_US_PER_S;
        snprintf(worker->name, sizeof worker->name, "w%u", i);
        queue_push(&self->queue,
                   &(event_t){.at_us = self->now.mono_us + 1, .kind = WORKER_UP, .worker = i});
    }
}
