/*
 * screen - who does not get what is handed out, and why
 *
 * What is known of a person on a channel is a byte, whatever the broadcast: a block of 256 costs one
 * look-up a person, and an opt-out or an import changes a byte each. Of a broadcast only the doubled
 * addresses are its own: a bit a rank.
 *
 * Order      opted out, no address, bad address, doubled address: the first that holds is given.
 * Threads    none.
 * Memory     three bytes a recipient.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include <roaring/roaring.h>

#include "core.h"

typedef enum { SCREEN_OPTED_OUT = 1, SCREEN_BAD = 2, SCREEN_REACHABLE = 4 } screen_fact_t;
enum { SCREEN_FACTS = 8 };

typedef struct {
    uint8_t *facts[CR_CHANNEL_COUNT]; /* bits of screen_fact_t, by ordinal */
    uint32_t size;                    /* of ordinals; of others nothing is known */
} screen_t;

/* An empty one is {0}. */
void screen_fini(screen_t *self);
/* Whether the fact holds for these from now on. */
void screen_learn(screen_t *self, cr_channel_t channel, screen_fact_t fact,
                  const roaring_bitmap_t *who, bool holds);

typedef struct {
    cr_channel_t channel;
    bool tries_bad;          /* a bad address is no reason */
    const uint64_t *doubled; /* a bit per rank from the first on; NULL: nobody */
} screen_rule_t;

/* A verdict each: WAITING or the reason. */
void screen_judge(const screen_t *self, const screen_rule_t *rule, const uint32_t *ordinals,
                  uint32_t count, cr_status_t *verdicts);

#endif
