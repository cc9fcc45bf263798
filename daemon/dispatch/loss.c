/* What a lost lease leaves behind: outcomes stay, the rest returns or is unknown. */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "state.h"

static const int64_t stop_again_us = CR_US_PER_S, emergency_us = 5 * CR_US_PER_S;

/* What becomes of a position inside the intent that has no outcome. True: the byte changed. */
static bool
lose_submitted(core_t *core, const lease_t *lease, uint32_t position, core_loss_t *loss)
{
    channel_t *channel = lease->channel;
    const broadcast_t *broadcast = channel->broadcast;
    uint32_t rank = lease->block * CORE_BLOCK + lease->offsets[position];
    bool goes_on = broadcast->end == 0;
    if (lease->idempotent && goes_on) { /* the same reference again delivers once */
        lease_doubt(lease, rank);
        loss->resent++;
        return false;
    }
    const policy_t policy = {.attempts_max = core->config.attempts_max,
                             .resend = broadcast->spec.resend_unknown,
                             .expired = !goes_on,
                             .doubtful = true};
    cr_status_t to = policy_after(&policy, CR_STATUS_UNKNOWN, lease->attempts[position]);
    if (to == CR_STATUS_UNKNOWN) {
        loss->unknown++;
        channel->submitted_us = core->now.mono_us; /* its receipt may still come */
    } else {
        lease_doubt(lease, rank);
        loss->resent++;
    }
    return core_move(core, channel, rank, to);
}

static void
lose_positions(core_t *core, const lease_t *lease, write_t *write, core_loss_t *loss)
{
    cursor_t *cursor = &lease->channel->cursor;
    for (uint32_t i = 0; i < lease->count; i++) {
        uint32_t rank = lease->block * CORE_BLOCK + lease->offsets[i];
        if (lease_is_answered(lease, i) || cursor->status[rank] > CR_STATUS_RETRY_MAX)
            continue; /* a receipt may have told already */
        if (i >= lease->intent) {
            loss->returned++;
            if (lease->free_running)
                lease_doubt(lease, rank);
            continue;
        }
        write_note(write, lease->offsets[i], lease->attempts[i], CR_STATUS_UNKNOWN);
        if (lose_submitted(core, lease, i, loss))
            write_change(write, lease->offsets[i]);
    }
}

static void
keep_lost(core_t *core, lease_t *lease)
{
    lease->next = NULL;
    free(core->lost[core->lost_next]);
    core->lost[core->lost_next] = lease;
    core->lost_next = (core->lost_next + 1) % STATE_LOST_MAX;
}

void
lease_lose(core_t *core, lease_t *lease)
{
    channel_t *channel = lease->channel;
    core_loss_t loss = {.worker = lease->worker->shown.name,
                        .lease = lease->id,
                        .broadcast = channel->broadcast->spec.id,
                        .channel = channel->kind,
                        .first_rank = lease->block * CORE_BLOCK};
    if (lease->unsent) /* nothing of it was submitted, whatever the record allows */
        lease->intent = 0;
    write_t write;
    write_begin(&write, channel, lease->block);
    write_sign(&write, core, TRAIL_LOST, lease->worker->shown.name, lease->gateway);
    write.lease = lease;
    write.intent = lease->intent;
    write.lease_over = true;
    lose_positions(core, lease, &write, &loss);
    if (loss.resent > 0)
        cursor_hurry(&channel->cursor, lease->block);
    lease->worker->out[lease_is_urgent(lease)]--;
    lease_end(core, lease);
    write_send(core, &write, &(ticket_t){.kind = TICKET_PLAIN});
    if (!lease->unsent) {
        core->stats.leases_lost++;
        core->act.lost(core->act.context, &loss);
    }
    keep_lost(core, lease);
}

/* Its gateway takes nothing, and what is in doubt is sent again anyway: by one that is free, now. */
static bool
is_too_slow(const core_t *core, const lease_t *lease)
{
    return lease->free_running && lease->channel->broadcast->spec.resend_unknown &&
           core->now.mono_us - lease->moved_us > emergency_us &&
           roster_another_is_free(core, lease->worker, lease->channel, lease->moved_us);
}

static void
take_away(core_t *core, lease_t *lease)
{
    lease_stop(core, lease, CORE_STOP_LOST);
    lease_lose(core, lease);
}

void
lease_tick(core_t *core, lease_t *lease)
{
    int64_t now_us = core->now.mono_us;
    if (lease->unsent)
        return;
    if (lease->sequence == 0 && now_us - lease->moved_us > core->config.lease_us) {
        take_away(core, lease);
    } else if (is_too_slow(core, lease)) {
        lease->worker->rest_until_us = now_us + emergency_us; /* or it would get it again */
        take_away(core, lease);
    } else if (lease->stopped && now_us - lease->told_us > stop_again_us) {
        lease_stop(core, lease, lease->stop);
    }
}

lease_t *
lease_find_lost(const core_t *core, const worker_t *worker, uint64_t lease)
{
    for (uint32_t i = 0; i < STATE_LOST_MAX; i++)
        if (core->lost[i] && core->lost[i]->id == lease && core->lost[i]->worker == worker)
            return core->lost[i];
    return NULL;
}

void
lease_forget_lost(core_t *core, const worker_t *worker)
{
    for (uint32_t i = 0; i < STATE_LOST_MAX; i++) {
        if (!core->lost[i] || (worker && core->lost[i]->worker != worker))
            continue;
        free(core->lost[i]);
        core->lost[i] = NULL;
    }
}

void
lease_forget_broadcast(core_t *core, const broadcast_t *broadcast)
{
    for (uint32_t i = 0; i < STATE_LOST_MAX; i++) {
        if (!core->lost[i] || core->lost[i]->channel->broadcast != broadcast)
            continue;
        free(core->lost[i]);
        core->lost[i] = NULL;
    }
}
