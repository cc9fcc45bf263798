#include "trail.h"

#include <string.h>

#include "bytes.h"

enum { RUN_BYTES = 4, BITS_BYTES = CORE_BLOCK / 8, ATTEMPT_MAX = 15 };

static uint8_t
attempt_of(const trail_t *self, uint32_t i)
{
    return self->attempts[i] < ATTEMPT_MAX ? self->attempts[i] : ATTEMPT_MAX;
}

/* Entries from `first` on that are neighbours and ended alike. */
static uint32_t
run_length(const trail_t *self, uint32_t first)
{
    uint32_t i = first + 1;
    while (i < self->count && self->offsets[i] == self->offsets[i - 1] + 1 &&
           self->outcomes[i] == self->outcomes[first] &&
           attempt_of(self, i) == attempt_of(self, first))
        i++;
    return i - first;
}

static uint32_t
run_count(const trail_t *self)
{
    uint32_t runs = 0;
    for (uint32_t i = 0; i < self->count; i += run_length(self, i))
        runs++;
    return runs;
}

static void
put_runs(const trail_t *self, bytes_t *out)
{
    for (uint32_t i = 0, length; i < self->count; i += length) {
        length = run_length(self, i);
        bytes_put(out, 1, self->offsets[i]);
        bytes_put(out, 1, length - 1);
        bytes_put(out, 1, attempt_of(self, i));
        bytes_put(out, 1, self->outcomes[i]);
    }
}

static void
put_each(const trail_t *self, bytes_t *out)
{
    uint8_t bits[BITS_BYTES] = {0}, attempts[CORE_BLOCK / 2] = {0};
    for (uint32_t i = 0; i < self->count; i++) {
        bits[self->offsets[i] / 8] |= (uint8_t)(1 << self->offsets[i] % 8);
        attempts[i / 2] |= (uint8_t)(attempt_of(self, i) << (i % 2 * 4));
    }
    bytes_put_run(out, bits, sizeof bits);
    bytes_put_run(out, self->outcomes, self->count);
    bytes_put_run(out, attempts, (self->count + 1) / 2);
}

uint32_t
trail_encode(const trail_t *self, uint8_t out[CORE_TRAIL_MAX])
{
    if (self->count == 0)
        return 0;
    bytes_t to = bytes_over(out, CORE_TRAIL_MAX);
    bytes_put(&to, 1, TRAIL_VERSION);
    bytes_put(&to, 1, self->kind);
    bytes_put(&to, 8, (uint64_t)self->at_us);
    bytes_put(&to, 4, self->first_rank / CORE_BLOCK);
    bytes_put_text(&to, self->worker);
    bytes_put_text(&to, self->gateway);
    bool each = run_count(self) * RUN_BYTES > BITS_BYTES + self->count + (self->count + 1) / 2;
    bytes_put(&to, 1, each);
    if (each)
        put_each(self, &to);
    else
        put_runs(self, &to);
    CR_ASSERT(!to.failed);
    return (uint32_t)to.at;
}

static void
add_entry(trail_t *self, uint8_t offset, uint8_t attempt, uint8_t outcome)
{
    self->offsets[self->count] = offset;
    self->attempts[self->count] = attempt;
    self->outcomes[self->count++] = outcome;
}

static bool
take_runs(bytes_t *from, trail_t *out)
{
    while (from->at < from->length && !from->failed) {
        uint32_t offset = (uint32_t)bytes_take(from, 1), length = (uint32_t)bytes_take(from, 1) + 1;
        uint8_t attempt = (uint8_t)bytes_take(from, 1), outcome = (uint8_t)bytes_take(from, 1);
        bool ascends = out->count == 0 || offset > out->offsets[out->count - 1];
        if (!ascends || offset + length > CORE_BLOCK)
            return false;
        for (uint32_t i = 0; i < length; i++)
            add_entry(out, (uint8_t)(offset + i), attempt, outcome);
    }
    return true;
}

static bool
take_each(bytes_t *from, trail_t *out)
{
    uint8_t bits[BITS_BYTES], outcomes[CORE_BLOCK], attempts[CORE_BLOCK / 2];
    bytes_take_run(from, bits, sizeof bits);
    uint32_t count = 0;
    for (uint32_t i = 0; !from->failed && i < CORE_BLOCK; i++)
        count += bits[i / 8] >> i % 8 & 1;
    bytes_take_run(from, outcomes, count);
    bytes_take_run(from, attempts, (count + 1) / 2);
    for (uint32_t i = 0; !from->failed && i < CORE_BLOCK; i++) {
        uint32_t n = out->count;
        if (bits[i / 8] >> i % 8 & 1)
            add_entry(out, (uint8_t)i, attempts[n / 2] >> (n % 2 * 4) & 15, outcomes[n]);
    }
    return from->at == from->length;
}

cr_err_t
trail_decode(const uint8_t *bytes, size_t length, trail_t *out)
{
    bytes_t from = bytes_of(bytes, length);
    if (bytes_take(&from, 1) != TRAIL_VERSION)
        return length == 0 ? CR_CORRUPT : CR_CONFLICT;
    trail_t read = {.kind = (trail_kind_t)bytes_take(&from, 1)};
    read.at_us = (int64_t)bytes_take(&from, 8);
    read.first_rank = (uint32_t)bytes_take(&from, 4) * CORE_BLOCK;
    bytes_take_text(&from, read.worker);
    bytes_take_text(&from, read.gateway);
    uint64_t mode = bytes_take(&from, 1);
    bool sound = !from.failed && mode <= 1;
    sound = sound && (mode == 1 ? take_each(&from, &read) : take_runs(&from, &read));
    if (!sound || from.failed)
        return CR_CORRUPT;
    *out = read;
    return CR_OK;
}

void
trail_each(const uint8_t *bytes, size_t length, trail_see_fn *see, void *context)
{
    trail_t trail;
    for (size_t at = 0, size; at + 2 <= length; at += size) {
        size = (size_t)bytes[at] | (size_t)bytes[at + 1] << 8;
        at += 2;
        if (size > length - at)
            return;
        if (trail_decode(bytes + at, size, &trail) == CR_OK)
            see(context, &trail);
    }
}
