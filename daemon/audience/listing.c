#include "listing.h"

listing_t
listing_of(directory_t *directory, roaring_bitmap_t *const opted_out[CR_CHANNEL_COUNT])
{
    listing_t self = {.directory = directory_ref(directory)};
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        self.opted_out[channel] = roaring_bitmap_copy(opted_out[channel]);
        CR_ASSERT(self.opted_out[channel]);
    }
    return self;
}

listing_t
listing_take(listing_t *self)
{
    listing_t taken = *self;
    *self = (listing_t){0};
    return taken;
}

void
listing_fini(listing_t *self)
{
    directory_unref(&self->directory);
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        if (self->opted_out[channel])
            roaring_bitmap_free(self->opted_out[channel]);
    *self = (listing_t){0};
}

void
listing_append_optouts(const listing_t *self, uint32_t ordinal, cr_str_t *out)
{
    size_t before = out->length;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        if (!roaring_bitmap_contains(self->opted_out[channel], ordinal))
            continue;
        if (out->length > before)
            cr_str_append_char(out, ';');
        cr_str_append_text(out, cr_channel_name((cr_channel_t)channel));
    }
}
