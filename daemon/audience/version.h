/*
 * version - the inside of a directory, for the files of this folder
 *
 * directory.c answers questions, version.c makes and indexes versions, seal.c stores and loads them,
 * intake_apply.c builds the next one.
 */
#ifndef AUDIENCE_VERSION_H
#define AUDIENCE_VERSION_H

#include <stdatomic.h>

#include "divisions.h"
#include "ids.h"
#include "segment.h"
#include "tags.h"

enum { VERSION_RECIPIENTS_MAX = IDS_MAX, VERSION_ATTRIBUTES_MAX = 1024 };

struct directory {
    atomic_uint references;
    uint32_t size; /* recipients */
    uint32_t segment_count, segment_capacity;
    segment_t **segments; /* all but the last are full */
    ids_t ids;
    divisions_t *divisions;
    roaring_bitmap_t *everyone, *reachable[CR_CHANNEL_COUNT];
    tags_t tags[DIRECTORY_TAG_ATTRIBUTE]; /* by kind */
    tags_t *attributes;                   /* one set a key */
    uint32_t attribute_count;
};

extern const field_t version_address_fields[CR_CHANNEL_COUNT];

/* Appends a segment and takes it over. CR_CORRUPT when the one before is not full; CR_TOOBIG. */
cr_err_t version_append(directory_t *self, segment_t **segment_p) CR_MUST_USE;
/* Indexes the ids; the first of them are those of `base` (NULL: none). CR_CORRUPT when an id is
 * empty or doubled. */
cr_err_t version_index_ids(directory_t *self, const directory_t *base) CR_MUST_USE;
/* Makes all bitmaps; ids are indexed already. */
cr_err_t version_index_tags(directory_t *self) CR_MUST_USE;
cr_slice_t version_field(const directory_t *self, uint32_t ordinal, field_t field);
/* For ids_find. */
bool version_has_id(const void *context, uint32_t ordinal, cr_slice_t id);
/* NULL when nobody has the attribute. */
const tags_t *version_attribute(const directory_t *self, cr_slice_t key);

#endif
