#include "users.h"

#include <inttypes.h>
#include <string.h>

#include "daemon.h"
#include "truth.h"

static const uint8_t lanes[] = {CR_LANE_EMERGENCY, CR_LANE_URGENT, CR_LANE_ROUTINE, CR_LANE_BULK,
                                CR_LANE_BULK};

static void
draw_spec(sim_t *self, core_broadcast_t *spec)
{
    *spec = (core_broadcast_t){
        .id = self->broadcast_count,
        .lane = (cr_lane_t)lanes[sim_below(self, CR_COUNT(lanes))],
        .drill = self->drills && sim_below(self, 3) == 0,
        .paused = sim_below(self, 8) == 0,
        .channels = 1 + sim_below(self, (1 << CR_CHANNEL_COUNT) - 1),
        .total = sim_below(self, 1u << (3 + sim_below(self, 8))),
        .receipt_wait_us = sim_between(self, 1, 20) * CR_US_PER_S,
    };
    spec->resend_unknown = spec->lane == CR_LANE_EMERGENCY || sim_below(self, 8) == 0;
    if (spec->total > SIM_TOTAL)
        spec->total = SIM_TOTAL;
    if (sim_below(self, 8) > 0)
        spec->expires_us =
            self->now.wall_us + sim_between(self, 1, 20 << sim_below(self, 5)) * CR_US_PER_S;
}

static void
clear(broadcast_t *broadcast)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        book_t *book = &broadcast->books[i];
        size_t total = broadcast->spec.total;
        memset(book->stored, 0, total);
        memset(book->verdicts, 0, total);
        memset(book->fates, 0, total * sizeof *book->fates);
        memset(book->ids, 0, total * sizeof *book->ids);
        memset(book->owner, 0, sizeof book->owner);
    }
    broadcast->cancelled = broadcast->expired = broadcast->done = broadcast->resent =
        broadcast->presumed = false;
    broadcast->pending = 0;
    broadcast->held_until_us = 0;
    broadcast->store_at = 0;
}

void
users_start(sim_t *self)
{
    if (self->broadcast_count == SIM_BROADCASTS || !self->core || self->stopping ||
        self->now.mono_us < self->frozen_until)
        return;
    broadcast_t *broadcast = &self->broadcasts[self->broadcast_count++];
    draw_spec(self, &broadcast->spec);
    clear(broadcast);
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        self->totals->deliveries += broadcast->spec.channels >> i & 1 ? broadcast->spec.total : 0;
    daemon_begin(self, broadcast);
    daemon_stepped(self);
}

/* NULL when the daemon does not listen. */
static broadcast_t *
choose(sim_t *self)
{
    if (self->broadcast_count == 0 || !self->core || self->now.mono_us < self->frozen_until)
        return NULL;
    broadcast_t *broadcast = &self->broadcasts[sim_below(self, self->broadcast_count)];
    return broadcast->done ? NULL : broadcast;
}

/* Whoever holds something of it has been told to stop. */
static void
check_told(sim_t *self, const broadcast_t *broadcast)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        for (int j = 0; j < SIM_BLOCKS; j++) {
            uint16_t owner = broadcast->books[i].owner[j];
            const grant_t *grant = owner != 0 ? &self->grants[owner - 1] : NULL;
            if (grant && !grant->unsent && !grant->frozen)
                truth_break(self, RULE_widened, broadcast, i, TRUTH_NO_RANK);
        }
}

static void
set_paused(sim_t *self, broadcast_t *broadcast, bool paused)
{
    cr_err_t err = paused ? core_pause(self->core, broadcast->spec.id)
                          : core_resume(self->core, broadcast->spec.id);
    if (err != CR_OK)
        return; /* it is over, or being cancelled */
    TRACE(self, "> %s broadcast=%u", paused ? "pause" : "resume", (unsigned)broadcast->spec.id);
    broadcast->spec.paused = paused;
    if (paused)
        check_told(self, broadcast);
    daemon_stepped(self);
}

void
users_pause(sim_t *self)
{
    broadcast_t *broadcast = choose(self);
    if (broadcast)
        set_paused(self, broadcast, !broadcast->spec.paused);
}

void
users_cancel(sim_t *self)
{
    broadcast_t *broadcast = choose(self);
    if (!broadcast)
        return;
    if (core_cancel(self->core, broadcast->spec.id) != CR_OK)
        return;
    broadcast->cancelled = true;
    TRACE(self, "> cancelled broadcast=%u", (unsigned)broadcast->spec.id);
    check_told(self, broadcast);
    daemon_stepped(self);
}

void
users_forget(sim_t *self)
{
    if (self->broadcast_count == 0 || !self->core || self->now.mono_us < self->frozen_until)
        return;
    broadcast_t *broadcast = &self->broadcasts[sim_below(self, self->broadcast_count)];
    if (core_forget(self->core, broadcast->spec.id) != CR_OK)
        return;
    TRACE(self, "> forget broadcast=%u", (unsigned)broadcast->spec.id);
    if (!broadcast->done || broadcast->pending > 0)
        truth_break(self, RULE_done, broadcast, 0, TRUTH_NO_RANK);
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        broadcast->books[i].live = NULL;
    daemon_stepped(self);
}

void
users_order(sim_t *self)
{
    broadcast_t *broadcast = choose(self);
    bool again = sim_below(self, 2) > 0;
    if (!broadcast)
        return;
    if (core_order(self->core, self->now, broadcast->spec.id, broadcast->spec.channels,
                   again ? CR_STATUS_RETRY_1 : CR_STATUS_PRESUMED) != CR_OK)
        return;
    TRACE(self, "> order broadcast=%u %s", (unsigned)broadcast->spec.id,
          again ? "resend" : "accept");
    broadcast->resent |= again;
    broadcast->presumed |= !again;
    daemon_stepped(self);
}

void
users_opt_out(sim_t *self)
{
    if (self->broadcast_count == 0)
        return;
    broadcast_t *broadcast = &self->broadcasts[sim_below(self, self->broadcast_count)];
    int channel = (int)sim_below(self, CR_CHANNEL_COUNT);
    for (uint32_t left = 1 + sim_below(self, 20); left > 0 && broadcast->spec.total > 0; left--) {
        uint32_t rank = sim_below(self, broadcast->spec.total);
        broadcast->books[channel].verdicts[rank] = CR_STATUS_SUPPRESSED_OPTOUT;
        TRACE(self, "* opt_out broadcast=%u channel=%d rank=%u", (unsigned)broadcast->spec.id,
              channel, rank);
    }
}

static void
set_held(sim_t *self, broadcast_t *broadcast, int64_t until_us)
{
    bool begins = broadcast->held_until_us == 0 && until_us != 0;
    if (core_hold(self->core, broadcast->spec.id, until_us) != CR_OK)
        return;
    TRACE(self, "> hold broadcast=%u until=%" PRId64, (unsigned)broadcast->spec.id, until_us);
    broadcast->held_until_us = until_us;
    if (begins)
        check_told(self, broadcast);
}

void
users_hold(sim_t *self)
{
    broadcast_t *broadcast = choose(self);
    if (!broadcast)
        return;
    int64_t until_us = self->now.wall_us + sim_while(self, 60 * CR_US_PER_S);
    set_held(self, broadcast, broadcast->held_until_us == 0 ? until_us : 0);
    daemon_stepped(self);
}

static void
set_drained(sim_t *self, worker_t *worker, bool on)
{
    TRACE(self, "> drain worker=%s %d", worker->name, on);
    if (core_drain(self->core, self->now, worker->name, on) == CR_OK)
        worker->drained = on;
}

void
users_drain(sim_t *self)
{
    worker_t *worker = &self->workers[sim_below(self, self->worker_count)];
    if (!self->core || self->now.mono_us < self->frozen_until)
        return;
    set_drained(self, worker, !worker->drained);
    daemon_stepped(self);
}

static void
set_rule(sim_t *self, gateway_t *gateway, const core_rule_t *rule)
{
    TRACE(self, "> rule gateway=%s priority=%u weight=%u per_day=%u carriers=%u paused=%d",
          gateway->name, rule->priority, rule->weight, rule->per_day, rule->carriers, rule->paused);
    if (core_rule(self->core, self->now, gateway->name, rule) != CR_OK)
        return;
    gateway->rule = *rule;
    gateway->ruled = true;
}

void
users_rule(sim_t *self)
{
    gateway_t *gateway =
        &self->gateways[self->workers[sim_below(self, self->worker_count)].gateway];
    const core_rule_t rule = {
        .priority = sim_below(self, 3),
        .weight = 1 + sim_below(self, 5),
        .per_day = sim_below(self, 2) * (1 + sim_below(self, 2000)),
        .carriers = sim_below(self, 32),
        .paused = sim_below(self, 4) == 0,
    };
    if (!self->core || self->now.mono_us < self->frozen_until)
        return;
    set_rule(self, gateway, &rule);
    daemon_stepped(self);
}

static void
tell_rules(sim_t *self, bool lift)
{
    for (size_t i = 0; i < CR_COUNT(self->gateways); i++) {
        core_rule_t rule = self->gateways[i].rule;
        if (!self->gateways[i].ruled)
            continue;
        if (lift) {
            rule.paused = false;
            rule.per_day = 0;
        }
        set_rule(self, &self->gateways[i], &rule);
    }
}

void
users_resume_all(sim_t *self)
{
    for (uint32_t i = 0; i < self->broadcast_count && self->core; i++) {
        broadcast_t *broadcast = &self->broadcasts[i];
        if (broadcast->spec.paused)
            set_paused(self, broadcast, false);
        if (broadcast->held_until_us != 0)
            set_held(self, broadcast, 0);
        broadcast->spec.paused = false; /* over, or being cancelled */
        broadcast->held_until_us = 0;
    }
    for (uint32_t i = 0; i < self->worker_count && self->core; i++)
        if (self->workers[i].drained)
            set_drained(self, &self->workers[i], false);
    if (self->core)
        tell_rules(self, true);
}

void
users_tell_again(sim_t *self)
{
    for (uint32_t i = 0; i < self->worker_count; i++)
        if (self->workers[i].drained)
            set_drained(self, &self->workers[i], true);
    tell_rules(self, false);
    for (uint32_t i = 0; i < self->broadcast_count; i++) {
        broadcast_t *broadcast = &self->broadcasts[i];
        if (broadcast->done)
            continue;
        if (broadcast->held_until_us != 0)
            set_held(self, broadcast, broadcast->held_until_us);
        if (broadcast->cancelled && core_cancel(self->core, broadcast->spec.id) != CR_OK)
            truth_break(self, RULE_restore, broadcast, 0, TRUTH_NO_RANK);
    }
}
