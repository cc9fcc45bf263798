#include "frequency.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t broadcast;
    int64_t started_us;
    uint64_t *reached; /* a bit per ordinal below `size`, a multiple of 64 */
    uint32_t size;
} notice_count_t;

struct frequency {
    frequency_config_t config;
    notice_count_t *notices;
    size_t notice_count, notice_capacity;
    uint16_t *had; /* of each ordinal below `size` */
    uint32_t size;
};

frequency_t *
frequency_new(const frequency_config_t *config)
{
    frequency_t *self = calloc(1, sizeof *self);
    if (self)
        self->config = *config;
    return self;
}

void
frequency_destroy(frequency_t **self_p)
{
    frequency_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->notice_count; i++)
        free(self->notices[i].reached);
    free(self->notices);
    free(self->had);
    free(self);
    *self_p = NULL;
}

/* The newest are asked for most. */
static notice_count_t *
find(const frequency_t *self, uint64_t broadcast)
{
    for (size_t i = self->notice_count; i-- > 0;)
        if (self->notices[i].broadcast == broadcast)
            return &self->notices[i];
    return NULL;
}

static bool
has_reached(const notice_count_t *notice, uint32_t ordinal)
{
    return ordinal < notice->size && (notice->reached[ordinal / 64] >> ordinal % 64 & 1) != 0;
}

/* Memory by what is needed and a half; it is small and asserted. */
static void *
grown(void *array, size_t item, uint32_t from, uint32_t to)
{
    uint8_t *larger = realloc(array, to * item);
    CR_ASSERT(larger);
    memset(larger + from * item, 0, (to - from) * item);
    return larger;
}

static void
reserve(frequency_t *self, notice_count_t *notice, uint32_t ordinal)
{
    uint32_t size = (ordinal + ordinal / 2) / 64 * 64 + CORE_BLOCK;
    if (ordinal >= self->size) {
        self->had = grown(self->had, sizeof *self->had, self->size, size);
        self->size = size;
    }
    if (ordinal >= notice->size) {
        notice->reached =
            grown(notice->reached, sizeof *notice->reached, notice->size / 64, size / 64);
        notice->size = size;
    }
}

static void
count_all(frequency_t *self, notice_count_t *notice, const uint32_t *ordinals, uint32_t count)
{
    if (count == 0)
        return;
    reserve(self, notice, ordinals[count - 1]);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t *word = &notice->reached[ordinals[i] / 64];
        uint64_t bit = UINT64_C(1) << ordinals[i] % 64;
        self->had[ordinals[i]] = (uint16_t)(self->had[ordinals[i]] + ((*word & bit) == 0));
        *word |= bit;
    }
}

static void
count_reached(frequency_t *self, notice_count_t *notice, const roaring_bitmap_t *reached)
{
    uint32_t ordinals[CORE_BLOCK], count;
    roaring_uint32_iterator_t at;
    roaring_init_iterator(reached, &at);
    while ((count = roaring_read_uint32_iterator(&at, ordinals, CORE_BLOCK)) > 0)
        count_all(self, notice, ordinals, count);
}

void
frequency_begin(frequency_t *self, uint64_t broadcast, int64_t started_us,
                const roaring_bitmap_t *reached)
{
    if (self->config.max == 0 || find(self, broadcast))
        return;
    if (self->notice_count == self->notice_capacity) {
        self->notice_capacity = self->notice_capacity * 2 + 16;
        self->notices = realloc(self->notices, self->notice_capacity * sizeof *self->notices);
        CR_ASSERT(self->notices);
    }
    notice_count_t *notice = &self->notices[self->notice_count++];
    *notice = (notice_count_t){.broadcast = broadcast, .started_us = started_us};
    if (reached)
        count_reached(self, notice, reached);
}

void
frequency_count(frequency_t *self, uint64_t broadcast, const uint32_t *ordinals, uint32_t count)
{
    notice_count_t *notice = find(self, broadcast);
    if (notice)
        count_all(self, notice, ordinals, count);
}

static void
uncount(frequency_t *self, notice_count_t *notice)
{
    for (uint32_t ordinal = 0; ordinal < notice->size; ordinal++)
        if (has_reached(notice, ordinal))
            self->had[ordinal]--;
    free(notice->reached);
}

void
frequency_slide(frequency_t *self, int64_t now_us)
{
    int64_t first_us = now_us - self->config.days * 86400 * CR_US_PER_S;
    size_t kept = 0;
    for (size_t i = 0; i < self->notice_count; i++) {
        notice_count_t *notice = &self->notices[i];
        if (notice->started_us >= first_us) {
            self->notices[kept++] = *notice;
            continue;
        }
        uncount(self, notice);
    }
    self->notice_count = kept;
}

void
frequency_judge(const frequency_t *self, uint64_t broadcast, const uint32_t *ordinals,
                uint32_t count, cr_status_t *verdicts)
{
    static const notice_count_t nobody = {0};
    const notice_count_t *found = find(self, broadcast), *notice = found ? found : &nobody;
    if (self->config.max == 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (verdicts[i] == CR_STATUS_WAITING && ordinals[i] < self->size &&
            self->had[ordinals[i]] >= self->config.max && !has_reached(notice, ordinals[i]))
            verdicts[i] = CR_STATUS_SUPPRESSED_FREQUENCY;
}

void
frequency_each(const frequency_t *self, uint32_t ordinal,
               void (*see)(void *context, uint64_t broadcast, int64_t started_us), void *context)
{
    for (size_t i = 0; i < self->notice_count; i++)
        if (has_reached(&self->notices[i], ordinal))
            see(context, self->notices[i].broadcast, self->notices[i].started_us);
}
