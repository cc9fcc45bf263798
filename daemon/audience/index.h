/*
 * index - open addressing from a hash to a number
 *
 * Rows, tags, divisions and the strings of a segment are all found the same way: by a 32-bit hash
 * and a comparison that the caller makes, so the table holds eight bytes a slot and no string.
 *
 * Ownership  index_fini frees; an index set to {0} is empty and usable.
 * Threads    finding is safe beside finding.
 * Limits     2^30 entries; the value INDEX_NONE is taken.
 */
#ifndef AUDIENCE_INDEX_H
#define AUDIENCE_INDEX_H

#include "cr_base.h"

#define INDEX_NONE UINT32_MAX

typedef struct {
    struct index_slot {
        uint32_t hash, value;
    } * slots;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
} index_t;

/* True when entry `value` is the one called `name`. */
typedef bool index_is_fn(const void *context, uint32_t value, cr_slice_t name);

uint32_t index_hash(cr_slice_t name);
/* `hash` is that of the name. INDEX_NONE when there is none. */
uint32_t index_find(const index_t *self, uint32_t hash, cr_slice_t name, index_is_fn *is,
                    const void *context);
/* The name must not be there yet. */
cr_err_t index_add(index_t *self, uint32_t hash, uint32_t value) CR_MUST_USE;
/* Makes room, so that `count` entries can be added without failure. */
cr_err_t index_reserve(index_t *self, uint32_t count) CR_MUST_USE;
/* Empties the index; keeps the memory. */
void index_clear(index_t *self);
void index_fini(index_t *self);
size_t index_bytes(const index_t *self);

#endif
