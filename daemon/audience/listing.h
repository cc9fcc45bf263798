/*
 * listing - everybody at one moment, with what they opted out of: what an export shows
 *
 * Ownership  a listing owns its reference and its bitmaps; it is moved by listing_take.
 */
#ifndef AUDIENCE_LISTING_H
#define AUDIENCE_LISTING_H

#include "directory.h"

typedef struct {
    directory_t *directory; /* NULL: an empty listing */
    roaring_bitmap_t *opted_out[CR_CHANNEL_COUNT];
} listing_t;

/* Copies the bitmaps and takes a reference. */
listing_t listing_of(directory_t *directory, roaring_bitmap_t *const opted_out[CR_CHANNEL_COUNT]);
/* Leaves an empty one behind. */
listing_t listing_take(listing_t *self);
void listing_fini(listing_t *self);
/* Channels that the recipient opted out of, joined by ';'. */
void listing_append_optouts(const listing_t *self, uint32_t ordinal, cr_str_t *out);

#endif
