#include "holders.h"

#include <stdlib.h>

#include "index.h"

struct holders {
    directory_t *directory;
    cr_channel_t channel;
    const cr_slice_t *addresses;
    size_t count;
    uint32_t *first;           /* of each address: the first that is equal to it */
    roaring_bitmap_t **people; /* of each that is the first of its kind; NULL: nobody yet */
    index_t index;             /* address -> the first */
    uint32_t next;             /* ordinal to be looked at next */
};

static bool
is_address(const void *context, uint32_t value, cr_slice_t address)
{
    const holders_t *self = context;
    return cr_slice_equal(self->addresses[value], address);
}

static cr_err_t
index_addresses(holders_t *self)
{
    cr_err_t err = CR_OK;
    for (uint32_t i = 0; err == CR_OK && i < self->count; i++) {
        uint32_t hash = index_hash(self->addresses[i]);
        self->first[i] = index_find(&self->index, hash, self->addresses[i], is_address, self);
        if (self->first[i] != INDEX_NONE)
            continue;
        self->first[i] = i;
        err = index_add(&self->index, hash, i);
    }
    return err;
}

holders_t *
holders_new(directory_t *directory, cr_channel_t channel, const cr_slice_t *addresses, size_t count)
{
    holders_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (holders_t){.directory = directory_ref(directory),
                        .channel = channel,
                        .addresses = addresses,
                        .count = count};
    self->first = calloc(count + 1, sizeof *self->first);
    self->people = calloc(count + 1, sizeof(roaring_bitmap_t *));
    if (!self->first || !self->people || index_addresses(self) != CR_OK)
        holders_destroy(&self);
    return self;
}

void
holders_destroy(holders_t **self_p)
{
    holders_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; self->people && i < self->count; i++)
        if (self->people[i])
            roaring_bitmap_free(self->people[i]);
    index_fini(&self->index);
    directory_unref(&self->directory);
    free(self->people);
    free(self->first);
    free(self);
    *self_p = NULL;
}

static cr_err_t
look_at(holders_t *self, uint32_t ordinal)
{
    cr_slice_t address = directory_address(self->directory, ordinal, self->channel);
    if (address.length == 0)
        return CR_OK;
    uint32_t found = index_find(&self->index, index_hash(address), address, is_address, self);
    if (found == INDEX_NONE)
        return CR_OK;
    if (!self->people[found])
        self->people[found] = roaring_bitmap_create();
    if (!self->people[found])
        return CR_NOMEM;
    roaring_bitmap_add(self->people[found], ordinal);
    return CR_OK;
}

cr_err_t
holders_step(holders_t *self, uint32_t most, bool *done)
{
    cr_err_t err = CR_OK;
    roaring_uint32_iterator_t at;
    roaring_init_iterator(directory_reachable(self->directory, self->channel), &at);
    roaring_move_uint32_iterator_equalorlarger(&at, self->next);
    for (; err == CR_OK && most > 0 && at.has_value; most--) {
        err = look_at(self, at.current_value);
        self->next = at.current_value + 1;
        roaring_advance_uint32_iterator(&at);
    }
    *done = !at.has_value;
    return err;
}

const roaring_bitmap_t *
holders_of(const holders_t *self, size_t i)
{
    return self->people[self->first[i]];
}
