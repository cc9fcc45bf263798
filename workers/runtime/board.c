#include "board.h"

#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"

static const int64_t repeat_us = CR_US_PER_S;
enum { REPORT_OUTCOMES = 32, REPORT_US = 20000 }; /* until a Welcome says otherwise */

/* Outcomes on their way to the daemon, in the order they came. */
typedef struct {
    uint8_t positions[CR_WIRE_BLOCK], outcomes[CR_WIRE_BLOCK], parts[CR_WIRE_BLOCK];
    size_t count;
    bool several; /* something has more than one part */
    uint32_t retry_after_ms;
    cr_wire_pool_t ids; /* one for each ACCEPTED, if the gateway's receipts carry its ids */
} tally_t;

typedef struct {
    batch_t *batch;
    uint64_t number;
    cr_lane_t lane;
    bool free_running;
    bool stopped;                     /* nothing more is submitted */
    bool lost;                        /* the daemon does not count it as ours */
    bool outstanding;                 /* `sent` waits for its acknowledgement */
    bool last;                        /* `sent` is the last report */
    size_t next;                      /* position to submit next */
    size_t in_flight;                 /* submitted, not settled */
    uint32_t sequence;                /* of the last report */
    uint32_t asked, allowed;          /* intent reported, intent acknowledged */
    size_t told, proven;              /* outcomes reported, outcomes acknowledged */
    tally_t tallies[2], *open, *sent; /* collecting; reported and not acknowledged */
    int64_t came_us, open_since_us, sent_us;
} lease_t;

struct board {
    board_rules_t rules;
    uint32_t report_outcomes;
    int64_t report_us;
    size_t count, room;
    uint32_t in_flight;
    /* Who submits next, found at `chosen_us` (wall); NULL: to be found, leases came or went. */
    lease_t *chosen;
    int64_t chosen_us;
    lease_t *leases[]; /* in the order they came */
};

/* ---- leases --------------------------------------------------------------------------------- */

static void
lease_destroy(lease_t *lease)
{
    if (!lease)
        return;
    batch_destroy(&lease->batch);
    cr_wire_pool_fini(&lease->tallies[0].ids);
    cr_wire_pool_fini(&lease->tallies[1].ids);
    free(lease);
}

static lease_t *
lease_new(batch_t *batch)
{
    lease_t *lease = calloc(1, sizeof *lease);
    if (!lease)
        return NULL;
    lease->batch = batch;
    lease->number = batch->lease->lease;
    lease->lane = (cr_lane_t)batch->lease->lane;
    lease->free_running = batch->lease->free_running;
    if (!lease->free_running)
        lease->asked = lease->allowed =
            batch->lease->intent < batch->count ? batch->lease->intent : (uint32_t)batch->count;
    lease->open = &lease->tallies[0];
    lease->sent = &lease->tallies[1];
    cr_wire_pool_init(&lease->tallies[0].ids);
    cr_wire_pool_init(&lease->tallies[1].ids);
    return lease;
}

static void
tally_clear(tally_t *tally)
{
    tally->count = 0;
    tally->several = false;
    tally->retry_after_ms = 0;
    cr_wire_pool_reset(&tally->ids);
}

static void
tally_add(tally_t *tally, size_t position, cr_status_t status, uint8_t parts)
{
    CR_ASSERT(tally->count < CR_WIRE_BLOCK);
    cr_status_class_t kind = cr_status_class(status);
    bool taken = kind == CR_STATUS_CLASS_ACCEPTED || kind == CR_STATUS_CLASS_DELIVERED;
    tally->positions[tally->count] = (uint8_t)position;
    tally->parts[tally->count] = !taken ? 0 : parts > 0 ? parts : 1;
    tally->several |= tally->parts[tally->count] > 1;
    tally->outcomes[tally->count++] = status;
}

static void
lease_settle(lease_t *lease, size_t position, const outcome_t *outcome, int64_t now_us)
{
    if (lease->open->count == 0)
        lease->open_since_us = now_us;
    tally_add(lease->open, position, outcome->status, outcome->parts);
}

/* Everything not submitted yet ends as `status`. */
static void
lease_settle_rest(lease_t *lease, cr_status_t status, int64_t now_us)
{
    const outcome_t outcome = {.status = status};
    for (; lease->next < lease->batch->count; lease->next++)
        lease_settle(lease, lease->next, &outcome, now_us);
}

static bool
lease_has_more(const lease_t *lease)
{
    return !lease->stopped && lease->next < lease->batch->count;
}

static bool
lease_may_submit(const lease_t *lease)
{
    return lease_has_more(lease) && (lease->free_running || lease->next < lease->allowed);
}

/* Nothing will come any more: the next report is the last. */
static bool
lease_is_over(const lease_t *lease)
{
    return !lease_has_more(lease) && lease->in_flight == 0;
}

/* ---- the board ------------------------------------------------------------------------------ */

board_t *
board_new(const board_rules_t *rules)
{
    /* Twice the credit: those that were lost may still have something to prove. */
    size_t room = 2 * ((size_t)rules->credit + rules->urgent_credit);
    board_t *self = calloc(1, sizeof *self + room * sizeof(lease_t *));
    if (!self)
        return NULL;
    self->rules = *rules;
    self->room = room;
    self->report_outcomes = REPORT_OUTCOMES;
    self->report_us = REPORT_US;
    return self;
}

void
board_destroy(board_t **self_p)
{
    board_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        lease_destroy(self->leases[i]);
    free(self);
    *self_p = NULL;
}

static lease_t *
find(const board_t *self, uint64_t number)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->leases[i]->number == number)
            return self->leases[i];
    return NULL;
}

static void
drop(board_t *self, const lease_t *lease)
{
    size_t i = 0;
    while (self->leases[i] != lease)
        i++;
    self->chosen = NULL;
    lease_destroy(self->leases[i]);
    self->count--;
    memmove(&self->leases[i], &self->leases[i + 1], (self->count - i) * sizeof *self->leases);
}

void
board_welcome(board_t *self, uint32_t report_outcomes, int64_t report_us)
{
    self->report_outcomes = report_outcomes > 0 ? report_outcomes : REPORT_OUTCOMES;
    self->report_us = report_us > 0 ? report_us : REPORT_US;
    for (size_t i = 0; i < self->count; i++)
        self->leases[i]->sent_us = INT64_MIN / 2;
}

static bool
is_over_credit(const board_t *self, bool emergency)
{
    size_t held = 0;
    for (size_t i = 0; i < self->count; i++)
        held += !self->leases[i]->lost && (self->leases[i]->lane == CR_LANE_EMERGENCY) == emergency;
    return self->count == self->room ||
           held >= (emergency ? self->rules.urgent_credit : self->rules.credit);
}

static cr_err_t
admit(const board_t *self, const Crier__V1__Lease *lease)
{
    if (find(self, lease->lease))
        return CR_EXISTS;
    if (is_over_credit(self, lease->lane == CR_LANE_EMERGENCY))
        return CR_TOOBIG;
    return CR_OK;
}

cr_err_t
board_add(board_t *self, batch_t **batch_p, int64_t now_us)
{
    cr_err_t err = admit(self, (*batch_p)->lease);
    lease_t *lease = err == CR_OK ? lease_new(*batch_p) : NULL;
    if (!lease) {
        batch_destroy(batch_p);
        return err != CR_OK ? err : CR_NOMEM;
    }
    *batch_p = NULL;
    lease->came_us = now_us;
    self->chosen = NULL;
    self->leases[self->count++] = lease;
    if (lease->batch->lease->drill == self->rules.drill)
        return CR_OK;
    lease_settle_rest(lease, CR_STATUS_WAITING, now_us);
    return CR_DENIED;
}

/* ---- submitting ----------------------------------------------------------------------------- */

/* The highest lane that has deliveries left; CR_LANE_COUNT when none has. */
static cr_lane_t
top_lane(const board_t *self)
{
    cr_lane_t top = CR_LANE_COUNT;
    for (size_t i = 0; i < self->count; i++)
        if (lease_has_more(self->leases[i]) && self->leases[i]->lane < top)
            top = self->leases[i]->lane;
    return top;
}

static void
expire(board_t *self, board_time_t now)
{
    for (size_t i = 0; i < self->count; i++)
        if (lease_has_more(self->leases[i]) &&
            now.wall_us >= self->leases[i]->batch->lease->expires_us)
            lease_settle_rest(self->leases[i], CR_STATUS_EXPIRED, now.mono_us);
}

static lease_t *
find_submitter(const board_t *self)
{
    cr_lane_t top = top_lane(self);
    for (size_t i = 0; i < self->count; i++)
        if (self->leases[i]->lane == top && lease_may_submit(self->leases[i]))
            return self->leases[i];
    return NULL;
}

/* Thousands of deliveries are submitted at the same moment, and most follow one of their lease. */
static lease_t *
choose(board_t *self, board_time_t now)
{
    if (self->chosen && self->chosen_us == now.wall_us && lease_may_submit(self->chosen))
        return self->chosen;
    expire(self, now);
    self->chosen = find_submitter(self);
    self->chosen_us = now.wall_us;
    return self->chosen;
}

bool
board_next(board_t *self, board_time_t now, board_slot_t *slot)
{
    lease_t *lease = choose(self, now);
    if (!lease || (lease->lane != CR_LANE_EMERGENCY && self->rules.reserved > 0 &&
                   self->in_flight >= self->rules.window - self->rules.reserved))
        return false;
    *slot = (board_slot_t){lease->number, lease->next++, lease->batch};
    lease->in_flight++;
    self->in_flight++;
    return true;
}

void
board_settle(board_t *self, const board_slot_t *slot, const outcome_t *outcome, int64_t now_us)
{
    lease_t *lease = find(self, slot->lease);
    CR_ASSERT(lease && lease->in_flight > 0);
    lease->in_flight--;
    self->in_flight--;
    lease_settle(lease, slot->position, outcome, now_us);
    if (self->rules.by_id && outcome->status == CR_STATUS_ACCEPTED)
        cr_wire_pool_add(&lease->open->ids, outcome->gateway_id);
    if (outcome->retry_after_ms > lease->open->retry_after_ms)
        lease->open->retry_after_ms = outcome->retry_after_ms;
}

/* ---- intents -------------------------------------------------------------------------------- */

/* How far a crash now would leave the daemon in doubt about this lease. */
static size_t
exposure(const lease_t *lease)
{
    return lease->free_running || lease->asked < lease->proven ? 0 : lease->asked - lease->proven;
}

/* How far ahead of its own outcomes a lease of the top lane may go. What lower lanes hold while they
 * are overtaken comes free only afterwards: it counts as one window at most. */
static size_t
allowance(const board_t *self, const lease_t *lease)
{
    size_t window = self->rules.window, others = 0, overtaken = 0;
    for (size_t i = 0; i < self->count && !lease->free_running; i++) {
        const lease_t *other = self->leases[i];
        if (other == lease)
            continue;
        bool waits = other->lane > lease->lane && lease_has_more(other);
        *(waits ? &overtaken : &others) += exposure(other);
    }
    others += overtaken < window ? overtaken : window;
    return others < 2 * window ? 2 * window - others : 0;
}

/* The intent that a report sent now would carry. */
static uint32_t
intent_of(const board_t *self, const lease_t *lease)
{
    if (!lease_has_more(lease) || lease->lane != top_lane(self))
        return lease->asked;
    size_t intent = lease->told + lease->open->count + allowance(self, lease);
    if (intent > lease->batch->count)
        intent = lease->batch->count;
    return intent > lease->asked ? (uint32_t)intent : lease->asked;
}

/* Less than a window is left to submit, and asking gains at least half of one, or all is used. */
static bool
must_grow(const board_t *self, const lease_t *lease)
{
    if (!lease_has_more(lease))
        return false;
    size_t limit = lease->free_running ? lease->asked : lease->allowed;
    size_t left = limit > lease->next ? limit - lease->next : 0;
    if (left >= self->rules.window)
        return false;
    size_t gain = intent_of(self, lease) - lease->asked;
    return gain > 0 && (left == 0 || gain >= (self->rules.window + 1) / 2);
}

/* ---- reports -------------------------------------------------------------------------------- */

static int64_t
lease_due_us(const board_t *self, const lease_t *lease)
{
    if (lease->outstanding)
        return lease->sent_us + repeat_us;
    if (lease_is_over(lease) || lease->open->count >= self->report_outcomes ||
        must_grow(self, lease))
        return INT64_MIN;
    if (lease->open->count > 0)
        return lease->open_since_us + self->report_us;
    /* However slow the gateway is: the daemon must know that the lease has arrived. */
    return lease->sequence == 0 ? lease->came_us + repeat_us : INT64_MAX;
}

static void
close_report(board_t *self, lease_t *lease)
{
    lease->asked = intent_of(self, lease);
    tally_t *filled = lease->open;
    lease->open = lease->sent;
    lease->sent = filled;
    tally_clear(lease->open);
    lease->told += filled->count;
    lease->sequence++;
    lease->last = lease_is_over(lease);
    lease->outstanding = true;
}

static void
write_report(lease_t *lease, Crier__V1__Report *report)
{
    tally_t *tally = lease->sent;
    crier__v1__report__init(report);
    report->lease = lease->number;
    report->sequence = lease->sequence;
    report->positions = (ProtobufCBinaryData){tally->count, tally->positions};
    report->outcomes = (ProtobufCBinaryData){tally->count, tally->outcomes};
    report->intent = lease->asked;
    report->gateway_ids = tally->ids.count > 0 ? cr_wire_pool_message(&tally->ids) : NULL;
    report->retry_after_ms = tally->retry_after_ms;
    report->last = lease->last;
    if (tally->several)
        report->parts = (ProtobufCBinaryData){tally->count, tally->parts};
}

bool
board_report(board_t *self, int64_t now_us, Crier__V1__Report *report)
{
    for (size_t i = 0; i < self->count; i++) {
        lease_t *lease = self->leases[i];
        if (lease_due_us(self, lease) > now_us)
            continue;
        if (!lease->outstanding)
            close_report(self, lease);
        lease->sent_us = now_us;
        write_report(lease, report);
        return true;
    }
    return false;
}

int64_t
board_due_us(const board_t *self)
{
    int64_t due_us = INT64_MAX;
    for (size_t i = 0; i < self->count; i++) {
        int64_t at_us = lease_due_us(self, self->leases[i]);
        if (at_us < due_us)
            due_us = at_us;
    }
    return due_us;
}

/* A lost lease ends without a last report when there is nothing left to prove. */
static void
end_if_done(board_t *self, const lease_t *lease)
{
    bool over = lease_is_over(lease) && !lease->outstanding;
    if (over && (lease->last || (lease->lost && lease->open->count == 0)))
        drop(self, lease);
}

void
board_acknowledge(board_t *self, uint64_t number, uint32_t sequence, uint32_t intent)
{
    lease_t *lease = find(self, number);
    if (!lease || !lease->outstanding || lease->sequence != sequence)
        return;
    lease->outstanding = false;
    lease->proven = lease->told;
    if (!lease->free_running && intent < lease->asked)
        lease->asked = intent > lease->allowed ? intent : lease->allowed;
    lease->allowed = lease->asked;
    end_if_done(self, lease);
}

/* ---- stopping ------------------------------------------------------------------------------- */

void
board_stop(board_t *self, uint64_t number)
{
    lease_t *lease = find(self, number);
    if (lease)
        lease->stopped = true;
}

void
board_stop_all(board_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        self->leases[i]->stopped = true;
}

void
board_lose(board_t *self, uint64_t number)
{
    lease_t *lease = find(self, number);
    if (!lease)
        return;
    lease->stopped = lease->lost = true;
    end_if_done(self, lease);
}

void
board_refuse(board_t *self, uint64_t number)
{
    lease_t *lease = find(self, number);
    if (!lease)
        return;
    lease->stopped = lease->lost = true;
    lease->outstanding = false;
    end_if_done(self, lease);
}

size_t
board_count(const board_t *self)
{
    return self->count;
}

size_t
board_held(const board_t *self, uint64_t *leases, size_t max)
{
    size_t held = 0;
    for (size_t i = 0; i < self->count && held < max; i++)
        if (!self->leases[i]->lost)
            leases[held++] = self->leases[i]->number;
    return held;
}
