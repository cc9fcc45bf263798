#include "version.h"

#include <stdlib.h>
#include <string.h>

const field_t version_address_fields[CR_CHANNEL_COUNT] = {
    [CR_CHANNEL_SMS] = FIELD_PHONE,
    [CR_CHANNEL_WECHAT] = FIELD_OPENID,
    [CR_CHANNEL_MAIL] = FIELD_EMAIL,
};

/* Where each kind of tag comes from; a list is names joined by ';'. */
static const struct {
    field_t field;
    bool is_list;
} tag_fields[DIRECTORY_TAG_ATTRIBUTE] = {
    [DIRECTORY_TAG_DIVISION] = {FIELD_DIVISION, false},
    [DIRECTORY_TAG_GROUP] = {FIELD_GROUPS, true},
    [DIRECTORY_TAG_ROLE] = {FIELD_ROLES, true},
    [DIRECTORY_TAG_LANGUAGE] = {FIELD_LANGUAGE, false},
};

static void
drop_tags(directory_t *self)
{
    if (self->everyone)
        roaring_bitmap_free(self->everyone);
    self->everyone = NULL;
    for (size_t i = 0; i < CR_CHANNEL_COUNT; i++) {
        if (self->reachable[i])
            roaring_bitmap_free(self->reachable[i]);
        self->reachable[i] = NULL;
    }
    for (size_t i = 0; i < DIRECTORY_TAG_ATTRIBUTE; i++)
        tags_fini(&self->tags[i]);
    for (uint32_t i = 0; i < self->attribute_count; i++)
        tags_fini(&self->attributes[i]);
    free(self->attributes);
    self->attributes = NULL;
    self->attribute_count = 0;
}

static cr_err_t
begin_tags(directory_t *self)
{
    drop_tags(self);
    self->everyone = roaring_bitmap_from_range(0, self->size, 1);
    if (!self->everyone) /* so for an empty range, too */
        self->everyone = roaring_bitmap_create();
    bool whole = self->everyone != NULL;
    for (size_t i = 0; i < CR_CHANNEL_COUNT; i++) {
        self->reachable[i] = roaring_bitmap_create();
        whole = whole && self->reachable[i];
    }
    for (size_t i = 0; i < DIRECTORY_TAG_ATTRIBUTE; i++)
        if (tags_init(&self->tags[i], (cr_slice_t){"", 0}, tag_fields[i].is_list) != CR_OK)
            whole = false;
    return whole ? CR_OK : CR_NOMEM;
}

directory_t *
directory_new(void)
{
    directory_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    atomic_init(&self->references, 1);
    if (begin_tags(self) != CR_OK)
        directory_unref(&self);
    return self;
}

directory_t *
directory_ref(directory_t *self)
{
    atomic_fetch_add_explicit(&self->references, 1, memory_order_relaxed);
    return self;
}

void
directory_unref(directory_t **self_p)
{
    directory_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) != 1)
        return;
    drop_tags(self);
    ids_fini(&self->ids);
    for (uint32_t i = 0; i < self->segment_count; i++)
        segment_unref(&self->segments[i]);
    free(self->segments);
    divisions_unref(&self->divisions);
    free(self);
}

static cr_err_t
reserve_segment(directory_t *self)
{
    if (self->segment_count < self->segment_capacity)
        return CR_OK;
    uint32_t capacity = self->segment_capacity ? self->segment_capacity * 2 : 16;
    segment_t **segments = realloc(self->segments, capacity * sizeof(segment_t *));
    if (!segments)
        return CR_NOMEM;
    self->segments = segments;
    self->segment_capacity = capacity;
    return CR_OK;
}

cr_err_t
version_append(directory_t *self, segment_t **segment_p)
{
    if (self->size % DIRECTORY_SEGMENT != 0)
        return CR_CORRUPT;
    if (self->size == VERSION_RECIPIENTS_MAX)
        return CR_TOOBIG;
    cr_err_t err = reserve_segment(self);
    if (err != CR_OK)
        return err;
    self->segments[self->segment_count++] = *segment_p;
    self->size += segment_rows(*segment_p);
    *segment_p = NULL;
    return CR_OK;
}

static cr_err_t
add_id(directory_t *self, uint32_t ordinal)
{
    cr_slice_t id = version_field(self, ordinal, FIELD_ID);
    uint32_t hash = index_hash(id);
    if (id.length == 0 || ids_find(&self->ids, hash, id, version_has_id, self) != INDEX_NONE)
        return CR_CORRUPT;
    ids_add(&self->ids, hash, ordinal);
    return CR_OK;
}

cr_err_t
version_index_ids(directory_t *self, const directory_t *base)
{
    ids_fini(&self->ids);
    bool has_room = base && ids_has_room(&base->ids, self->size);
    cr_err_t err = has_room ? ids_copy(&base->ids, &self->ids) : ids_init(&self->ids, self->size);
    uint32_t first = has_room ? base->size : 0;
    for (uint32_t ordinal = first; ordinal < self->size && err == CR_OK; ordinal++)
        err = add_id(self, ordinal);
    return err;
}

static tags_t *
find_attribute(const directory_t *self, cr_slice_t key)
{
    for (uint32_t i = 0; i < self->attribute_count; i++) {
        tags_t *set = &self->attributes[i];
        if (cr_slice_equal((cr_slice_t){set->key, set->key_length}, key))
            return set;
    }
    return NULL;
}

const tags_t *
version_attribute(const directory_t *self, cr_slice_t key)
{
    return find_attribute(self, key);
}

static cr_err_t
obtain_attribute(directory_t *self, cr_slice_t key, tags_t **set)
{
    *set = find_attribute(self, key);
    if (*set)
        return CR_OK;
    if (self->attribute_count == VERSION_ATTRIBUTES_MAX)
        return CR_TOOBIG;
    tags_t *sets = realloc(self->attributes, (self->attribute_count + 1) * sizeof *sets);
    if (!sets)
        return CR_NOMEM;
    self->attributes = sets;
    *set = &sets[self->attribute_count];
    cr_err_t err = tags_init(*set, key, false);
    if (err == CR_OK)
        self->attribute_count++;
    return err;
}

static cr_err_t
absorb_attributes(directory_t *self, const segment_t *segment, uint32_t first)
{
    for (uint32_t column = FIELD_COUNT; column < segment_columns(segment); column++) {
        tags_t *set;
        cr_err_t err = obtain_attribute(self, segment_attribute(segment, column), &set);
        if (err == CR_OK)
            err = tags_absorb(set, segment, column, first);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

/* Who has an address, own or the guardian's. */
static void
absorb_reachable(directory_t *self, const segment_t *segment, uint32_t first)
{
    uint16_t guardian[DIRECTORY_SEGMENT], own[DIRECTORY_SEGMENT];
    segment_codes(segment, FIELD_GUARDIAN, guardian);
    for (cr_channel_t channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        segment_codes(segment, version_address_fields[channel], own);
        uint32_t ordinals[DIRECTORY_SEGMENT];
        size_t count = 0;
        for (uint32_t row = 0; row < segment_rows(segment); row++)
            if (own[row] != 0 ||
                (guardian[row] != 0 && directory_address(self, first + row, channel).length > 0))
                ordinals[count++] = first + row;
        roaring_bitmap_add_many(self->reachable[channel], count, ordinals);
    }
}

static cr_err_t
absorb(directory_t *self, uint32_t number)
{
    const segment_t *segment = self->segments[number];
    uint32_t first = number * DIRECTORY_SEGMENT;
    for (size_t i = 0; i < DIRECTORY_TAG_ATTRIBUTE; i++) {
        cr_err_t err = tags_absorb(&self->tags[i], segment, tag_fields[i].field, first);
        if (err != CR_OK)
            return err;
    }
    absorb_reachable(self, segment, first);
    return absorb_attributes(self, segment, first);
}

cr_err_t
version_index_tags(directory_t *self)
{
    cr_err_t err = begin_tags(self);
    for (uint32_t i = 0; i < self->segment_count && err == CR_OK; i++)
        err = absorb(self, i);
    if (err != CR_OK)
        return err;
    for (size_t i = 0; i < DIRECTORY_TAG_ATTRIBUTE; i++)
        tags_seal(&self->tags[i]);
    for (uint32_t i = 0; i < self->attribute_count; i++)
        tags_seal(&self->attributes[i]);
    for (size_t i = 0; i < CR_CHANNEL_COUNT; i++) {
        roaring_bitmap_run_optimize(self->reachable[i]);
        roaring_bitmap_shrink_to_fit(self->reachable[i]);
    }
    return CR_OK;
}

cr_err_t
directory_index(directory_t *self)
{
    cr_err_t err = version_index_ids(self, NULL);
    return err == CR_OK ? version_index_tags(self) : err;
}
