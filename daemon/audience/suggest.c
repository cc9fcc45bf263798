#include "suggest.h"

#include <string.h>
#include <utf8proc.h>

/* Characters of `text`; 0 when there are more than the maximum. */
static size_t
decode(cr_slice_t text, uint32_t out[SUGGEST_CHARACTERS_MAX])
{
    size_t count = 0;
    for (size_t at = 0; at < text.length;) {
        utf8proc_int32_t code;
        utf8proc_ssize_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)text.text + at,
                                                  (utf8proc_ssize_t)(text.length - at), &code);
        if (bytes <= 0 || count == SUGGEST_CHARACTERS_MAX)
            return 0;
        out[count++] = (uint32_t)code;
        at += (size_t)bytes;
    }
    return count;
}

static size_t
least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

/* Levenshtein's distance, one row of the table at a time. */
static size_t
distance(const uint32_t *a, size_t a_length, const uint32_t *b, size_t b_length)
{
    size_t row[SUGGEST_CHARACTERS_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

void
suggest_init(suggest_t *self, cr_slice_t wanted)
{
    *self = (suggest_t){.best = {"", 0}};
    self->length = decode(wanted, self->wanted);
    self->distance = (self->length < 6 ? 1 : self->length / 3) + 1;
}

/* Of two that are equally near the first in byte order, so that the answer is always the same. */
void
suggest_offer(suggest_t *self, cr_slice_t name)
{
    uint32_t characters[SUGGEST_CHARACTERS_MAX];
    size_t length = decode(name, characters);
    if (length == 0 || self->length == 0)
        return;
    size_t far = distance(self->wanted, self->length, characters, length);
    size_t common = name.length < self->best.length ? name.length : self->best.length;
    bool is_tie = far == self->distance && self->best.length > 0;
    if (far < self->distance || (is_tie && memcmp(name.text, self->best.text, common) < 0)) {
        self->best = name;
        self->distance = far;
    }
}

cr_slice_t
suggest_best(const suggest_t *self)
{
    return self->best;
}
