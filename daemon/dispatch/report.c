/* What a worker reports: checked against its lease, applied to the bytes, stored, acknowledged. */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "state.h"

enum { REPORT_REST_US = 1000000 }; /* of a worker that gives everything back */

/* A report laid out by position. */
typedef struct {
    bool told[CORE_BLOCK];
    cr_status_t outcomes[CORE_BLOCK];
    cr_slice_t ids[CORE_BLOCK];
    uint32_t count;
} said_t;

static void
refuse(core_t *core, const worker_t *worker, core_refusal_t reason, uint64_t lease,
       const char *text)
{
    core->stats.refused++;
    core->act.refuse(core->act.context, worker->shown.name, reason, lease, text);
}

static bool
is_submitted(cr_status_t outcome)
{
    return outcome != CR_STATUS_WAITING && outcome != CR_STATUS_EXPIRED;
}

/* False: a position outside the lease, told twice or told before, or an outcome nobody may report. */
static bool
lay_out(const lease_t *lease, const core_report_t *report, said_t *said)
{
    size_t id = 0;
    memset(said, 0, sizeof *said);
    for (size_t i = 0; i < report->count; i++) {
        uint32_t position = report->positions[i];
        cr_status_t outcome = report->outcomes[i];
        if (position >= lease->count || said->told[position] ||
            lease_is_answered(lease, position) || !policy_is_outcome(outcome))
            return false;
        said->told[position] = true;
        said->outcomes[position] = outcome;
        said->count++;
        if (outcome == CR_STATUS_ACCEPTED && id < report->gateway_id_count)
            said->ids[position] = report->gateway_ids[id++];
    }
    return true;
}

/* Nobody goes further than it was allowed to, nor further ahead than two windows. */
static const char *
find_fault(const lease_t *lease, const core_report_t *report, const said_t *said)
{
    for (uint32_t i = lease->intent; i < lease->count && !lease->free_running; i++)
        if (said->told[i] && is_submitted(said->outcomes[i]))
            return "submitted beyond the intent";
    if (report->last)
        return NULL;
    if (report->intent < lease->intent || report->intent > lease->count)
        return "intent outside the lease";
    if (report->intent > lease->answered + said->count + 2 * lease->window &&
        report->intent > lease->intent)
        return "intent beyond two windows";
    return NULL;
}

/* -- outcomes ----------------------------------------------------------------------------------- */

static void
count_outcome(worker_t *worker, cr_status_t outcome)
{
    core_worker_t *shown = &worker->shown;
    cr_status_class_t kind = cr_status_class(outcome);
    shown->outcomes++;
    shown->accepted += kind == CR_STATUS_CLASS_ACCEPTED || kind == CR_STATUS_CLASS_DELIVERED;
    shown->failed += kind == CR_STATUS_CLASS_FAILED;
    shown->retried += kind == CR_STATUS_CLASS_RETRY;
    shown->unknown += kind == CR_STATUS_CLASS_UNKNOWN;
}

static policy_t
policy_for(const core_t *core, const lease_t *lease, uint32_t rank)
{
    const broadcast_t *broadcast = lease->channel->broadcast;
    return (policy_t){
        .attempts_max = core->config.attempts_max,
        .resend = broadcast->spec.resend_unknown || lease_is_urgent(lease) || lease->idempotent,
        .expired = broadcast->end != 0,
        .doubtful = cursor_is_doubtful(&lease->channel->cursor, rank),
    };
}

static void
back_off(core_t *core, lease_t *lease, uint32_t attempt, uint32_t retry_after_ms)
{
    int64_t wait_us = policy_back_off(&core->config, attempt, &core->seed);
    int64_t asked_us = retry_after_ms * CR_US_PER_MS;
    cursor_back_off(&lease->channel->cursor, lease->block,
                    core->now.mono_us + (asked_us > wait_us ? asked_us : wait_us));
}

static void
apply(core_t *core, lease_t *lease, uint32_t position, const core_report_t *report,
      cr_status_t outcome, write_t *write)
{
    channel_t *channel = lease->channel;
    uint32_t offset = lease->offsets[position], rank = lease->block * CORE_BLOCK + offset;
    uint32_t attempt = lease->attempts[position];
    policy_t policy = policy_for(core, lease, rank);
    cr_status_t status = policy_after(&policy, outcome, attempt);
    lease_mark_answered(lease, position);
    core->stats.outcomes++;
    if (is_submitted(outcome)) {
        channel->submitted_us = core->now.mono_us;
        lease->progressed = true;
        count_outcome(lease->worker, outcome);
        write_note(write, offset, attempt, outcome);
    }
    if (status == CR_STATUS_WAITING || !core_move(core, channel, rank, status))
        return;
    write_change(write, offset);
    if (cr_status_class(status) != CR_STATUS_CLASS_RETRY)
        return;
    if (outcome == CR_STATUS_UNKNOWN)
        cursor_doubt(&channel->cursor, rank);
    back_off(core, lease, attempt, report->retry_after_ms);
}

/* Gateway ids of the accepted: from now on their receipts find the delivery. */
static size_t
collect_ids(const lease_t *lease, const said_t *said, core_gateway_id_t out[CORE_BLOCK])
{
    size_t count = 0;
    for (uint32_t i = 0; i < lease->count; i++)
        if (said->ids[i].length > 0)
            out[count++] = (core_gateway_id_t){lease->block * CORE_BLOCK + lease->offsets[i],
                                               lease->attempts[i], said->ids[i]};
    return count;
}

/* -- a lease that is out ------------------------------------------------------------------------ */

static void
remember_ended(worker_t *worker, const lease_t *lease, uint32_t intent)
{
    worker->ended[worker->ended_next++ % STATE_REMEMBERED] =
        (ended_t){lease->id, lease->sequence, intent, false};
}

/* The credit stays taken until the report is stored. */
static void
finish(core_t *core, lease_t *lease, write_t *write, ticket_t *ticket)
{
    worker_t *worker = lease->worker;
    write->ended_lease = lease->id;
    ticket->ends = true;
    ticket->urgent = lease_is_urgent(lease);
    remember_ended(worker, lease, ticket->intent);
    if (!lease->progressed && !lease->stopped)
        worker->rest_until_us = core->now.mono_us + REPORT_REST_US;
    lease_end(core, lease);
    write_send(core, write, ticket);
    free(lease);
}

static void
take(core_t *core, lease_t *lease, const core_report_t *report, const said_t *said)
{
    core_gateway_id_t ids[CORE_BLOCK];
    write_t write;
    write_begin(&write, lease->channel, lease->block);
    write_sign(&write, core, TRAIL_REPORT, lease->worker->shown.name, lease->gateway);
    for (uint32_t i = 0; i < lease->count; i++)
        if (said->told[i])
            apply(core, lease, i, report, said->outcomes[i], &write);
    write.index = ids;
    write.index_count = collect_ids(lease, said, ids);
    lease->sequence = report->sequence;
    /* A stopped lease goes no further, whatever its worker would like. */
    lease->asked = lease->stopped || report->last ? lease->intent : report->intent;
    ticket_t ticket = {.kind = TICKET_REPORT,
                       .worker = lease->worker,
                       .lease = lease->id,
                       .sequence = report->sequence,
                       .intent = lease->asked};
    if (report->last) {
        finish(core, lease, &write, &ticket);
        return;
    }
    lease->storing = true;
    write.lease = lease;
    write.intent = lease->asked;
    write_send(core, &write, &ticket);
}

static void
acknowledge(core_t *core, const worker_t *worker, uint64_t lease, uint32_t sequence,
            uint32_t intent)
{
    core->act.ack(core->act.context, worker->shown.name, lease, sequence, intent);
}

static void
report_on(core_t *core, lease_t *lease, const core_report_t *report)
{
    said_t said;
    if (report->sequence <= lease->sequence) { /* repeated */
        if (report->sequence == lease->sequence && !lease->storing)
            acknowledge(core, lease->worker, lease->id, lease->sequence, lease->intent);
        return;
    }
    if (lease->storing)
        return; /* it comes again until it is acknowledged */
    if (report->sequence != lease->sequence + 1) {
        refuse(core, lease->worker, CORE_OUT_OF_LEASE, lease->id, "sequence");
        return;
    }
    const char *fault =
        lay_out(lease, report, &said) ? find_fault(lease, report, &said) : "positions or outcomes";
    if (fault)
        refuse(core, lease->worker, CORE_OUT_OF_LEASE, lease->id, fault);
    else
        take(core, lease, report, &said);
}

/* -- a lease that is over ----------------------------------------------------------------------- */

/* Whether the outcome tells more than we know: only of what was allowed, and not of what has been
 * handed to somebody else since. */
static bool
is_proof(const lease_t *lease, uint32_t position, cr_status_t outcome)
{
    const cursor_t *cursor = &lease->channel->cursor;
    cr_status_t status = cursor->status[lease->block * CORE_BLOCK + lease->offsets[position]];
    cr_status_class_t kind = cr_status_class(outcome);
    bool known = kind == CR_STATUS_CLASS_ACCEPTED || kind == CR_STATUS_CLASS_DELIVERED ||
                 kind == CR_STATUS_CLASS_FAILED;
    bool allowed = position < lease->intent || lease->free_running;
    return known && allowed && !cursor->blocks[lease->block].lease &&
           (cr_status_class(status) == CR_STATUS_CLASS_UNKNOWN ||
            cr_status_class(status) == CR_STATUS_CLASS_RETRY);
}

static void
report_on_lost(core_t *core, worker_t *worker, lease_t *lease, const core_report_t *report)
{
    said_t said;
    core_gateway_id_t ids[CORE_BLOCK];
    write_t write;
    if (!lay_out(lease, report, &said)) {
        refuse(core, worker, CORE_UNKNOWN_LEASE, lease->id, "lost");
        return;
    }
    write_begin(&write, lease->channel, lease->block);
    write_sign(&write, core, TRAIL_REPORT, worker->shown.name, lease->gateway);
    for (uint32_t i = 0; i < lease->count; i++) {
        uint32_t offset = lease->offsets[i];
        if (!said.told[i] || !is_proof(lease, i, said.outcomes[i]) ||
            !core_move(core, lease->channel, lease->block * CORE_BLOCK + offset,
                       said.outcomes[i])) {
            said.ids[i] = (cr_slice_t){0};
            continue;
        }
        count_outcome(worker, said.outcomes[i]);
        write_change(&write, offset);
        write_note(&write, offset, lease->attempts[i], said.outcomes[i]);
    }
    write.index = ids;
    write.index_count = collect_ids(lease, &said, ids);
    if (write_is_empty(&write))
        refuse(core, worker, CORE_UNKNOWN_LEASE, lease->id, "lost");
    else
        write_send(core, &write,
                   &(ticket_t){.kind = TICKET_PROOF, .worker = worker, .lease = lease->id});
}

/* The last report of a lease that ended well, once more. */
static bool
is_repeated_last(core_t *core, const worker_t *worker, const core_report_t *report)
{
    for (size_t i = 0; i < STATE_REMEMBERED; i++) {
        const ended_t *ended = &worker->ended[i];
        if (ended->lease != report->lease || report->lease == 0)
            continue;
        if (ended->stored)
            acknowledge(core, worker, ended->lease, ended->sequence, ended->intent);
        return true;
    }
    return false;
}

void
core_report(core_t *core, core_time_t now, const char *name, const core_report_t *report)
{
    core->now = now;
    worker_t *worker = roster_find(core, name);
    CR_ASSERT(worker); /* core_heard has said so */
    lease_t *lease = roster_lease(worker, report->lease);
    if (lease) {
        report_on(core, lease, report);
        return;
    }
    if (is_repeated_last(core, worker, report))
        return;
    lease_t *lost = lease_find_lost(core, worker, report->lease);
    if (lost)
        report_on_lost(core, worker, lost, report);
    else
        refuse(core, worker, CORE_UNKNOWN_LEASE, report->lease, "no such lease");
}
