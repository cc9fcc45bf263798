#include "cursor.h"

#include <stdlib.h>

enum { LOOK_AHEAD = 64 }; /* blocks */

static bool
is_open(cr_status_t status)
{
    return status <= CR_STATUS_RETRY_MAX;
}

/* Counts a byte in (by 1) or out (by -1). */
static void
count(cursor_t *self, uint32_t rank, cr_status_t status, int by)
{
    self->by_status[status] += (uint32_t)by;
    if (is_open(status)) {
        cursor_block_t *block = &self->blocks[rank / CORE_BLOCK];
        uint16_t *kind = status == CR_STATUS_WAITING ? &block->waiting : &block->retry;
        *kind = (uint16_t)(*kind + by);
        self->open += (uint32_t)by;
    } else if (cr_status_is_final(status)) {
        self->settled += (uint32_t)by;
    }
}

static cr_err_t
count_all(cursor_t *self)
{
    for (uint32_t rank = 0; rank < self->total; rank++) {
        if (!cr_status_is_known(self->status[rank]))
            return CR_CORRUPT;
        count(self, rank, self->status[rank], 1);
    }
    return CR_OK;
}

cr_err_t
cursor_init(cursor_t *self, uint32_t total, cr_status_t *status)
{
    *self = (cursor_t){.total = total,
                       .block_count = total / CORE_BLOCK + (total % CORE_BLOCK > 0),
                       .next_due_us = CURSOR_NEVER,
                       .wave_due_us = CURSOR_NEVER};
    self->status = status ? status : calloc(total + 1u, 1);
    self->blocks = calloc(self->block_count + 1u, sizeof *self->blocks);
    cr_err_t err = self->status && self->blocks ? count_all(self) : CR_NOMEM;
    if (err != CR_OK) {
        cursor_fini(self);
        return err;
    }
    /* What waited for a retry before a restart is due: the back-off itself is not stored. */
    if (self->open > self->by_status[CR_STATUS_WAITING])
        self->next_due_us = 0;
    return CR_OK;
}

void
cursor_fini(cursor_t *self)
{
    free(self->blocks);
    free(self->status);
    *self = (cursor_t){0};
}

bool
cursor_move(cursor_t *self, uint32_t rank, cr_status_t to)
{
    CR_ASSERT(rank < self->total);
    if (!cr_status_may(self->status[rank], to))
        return false;
    count(self, rank, self->status[rank], -1);
    self->status[rank] = to;
    count(self, rank, to, 1);
    return true;
}

uint32_t
cursor_block_length(const cursor_t *self, uint32_t block)
{
    uint32_t left = self->total - block * CORE_BLOCK;
    return left < CORE_BLOCK ? left : CORE_BLOCK;
}

static bool
is_due(const cursor_block_t *block, int64_t now_us)
{
    return !block->lease && block->retry > 0 && block->due_us <= now_us;
}

/* What may have been sent already waits for its own gateway, unless twice is better than late. */
static bool
is_free_to_move(const cursor_t *self, const cursor_block_t *block)
{
    return self->anywhere || block->doubter == 0;
}

/* To other gateways than the one that refused it. */
static bool
is_left(const cursor_t *self, const cursor_block_t *block, uint32_t refuser)
{
    return refuser != 0 && block->refuser == refuser && is_free_to_move(self, block);
}

/* A wave passes over all blocks once, and learns on its way when the next one is due. It stays at a
 * block that is left to another gateway, and looks a little further from there. */
static bool
next_due(cursor_t *self, int64_t now_us, uint32_t avoid, uint32_t *found)
{
    if (now_us < self->next_due_us)
        return false;
    bool left = false;
    uint32_t end = self->block_count;
    for (uint32_t i = self->wave; i < end; i++) {
        const cursor_block_t *block = &self->blocks[i];
        bool due = is_due(block, now_us);
        if (due && !is_left(self, block, avoid)) {
            *found = i;
            return true;
        }
        if (due && !left)
            end = end - i > LOOK_AHEAD ? i + LOOK_AHEAD : end;
        left |= due;
        if (left)
            continue;
        if (!block->lease && block->retry > 0 && block->due_us < self->wave_due_us)
            self->wave_due_us = block->due_us;
        self->wave = i + 1;
    }
    if (left)
        return false;
    self->wave = 0;
    self->next_due_us = self->wave_due_us;
    self->wave_due_us = CURSOR_NEVER;
    return false;
}

bool
cursor_next_refused(const cursor_t *self, int64_t now_us, uint32_t key, uint32_t *found)
{
    if (now_us < self->next_due_us)
        return false;
    for (uint32_t i = self->wave; i < self->block_count && i - self->wave < LOOK_AHEAD; i++) {
        const cursor_block_t *block = &self->blocks[i];
        if (is_due(block, now_us) && block->refuser > CURSOR_SEVERAL && block->refuser != key &&
            is_free_to_move(self, block)) {
            *found = i;
            return true;
        }
    }
    return false;
}

static bool
is_fresh(const cursor_block_t *block)
{
    return !block->lease && block->waiting > 0;
}

static bool
next_fresh(cursor_t *self, uint8_t bit, uint32_t *found)
{
    while (self->scan < self->block_count && !is_fresh(&self->blocks[self->scan]))
        self->scan++;
    if (self->scan == self->block_count)
        return false;
    *found = self->scan;
    for (uint32_t i = self->scan; i < self->block_count && i - self->scan < LOOK_AHEAD; i++) {
        if (!is_fresh(&self->blocks[i]) || self->blocks[i].left & bit)
            continue;
        *found = i;
        break;
    }
    return true;
}

bool
cursor_next(cursor_t *self, int64_t now_us, uint32_t avoid, uint8_t bit, uint32_t *block)
{
    return next_due(self, now_us, avoid, block) || next_fresh(self, bit, block);
}

uint32_t
cursor_ready(const cursor_t *self, uint32_t block, int64_t now_us, uint8_t offsets[CORE_BLOCK])
{
    const cr_status_t *status = self->status + block * CORE_BLOCK;
    cr_status_t highest =
        self->blocks[block].due_us <= now_us ? CR_STATUS_RETRY_MAX : CR_STATUS_WAITING;
    uint32_t length = cursor_block_length(self, block), ready = 0;
    for (uint32_t i = 0; i < length; i++)
        if (status[i] <= highest)
            offsets[ready++] = (uint8_t)i;
    return ready;
}

bool
cursor_next_open(cursor_t *self, uint32_t *block)
{
    for (; self->sweep < self->block_count; self->sweep++) {
        const cursor_block_t *at = &self->blocks[self->sweep];
        if (!at->lease && at->waiting + at->retry > 0) {
            *block = self->sweep;
            return true;
        }
    }
    return false;
}

static void
expect(cursor_t *self, int64_t due_us)
{
    if (due_us < self->next_due_us)
        self->next_due_us = due_us;
    if (due_us < self->wave_due_us)
        self->wave_due_us = due_us;
}

void
cursor_release(cursor_t *self, uint32_t block)
{
    cursor_block_t *at = &self->blocks[block];
    at->lease = NULL;
    if (at->waiting > 0 && block < self->scan)
        self->scan = block;
    if (at->waiting + at->retry > 0 && block < self->sweep)
        self->sweep = block;
    if (at->retry > 0)
        expect(self, at->due_us);
}

void
cursor_back_off(cursor_t *self, uint32_t block, int64_t due_us)
{
    cursor_block_t *at = &self->blocks[block];
    if (due_us > at->due_us)
        at->due_us = due_us;
    expect(self, at->due_us);
}

void
cursor_refuse(cursor_t *self, uint32_t block, uint32_t key)
{
    uint32_t *refuser = &self->blocks[block].refuser;
    *refuser = *refuser == 0 || *refuser == key ? key : CURSOR_SEVERAL;
}

void
cursor_pull(cursor_t *self, int64_t from_us, int64_t spread_us)
{
    enum { PARTS = 64, STEP = 37 }; /* neighbours far apart */
    for (uint32_t i = 0; i < self->block_count; i++) {
        cursor_block_t *block = &self->blocks[i];
        int64_t due_us = from_us + spread_us * (i * STEP % PARTS) / PARTS;
        if (block->retry > 0 && block->due_us > due_us)
            block->due_us = due_us;
    }
    self->wave = 0;
    self->wave_due_us = CURSOR_NEVER;
    self->next_due_us = from_us;
}

void
cursor_hurry(cursor_t *self, uint32_t block)
{
    self->blocks[block].due_us = 0;
    expect(self, 0);
}

void
cursor_doubt(cursor_t *self, uint32_t rank, uint32_t gateway)
{
    cursor_block_t *block = &self->blocks[rank / CORE_BLOCK];
    block->uncertain[rank % CORE_BLOCK / 64] |= UINT64_C(1) << rank % 64;
    bool first = block->doubter == 0 || block->doubter == gateway;
    block->doubter = first ? gateway : CURSOR_SEVERAL;
}

bool
cursor_is_doubtful(const cursor_t *self, uint32_t rank)
{
    const uint64_t *uncertain = self->blocks[rank / CORE_BLOCK].uncertain;
    return (uncertain[rank % CORE_BLOCK / 64] >> rank % 64 & 1) != 0;
}
