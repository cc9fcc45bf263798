#include <string.h>

#include "version.h"

static const cr_slice_t nothing = {"", 0};

uint32_t
directory_size(const directory_t *self)
{
    return self->size;
}

size_t
directory_bytes(const directory_t *self)
{
    size_t bytes = sizeof *self + self->segment_capacity * sizeof(segment_t *) +
                   ids_bytes(&self->ids) + divisions_bytes(self->divisions) +
                   self->attribute_count * sizeof(tags_t);
    for (uint32_t i = 0; i < self->segment_count; i++)
        bytes += segment_bytes(self->segments[i]);
    for (size_t i = 0; i < DIRECTORY_TAG_ATTRIBUTE; i++)
        bytes += tags_bytes(&self->tags[i]);
    for (uint32_t i = 0; i < self->attribute_count; i++)
        bytes += tags_bytes(&self->attributes[i]);
    for (size_t i = 0; i < CR_CHANNEL_COUNT; i++)
        bytes += roaring_bitmap_size_in_bytes(self->reachable[i]);
    return bytes + roaring_bitmap_size_in_bytes(self->everyone);
}

static const segment_t *
segment_of(const directory_t *self, uint32_t ordinal)
{
    CR_ASSERT(ordinal < self->size);
    return self->segments[ordinal / DIRECTORY_SEGMENT];
}

cr_slice_t
version_field(const directory_t *self, uint32_t ordinal, field_t field)
{
    return segment_value(segment_of(self, ordinal), field, ordinal % DIRECTORY_SEGMENT);
}

static uint32_t
guardian_of(const directory_t *self, uint32_t ordinal)
{
    cr_slice_t id = version_field(self, ordinal, FIELD_GUARDIAN);
    return id.length == 0 ? DIRECTORY_NONE : directory_find(self, id);
}

bool
directory_get(const directory_t *self, uint32_t ordinal, recipient_t *out)
{
    if (ordinal >= self->size)
        return false;
    cr_slice_t division = version_field(self, ordinal, FIELD_DIVISION);
    *out = (recipient_t){
        .ordinal = ordinal,
        .id = version_field(self, ordinal, FIELD_ID),
        .name = version_field(self, ordinal, FIELD_NAME),
        .phone = version_field(self, ordinal, FIELD_PHONE),
        .openid = version_field(self, ordinal, FIELD_OPENID),
        .email = version_field(self, ordinal, FIELD_EMAIL),
        .division = division,
        .division_name = divisions_name(self->divisions, division),
        .language = version_field(self, ordinal, FIELD_LANGUAGE),
        .guardian = guardian_of(self, ordinal),
    };
    return true;
}

bool
version_has_id(const void *context, uint32_t ordinal, cr_slice_t id)
{
    return cr_slice_equal(version_field(context, ordinal, FIELD_ID), id);
}

uint32_t
directory_find(const directory_t *self, cr_slice_t id)
{
    return ids_find(&self->ids, index_hash(id), id, version_has_id, self);
}

cr_slice_t
directory_address(const directory_t *self, uint32_t ordinal, cr_channel_t channel)
{
    if (ordinal >= self->size)
        return nothing;
    cr_slice_t own = version_field(self, ordinal, version_address_fields[channel]);
    if (own.length > 0)
        return own;
    uint32_t guardian = guardian_of(self, ordinal);
    return guardian == DIRECTORY_NONE
               ? nothing
               : version_field(self, guardian, version_address_fields[channel]);
}

/* Where a segment keeps the values of a key; INDEX_NONE: nowhere. */
static uint32_t
column_of(const segment_t *segment, cr_slice_t key)
{
    static const struct {
        const char *key;
        field_t field;
    } fields[] = {
        {"id", FIELD_ID},         {"name", FIELD_NAME},         {"division", FIELD_DIVISION},
        {"town", FIELD_DIVISION}, {"language", FIELD_LANGUAGE},
    };
    static const char prefix[] = "attr.";
    const size_t length = sizeof prefix - 1;
    for (size_t i = 0; i < CR_COUNT(fields); i++)
        if (cr_slice_equal(key, cr_slice_of(fields[i].key)))
            return fields[i].field;
    if (key.length > length && memcmp(key.text, prefix, length) == 0)
        key = (cr_slice_t){key.text + length, key.length - length};
    return segment_find_attribute(segment, key);
}

/* A field, or what a key stands for. */
typedef struct {
    uint32_t field; /* FIELD_COUNT: the key */
    cr_slice_t key;
} wanted_t;

/* Reads what is in the segment of the first ordinal and the next ones; returns how many those are. */
static size_t
read_run(const directory_t *self, const wanted_t *wanted, const uint32_t *ordinals, size_t count,
         cr_slice_t *out)
{
    const segment_t *segment = segment_of(self, ordinals[0]);
    size_t run = 1;
    while (run < count && ordinals[run] < self->size && segment_of(self, ordinals[run]) == segment)
        run++;
    uint32_t column = wanted->field < FIELD_COUNT ? wanted->field : column_of(segment, wanted->key);
    if (column != INDEX_NONE)
        segment_values(segment, column, ordinals, run, out);
    for (size_t i = 0; column == INDEX_NONE && i < run; i++)
        out[i] = nothing;
    return run;
}

static void
read_all(const directory_t *self, const wanted_t *wanted, const uint32_t *ordinals, size_t count,
         cr_slice_t *out)
{
    for (size_t i = 0; i < count;) {
        out[i] = nothing;
        i +=
            ordinals[i] < self->size ? read_run(self, wanted, ordinals + i, count - i, out + i) : 1;
    }
}

void
directory_addresses(const directory_t *self, cr_channel_t channel, const uint32_t *ordinals,
                    size_t count, cr_slice_t *out)
{
    read_all(self, &(wanted_t){.field = version_address_fields[channel]}, ordinals, count, out);
    for (size_t i = 0; i < count; i++)
        if (out[i].length == 0)
            out[i] = directory_address(self, ordinals[i], channel);
}

void
directory_values(const directory_t *self, cr_slice_t key, const uint32_t *ordinals, size_t count,
                 cr_slice_t *out)
{
    read_all(self, &(wanted_t){FIELD_COUNT, key}, ordinals, count, out);
    if (!cr_slice_equal(key, CR_SLICE("town")))
        return;
    for (size_t i = 0; i < count; i++)
        out[i] = divisions_town(self->divisions, out[i]);
}

cr_slice_t
directory_value(const directory_t *self, uint32_t ordinal, cr_slice_t key)
{
    cr_slice_t value;
    directory_values(self, key, &ordinal, 1, &value);
    return value;
}

void
directory_append_groups(const directory_t *self, uint32_t ordinal, cr_str_t *out)
{
    cr_str_append_slice(out, version_field(self, ordinal, FIELD_GROUPS));
}

void
directory_append_roles(const directory_t *self, uint32_t ordinal, cr_str_t *out)
{
    cr_str_append_slice(out, version_field(self, ordinal, FIELD_ROLES));
}

const roaring_bitmap_t *
directory_everyone(const directory_t *self)
{
    return self->everyone;
}

const roaring_bitmap_t *
directory_reachable(const directory_t *self, cr_channel_t channel)
{
    return self->reachable[channel];
}

const roaring_bitmap_t *
directory_tag(const directory_t *self, directory_tag_kind_t kind, cr_slice_t name)
{
    if (kind != DIRECTORY_TAG_ATTRIBUTE)
        return tags_find(&self->tags[kind], name);
    const char *equals = name.length > 0 ? memchr(name.text, '=', name.length) : NULL;
    if (!equals)
        return NULL;
    size_t key_length = (size_t)(equals - name.text);
    const tags_t *set = version_attribute(self, (cr_slice_t){name.text, key_length});
    return set ? tags_find(set, name) : NULL;
}

void
directory_each_tag(const directory_t *self, directory_tag_kind_t kind, directory_tag_fn *callback,
                   void *context)
{
    if (kind != DIRECTORY_TAG_ATTRIBUTE) {
        tags_each(&self->tags[kind], callback, context);
        return;
    }
    for (uint32_t i = 0; i < self->attribute_count; i++)
        tags_each(&self->attributes[i], callback, context);
}

uint32_t
directory_attribute_count(const directory_t *self)
{
    return self->attribute_count;
}

cr_slice_t
directory_attribute(const directory_t *self, uint32_t index)
{
    CR_ASSERT(index < self->attribute_count);
    return (cr_slice_t){self->attributes[index].key, self->attributes[index].key_length};
}

cr_err_t
directory_set_divisions(directory_t *self, const char *file, cr_fault_t *fault)
{
    divisions_t *divisions;
    cr_err_t err = divisions_load(file, &divisions, fault);
    if (err != CR_OK)
        return err;
    divisions_unref(&self->divisions);
    self->divisions = divisions;
    return CR_OK;
}
