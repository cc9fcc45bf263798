/* Leases: given, lost, stopped, ended, and as they are stored. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "policy.h"
#include "state.h"

enum { LEASE_REST_US = 200000 };

/* -- small facts -------------------------------------------------------------------------------- */

bool
lease_is_answered(const lease_t *lease, uint32_t position)
{
    return (lease->answers[position / 64] >> position % 64 & 1) != 0;
}

void
lease_mark_answered(lease_t *lease, uint32_t position)
{
    lease->answers[position / 64] |= UINT64_C(1) << position % 64;
    lease->answered++;
    lease->channel->leased--;
}

bool
lease_is_urgent(const lease_t *lease)
{
    return lease->channel->broadcast->spec.lane == CR_LANE_EMERGENCY;
}

/* -- given -------------------------------------------------------------------------------------- */

static void
link_lease(core_t *core, worker_t *worker, lease_t *lease)
{
    channel_t *channel = lease->channel;
    lease->worker = worker;
    lease->next = worker->leases;
    worker->leases = lease;
    worker->out[lease_is_urgent(lease)]++;
    channel->cursor.blocks[lease->block].lease = lease;
    channel->leases++;
    channel->leased += lease->count - lease->answered;
    channel->broadcast->changed = true;
    core->stats.leases_out++;
}

/* Settles who is suppressed; the others become the lease's deliveries. */
static void
pick(core_t *core, lease_t *lease)
{
    channel_t *channel = lease->channel;
    cursor_t *cursor = &channel->cursor;
    uint32_t first = lease->block * CORE_BLOCK;
    uint8_t offsets[CORE_BLOCK];
    cr_status_t verdicts[CORE_BLOCK];
    uint32_t ready = cursor_ready(cursor, lease->block, core->now.mono_us, offsets);
    core_run_t run = {channel->broadcast->spec.id, channel->kind, first,
                      cursor_block_length(cursor, lease->block)};
    core->act.screen(core->act.context, &run, verdicts);
    write_t write;
    write_begin(&write, channel, lease->block);
    for (uint32_t i = 0; i < ready; i++) {
        uint32_t offset = offsets[i];
        if (verdicts[offset] == CR_STATUS_WAITING) {
            lease->attempts[lease->count] = (uint8_t)(cursor->status[first + offset] + 1);
            lease->offsets[lease->count++] = (uint8_t)offset;
        } else if (core_move(core, channel, first + offset, verdicts[offset])) {
            write_change(&write, offset);
        }
    }
    if (!write_is_empty(&write))
        write_send(core, &write, &(ticket_t){.kind = TICKET_PLAIN});
}

static bool
hand_over(core_t *core, const worker_t *worker, const lease_t *lease)
{
    const core_broadcast_t *spec = &lease->channel->broadcast->spec;
    core_lease_t given = {
        .worker = worker->shown.name,
        .lease = lease->id,
        .broadcast = spec->id,
        .channel = lease->channel->kind,
        .lane = spec->lane,
        .drill = spec->drill,
        .free_running = lease->free_running,
        .expires_us = spec->expires_us,
        .first_rank = lease->block * CORE_BLOCK,
        .count = lease->count,
        .offsets = lease->offsets,
        .attempts = lease->attempts,
    };
    return core->act.lease(core->act.context, &given);
}

bool
lease_grant(core_t *core, worker_t *worker, channel_t *channel, uint32_t block)
{
    lease_t *lease = calloc(1, sizeof *lease);
    if (!lease)
        return false;
    lease->channel = channel;
    lease->block = block;
    lease->window = worker->shown.gateway.window;
    lease->idempotent = worker->shown.gateway.idempotent;
    lease->free_running = lease_is_urgent(lease);
    memcpy(lease->gateway, worker->shown.gateway.name, sizeof lease->gateway);
    pick(core, lease);
    lease->id = core->lease_number + 1;
    if (lease->count == 0 || !hand_over(core, worker, lease)) {
        if (lease->count > 0)
            worker->rest_until_us = core->now.mono_us + LEASE_REST_US;
        free(lease);
        return false;
    }
    core->lease_number++;
    core->stats.leases_granted++;
    link_lease(core, worker, lease);
    return true;
}

/* -- ended -------------------------------------------------------------------------------------- */

static void
unlink_lease(core_t *core, lease_t *lease)
{
    lease_t **at = &lease->worker->leases;
    while (*at != lease)
        at = &(*at)->next;
    *at = lease->next;
    lease->next = NULL;
    lease->channel->leases--;
    lease->channel->leased -= lease->count - lease->answered;
    lease->channel->broadcast->changed = true;
    core->stats.leases_out--;
    cursor_release(&lease->channel->cursor, lease->block);
}

void
lease_end(core_t *core, lease_t *lease)
{
    unlink_lease(core, lease);
}

void
lease_stop(core_t *core, lease_t *lease, core_stop_t reason)
{
    lease->stopped = true;
    lease->stop = reason;
    core->act.revoke(core->act.context, lease->worker->shown.name, lease->id, reason);
}

/* -- lost --------------------------------------------------------------------------------------- */

static void
remember_lost(core_t *core, lease_t *lease)
{
    lease_t **place = &core->lost[core->lost_next++ % STATE_LOST_MAX];
    free(*place);
    *place = lease;
}

/* What may have been submitted has no known end; it is sent again only by policy. */
static void
settle_uncertain(core_t *core, lease_t *lease, uint32_t position, write_t *write, core_loss_t *loss)
{
    channel_t *channel = lease->channel;
    const broadcast_t *broadcast = channel->broadcast;
    uint32_t offset = lease->offsets[position], rank = lease->block * CORE_BLOCK + offset;
    uint32_t attempt = lease->attempts[position];
    policy_t policy = {
        .attempts_max = core->config.attempts_max,
        .resend = broadcast->spec.resend_unknown || lease_is_urgent(lease) || lease->idempotent,
        .expired = broadcast->end != 0,
        .doubtful = cursor_is_doubtful(&channel->cursor, rank),
    };
    cr_status_t status = policy_after(&policy, CR_STATUS_UNKNOWN, attempt);
    if (!core_move(core, channel, rank, status))
        return; /* a receipt has told its end already */
    bool again = cr_status_class(status) == CR_STATUS_CLASS_RETRY;
    if (again)
        cursor_doubt(&channel->cursor, rank);
    loss->resent += again;
    loss->unknown += !again;
    write_change(write, offset);
    write_note(write, offset, attempt, CR_STATUS_UNKNOWN);
}

void
lease_lose(core_t *core, lease_t *lease)
{
    channel_t *channel = lease->channel;
    worker_t *worker = lease->worker;
    core_loss_t loss = {worker->shown.name,
                        lease->id,
                        channel->broadcast->spec.id,
                        channel->kind,
                        lease->block * CORE_BLOCK,
                        0,
                        0,
                        0};
    write_t write;
    write_begin(&write, channel, lease->block);
    write_sign(&write, core, TRAIL_LOST, worker->shown.name, lease->gateway);
    write.ended_lease = lease->id;
    for (uint32_t i = 0; i < lease->count; i++) {
        if (lease_is_answered(lease, i))
            continue;
        if (i < lease->intent || lease->free_running)
            settle_uncertain(core, lease, i, &write, &loss);
        else
            loss.returned++;
    }
    if (loss.resent > 0)
        cursor_hurry(&channel->cursor, lease->block);
    unlink_lease(core, lease);
    worker->out[lease_is_urgent(lease)]--;
    core->stats.leases_lost++;
    write_send(core, &write, &(ticket_t){.kind = TICKET_PLAIN});
    core->act.lost(core->act.context, &loss);
    remember_lost(core, lease);
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

/* -- stored ------------------------------------------------------------------------------------- */

/*
 * Format: version (1 byte), block (4), count (2), sequence (4), intent (2), window (2), flags (1),
 * worker and gateway (a length byte and the text), answers (32), then for each position its offset
 * as a bit of the block (32 in all) and its attempt, two a byte. A new format gets a new version.
 */
enum { LEASE_VERSION = 1, LEASE_IDEMPOTENT = 1, LEASE_FREE_RUNNING = 2, LEASE_BITS = 32 };

uint32_t
lease_encode(const lease_t *lease, uint32_t intent, uint8_t out[CORE_RECORD_MAX])
{
    uint8_t bits[LEASE_BITS] = {0}, attempts[CORE_BLOCK / 2] = {0};
    bytes_t to = {out, CORE_RECORD_MAX, 0, false};
    bytes_put(&to, 1, LEASE_VERSION);
    bytes_put(&to, 4, lease->block);
    bytes_put(&to, 2, lease->count);
    bytes_put(&to, 4, lease->sequence);
    bytes_put(&to, 2, intent);
    bytes_put(&to, 2, lease->window);
    bytes_put(&to, 1,
              (lease->idempotent ? LEASE_IDEMPOTENT : 0u) |
                  (lease->free_running ? LEASE_FREE_RUNNING : 0u));
    bytes_put_text(&to, lease->worker->shown.name);
    bytes_put_text(&to, lease->gateway);
    for (size_t i = 0; i < CR_COUNT(lease->answers); i++)
        bytes_put(&to, 8, lease->answers[i]);
    for (uint32_t i = 0; i < lease->count; i++) {
        bits[lease->offsets[i] / 8] |= (uint8_t)(1u << lease->offsets[i] % 8);
        attempts[i / 2] |= (uint8_t)(lease->attempts[i] << i % 2 * 4);
    }
    bytes_put_run(&to, bits, sizeof bits);
    bytes_put_run(&to, attempts, (lease->count + 1) / 2);
    CR_ASSERT(!to.failed);
    return (uint32_t)to.at;
}

/* Positions with their offsets and attempts; false when they contradict the count. */
static bool
take_positions(bytes_t *from, lease_t *lease)
{
    uint8_t bits[LEASE_BITS], attempts[CORE_BLOCK / 2];
    uint32_t count = lease->count;
    bytes_take_run(from, bits, sizeof bits);
    bytes_take_run(from, attempts, (count + 1) / 2);
    lease->count = 0;
    for (uint32_t i = 0; i < CORE_BLOCK; i++) {
        uint32_t n = lease->count;
        if (!(bits[i / 8] >> i % 8 & 1))
            continue;
        if (n == count)
            return false;
        lease->offsets[n] = (uint8_t)i;
        lease->attempts[n] = attempts[n / 2] >> n % 2 * 4 & 15;
        lease->count++;
    }
    for (uint32_t i = 0; i < count; i++)
        lease->answered += lease_is_answered(lease, i);
    return lease->count == count && !from->failed && from->at == from->length;
}

static bool
decode(cr_slice_t record, lease_t *lease, char worker[CORE_NAME_MAX])
{
    bytes_t from = {(uint8_t *)(uintptr_t)record.text, record.length, 0, false};
    uint64_t version = bytes_take(&from, 1);
    lease->block = (uint32_t)bytes_take(&from, 4);
    lease->count = (uint32_t)bytes_take(&from, 2);
    lease->sequence = (uint32_t)bytes_take(&from, 4);
    lease->intent = lease->asked = (uint32_t)bytes_take(&from, 2);
    lease->window = (uint32_t)bytes_take(&from, 2);
    uint64_t flags = bytes_take(&from, 1);
    lease->idempotent = (flags & LEASE_IDEMPOTENT) != 0;
    lease->free_running = (flags & LEASE_FREE_RUNNING) != 0;
    bytes_take_text(&from, worker);
    bytes_take_text(&from, lease->gateway);
    for (size_t i = 0; i < CR_COUNT(lease->answers); i++)
        lease->answers[i] = bytes_take(&from, 8);
    return version == LEASE_VERSION && !from.failed && worker[0] != '\0' && lease->count > 0 &&
           lease->count <= CORE_BLOCK && lease->intent <= lease->count &&
           take_positions(&from, lease);
}

/* Whether the record speaks of ranks that exist and that no other lease holds. */
static bool
fits(const lease_t *lease)
{
    const cursor_t *cursor = &lease->channel->cursor;
    return lease->block < cursor->block_count && !cursor->blocks[lease->block].lease &&
           lease->offsets[lease->count - 1] < cursor_block_length(cursor, lease->block);
}

cr_err_t
core_restore(core_t *core, core_time_t now, const cr_delivery_t *place, uint64_t id,
             cr_slice_t record)
{
    core->now = now;
    char name[CORE_NAME_MAX];
    const broadcast_t *broadcast = core_find_broadcast(core, place->broadcast);
    lease_t *lease = calloc(1, sizeof *lease);
    if (!lease)
        return CR_NOMEM;
    lease->channel = broadcast ? broadcast->channels[place->channel] : NULL;
    lease->id = id;
    if (!lease->channel || !decode(record, lease, name) || !fits(lease)) {
        free(lease);
        return CR_CORRUPT;
    }
    worker_t *worker = roster_find(core, name);
    if (!worker)
        worker = roster_add(core, name);
    if (!worker) {
        free(lease);
        return CR_NOMEM;
    }
    lease->progressed = true;
    link_lease(core, worker, lease);
    return CR_OK;
}
