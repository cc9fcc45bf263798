#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "random.h"

uint32_t
sim_below(sim_t *self, uint32_t limit)
{
    return random_below(&self->random, limit);
}

int64_t
sim_between(sim_t *self, int64_t low, int64_t high)
{
    return random_between(&self->random, low, high);
}

int64_t
sim_while(sim_t *self, int64_t most_us)
{
    return 1 + (sim_between(self, 0, most_us) >> sim_below(self, 12));
}

bool
sim_strikes(sim_t *self, fault_t fault)
{
    uint32_t rate = self->faults.rate[fault];
    if (rate == 0 || sim_below(self, 1 << 16) >= rate)
        return false;
    self->totals->faults[fault]++;
    return true;
}

void
sim_hash(sim_t *self, uint64_t value)
{
    uint64_t x = (self->hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    self->hash = x ^ x >> 29;
}

void
sim_hash_bytes(sim_t *self, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    uint64_t word = 0;
    for (; length >= sizeof word; from += sizeof word, length -= sizeof word) {
        memcpy(&word, from, sizeof word);
        sim_hash(self, word);
    }
    word = length;
    for (size_t i = 0; i < length; i++)
        word = word << 8 | from[i];
    sim_hash(self, word);
}

void
sim_trace(const sim_t *self, const char *format, ...)
{
    va_list arguments;
    fprintf(self->log, "%" PRIu64 " %" PRId64 " ", self->steps, self->now.mono_us);
    va_start(arguments, format);
    vfprintf(self->log, format, arguments);
    va_end(arguments);
    fputc('\n', self->log);
}

const char *
sim_hex(const uint8_t *bytes, uint32_t length)
{
    static char text[2 * SIM_TOTAL + 1];
    static const char digits[] = "0123456789abcdef";
    CR_ASSERT(length <= SIM_TOTAL);
    for (uint32_t i = 0; i < length; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * length] = '\0';
    return text;
}

/* Where the lease is in the index, or the free place where it would be. */
static uint32_t
place_of(const sim_t *self, uint64_t lease)
{
    uint32_t i = (uint32_t)(lease * UINT64_C(0x9E3779B97F4A7C15) >> 49) % SIM_GRANT_INDEX;
    while (self->grant_index[i] != 0 && self->grants[self->grant_index[i] - 1].id != lease)
        i = (i + 1) % SIM_GRANT_INDEX;
    return i;
}

grant_t *
sim_grant(sim_t *self, uint64_t lease)
{
    uint16_t found = self->grant_index[place_of(self, lease)];
    return found != 0 ? &self->grants[found - 1] : NULL;
}

grant_t *
sim_add_grant(sim_t *self, uint64_t lease)
{
    CR_ASSERT(self->grant_count < SIM_GRANTS);
    grant_t *grant = &self->grants[self->grant_count++];
    memset(grant, 0, offsetof(grant_t, offsets));
    grant->id = lease;
    self->recorded[self->grant_count - 1] = false;
    self->grant_index[place_of(self, lease)] = (uint16_t)self->grant_count;
    return grant;
}

uint32_t
sim_rank(const grant_t *grant, uint32_t position)
{
    return grant->block * CORE_BLOCK + grant->offsets[position];
}
