#include "consent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[CONSENT_SOURCE_COUNT] = {
#define X(name, text) [CONSENT_##name] = text,
    CONSENT_SOURCE_LIST(X)
#undef X
};

const char *
consent_source_name(consent_source_t source)
{
    return names[source];
}

/* As many whole characters as fit. */
static void
set_detail(consent_reason_t *self, cr_slice_t detail)
{
    size_t length = detail.length;
    if (length >= CONSENT_DETAIL_MAX)
        for (length = CONSENT_DETAIL_MAX - 1;
             length > 0 && ((unsigned char)detail.text[length] & 0xC0) == 0x80;)
            length--;
    if (length > 0)
        memcpy(self->detail, detail.text, length);
    self->detail[length] = '\0';
}

consent_reason_t
consent_reason(int64_t at_us, consent_source_t source, const char *detail)
{
    consent_reason_t reason = {.at_us = at_us, .source = source};
    set_detail(&reason, cr_slice_of(detail));
    return reason;
}

const char *
consent_format(const consent_reason_t *reason, char out[CONSENT_TEXT_MAX])
{
    snprintf(out, CONSENT_TEXT_MAX, "%" PRId64 " %s %s", reason->at_us, names[reason->source],
             reason->detail);
    return out;
}

cr_err_t
consent_parse(cr_slice_t text, consent_reason_t *out)
{
    char copy[CONSENT_TEXT_MAX], *end;
    if (text.length >= sizeof copy)
        return CR_CORRUPT;
    memcpy(copy, text.text, text.length);
    copy[text.length] = '\0';
    *out = (consent_reason_t){.at_us = strtoll(copy, &end, 10)};
    char *detail = end > copy && *end == ' ' ? strchr(end + 1, ' ') : NULL;
    if (!detail)
        return CR_CORRUPT;
    *detail = '\0';
    for (int source = 0; source < CONSENT_SOURCE_COUNT; source++)
        if (strcmp(end + 1, names[source]) == 0) {
            out->source = (consent_source_t)source;
            set_detail(out, cr_slice_of(detail + 1));
            return CR_OK;
        }
    return CR_CORRUPT;
}

/* -- who ---------------------------------------------------------------------------------------- */

static cr_slice_t
key_of(const uint32_t *ordinal)
{
    return (cr_slice_t){(const char *)ordinal, sizeof *ordinal};
}

static bool
is_ordinal(const void *context, uint32_t place, cr_slice_t key)
{
    const consent_t *self = context;
    return cr_slice_equal(key_of(&self->entries[place].ordinal), key);
}

static uint32_t
place_of(const consent_t *self, uint32_t ordinal)
{
    cr_slice_t key = key_of(&ordinal);
    return index_find(&self->index, index_hash(key), key, is_ordinal, self);
}

void
consent_fini(consent_t *self)
{
    index_fini(&self->index);
    free(self->entries);
    *self = (consent_t){0};
}

static cr_err_t
grow(consent_t *self)
{
    if (self->count < self->capacity)
        return CR_OK;
    uint32_t capacity = self->capacity > 0 ? self->capacity * 2 : 64;
    struct consent_entry *grown = realloc(self->entries, capacity * sizeof *grown);
    if (!grown)
        return CR_NOMEM;
    self->entries = grown;
    self->capacity = capacity;
    return CR_OK;
}

cr_err_t
consent_note(consent_t *self, uint32_t ordinal, const consent_reason_t *reason)
{
    uint32_t place = place_of(self, ordinal);
    if (place != INDEX_NONE) {
        self->entries[place].reason = *reason;
        return CR_OK;
    }
    cr_err_t err = grow(self);
    if (err == CR_OK)
        err = index_add(&self->index, index_hash(key_of(&ordinal)), self->count);
    if (err == CR_OK)
        self->entries[self->count++] = (struct consent_entry){ordinal, *reason};
    return err;
}

const consent_reason_t *
consent_find(const consent_t *self, uint32_t ordinal)
{
    uint32_t place = place_of(self, ordinal);
    return place == INDEX_NONE ? NULL : &self->entries[place].reason;
}
