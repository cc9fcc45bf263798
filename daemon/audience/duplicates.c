#include "duplicates.h"

#include <stdlib.h>

#include "index.h"

typedef bool wanted_fn(const duplicates_t *self, uint32_t ordinal, cr_status_t status);

/* Its address has had the broadcast. */
static bool
is_tried(const duplicates_t *self, uint32_t ordinal, cr_status_t status)
{
    (void)self;
    (void)ordinal;
    return cr_status_is_tried(status);
}

static bool
is_waiting(const duplicates_t *self, uint32_t ordinal, cr_status_t status)
{
    return status == CR_STATUS_WAITING &&
           !(self->barred && roaring_bitmap_contains(self->barred, ordinal));
}

typedef struct {
    const duplicates_t *asked;
    index_t seen; /* address -> ordinal */
    wanted_fn *wanted;
    uint64_t *doubled; /* by rank */
    uint32_t rank;
    cr_err_t err;
} search_t;

static bool
has_address(const void *context, uint32_t ordinal, cr_slice_t address)
{
    const duplicates_t *asked = context;
    return cr_slice_equal(directory_address(asked->directory, ordinal, asked->channel), address);
}

/* One of the audience: the first with its address is seen, the others are doubled. */
static bool
look_at(uint32_t ordinal, void *context)
{
    search_t *self = context;
    const duplicates_t *asked = self->asked;
    uint32_t rank = self->rank++;
    cr_status_t status = asked->status ? asked->status[rank] : CR_STATUS_WAITING;
    if (!self->wanted(asked, ordinal, status))
        return true;
    cr_slice_t address = directory_address(asked->directory, ordinal, asked->channel);
    if (address.length == 0)
        return true;
    uint32_t hash = index_hash(address);
    uint32_t first = index_find(&self->seen, hash, address, has_address, asked);
    if (first == INDEX_NONE)
        self->err = index_add(&self->seen, hash, ordinal);
    else if (status == CR_STATUS_WAITING)
        self->doubled[rank / 64] |= UINT64_C(1) << rank % 64;
    return self->err == CR_OK;
}

static void
search(search_t *self, wanted_fn *wanted)
{
    self->wanted = wanted;
    self->rank = 0;
    if (self->err == CR_OK)
        roaring_iterate(self->asked->audience, look_at, self);
}

cr_err_t
duplicates_find(const duplicates_t *self, uint64_t **out)
{
    search_t at = {.asked = self};
    at.doubled =
        calloc(roaring_bitmap_get_cardinality(self->audience) / 64 + 1, sizeof *at.doubled);
    if (!at.doubled)
        return CR_NOMEM;
    if (self->status)
        search(&at, is_tried);
    search(&at, is_waiting);
    index_fini(&at.seen);
    if (at.err == CR_OK)
        *out = at.doubled;
    else
        free(at.doubled);
    return at.err;
}

typedef struct {
    const duplicates_t *asked;
    cr_slice_t address;
    uint32_t found;
} first_t;

static bool
is_first(uint32_t ordinal, void *context)
{
    first_t *self = context;
    if (is_waiting(self->asked, ordinal, CR_STATUS_WAITING) &&
        has_address(self->asked, ordinal, self->address))
        self->found = ordinal;
    return self->found == DIRECTORY_NONE;
}

uint32_t
duplicates_first(const duplicates_t *self, uint32_t ordinal)
{
    first_t at = {.asked = self,
                  .address = directory_address(self->directory, ordinal, self->channel),
                  .found = DIRECTORY_NONE};
    if (at.address.length > 0)
        roaring_iterate(self->audience, is_first, &at);
    return at.found;
}
