/* Reports: checked, taken into the bytes, stored, and only then acknowledged. */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "state.h"

enum { NONE = 0xFFFF, REST_MS = 1000 };

/* A report in the order of positions. */
typedef struct {
    const core_report_t *report;
    uint16_t at[CORE_BLOCK]; /* position -> index in the report, or NONE */
    uint16_t id[CORE_BLOCK]; /* position -> index of its gateway id, or NONE */
    core_gateway_id_t index[CORE_BLOCK];
    size_t index_count;
} sorted_t;

/* NULL, or which rule it breaks. */
static const char *
sort(const core_report_t *report, sorted_t *out)
{
    if (report->count > CORE_BLOCK)
        return "more outcomes than a lease has positions";
    out->report = report;
    out->index_count = 0;
    memset(out->at, 0xFF, sizeof out->at);
    memset(out->id, 0xFF, sizeof out->id);
    size_t accepted = 0;
    for (size_t i = 0; i < report->count; i++) {
        uint8_t position = report->positions[i];
        if (!policy_is_outcome(report->outcomes[i]))
            return "an outcome that a worker may not report";
        if (out->at[position] != NONE)
            return "a position twice";
        out->at[position] = (uint16_t)i;
        if (report->outcomes[i] == CR_STATUS_ACCEPTED)
            out->id[position] = (uint16_t)accepted++;
    }
    if (report->gateway_id_count != 0 && report->gateway_id_count != accepted)
        return "gateway ids that do not match the accepted positions";
    return NULL;
}

static void
refuse(core_t *core, const worker_t *worker, core_refusal_t reason, uint64_t lease,
       const char *text)
{
    core_refuse(core, worker->shown.name, reason, lease, text);
}

/* The policy for one position of a lease that is out or was lost. */
static policy_t
policy_of(const core_t *core, const lease_t *lease, uint32_t rank)
{
    const broadcast_t *broadcast = lease->channel->broadcast;
    return (policy_t){.attempts_max = core->config.attempts_max,
                      .resend = broadcast->spec.resend_unknown || lease->idempotent,
                      .expired = broadcast->end != 0 || broadcast->over,
                      .doubtful = cursor_is_doubtful(&lease->channel->cursor, rank)};
}

static void
back_off(core_t *core, const lease_t *lease, uint32_t attempt, uint32_t retry_after_ms)
{
    int64_t wait_us = policy_back_off(&core->config, attempt, &core->seed);
    int64_t asked_us = retry_after_ms * CR_US_PER_MS, now_us = core->now.mono_us;
    channel_t *channel = lease->channel;
    if (now_us + asked_us > channel->asked_until_us)
        channel->asked_until_us = now_us + asked_us;
    cursor_back_off(&channel->cursor, lease->block,
                    now_us + (asked_us > wait_us ? asked_us : wait_us));
}

static void
note_submit(const core_t *core, channel_t *channel, cr_status_t outcome)
{
    if (channel->first_us == 0)
        channel->first_us = core->now.wall_us;
    if (outcome == CR_STATUS_ACCEPTED || outcome == CR_STATUS_UNKNOWN)
        channel->submitted_us = core->now.mono_us;
}

/* A delivery whose gateway answered after everything else was over cannot wait for a receipt. */
static cr_status_t
resolve(const core_t *core, const lease_t *lease, uint32_t position, cr_status_t outcome)
{
    uint32_t rank = lease->block * CORE_BLOCK + lease->offsets[position];
    policy_t policy = policy_of(core, lease, rank);
    cr_status_t to = policy_after(&policy, outcome, lease->attempts[position]);
    return to == CR_STATUS_ACCEPTED && lease->channel->broadcast->over ? CR_STATUS_UNCONFIRMED : to;
}

/* Moves the byte of one position and puts it on record. */
static void
take_outcome(core_t *core, lease_t *lease, uint32_t position, sorted_t *sorted, write_t *write)
{
    const core_report_t *report = sorted->report;
    cr_status_t outcome = report->outcomes[sorted->at[position]];
    uint32_t attempt = lease->attempts[position], offset = lease->offsets[position];
    uint32_t rank = lease->block * CORE_BLOCK + offset;
    cr_status_t to = resolve(core, lease, position, outcome);
    if (to != CR_STATUS_WAITING && core_move(core, lease->channel, rank, to)) {
        write_change(write, offset);
        if (to <= CR_STATUS_RETRY_MAX) {
            back_off(core, lease, attempt, report->retry_after_ms);
            if (outcome == CR_STATUS_UNKNOWN)
                lease_doubt(lease, rank);
            if (outcome != CR_STATUS_UNKNOWN || lease->channel->cursor.anywhere)
                cursor_refuse(&lease->channel->cursor, lease->block, gateway_key(lease->gateway));
        }
    }
    if (outcome == CR_STATUS_WAITING)
        return;
    note_submit(core, lease->channel, outcome);
    write_note(write, offset, attempt, outcome);
    if (sorted->id[position] != NONE && report->gateway_id_count > 0)
        sorted->index[sorted->index_count++] =
            (core_gateway_id_t){rank, attempt, report->gateway_ids[sorted->id[position]]};
}

/* What the gateway bills of one outcome: only what it took. */
static uint64_t
parts_of(const core_report_t *report, size_t at)
{
    cr_status_class_t kind = cr_status_class(report->outcomes[at]);
    bool taken = kind == CR_STATUS_CLASS_ACCEPTED || kind == CR_STATUS_CLASS_DELIVERED;
    return !taken ? 0 : report->parts ? report->parts[at] : 1;
}

static void
add_to_bill(const lease_t *lease, uint64_t parts, write_t *write)
{
    uint64_t price = parts * lease->worker->shown.gateway.price;
    write->bill.parts += parts;
    write->bill.price += price;
    lease->channel->bill.parts += parts;
    lease->channel->bill.price += price;
}

/* How many the gateway took. */
static uint64_t
count_outcomes(core_t *core, worker_t *worker, const core_report_t *report)
{
    uint32_t gone = 0, due = 0;
    uint64_t before = worker->shown.accepted;
    for (size_t i = 0; i < report->count; i++) {
        cr_status_t outcome = report->outcomes[i];
        if (outcome == CR_STATUS_WAITING)
            continue;
        core->stats.outcomes++;
        worker->shown.outcomes++;
        gone += policy_may_have_gone(outcome);
        due += outcome == CR_STATUS_ACCEPTED;
        cr_status_class_t kind = cr_status_class(outcome);
        worker->shown.accepted +=
            kind == CR_STATUS_CLASS_ACCEPTED || kind == CR_STATUS_CLASS_DELIVERED;
        worker->shown.failed += kind == CR_STATUS_CLASS_FAILED;
        worker->shown.retried += kind == CR_STATUS_CLASS_RETRY;
        worker->shown.unknown += kind == CR_STATUS_CLASS_UNKNOWN;
    }
    gateway_note_submits(core, worker->gateway, gone, due);
    return worker->shown.accepted - before;
}

/* ---- a lease that is out ---------------------------------------------------------------------- */

static bool
is_inside(const lease_t *lease, const sorted_t *sorted)
{
    for (uint32_t i = lease->count; i < CORE_BLOCK; i++)
        if (sorted->at[i] != NONE)
            return false;
    return sorted->report->intent <= lease->count;
}

/* The report must lie inside the lease, say nothing twice, and ask for two windows at most. */
static bool
fits(const lease_t *lease, const sorted_t *sorted)
{
    const core_report_t *report = sorted->report;
    for (uint32_t i = 0; i < lease->count; i++)
        if (sorted->at[i] != NONE && lease_is_answered(lease, i))
            return false;
    uint64_t ahead = lease->answered + report->count + UINT64_C(2) * lease->window;
    return is_inside(lease, sorted) && report->intent <= ahead;
}

/* What the worker may go on with: what it asks for as far as its other leases leave room, and never
 * less than before. */
static uint32_t
grant_intent(const lease_t *lease, uint32_t wanted)
{
    uint32_t reach = lease_reach(lease), granted = wanted < reach ? wanted : reach;
    return granted > lease->asked ? granted : lease->asked;
}

/* The worker's word that it is done with the lease. */
static void
end(core_t *core, lease_t *lease, ticket_t *ticket)
{
    worker_t *worker = lease->worker;
    worker->ended[worker->ended_next] =
        (ended_t){lease->id, lease->sequence, ticket->intent, false};
    worker->ended_next = (worker->ended_next + 1) % STATE_REMEMBERED;
    /* One that gives everything back untried would get the same again at once. */
    if (!lease->progressed && !lease->stopped)
        worker->rest_until_us = core->now.mono_us + REST_MS * CR_US_PER_MS;
    ticket->ends = true;
    ticket->urgent = lease_is_urgent(lease);
    lease_end(core, lease);
}

/* The gateway took something, or refused it for good: it is neither away nor full. */
static bool
has_moved(const core_report_t *report)
{
    for (size_t i = 0; i < report->count; i++) {
        cr_status_class_t kind = cr_status_class(report->outcomes[i]);
        if (report->outcomes[i] != CR_STATUS_WAITING && kind != CR_STATUS_CLASS_RETRY &&
            kind != CR_STATUS_CLASS_UNKNOWN)
            return true;
    }
    return false;
}

static void
take(core_t *core, lease_t *lease, sorted_t *sorted)
{
    const core_report_t *report = sorted->report;
    write_t write;
    write_begin(&write, lease->channel, lease->block);
    write_sign(&write, core, TRAIL_REPORT, lease->worker->shown.name, lease->gateway);
    for (uint32_t i = 0; i < lease->count; i++) {
        if (sorted->at[i] == NONE)
            continue;
        lease_mark_answered(lease, i);
        lease->progressed |= report->outcomes[sorted->at[i]] != CR_STATUS_WAITING;
        take_outcome(core, lease, i, sorted, &write);
    }
    uint64_t taken = count_outcomes(core, lease->worker, report), parts = report->parts ? 0 : taken;
    for (size_t i = 0; report->parts && i < report->count; i++)
        parts += parts_of(report, i);
    add_to_bill(lease, parts, &write);
    recovery_note(core, lease, report);
    lease->channel->broadcast->changed |= report->count > 0;
    if (has_moved(report))
        lease->moved_us = lease->worker->moved_us = core->now.mono_us;
    lease->sequence = report->sequence;
    if (!lease->stopped)
        lease->asked = grant_intent(lease, report->intent);
    lease->storing = true;
    write.index = sorted->index;
    write.index_count = sorted->index_count;
    ticket_t ticket = {.kind = TICKET_REPORT,
                       .worker = lease->worker,
                       .lease = lease->id,
                       .sequence = report->sequence,
                       .intent = lease->stopped ? lease->intent : lease->asked};
    write.lease = lease;
    write.intent = ticket.intent;
    write.lease_over = report->last;
    if (report->last)
        end(core, lease, &ticket);
    else if (lease->stopped)
        lease_stop(core, lease, lease->stop); /* the first word may have been lost */
    write_send(core, &write, &ticket);
    if (report->last)
        free(lease);
}

/* ---- a lease that is not out ------------------------------------------------------------------ */

/* Acknowledged again, or to be when it is stored. */
static bool
is_remembered(const core_t *core, const worker_t *worker, const core_report_t *report)
{
    for (size_t i = 0; i < STATE_REMEMBERED; i++) {
        const ended_t *ended = &worker->ended[i];
        if (ended->lease != report->lease || report->lease == 0)
            continue;
        if (ended->stored)
            core->act.ack(core->act.context, worker->shown.name, report->lease, report->sequence,
                          ended->intent);
        return true;
    }
    return false;
}

/* That something was taken stays true whatever happened since; that it was not is known of this
 * lease's attempt alone, and says nothing when a later lease may have tried again. */
static bool
is_still_true(const lease_t *lease, cr_status_t outcome)
{
    cr_status_class_t kind = cr_status_class(outcome);
    return kind == CR_STATUS_CLASS_ACCEPTED || kind == CR_STATUS_CLASS_DELIVERED ||
           lease->nth == lease->channel->cursor.blocks[lease->block].grants;
}

/* A late outcome proves something where nothing was known; it takes back nothing that is known. */
static bool
is_proof(const lease_t *lease, uint32_t position, cr_status_t outcome)
{
    const cursor_t *cursor = &lease->channel->cursor;
    uint32_t rank = lease->block * CORE_BLOCK + lease->offsets[position];
    bool allowed = position < lease->intent || lease->free_running;
    if (!allowed || lease_is_answered(lease, position) || outcome == CR_STATUS_WAITING ||
        outcome == CR_STATUS_UNKNOWN || outcome == CR_STATUS_EXPIRED ||
        !is_still_true(lease, outcome))
        return false;
    bool known = cursor->status[rank] != CR_STATUS_UNKNOWN;
    return !known || (outcome != CR_STATUS_RETRY_1 && cr_status_may(cursor->status[rank], outcome));
}

static void
take_proof(core_t *core, lease_t *lease, sorted_t *sorted)
{
    worker_t *worker = lease->worker;
    if (lease->storing)
        return; /* the answer comes when what it said before is stored */
    write_t write;
    write_begin(&write, lease->channel, lease->block);
    write_sign(&write, core, TRAIL_REPORT, worker->shown.name, lease->gateway);
    for (uint32_t i = 0; i < lease->count; i++) {
        if (sorted->at[i] == NONE || !is_proof(lease, i, sorted->report->outcomes[sorted->at[i]]))
            continue;
        take_outcome(core, lease, i, sorted, &write);
        add_to_bill(lease, parts_of(sorted->report, sorted->at[i]), &write);
    }
    write.index = sorted->index;
    write.index_count = sorted->index_count;
    if (write_is_empty(&write)) {
        refuse(core, worker, CORE_UNKNOWN_LEASE, lease->id, "lost");
        return;
    }
    lease->storing = true;
    write_send(core, &write,
               &(ticket_t){.kind = TICKET_PROOF, .worker = worker, .lease = lease->id});
}

/* ---- which of them it is ---------------------------------------------------------------------- */

/* The store went back in time: its record knows less of the lease than its worker was told. What that
 * may have submitted is unknown, but for what it says now. */
static void
take_after_gap(core_t *core, lease_t *lease, sorted_t *sorted)
{
    if (sorted->report->intent > lease->intent)
        lease->intent = sorted->report->intent;
    lease_lose(core, lease);
    take_proof(core, lease, sorted);
}

static void
take_in_order(core_t *core, lease_t *lease, sorted_t *sorted)
{
    const core_report_t *report = sorted->report;
    const worker_t *worker = lease->worker;
    bool is_next = report->sequence == lease->sequence + 1;
    if (report->sequence == lease->sequence && lease->storing)
        return; /* repeated: the answer comes when it is stored */
    if (report->sequence < lease->sequence)
        refuse(core, worker, CORE_STALE, 0, "older than the report that was taken");
    else if (report->sequence == lease->sequence)
        core->act.ack(core->act.context, worker->shown.name, lease->id, report->sequence,
                      lease->intent);
    else if (lease->storing)
        refuse(core, worker, CORE_MALFORMED, lease->id, "a report before the last one's answer");
    else if (!(is_next ? fits(lease, sorted) : is_inside(lease, sorted)))
        refuse(core, worker, CORE_OUT_OF_LEASE, lease->id, "positions or intent outside the lease");
    else if (is_next)
        take(core, lease, sorted);
    else
        take_after_gap(core, lease, sorted);
}

void
core_report(core_t *core, core_time_t now, const char *name, const core_report_t *report)
{
    core->now = now;
    worker_t *worker = roster_find(core, name);
    if (!worker || !worker->gateway) {
        core_refuse(core, name, CORE_UNKNOWN_WORKER, 0, "say Hello first");
        return;
    }
    roster_touch(core, worker);
    sorted_t sorted;
    const char *broken = sort(report, &sorted);
    lease_t *lease = roster_lease(worker, report->lease);
    if (lease && lease->unsent)
        lease = NULL; /* a number that was guessed */
    lease_t *lost = lease ? NULL : lease_find_lost(core, worker, report->lease);
    if (broken)
        refuse(core, worker, CORE_MALFORMED, report->lease, broken);
    else if (lease)
        take_in_order(core, lease, &sorted);
    else if (lost)
        take_proof(core, lost, &sorted);
    else if (!is_remembered(core, worker, report))
        refuse(core, worker, CORE_UNKNOWN_LEASE, report->lease, "not a lease of yours");
}
