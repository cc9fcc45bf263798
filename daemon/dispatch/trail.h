/*
 * trail - what happened to a few deliveries at once, in as few bytes as possible
 *
 * One record a report, a batch of receipts or a lost lease; all in one block of ranks. The ledger
 * appends it to the trail of its chunk of ranks, and `explain` reads it back.
 *
 * Format     version 1: version, kind (1 byte each), time (8, wall microseconds), block (4, first
 *            rank / 256), worker and gateway (a length byte and the text each), then the entries:
 *            mode 0: runs of {offset of the first, length - 1, attempt, outcome}; all of a run are
 *            neighbours. mode 1, when runs would be longer: a bit per rank of the block (32), the
 *            outcomes, and the attempts, two a byte. Numbers are little-endian.
 * Upgrade    a reader skips records whose version it does not know; a new format gets a new version.
 * Limits     at most CORE_TRAIL_MAX bytes whatever the entries; attempts above 15 are kept as 15.
 */
#ifndef TRAIL_H
#define TRAIL_H

#include "core.h"

enum { TRAIL_VERSION = 1 };

typedef enum {
    TRAIL_REPORT = 1,
    TRAIL_RECEIPT,
    TRAIL_LOST,
    TRAIL_ORDER,
    TRAIL_SCREEN
} trail_kind_t;

typedef struct {
    trail_kind_t kind;
    int64_t at_us;
    uint32_t first_rank;                                /* of the block */
    char worker[CORE_NAME_MAX], gateway[CORE_NAME_MAX]; /* "" where nobody was part of it */
    uint32_t count;
    uint8_t offsets[CORE_BLOCK]; /* ascending */
    uint8_t attempts[CORE_BLOCK], outcomes[CORE_BLOCK];
} trail_t;

/* Bytes written; 0 for a trail without entries. */
uint32_t trail_encode(const trail_t *self, uint8_t out[CORE_TRAIL_MAX]);
/* CR_CORRUPT; CR_CONFLICT for a version we do not know. */
cr_err_t trail_decode(const uint8_t *bytes, size_t length, trail_t *out) CR_MUST_USE;

/* The records of a stored trail, each behind two bytes of its length; those of an unknown version or
 * damaged are passed over. */
typedef void trail_see_fn(void *context, const trail_t *trail);
void trail_each(const uint8_t *bytes, size_t length, trail_see_fn *see, void *context);

#endif
