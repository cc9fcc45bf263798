/*
 * tags - who is in a division, group or role, speaks a language or has a value of an attribute
 *
 * A tag set is names with a bitmap of ordinals each, filled segment by segment in ascending order.
 * An attribute with more values than TAGS_VALUES_MAX keeps none of them: it is no way to divide
 * people.
 *
 * Ownership  a set owns names and bitmaps; they live as long as the set.
 * Threads    read by any once tags_seal was called.
 */
#ifndef AUDIENCE_TAGS_H
#define AUDIENCE_TAGS_H

#include "segment.h"

enum { TAGS_VALUES_MAX = 4096 };

typedef struct {
    roaring_bitmap_t *members;
    size_t length;
    char name[]; /* of an attribute "key=value" */
} tag_t;

typedef struct {
    char *key; /* of an attribute, else NULL */
    size_t key_length;
    bool is_list;  /* a value is several names joined by ';' */
    bool is_broad; /* had more than TAGS_VALUES_MAX values and is empty now */
    tag_t **tags;
    uint32_t count, capacity;
    index_t index;
} tags_t;

/* `key`: empty for all but attributes. */
cr_err_t tags_init(tags_t *self, cr_slice_t key, bool is_list) CR_MUST_USE;
void tags_fini(tags_t *self);
/* Adds the members that one column of a segment holds; `first` is the segment's first ordinal. */
cr_err_t tags_absorb(tags_t *self, const segment_t *segment, uint32_t column,
                     uint32_t first) CR_MUST_USE;
/* Makes the bitmaps small. */
void tags_seal(tags_t *self);
const roaring_bitmap_t *tags_find(const tags_t *self, cr_slice_t name);
void tags_each(const tags_t *self, directory_tag_fn *callback, void *context);
size_t tags_bytes(const tags_t *self);

#endif
