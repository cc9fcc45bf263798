#include "screen.h"

#include <stdlib.h>
#include <string.h>

static const cr_status_t verdicts_of[SCREEN_FACTS] = {
    [0] = CR_STATUS_SUPPRESSED_ADDRESS,
    [SCREEN_BAD] = CR_STATUS_SUPPRESSED_ADDRESS,
    [SCREEN_OPTED_OUT] = CR_STATUS_SUPPRESSED_OPTOUT,
    [SCREEN_OPTED_OUT | SCREEN_BAD] = CR_STATUS_SUPPRESSED_OPTOUT,
    [SCREEN_REACHABLE] = CR_STATUS_WAITING,
    [SCREEN_REACHABLE | SCREEN_BAD] = CR_STATUS_SUPPRESSED_BAD_ADDRESS,
    [SCREEN_REACHABLE | SCREEN_OPTED_OUT] = CR_STATUS_SUPPRESSED_OPTOUT,
    [SCREEN_REACHABLE | SCREEN_OPTED_OUT | SCREEN_BAD] = CR_STATUS_SUPPRESSED_OPTOUT,
};

void
screen_fini(screen_t *self)
{
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        free(self->facts[channel]);
    *self = (screen_t){0};
}

static void
reserve(screen_t *self, uint32_t size)
{
    if (size <= self->size)
        return;
    uint32_t grown = size + size / 8 + CORE_BLOCK;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        uint8_t *facts = realloc(self->facts[channel], grown);
        CR_ASSERT(facts); /* a byte a recipient */
        memset(facts + self->size, 0, grown - self->size);
        self->facts[channel] = facts;
    }
    self->size = grown;
}

void
screen_learn(screen_t *self, cr_channel_t channel, screen_fact_t fact, const roaring_bitmap_t *who,
             bool holds)
{
    uint32_t ordinals[CORE_BLOCK], count;
    roaring_uint32_iterator_t at;
    if (roaring_bitmap_is_empty(who))
        return;
    reserve(self, roaring_bitmap_maximum(who) + 1);
    uint8_t *facts = self->facts[channel];
    roaring_init_iterator(who, &at);
    while ((count = roaring_read_uint32_iterator(&at, ordinals, CORE_BLOCK)) > 0)
        for (uint32_t i = 0; i < count; i++)
            facts[ordinals[i]] =
                (uint8_t)(holds ? facts[ordinals[i]] | fact : facts[ordinals[i]] & ~fact);
}

static void
judge_doubled(const uint64_t *doubled, uint32_t count, cr_status_t *verdicts)
{
    for (uint32_t i = 0; i < count; i++)
        if ((doubled[i / 64] >> i % 64 & 1) != 0 && verdicts[i] == CR_STATUS_WAITING)
            verdicts[i] = CR_STATUS_SUPPRESSED_DUPLICATE;
}

void
screen_judge(const screen_t *self, const screen_rule_t *rule, const uint32_t *ordinals,
             uint32_t count, cr_status_t *verdicts)
{
    const uint8_t *facts = self->facts[rule->channel];
    unsigned heeded = SCREEN_FACTS - 1u - (rule->tries_bad ? SCREEN_BAD : 0u);
    for (uint32_t i = 0; i < count; i++)
        verdicts[i] = verdicts_of[ordinals[i] < self->size ? facts[ordinals[i]] & heeded : 0];
    if (rule->doubled)
        judge_doubled(rule->doubled, count, verdicts);
}
