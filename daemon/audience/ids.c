#include "ids.h"

#include <stdlib.h>
#include <string.h>

enum { ORDINAL_BITS = 26, ORDINAL_MASK = IDS_MAX };

_Static_assert(IDS_MAX == (1 << ORDINAL_BITS) - 1, "an ordinal and one fits");

/* Made four fifths full, filled up to nine tenths. */
cr_err_t
ids_init(ids_t *self, uint32_t count)
{
    CR_ASSERT(count <= IDS_MAX);
    *self = (ids_t){.capacity = count + count / 4 + 16};
    self->slots = calloc(self->capacity, sizeof *self->slots);
    return self->slots ? CR_OK : CR_NOMEM;
}

void
ids_fini(ids_t *self)
{
    free(self->slots);
    *self = (ids_t){0};
}

cr_err_t
ids_copy(const ids_t *self, ids_t *out)
{
    ids_t copy = *self;
    copy.slots = malloc(ids_bytes(self));
    if (!copy.slots)
        return CR_NOMEM;
    memcpy(copy.slots, self->slots, ids_bytes(self));
    *out = copy;
    return CR_OK;
}

bool
ids_has_room(const ids_t *self, uint32_t count)
{
    return count <= self->capacity - self->capacity / 10 && self->capacity > 0;
}

/* The table's part of the hash is its upper end, the slot's its lower. */
static uint32_t
home_of(const ids_t *self, uint32_t hash)
{
    return (uint32_t)((uint64_t)hash * self->capacity >> 32);
}

static uint32_t
next_of(const ids_t *self, uint32_t at)
{
    return at + 1 < self->capacity ? at + 1 : 0;
}

uint32_t
ids_find(const ids_t *self, uint32_t hash, cr_slice_t id, index_is_fn *is, const void *context)
{
    if (self->capacity == 0)
        return INDEX_NONE;
    for (uint32_t at = home_of(self, hash); self->slots[at] != 0; at = next_of(self, at)) {
        uint32_t slot = self->slots[at], ordinal = (slot & ORDINAL_MASK) - 1;
        if (((slot >> ORDINAL_BITS ^ hash) & 63) == 0 && is(context, ordinal, id))
            return ordinal;
    }
    return INDEX_NONE;
}

void
ids_add(ids_t *self, uint32_t hash, uint32_t ordinal)
{
    CR_ASSERT(ordinal < IDS_MAX && ids_has_room(self, self->count + 1));
    uint32_t at = home_of(self, hash);
    while (self->slots[at] != 0)
        at = next_of(self, at);
    self->slots[at] = hash << ORDINAL_BITS | (ordinal + 1);
    self->count++;
}

size_t
ids_bytes(const ids_t *self)
{
    return self->capacity * sizeof *self->slots;
}
