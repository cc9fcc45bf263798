/*
 * outcome - what became of a broadcast as sets of people: `failed:B-0000001K`, `unknown:B-0000001K/sms`
 *
 * The frozen audience and the status bytes of its ranks say it; who reads them is the caller. Without
 * a channel a person is meant whom any channel has in that state.
 *
 * Ownership  an outcome owns its audience and bytes. Threads: none; pure.
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <roaring/roaring.h>

#include "cr_id.h"
#include "cr_status.h"

typedef struct {
    uint64_t broadcast;
    unsigned channels;                     /* that it was sent on: bit per cr_channel_t */
    roaring_bitmap_t *audience;            /* rank -> ordinal; NULL: not read */
    cr_status_t *status[CR_CHANNEL_COUNT]; /* one byte a rank; NULL: not read */
} outcome_t;

void outcome_fini(outcome_t *self);

/* One term, `KEY:VALUE`. */
typedef struct {
    size_t kind;
    uint64_t broadcast;
    unsigned channels;
} outcome_term_t;

/* The keys there are, "delivered" and so on; NULL behind the last. */
const char *outcome_key(size_t kind);
/* CR_NOTFOUND: the key is none of these. CR_INVAL: the value is no id, or its channel none. */
cr_err_t outcome_parse(cr_slice_t key, cr_slice_t value, outcome_term_t *out,
                       cr_fault_t *fault) CR_MUST_USE;
/* NULL: memory. The caller owns the set. */
roaring_bitmap_t *outcome_members(const outcome_t *self, const outcome_term_t *term);

#endif
