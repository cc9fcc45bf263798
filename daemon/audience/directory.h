/*
 * directory - everybody who can be notified, as immutable versions
 *
 * A version never changes once it is published: an import builds the next one, which shares every
 * segment it did not touch. Readers (dispatch, selectors, API) hold a reference and need no lock.
 * Recipients have stable ordinals; segments of 1,024 ordinals are columnar; towns, groups, roles,
 * languages and attributes are Roaring bitmaps of ordinals.
 *
 * Ownership  directory_ref / directory_unref count atomically; slices live as long as the version
 *            they came from.
 * Threads    a published version may be read from any thread; building one belongs to one thread.
 * Limits     2^26 - 1 recipients; an attribute with over 4,096 different values is stored but cannot
 *            be selected by.
 * Privacy    addresses leave this module only towards a lease, a masked view or an audited export.
 */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <roaring/roaring.h>

#include "cr_base.h"
#include "cr_id.h"
#include "cr_keys.h"
#include "cr_str.h"

enum { DIRECTORY_SEGMENT = 1024 };
#define DIRECTORY_NONE UINT32_MAX

typedef struct directory directory_t;

typedef struct {
    uint32_t ordinal;
    cr_slice_t id, name, phone, openid, email; /* empty slice: none */
    cr_slice_t division, division_name;        /* 12-digit code; name from config/sample or "" */
    cr_slice_t language;                       /* "zh-CN" */
    uint32_t guardian;                         /* reached through this ordinal, or DIRECTORY_NONE */
} recipient_t;

directory_t *directory_new(void); /* empty version; NULL: memory */
directory_t *directory_ref(directory_t *self);
void directory_unref(directory_t **self_p);

uint32_t directory_size(const directory_t *self); /* ordinals are below this */
size_t directory_bytes(const directory_t *self); /* memory it holds, strings and indexes included */
bool directory_get(const directory_t *self, uint32_t ordinal, recipient_t *out);
uint32_t directory_find(const directory_t *self, cr_slice_t id); /* ordinal or DIRECTORY_NONE */
/* Own address on the channel, or the guardian's; empty: none. */
cr_slice_t directory_address(const directory_t *self, uint32_t ordinal, cr_channel_t channel);
/* Those of many at once; faster when ordinals ascend. */
void directory_addresses(const directory_t *self, cr_channel_t channel, const uint32_t *ordinals,
                         size_t count, cr_slice_t *out);
/* Value of the attribute `key`, or of the fields id, name, division, town (name of the division's
 * township), language. */
cr_slice_t directory_value(const directory_t *self, uint32_t ordinal, cr_slice_t key);
/* The same for many at once; faster when ordinals ascend. */
void directory_values(const directory_t *self, cr_slice_t key, const uint32_t *ordinals,
                      size_t count, cr_slice_t *out);
/* Groups or roles of one recipient, joined by ';'. */
void directory_append_groups(const directory_t *self, uint32_t ordinal, cr_str_t *out);
void directory_append_roles(const directory_t *self, uint32_t ordinal, cr_str_t *out);

/* Bitmaps that belong to the version; NULL when the tag does not exist. */
typedef enum {
    DIRECTORY_TAG_DIVISION,
    DIRECTORY_TAG_GROUP,
    DIRECTORY_TAG_ROLE,
    DIRECTORY_TAG_LANGUAGE,
    DIRECTORY_TAG_ATTRIBUTE /* "key=value" */
} directory_tag_kind_t;
const roaring_bitmap_t *directory_everyone(const directory_t *self);
const roaring_bitmap_t *directory_reachable(const directory_t *self, cr_channel_t channel);
const roaring_bitmap_t *directory_tag(const directory_t *self, directory_tag_kind_t kind,
                                      cr_slice_t name);
/* Calls back for every tag of the kind; used for by-town counts, prefixes and suggestions. */
typedef void directory_tag_fn(void *context, cr_slice_t name, const roaring_bitmap_t *members);
void directory_each_tag(const directory_t *self, directory_tag_kind_t kind,
                        directory_tag_fn *callback, void *context);

/* The keys of all attributes, those that cannot be selected by included. */
uint32_t directory_attribute_count(const directory_t *self);
cr_slice_t directory_attribute(const directory_t *self, uint32_t index);

/* Names of divisions (config/sample/divisions.csv: code,name,kind[,english]); shared by all
 * versions made afterwards. */
cr_err_t directory_set_divisions(directory_t *self, const char *file,
                                 cr_fault_t *fault) CR_MUST_USE;

/*
 * Sealed segments: what is stored. XChaCha20-Poly1305 (libsodium) with the segment number and
 * generation as additional data, so that blobs cannot be swapped. Caller frees `blob`.
 */
uint32_t directory_segment_count(const directory_t *self);
cr_err_t directory_seal(const directory_t *self, uint32_t segment, uint32_t generation,
                        const uint8_t key[CR_KEY_BYTES], uint8_t **blob,
                        size_t *length) CR_MUST_USE;
/* Loading: unseal all segments in order into a version that is not published yet, then
 * directory_index once. CR_CORRUPT. */
cr_err_t directory_unseal(directory_t *self, uint32_t segment, uint32_t generation,
                          const uint8_t key[CR_KEY_BYTES], const uint8_t *blob,
                          size_t length) CR_MUST_USE;
cr_err_t directory_index(directory_t *self) CR_MUST_USE;

#endif
