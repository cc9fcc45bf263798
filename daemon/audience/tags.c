#include "tags.h"

#include <stdlib.h>
#include <string.h>

enum { NO_ROW = UINT16_MAX, NAME_MAX_BYTES = 64 << 10 };

cr_err_t
tags_init(tags_t *self, cr_slice_t key, bool is_list)
{
    *self = (tags_t){.is_list = is_list};
    if (key.length == 0)
        return CR_OK;
    self->key = malloc(key.length);
    if (!self->key)
        return CR_NOMEM;
    memcpy(self->key, key.text, key.length);
    self->key_length = key.length;
    return CR_OK;
}

static void
drop_tags(tags_t *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        roaring_bitmap_free(self->tags[i]->members);
        free(self->tags[i]);
    }
    free(self->tags);
    self->tags = NULL;
    self->count = self->capacity = 0;
    index_fini(&self->index);
}

void
tags_fini(tags_t *self)
{
    drop_tags(self);
    free(self->key);
    self->key = NULL;
}

static bool
is_tag(const void *context, uint32_t value, cr_slice_t name)
{
    const tag_t *tag = ((const tags_t *)context)->tags[value];
    return cr_slice_equal((cr_slice_t){tag->name, tag->length}, name);
}

static tag_t *
tag_new(cr_slice_t name)
{
    tag_t *tag = malloc(sizeof *tag + name.length);
    if (!tag)
        return NULL;
    tag->members = roaring_bitmap_create();
    if (!tag->members) {
        free(tag);
        return NULL;
    }
    tag->length = name.length;
    memcpy(tag->name, name.text, name.length);
    return tag;
}

static cr_err_t
add_tag(tags_t *self, cr_slice_t name, tag_t **out)
{
    if (self->count == self->capacity) {
        uint32_t capacity = self->capacity ? self->capacity * 2 : 8;
        tag_t **tags = realloc(self->tags, capacity * sizeof *tags);
        if (!tags)
            return CR_NOMEM;
        self->tags = tags;
        self->capacity = capacity;
    }
    cr_err_t err = index_reserve(&self->index, self->count + 1);
    if (err != CR_OK)
        return err;
    *out = self->tags[self->count] = tag_new(name);
    if (!*out)
        return CR_NOMEM;
    return index_add(&self->index, index_hash(name), self->count++);
}

static cr_err_t
add_members(tags_t *self, cr_slice_t name, const uint32_t *ordinals, size_t count)
{
    uint32_t found = index_find(&self->index, index_hash(name), name, is_tag, self);
    tag_t *tag = found == INDEX_NONE ? NULL : self->tags[found];
    if (!tag) {
        cr_err_t err = add_tag(self, name, &tag);
        if (err != CR_OK)
            return err;
    }
    roaring_bitmap_add_many(tag->members, count, ordinals);
    return CR_OK;
}

static cr_err_t
add_attribute(tags_t *self, cr_slice_t value, const uint32_t *ordinals, size_t count)
{
    cr_str_t name;
    cr_str_init(&name, NAME_MAX_BYTES + value.length);
    cr_str_append(&name, self->key, self->key_length);
    cr_str_append_char(&name, '=');
    cr_str_append_slice(&name, value);
    cr_err_t err = cr_str_err(&name);
    if (err == CR_OK)
        err = add_members(self, cr_str_slice(&name), ordinals, count);
    cr_str_fini(&name);
    if (err == CR_OK && self->count > TAGS_VALUES_MAX) {
        drop_tags(self);
        self->is_broad = true;
    }
    return err;
}

static cr_err_t
add_list(tags_t *self, cr_slice_t value, const uint32_t *ordinals, size_t count)
{
    while (value.length > 0) {
        const char *end = memchr(value.text, ';', value.length);
        size_t length = end ? (size_t)(end - value.text) : value.length;
        cr_err_t err = add_members(self, (cr_slice_t){value.text, length}, ordinals, count);
        if (err != CR_OK)
            return err;
        length += end != NULL;
        value = (cr_slice_t){value.text + length, value.length - length};
    }
    return CR_OK;
}

static cr_err_t
add_value(tags_t *self, cr_slice_t value, const uint32_t *ordinals, size_t count)
{
    if (self->is_broad)
        return CR_OK;
    if (self->key)
        return add_attribute(self, value, ordinals, count);
    if (self->is_list)
        return add_list(self, value, ordinals, count);
    return add_members(self, value, ordinals, count);
}

/* Rows of the same code as chains in ascending order: next[row], begun at head[code]. */
static void
chain_rows(const uint16_t *codes, uint32_t rows, uint16_t *head, uint16_t next[DIRECTORY_SEGMENT])
{
    for (uint32_t row = rows; row-- > 0;) {
        next[row] = head[codes[row]];
        head[codes[row]] = (uint16_t)row;
    }
}

cr_err_t
tags_absorb(tags_t *self, const segment_t *segment, uint32_t column, uint32_t first)
{
    uint32_t rows = segment_rows(segment), ordinals[DIRECTORY_SEGMENT];
    uint16_t codes[DIRECTORY_SEGMENT], head[DIRECTORY_SEGMENT + 1], next[DIRECTORY_SEGMENT];
    segment_codes(segment, column, codes);
    for (uint32_t row = 0; row < rows; row++)
        head[codes[row]] = NO_ROW;
    chain_rows(codes, rows, head, next);
    for (uint32_t row = 0; row < rows; row++) {
        uint16_t code = codes[row];
        if (code == 0 || head[code] != row)
            continue;
        size_t count = 0;
        for (uint16_t at = head[code]; at != NO_ROW; at = next[at])
            ordinals[count++] = first + at;
        cr_err_t err = add_value(self, segment_value(segment, column, row), ordinals, count);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

void
tags_seal(tags_t *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        roaring_bitmap_run_optimize(self->tags[i]->members);
        roaring_bitmap_shrink_to_fit(self->tags[i]->members);
    }
}

const roaring_bitmap_t *
tags_find(const tags_t *self, cr_slice_t name)
{
    uint32_t found = index_find(&self->index, index_hash(name), name, is_tag, self);
    return found == INDEX_NONE ? NULL : self->tags[found]->members;
}

void
tags_each(const tags_t *self, directory_tag_fn *callback, void *context)
{
    for (uint32_t i = 0; i < self->count; i++)
        callback(context, (cr_slice_t){self->tags[i]->name, self->tags[i]->length},
                 self->tags[i]->members);
}

size_t
tags_bytes(const tags_t *self)
{
    size_t bytes = index_bytes(&self->index) + self->capacity * sizeof *self->tags;
    for (uint32_t i = 0; i < self->count; i++)
        bytes += sizeof(tag_t) + self->tags[i]->length + sizeof(roaring_bitmap_t) +
                 roaring_bitmap_size_in_bytes(self->tags[i]->members);
    return bytes;
}
