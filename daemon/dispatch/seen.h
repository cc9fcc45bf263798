/*
 * seen - gateway ids whose receipts were applied not long ago
 *
 * A gateway that repeats a receipt names an id that the index has forgotten meanwhile. Without this it
 * would look like one that overtook its submit, and be kept and looked for in vain.
 *
 * Limits  the fingerprints of about a million ids, 8 MB; the oldest make room.
 */
#ifndef SEEN_H
#define SEEN_H

#include "cr_base.h"

typedef struct {
    uint64_t *prints;
} seen_t;

/* False: no memory. */
bool seen_init(seen_t *self);
void seen_fini(seen_t *self);
void seen_add(seen_t *self, cr_slice_t id);
bool seen_has(const seen_t *self, cr_slice_t id);

#endif
