/*
 * counts - what a gateway did, in numbers and over the last minute
 *
 * Time       callers pass `now_us`, never going back.
 */
#ifndef COUNTS_H
#define COUNTS_H

#include "cr_base.h"

#define COUNT_LIST(X) X(accepted) X(refused) X(dropped) X(receipts)

typedef enum {
#define X(name) COUNT_##name,
    COUNT_LIST(X)
#undef X
        COUNT_KINDS
} count_kind_t;

enum { COUNTS_SECONDS = 60 };

typedef struct {
    uint64_t totals[COUNT_KINDS];
    uint32_t accepted[COUNTS_SECONDS]; /* a ring by second */
    int64_t second;                    /* the newest in the ring */
} counts_t;

const char *count_name(count_kind_t kind);
void counts_add(counts_t *self, count_kind_t kind, int64_t now_us);
/* Accepted submits in each of the last 60 seconds, the oldest first. */
void counts_minute(counts_t *self, int64_t now_us, uint32_t accepted[COUNTS_SECONDS]);

#endif
