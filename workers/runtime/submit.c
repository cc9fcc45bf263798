#include <stdlib.h>

#include "cr_clock.h"
#include "internal.h"

static const int64_t quiet_max_us = CR_US_PER_S; /* however long a gateway asks for quiet */

/* Where the next delivery goes: while the pace lets one go there is a free flight, they are as many as
 * the window. */
static board_slot_t *
free_slot(const runtime_t *self)
{
    CR_ASSERT(self->free_flights);
    return &self->free_flights->slot;
}

/* Whose slot was filled. */
static flight_t *
flight_take(runtime_t *self)
{
    flight_t *flight = self->free_flights;
    self->free_flights = flight->next_free;
    flight->busy = true;
    flight->began_us = self->now_us;
    return flight;
}

static void
settle(flight_t *flight, const outcome_t *outcome)
{
    runtime_t *self = flight->runtime;
    CR_ASSERT(flight->busy);
    pace_release(&self->pace);
    board_settle(self->board, &flight->slot, outcome, self->now_us);
    flight->busy = false;
    flight->next_free = self->free_flights;
    self->free_flights = flight;
}

/* A gateway that names a time gets quiet for as long, within reason. */
static void
keep_quiet(runtime_t *self, uint32_t retry_after_ms)
{
    int64_t quiet_us = retry_after_ms * CR_US_PER_MS;
    if (quiet_us > 0)
        pace_quiet(&self->pace,
                   cr_clock_mono_us() + (quiet_us < quiet_max_us ? quiet_us : quiet_max_us));
}

/* NONE: everybody else's deliveries would end as this one did: as unknown, or as failed for no fault of
 * theirs. */
static pace_answer_t
answer_of(const outcome_t *outcome)
{
    if (outcome->away || outcome->status == CR_STATUS_UNKNOWN ||
        outcome->status == CR_STATUS_FAILED_ACCOUNT)
        return PACE_NONE;
    return outcome->status == CR_STATUS_RETRY_1 ? PACE_LATER : PACE_TAKEN;
}

static void
learn(runtime_t *self, const flight_t *flight, const outcome_t *outcome)
{
    pace_change_t change =
        pace_learn(&self->pace, answer_of(outcome), self->now_us - flight->began_us, self->now_us);
    if (change == PACE_MENDED)
        cr_log(CR_LOG_INFO, "gateway_back", "gateway=%s", self->gateway_name);
    if (change != PACE_BROKEN)
        return;
    board_stop_all(self->board); /* others of the channel may take them */
    cr_log(CR_LOG_WARN, "gateway_away", "gateway=%s next_try_ms=%lld", self->gateway_name,
           (long long)(self->pace.wait_us / CR_US_PER_MS));
}

static void
on_done(void *context, const outcome_t *outcome)
{
    flight_t *flight = context;
    runtime_t *self = flight->runtime;
    uint64_t suppressed;
    if (outcome->status == CR_STATUS_FAILED_ACCOUNT &&
        cr_log_limit(&self->account_limit, cr_clock_mono_us(), 60000, &suppressed))
        cr_log(CR_LOG_ERR, "account_refused", "gateway=%s suppressed=%llu", self->gateway_name,
               (unsigned long long)suppressed);
    runtime_wake(self);
    keep_quiet(self, outcome->retry_after_ms);
    learn(self, flight, outcome);
    settle(flight, outcome);
}

/* What the board gave cannot be submitted: our memory, or a wording that cannot be filled. */
static void
submit_failed(flight_t *flight, cr_err_t err)
{
    runtime_t *self = flight->runtime;
    uint64_t suppressed;
    if (cr_log_limit(&self->render_limit, cr_clock_mono_us(), 1000, &suppressed))
        cr_log(CR_LOG_ERR, "submit_failed", "lease=%llu position=%zu reason=%s suppressed=%llu",
               (unsigned long long)flight->slot.lease, flight->slot.position, cr_err_name(err),
               (unsigned long long)suppressed);
    outcome_t outcome = {
        .status = err == CR_NOMEM ? CR_STATUS_RETRY_1 : CR_STATUS_FAILED_CONTENT,
    };
    settle(flight, &outcome);
}

static void
submit(runtime_t *self, flight_t *flight)
{
    message_t message;
    cr_err_t err =
        render_message(self->render, flight->slot.batch, flight->slot.position, &message);
    if (err == CR_OK)
        err = self->kind->submit(self->gateway, &message, on_done, flight);
    if (err != CR_OK)
        submit_failed(flight, err);
}

void
submit_what_may(runtime_t *self, int64_t now_us)
{
    const board_time_t now = {now_us, cr_clock_wall_us()};
    bool any = false;
    while (pace_ready_us(&self->pace, now_us) <= now_us &&
           board_next(self->board, now, free_slot(self))) {
        bool taken = pace_take(&self->pace, now_us);
        CR_ASSERT(taken);
        submit(self, flight_take(self));
        any = true;
    }
    if (any && self->kind->flush)
        self->kind->flush(self->gateway);
}

cr_err_t
submit_prepare(runtime_t *self)
{
    self->flights = calloc((size_t)self->config->window, sizeof *self->flights);
    if (!self->flights)
        return CR_NOMEM;
    for (int64_t i = 0; i < self->config->window; i++) {
        self->flights[i] = (flight_t){.runtime = self, .next_free = self->free_flights};
        self->free_flights = &self->flights[i];
    }
    pace_init(&self->pace, (uint32_t)self->config->window, (uint32_t)self->config->per_second);
    return CR_OK;
}

void
submit_give_up(runtime_t *self)
{
    self->kind->close(&self->gateway);
    outcome_t outcome = {.status = CR_STATUS_UNKNOWN};
    for (int64_t i = 0; i < self->config->window; i++)
        if (self->flights[i].busy)
            settle(&self->flights[i], &outcome);
}
