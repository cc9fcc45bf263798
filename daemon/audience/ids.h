/*
 * ids - from a recipient's id to the ordinal, in five bytes a recipient
 *
 * Open addressing over slots of 32 bits: 26 for the ordinal and six of the hash, so that of the
 * slots looked at in vain only one in 64 costs a comparison. The rest of the hash is not kept: a
 * table that is full is made anew from the ids.
 *
 * Ownership  ids_fini frees; a table set to {0} is empty and has no room.
 * Threads    finding is safe beside finding.
 */
#ifndef AUDIENCE_IDS_H
#define AUDIENCE_IDS_H

#include "index.h"

enum { IDS_MAX = (1 << 26) - 1 };

typedef struct {
    uint32_t *slots; /* 0: free */
    uint32_t capacity, count;
} ids_t;

/* An empty table with room for `count` and an eighth more. */
cr_err_t ids_init(ids_t *self, uint32_t count) CR_MUST_USE;
void ids_fini(ids_t *self);
cr_err_t ids_copy(const ids_t *self, ids_t *out) CR_MUST_USE;
bool ids_has_room(const ids_t *self, uint32_t count);
/* `hash` is index_hash of the id; INDEX_NONE when there is none. */
uint32_t ids_find(const ids_t *self, uint32_t hash, cr_slice_t id, index_is_fn *is,
                  const void *context);
/* There is room, and the id is not there yet. */
void ids_add(ids_t *self, uint32_t hash, uint32_t ordinal);
size_t ids_bytes(const ids_t *self);

#endif
