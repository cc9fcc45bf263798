#include "screen.h"

#include <string.h>

static const cr_status_t verdict_of[SCREEN_REASON_COUNT] = {
#define X(name) [SCREEN_##name] = CR_STATUS_SUPPRESSED_##name,
    SCREEN_REASON_LIST(X)
#undef X
};

void
screen_init(screen_t *self, const roaring_bitmap_t *audience)
{
    *self = (screen_t){.audience = audience};
}

/* Takes the bitmap over. */
static void
keep(screen_t *self, screen_reason_t reason, roaring_bitmap_t *stopped)
{
    if (self->stopped[reason])
        roaring_bitmap_free(self->stopped[reason]);
    self->stopped[reason] = stopped;
}

void
screen_fini(screen_t *self)
{
    for (int i = 0; i < SCREEN_REASON_COUNT; i++)
        keep(self, (screen_reason_t)i, NULL);
}

void
screen_stop(screen_t *self, screen_reason_t reason, const roaring_bitmap_t *who)
{
    keep(self, reason, roaring_bitmap_and(self->audience, who));
}

void
screen_stop_others(screen_t *self, screen_reason_t reason, const roaring_bitmap_t *who)
{
    keep(self, reason, roaring_bitmap_andnot(self->audience, who));
}

void
screen_change(screen_t *self, screen_reason_t reason, const roaring_bitmap_t *who, bool stopped)
{
    roaring_bitmap_t *here = roaring_bitmap_and(who, self->audience);
    if (!self->stopped[reason])
        self->stopped[reason] = roaring_bitmap_create();
    if (stopped)
        roaring_bitmap_or_inplace(self->stopped[reason], here);
    else
        roaring_bitmap_andnot_inplace(self->stopped[reason], here);
    roaring_bitmap_free(here);
}

void
screen_mark(const roaring_bitmap_t *members, const uint32_t *ordinals, uint32_t count,
            cr_status_t verdict, cr_status_t *verdicts)
{
    roaring_uint32_iterator_t at;
    roaring_init_iterator(members, &at);
    if (count == 0 || !at.has_value ||
        !roaring_move_uint32_iterator_equalorlarger(&at, ordinals[0]))
        return;
    for (uint32_t i = 0; at.has_value && i < count;) {
        if (ordinals[i] < at.current_value) {
            i++;
        } else if (ordinals[i] > at.current_value) {
            roaring_move_uint32_iterator_equalorlarger(&at, ordinals[i]);
        } else {
            verdicts[i++] = verdict;
            roaring_advance_uint32_iterator(&at);
        }
    }
}

/* The last reason first, so that the first one has the last word. */
void
screen_judge(const screen_t *self, const uint32_t *ordinals, uint32_t count, cr_status_t *verdicts)
{
    memset(verdicts, CR_STATUS_WAITING, count);
    for (int i = SCREEN_REASON_COUNT - 1; i >= 0; i--)
        if (self->stopped[i])
            screen_mark(self->stopped[i], ordinals, count, verdict_of[i], verdicts);
}
