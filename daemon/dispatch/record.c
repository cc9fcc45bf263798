/*
 * The record of a lease: how it is stored, and how it is taken up again by the next daemon.
 *
 * Record     version 1, little-endian: version, flags (1: idempotent, 2: free running, 4: over),
 *            sequence (4), intent (2), window (2), block (4), a bit per rank of the block that is
 *            leased (32), that has an outcome (32), that may have been sent before (32), worker and
 *            gateway (a length byte and the text each). Positions follow from the first bits,
 *            attempts from the status bytes. The record of a lease that is over is kept only for
 *            what may have been sent before.
 * Upgrade    a daemon refuses records of a version it does not know: stop the old one only when no
 *            lease is out, or teach the new one both.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "state.h"

enum { RECORD_VERSION = 1, BITS = CORE_BLOCK / 8 };
enum { FLAG_IDEMPOTENT = 1, FLAG_FREE_RUNNING = 2, FLAG_OVER = 4 };

uint32_t
lease_encode(const lease_t *lease, uint32_t intent, bool over, uint8_t out[CORE_RECORD_MAX])
{
    uint8_t leased[BITS] = {0}, answered[BITS] = {0}, doubtful[BITS] = {0};
    bool doubted = lease->channel->cursor.blocks[lease->block].doubter != 0;
    for (uint32_t i = 0; doubted && i < CORE_BLOCK; i++)
        if (cursor_is_doubtful(&lease->channel->cursor, lease->block * CORE_BLOCK + i))
            doubtful[i / 8] |= (uint8_t)(1 << i % 8);
    for (uint32_t i = 0; i < lease->count; i++) {
        uint8_t offset = lease->offsets[i], bit = (uint8_t)(1 << offset % 8);
        leased[offset / 8] |= bit;
        if (lease_is_answered(lease, i))
            answered[offset / 8] |= bit;
    }
    bytes_t to = bytes_over(out, CORE_RECORD_MAX);
    bytes_put(&to, 1, RECORD_VERSION);
    bytes_put(&to, 1,
              (lease->idempotent ? FLAG_IDEMPOTENT : 0u) |
                  (lease->free_running ? FLAG_FREE_RUNNING : 0u) | (over ? FLAG_OVER : 0u));
    bytes_put(&to, 4, lease->sequence);
    bytes_put(&to, 2, intent);
    bytes_put(&to, 2, lease->window);
    bytes_put(&to, 4, lease->block);
    bytes_put_run(&to, leased, sizeof leased);
    bytes_put_run(&to, answered, sizeof answered);
    bytes_put_run(&to, doubtful, sizeof doubtful);
    bytes_put_text(&to, lease->worker->shown.name);
    bytes_put_text(&to, lease->gateway);
    CR_ASSERT(!to.failed);
    return (uint32_t)to.at;
}

/* ---- taking up again -------------------------------------------------------------------------- */

typedef struct {
    lease_t lease;
    char worker[CORE_NAME_MAX];
    uint8_t leased[BITS], answered[BITS], doubtful[BITS];
    bool over;
} record_t;

static cr_err_t
read_record(cr_slice_t record, record_t *out)
{
    bytes_t from = bytes_of((const uint8_t *)record.text, record.length);
    if (bytes_take(&from, 1) != RECORD_VERSION)
        return CR_CORRUPT;
    uint64_t flags = bytes_take(&from, 1);
    out->lease.idempotent = (flags & FLAG_IDEMPOTENT) != 0;
    out->lease.free_running = (flags & FLAG_FREE_RUNNING) != 0;
    out->over = (flags & FLAG_OVER) != 0;
    out->lease.sequence = (uint32_t)bytes_take(&from, 4);
    out->lease.intent = out->lease.asked = (uint32_t)bytes_take(&from, 2);
    out->lease.window = (uint32_t)bytes_take(&from, 2);
    out->lease.block = (uint32_t)bytes_take(&from, 4);
    bytes_take_run(&from, out->leased, sizeof out->leased);
    bytes_take_run(&from, out->answered, sizeof out->answered);
    bytes_take_run(&from, out->doubtful, sizeof out->doubtful);
    bytes_take_text(&from, out->worker);
    bytes_take_text(&from, out->lease.gateway);
    return from.failed || from.at != from.length ? CR_CORRUPT : CR_OK;
}

/* Positions by the bits, attempts by the bytes as they are stored. */
static cr_err_t
fill_again(record_t *record, channel_t *channel)
{
    lease_t *lease = &record->lease;
    const cursor_t *cursor = &channel->cursor;
    if (lease->block >= cursor->block_count ||
        (cursor->blocks[lease->block].lease && !record->over))
        return CR_CORRUPT;
    lease->channel = channel;
    uint32_t length = cursor_block_length(cursor, lease->block);
    for (uint32_t i = 0; i < CORE_BLOCK; i++) {
        if ((record->leased[i / 8] >> i % 8 & 1) == 0)
            continue;
        if (i >= length)
            return CR_CORRUPT;
        cr_status_t status = cursor->status[lease->block * CORE_BLOCK + i];
        uint32_t position = lease->count++;
        lease->offsets[position] = (uint8_t)i;
        lease->attempts[position] = (uint8_t)(status <= CR_STATUS_RETRY_MAX ? status + 1 : 1);
        if (record->answered[i / 8] >> i % 8 & 1) {
            lease->answers[position / 64] |= UINT64_C(1) << position % 64;
            lease->answered++;
        }
    }
    return lease->count > 0 && lease->intent <= lease->count ? CR_OK : CR_CORRUPT;
}

static void
doubt_again(const record_t *record)
{
    const cursor_t *cursor = &record->lease.channel->cursor;
    uint32_t first = record->lease.block * CORE_BLOCK;
    uint32_t length = cursor_block_length(cursor, record->lease.block);
    for (uint32_t i = 0; i < length; i++)
        if (record->doubtful[i / 8] >> i % 8 & 1)
            lease_doubt(&record->lease, first + i);
    record->lease.channel->broadcast->anywhere |= record->worker[0] == '\0'; /* an order's */
}

cr_err_t
core_restore(core_t *core, core_time_t now, const cr_delivery_t *place, uint64_t id,
             cr_slice_t record)
{
    core->now = now;
    broadcast_t *broadcast = core_find_broadcast(core, place->broadcast);
    channel_t *channel = broadcast ? broadcast->channels[place->channel] : NULL;
    record_t read = {0};
    cr_err_t err = channel ? read_record(record, &read) : CR_CORRUPT;
    if (err == CR_OK)
        err = fill_again(&read, channel);
    if (err != CR_OK)
        return err;
    doubt_again(&read);
    if (read.over)
        return CR_OK;
    if (!write_reserve(core, core->stats.leases_out + 1))
        return CR_NOMEM;
    worker_t *worker = roster_find(core, read.worker);
    if (!worker)
        worker = roster_add(core, read.worker);
    lease_t *lease = worker ? malloc(sizeof *lease) : NULL;
    if (!lease)
        return CR_NOMEM;
    *lease = read.lease;
    lease->id = id;
    lease->worker = worker;
    lease->moved_us = now.mono_us;
    lease->progressed = true;
    lease_link(lease);
    core->stats.leases_out++;
    return CR_OK;
}
