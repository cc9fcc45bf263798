/*
 * screen - who of one channel's audience does not get it, and why
 *
 * Every reason is a bitmap of ordinals, cut to the audience once, so that looking at a block of 256
 * costs a few steps a reason and nothing for those that concern nobody. What becomes known while the
 * broadcast runs (an opt-out, an import) changes the bitmaps.
 *
 * Order      where several reasons hold, the first of SCREEN_REASON_LIST is given.
 * Ownership  the audience is borrowed and must live as long as the screen; bitmaps that are given
 *            stay the caller's.
 * Threads    none.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include <roaring/roaring.h>

#include "core.h"

#define SCREEN_REASON_LIST(X)                                                                      \
    X(OPTOUT)                                                                                      \
    X(ADDRESS)                                                                                     \
    X(BAD_ADDRESS)                                                                                 \
    X(DUPLICATE)

typedef enum {
#define X(name) SCREEN_##name,
    SCREEN_REASON_LIST(X)
#undef X
        SCREEN_REASON_COUNT
} screen_reason_t;

typedef struct {
    const roaring_bitmap_t *audience;
    roaring_bitmap_t *stopped[SCREEN_REASON_COUNT]; /* NULL: concerns nobody */
} screen_t;

void screen_init(screen_t *self, const roaring_bitmap_t *audience);
void screen_fini(screen_t *self);
/* The reason concerns these of the audience; all but these. */
void screen_stop(screen_t *self, screen_reason_t reason, const roaring_bitmap_t *who);
void screen_stop_others(screen_t *self, screen_reason_t reason, const roaring_bitmap_t *who);
/* It concerns these, too, or no longer. */
void screen_change(screen_t *self, screen_reason_t reason, const roaring_bitmap_t *who,
                   bool stopped);
/* A verdict each: WAITING or the reason. `ordinals` ascend. */
void screen_judge(const screen_t *self, const uint32_t *ordinals, uint32_t count,
                  cr_status_t *verdicts);

/* Gives `verdict` to those that are in `members`. */
void screen_mark(const roaring_bitmap_t *members, const uint32_t *ordinals, uint32_t count,
                 cr_status_t verdict, cr_status_t *verdicts);

#endif
