#include "counts.h"

#include "cr_clock.h"

const char *
count_name(count_kind_t kind)
{
    static const char *const names[] = {
#define X(name) #name,
        COUNT_LIST(X)
#undef X
    };
    return names[kind];
}

static void
advance(counts_t *self, int64_t now_us)
{
    int64_t second = now_us / CR_US_PER_S;
    if (second - self->second > COUNTS_SECONDS)
        self->second = second - COUNTS_SECONDS;
    while (self->second < second)
        self->accepted[++self->second % COUNTS_SECONDS] = 0;
}

void
counts_add(counts_t *self, count_kind_t kind, int64_t now_us)
{
    self->totals[kind]++;
    if (kind != COUNT_accepted)
        return;
    advance(self, now_us);
    self->accepted[self->second % COUNTS_SECONDS]++;
}

void
counts_minute(counts_t *self, int64_t now_us, uint32_t accepted[COUNTS_SECONDS])
{
    advance(self, now_us);
    for (int64_t i = 0; i < COUNTS_SECONDS; i++)
        accepted[i] = self->accepted[(self->second + 1 + i) % COUNTS_SECONDS];
}
