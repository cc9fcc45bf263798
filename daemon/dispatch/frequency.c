#include "frequency.h"

#include <stdlib.h>
#include <string.h>

#include "screen.h"

typedef struct {
    uint64_t broadcast;
    int64_t started_us;
    roaring_bitmap_t *reached;
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
        roaring_bitmap_free(self->notices[i].reached);
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

static void
reserve(frequency_t *self, uint32_t ordinal)
{
    if (ordinal < self->size)
        return;
    uint32_t size = ordinal + ordinal / 2 + CORE_BLOCK;
    self->had = realloc(self->had, size * sizeof *self->had);
    CR_ASSERT(self->had); /* two bytes a recipient */
    memset(self->had + self->size, 0, (size - self->size) * sizeof *self->had);
    self->size = size;
}

static bool
raise_one(uint32_t ordinal, void *context)
{
    frequency_t *self = context;
    reserve(self, ordinal);
    self->had[ordinal]++;
    return true;
}

static bool
lower_one(uint32_t ordinal, void *context)
{
    const frequency_t *self = context;
    self->had[ordinal]--;
    return true;
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
    roaring_bitmap_t *own = reached ? roaring_bitmap_copy(reached) : roaring_bitmap_create();
    CR_ASSERT(own);
    self->notices[self->notice_count++] = (notice_count_t){broadcast, started_us, own};
    roaring_iterate(own, raise_one, self);
}

void
frequency_count(frequency_t *self, uint64_t broadcast, const uint32_t *ordinals, uint32_t count)
{
    notice_count_t *notice = find(self, broadcast);
    uint8_t counted[CORE_BLOCK] = {0};
    uint32_t fresh[CORE_BLOCK];
    size_t fresh_count = 0;
    if (!notice)
        return;
    CR_ASSERT(count <= CORE_BLOCK);
    screen_mark(notice->reached, ordinals, count, 1, counted);
    for (uint32_t i = 0; i < count; i++)
        if (counted[i] == 0)
            fresh[fresh_count++] = ordinals[i];
    for (size_t i = 0; i < fresh_count; i++)
        raise_one(fresh[i], self);
    roaring_bitmap_add_many(notice->reached, fresh_count, fresh);
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
        roaring_iterate(notice->reached, lower_one, self);
        roaring_bitmap_free(notice->reached);
    }
    self->notice_count = kept;
}

void
frequency_judge(const frequency_t *self, uint64_t broadcast, const uint32_t *ordinals,
                uint32_t count, cr_status_t *verdicts)
{
    const notice_count_t *notice = find(self, broadcast);
    uint8_t own[CORE_BLOCK] = {0};
    if (self->config.max == 0)
        return;
    CR_ASSERT(count <= CORE_BLOCK);
    if (notice)
        screen_mark(notice->reached, ordinals, count, 1, own);
    for (uint32_t i = 0; i < count; i++)
        if (verdicts[i] == CR_STATUS_WAITING && ordinals[i] < self->size && own[i] == 0 &&
            self->had[ordinals[i]] >= self->config.max)
            verdicts[i] = CR_STATUS_SUPPRESSED_FREQUENCY;
}

void
frequency_each(const frequency_t *self, uint32_t ordinal,
               void (*see)(void *context, uint64_t broadcast, int64_t started_us), void *context)
{
    for (size_t i = 0; i < self->notice_count; i++)
        if (roaring_bitmap_contains(self->notices[i].reached, ordinal))
            see(context, self->notices[i].broadcast, self->notices[i].started_us);
}
