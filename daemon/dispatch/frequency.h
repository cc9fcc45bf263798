/*
 * frequency - how many notices each person had lately, over all broadcasts
 *
 * A notice counts once for a person however many channels carry it and however often it is tried:
 * what tires people is the notice, not the channel. It counts from the moment it is handed to a
 * worker and by the time its broadcast started. One counter a person holds the sum; the people of
 * each broadcast are kept as bits to take them off again when the window has passed it.
 *
 * Ownership  bitmaps that are given are copied.
 * Time       callers pass it (wall).
 * Threads    none.
 * Memory     two bytes a recipient, and a bit for each broadcast of the window.
 */
#ifndef FREQUENCY_H
#define FREQUENCY_H

#include <roaring/roaring.h>

#include "core.h"

typedef struct frequency frequency_t;

typedef struct {
    int64_t max; /* notices a person; 0: there is no cap */
    int64_t days;
} frequency_config_t;

/* NULL: memory. */
frequency_t *frequency_new(const frequency_config_t *config);
void frequency_destroy(frequency_t **self_p);

/* A broadcast that started then reached these already (NULL: nobody yet). */
void frequency_begin(frequency_t *self, uint64_t broadcast, int64_t started_us,
                     const roaring_bitmap_t *reached);
/* They are handed this broadcast, again or for the first time. Ordinals ascend. */
void frequency_count(frequency_t *self, uint64_t broadcast, const uint32_t *ordinals,
                     uint32_t count);
/* Forgets what started before the window. */
void frequency_slide(frequency_t *self, int64_t now_us);

/* Gives SUPPRESSED_FREQUENCY to those verdicts that are WAITING though the person had enough notices
 * beside this one. */
void frequency_judge(const frequency_t *self, uint64_t broadcast, const uint32_t *ordinals,
                     uint32_t count, cr_status_t *verdicts);
/* The broadcasts that count for a person, the oldest first. */
void frequency_each(const frequency_t *self, uint32_t ordinal,
                    void (*see)(void *context, uint64_t broadcast, int64_t started_us),
                    void *context);

#endif
