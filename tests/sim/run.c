#include "run.h"

#include <string.h>

#include "daemon.h"
#include "gateway.h"
#include "random.h"
#include "store.h"
#include "truth.h"
#include "users.h"
#include "worker.h"

enum {
    CHECK_STEPS = 4096,
    STATE_STEPS = 16,
    CALM_STEPS = 2000000,
    GRANTS_LEFT = 2048, /* for the time without faults */
};

/* Several times the longest expiry and wait for receipts. */
#define CALM_US (4000 * CR_US_PER_S)

/* ---- disasters -------------------------------------------------------------------------------- */

static worker_t *
any_worker(sim_t *self)
{
    return &self->workers[sim_below(self, self->worker_count)];
}

static void
on_daemon_crash(sim_t *self)
{
    if (self->core)
        daemon_crash(self, false);
}

/* What hangs already hangs at least as long: what is on its way to it must not be overtaken. */
static void
hang(sim_t *self, int64_t *until_us, int64_t most_us)
{
    int64_t us = self->now.mono_us + sim_while(self, most_us);
    if (us > *until_us)
        *until_us = us;
}

static void
on_daemon_stop(sim_t *self)
{
    hang(self, &self->frozen_until, 15 * CR_US_PER_S);
    TRACE(self, "* daemon hangs");
}

static void
on_daemon_restart(sim_t *self)
{
    if (!self->core || self->stopping)
        return;
    core_stop(self->core);
    self->stopping = true;
    queue_push(&self->queue,
               &(event_t){.at_us = self->now.mono_us + sim_while(self, 3 * CR_US_PER_S),
                          .kind = DAEMON_DOWN,
                          .life = self->life});
    TRACE(self, "> stop");
}

static void
on_worker_crash(sim_t *self)
{
    worker_crash(self, any_worker(self));
}

static void
on_worker_stop(sim_t *self)
{
    worker_t *worker = any_worker(self);
    hang(self, &worker->frozen_until, 30 * CR_US_PER_S);
    TRACE(self, "* worker hangs worker=%s", worker->name);
}

static void
on_worker_bye(sim_t *self)
{
    worker_leave(self, any_worker(self));
}

static void
on_credit(sim_t *self)
{
    worker_want(self, any_worker(self));
}

static void
on_cut(sim_t *self)
{
    worker_t *worker = any_worker(self);
    if (worker->running)
        worker_cut(self, worker);
}

static void
on_store_stop(sim_t *self)
{
    hang(self, &self->store.stopped_until, 20 * CR_US_PER_S);
    TRACE(self, "* store stops");
}

static void
on_clock_step(sim_t *self)
{
    static const int32_t steps_s[] = {3600, -3600, 86400, -86400, 1, -1, 60, -60};
    self->wall_ahead_us += steps_s[sim_below(self, CR_COUNT(steps_s))] * CR_US_PER_S;
    TRACE(self, "* clock steps");
}

static void
strike(sim_t *self)
{
    static void (*const disasters[])(sim_t * self) = {
        [FAULT_daemon_crash] = on_daemon_crash,
        [FAULT_daemon_stop] = on_daemon_stop,
        [FAULT_daemon_restart] = on_daemon_restart,
        [FAULT_worker_crash] = on_worker_crash,
        [FAULT_worker_stop] = on_worker_stop,
        [FAULT_worker_bye] = on_worker_bye,
        [FAULT_cut] = on_cut,
        [FAULT_store_stop] = on_store_stop,
        [FAULT_clock_step] = on_clock_step,
        [FAULT_pause] = users_pause,
        [FAULT_hold] = users_hold,
        [FAULT_drain] = users_drain,
        [FAULT_credit] = on_credit,
        [FAULT_cancel] = users_cancel,
        [FAULT_forget] = users_forget,
        [FAULT_order] = users_order,
        [FAULT_optout] = users_opt_out,
        [FAULT_rule] = users_rule,
    };
    self->disaster_step = self->steps + 1 + sim_below(self, (uint32_t)(2 * self->disaster_gap));
    fault_t fault = faults_disaster(&self->faults, &self->random);
    if (fault == FAULT_COUNT)
        return;
    self->totals->faults[fault]++;
    disasters[fault](self);
}

/* ---- steps ------------------------------------------------------------------------------------ */

static void
on_up(sim_t *self, const event_t *event)
{
    if (event->life == self->life && !self->core)
        daemon_start(self);
}

static void
on_down(sim_t *self, const event_t *event)
{
    if (event->life == self->life && self->core)
        daemon_crash(self, true);
}

static void
handle(sim_t *self, const event_t *event)
{
    static void (*const handlers[EVENT_COUNT])(sim_t * self, const event_t *event) = {
        [DAEMON_HELLO] = daemon_on_frame,
        [DAEMON_PING] = daemon_on_frame,
        [DAEMON_BYE] = daemon_on_frame,
        [DAEMON_REPORT] = daemon_on_frame,
        [DAEMON_GARBAGE] = daemon_on_frame,
        [DAEMON_RECEIPTS] = daemon_on_frame,
        [DAEMON_CREDIT] = daemon_on_frame,
        [DAEMON_UNREACHABLE] = daemon_on_frame,
        [DAEMON_STORED] = store_on_stored,
        [DAEMON_FOUND] = store_on_found,
        [DAEMON_TICK] = daemon_on_tick,
        [DAEMON_UP] = on_up,
        [DAEMON_DOWN] = on_down,
        [WORKER_LEASE] = worker_on_frame,
        [WORKER_WELCOME] = worker_on_frame,
        [WORKER_ACK] = worker_on_frame,
        [WORKER_REFUSE] = worker_on_frame,
        [WORKER_REVOKE] = worker_on_frame,
        [WORKER_RECEIPTS_ACK] = worker_on_frame,
        [WORKER_PONG] = worker_on_frame,
        [WORKER_TURN] = worker_on_turn,
        [WORKER_UP] = worker_on_up,
    };
    self->now.mono_us = event->at_us;
    self->now.wall_us = event->at_us + self->wall_ahead_us;
    handlers[event->kind](self, event);
}

/* Roughly how many, in 3 bits. */
static uint64_t
magnitude(uint32_t count)
{
    uint64_t bits = count == 0 ? 0 : 1 + (31u - (uint32_t)__builtin_clz(count)) / 2;
    return bits < 7 ? bits : 7;
}

static uint64_t
abstract_channel(const book_t *book)
{
    uint64_t owned = 0;
    for (int i = 0; i < SIM_BLOCKS; i++)
        owned += book->owner[i] != 0;
    uint64_t word = owned;
    for (int i = 0; i <= CR_STATUS_RETRY_3; i++)
        word = word << 3 | magnitude(book->by_status[i]);
    word = word << 3 | magnitude(book->by_status[CR_STATUS_ACCEPTED]);
    word = word << 3 | magnitude(book->by_status[CR_STATUS_UNKNOWN]);
    word = word << 3 | magnitude(book->by_status[CR_STATUS_EXPIRED]);
    return word << 3 | magnitude(book->by_status[CR_STATUS_FAILED_ATTEMPTS]);
}

/* Counts the states of the core seen so far, as rough pictures of it. */
static void
picture(sim_t *self)
{
    uint64_t hash = self->stopping + 2 * magnitude(self->store.pending);
    for (uint32_t i = 0; i < self->broadcast_count; i++) {
        const broadcast_t *broadcast = &self->broadcasts[i];
        if (broadcast->done)
            continue;
        uint64_t ends =
            broadcast->cancelled + 2u * broadcast->expired + 4u * broadcast->spec.paused;
        hash = (hash ^ ends << 4 ^ broadcast->spec.lane) * UINT64_C(0x9E3779B97F4A7C15);
        for (int j = 0; j < CR_CHANNEL_COUNT; j++)
            if (broadcast->books[j].live)
                hash = (hash ^ hash >> 31 ^ abstract_channel(&broadcast->books[j])) *
                       UINT64_C(0xBF58476D1CE4E5B9);
    }
    uint32_t bit = (uint32_t)(hash >> 40) % SIM_STATES;
    uint8_t *byte = &self->totals->seen_states[bit / 8], mask = (uint8_t)(1 << bit % 8);
    self->totals->states += (*byte & mask) == 0;
    *byte |= mask;
}

static bool
is_over(const sim_t *self)
{
    for (uint32_t i = 0; i < self->broadcast_count; i++)
        if (!self->broadcasts[i].done)
            return false;
    return true;
}

/* One event, or one disaster. */
static void
step(sim_t *self)
{
    self->steps++;
    if (self->steps >= self->disaster_step)
        strike(self);
    if (self->steps >= self->user_step || (!self->calm && is_over(self))) {
        self->user_step = self->steps + 1 + sim_below(self, (uint32_t)(2 * self->user_gap));
        users_start(self);
    }
    event_t event = queue_pop(&self->queue);
    handle(self, &event);
    if (self->steps % STATE_STEPS == 0 && self->core)
        picture(self);
    if (self->steps % CHECK_STEPS == 0)
        truth_check(self);
}

/* ---- a run ------------------------------------------------------------------------------------ */

static void
begin(sim_t *self, uint64_t seed)
{
    /* 2028-02-28 23:50 UTC, ten minutes before a leap day; or the end of a year. */
    static const int64_t starts_s[] = {1835394600, 1861919400};
    totals_t *totals = self->totals;
    FILE *log = self->log;
    memset(self, 0, offsetof(sim_t, queue));
    self->totals = totals;
    self->log = log;
    memset(self->grant_index, 0, sizeof self->grant_index);
    self->seed = self->random = seed;
    self->broken = RULE_COUNT;
    self->now.mono_us = CR_US_PER_S;
    self->wall_ahead_us = starts_s[sim_below(self, CR_COUNT(starts_s))] * CR_US_PER_S;
    self->now.wall_us = self->now.mono_us + self->wall_ahead_us;
    faults_draw(&self->drawn, &self->random);
    self->faults = self->drawn;
    self->config = (core_config_t){.epoch = 1,
                                   .seed = random_next(&self->random),
                                   .lease_us = sim_between(self, 1, 10) * CR_US_PER_S,
                                   .retry_first_us = sim_between(self, 50, 2000) * CR_US_PER_MS,
                                   .retry_max_us = sim_between(self, 2, 30) * CR_US_PER_S,
                                   .attempts_max = 1 + sim_below(self, 8)};
    self->end_step = 2000 + sim_below(self, 30000);
    self->disaster_gap = UINT64_C(20) << sim_below(self, 9);
    self->disaster_step = 1 + sim_below(self, (uint32_t)self->disaster_gap);
    self->user_gap = 100 + sim_below(self, 4000);
    self->tick_slack_us = (int64_t)2000 << sim_below(self, 9);
    self->wire_us = (int64_t)50 << sim_below(self, 9);
    queue_clear(&self->queue);
    self->broadcast_count = self->grant_count = 0;
    self->batch_count = 0;
    store_begin(self);
    gateway_begin(self);
    worker_begin(self);
    daemon_start(self);
}

/* From here on nothing fails, except that the past is still on its way. */
static void
calm_down(sim_t *self)
{
    TRACE(self, "* calm");
    self->calm = true;
    self->faults = (faults_t){0};
    self->disaster_step = self->user_step = UINT64_MAX;
    self->tick_slack_us = 200 * CR_US_PER_MS;
    for (uint32_t i = 0; i < self->worker_count; i++) {
        self->workers[i].skew_us = 0;
        worker_want(self, &self->workers[i]);
    }
}

/* Names one that does not end. */
static void
break_stuck(sim_t *self)
{
    for (uint32_t i = 0; i < self->broadcast_count; i++)
        for (int j = 0; !self->broadcasts[i].done && j < CR_CHANNEL_COUNT; j++) {
            const book_t *book = &self->broadcasts[i].books[j];
            for (uint32_t rank = 0; book->live && rank < self->broadcasts[i].spec.total; rank++)
                if (!cr_status_is_final(book->live[rank]))
                    truth_break(self, RULE_stuck, &self->broadcasts[i], j, rank);
        }
    truth_break(self, RULE_stuck, NULL, 0, 0);
}

static void
live_on(sim_t *self, uint64_t limit)
{
    int64_t end_us = self->now.mono_us + CALM_US;
    uint64_t end = self->steps + CALM_STEPS;
    while (!(is_over(self) && self->core) && self->broken == RULE_COUNT && self->steps < limit) {
        users_resume_all(self);
        step(self);
        if (self->now.mono_us > end_us || self->steps > end)
            break_stuck(self);
    }
}

/* What became of everything, for who reads the log. */
static void
trace_end(sim_t *self)
{
    for (uint32_t i = 0; i < self->broadcast_count; i++)
        for (int j = 0; j < CR_CHANNEL_COUNT; j++) {
            const broadcast_t *broadcast = &self->broadcasts[i];
            if (broadcast->spec.channels >> j & 1)
                TRACE(self, "* end broadcast=%u channel=%d statuses=%s", i + 1, j,
                      sim_hex(broadcast->books[j].stored, broadcast->spec.total));
        }
}

bool
run(sim_t *self, uint64_t seed, uint64_t step_limit)
{
    uint64_t limit = step_limit > 0 ? step_limit : UINT64_MAX;
    totals_t *totals = self->totals;
    begin(self, seed);
    while (self->steps < self->end_step && self->steps < limit && self->broken == RULE_COUNT &&
           self->grant_count + GRANTS_LEFT < SIM_GRANTS)
        step(self);
    if (self->broken == RULE_COUNT && self->steps < limit) {
        calm_down(self);
        live_on(self, limit);
    }
    if (self->broken == RULE_COUNT)
        truth_check(self);
    if (self->broken == RULE_COUNT && self->steps < limit)
        trace_end(self);
    core_destroy(&self->core);
    totals->runs++;
    totals->steps += self->steps;
    totals->hash += self->hash;
    totals->violations += self->broken != RULE_COUNT;
    totals->lost += self->broken == RULE_lost || self->broken == RULE_open;
    totals->sent_twice += self->broken == RULE_sent_twice || self->broken == RULE_known_again;
    return self->broken == RULE_COUNT;
}
