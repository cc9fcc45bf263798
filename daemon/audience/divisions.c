#include "divisions.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_text.h"
#include "index.h"
#include "intake_csv.h"

enum { FILE_BYTES_MAX = 1 << 20 };

struct divisions {
    atomic_uint references;
    index_t index; /* codes and names -> entry */
    division_t *entries;
    size_t count, capacity;
    char *text; /* copies of the names, as large as the file; never moves */
    size_t text_bytes, text_capacity;
};

bool
division_is_code(cr_slice_t text)
{
    if (text.length != DIVISION_DIGITS)
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (text.text[i] < '0' || text.text[i] > '9')
            return false;
    return true;
}

cr_slice_t
division_prefix(cr_slice_t code)
{
    static const size_t levels[] = {2, 4, 6, 9};
    static const char zeros[] = "0000000000";
    for (size_t i = 0; i < CR_COUNT(levels); i++)
        if (memcmp(code.text + levels[i], zeros, DIVISION_DIGITS - levels[i]) == 0)
            return (cr_slice_t){code.text, levels[i]};
    return code;
}

divisions_t *
divisions_ref(divisions_t *self)
{
    if (self)
        atomic_fetch_add_explicit(&self->references, 1, memory_order_relaxed);
    return self;
}

void
divisions_unref(divisions_t **self_p)
{
    divisions_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) != 1)
        return;
    index_fini(&self->index);
    free(self->entries);
    free(self->text);
    free(self);
}

static bool
is_entry(const void *context, uint32_t value, cr_slice_t name)
{
    const division_t *entry = &((const divisions_t *)context)->entries[value];
    return cr_slice_equal(entry->code, name) || cr_slice_equal(entry->name, name) ||
           cr_slice_equal(entry->english, name);
}

/* "370124104" means "370124104000". */
static cr_slice_t
full_code(cr_slice_t name, char padded[DIVISION_DIGITS])
{
    if (name.length != TOWNSHIP_DIGITS)
        return name;
    memset(padded, '0', DIVISION_DIGITS);
    memcpy(padded, name.text, name.length);
    cr_slice_t code = {padded, DIVISION_DIGITS};
    return division_is_code(code) ? code : name;
}

const division_t *
divisions_find(const divisions_t *self, cr_slice_t name)
{
    char padded[DIVISION_DIGITS];
    if (!self || name.length == 0)
        return NULL;
    cr_slice_t key = full_code(name, padded);
    uint32_t found = index_find(&self->index, index_hash(key), key, is_entry, self);
    return found == INDEX_NONE ? NULL : &self->entries[found];
}

size_t
divisions_count(const divisions_t *self)
{
    return self ? self->count : 0;
}

const division_t *
divisions_at(const divisions_t *self, size_t index)
{
    CR_ASSERT(index < divisions_count(self));
    return &self->entries[index];
}

cr_slice_t
divisions_town(const divisions_t *self, cr_slice_t code)
{
    if (code.length != DIVISION_DIGITS)
        return (cr_slice_t){"", 0};
    const division_t *town = divisions_find(self, (cr_slice_t){code.text, TOWNSHIP_DIGITS});
    return town ? town->name : (cr_slice_t){"", 0};
}

cr_slice_t
divisions_name(const divisions_t *self, cr_slice_t code)
{
    const division_t *entry = divisions_find(self, code);
    return entry ? entry->name : divisions_town(self, code);
}

size_t
divisions_bytes(const divisions_t *self)
{
    return !self ? 0
                 : sizeof *self + index_bytes(&self->index) +
                       self->capacity * sizeof *self->entries + self->text_capacity;
}

static cr_slice_t
keep(divisions_t *self, cr_slice_t text)
{
    char *copy = self->text + self->text_bytes;
    if (text.length > 0)
        memcpy(copy, text.text, text.length);
    self->text_bytes += text.length;
    return (cr_slice_t){copy, text.length};
}

static cr_err_t
add_name(divisions_t *self, cr_slice_t name)
{
    if (name.length == 0)
        return CR_OK;
    return index_add(&self->index, index_hash(name), (uint32_t)self->count);
}

static cr_err_t
reserve_entry(divisions_t *self)
{
    if (self->count < self->capacity)
        return CR_OK;
    size_t capacity = self->capacity ? self->capacity * 2 : 16;
    division_t *entries = realloc(self->entries, capacity * sizeof *entries);
    if (!entries)
        return CR_NOMEM;
    self->entries = entries;
    self->capacity = capacity;
    return CR_OK;
}

static cr_err_t
add(divisions_t *self, const cr_slice_t fields[4])
{
    cr_err_t err = reserve_entry(self);
    if (err != CR_OK)
        return err;
    CR_ASSERT(self->entries);
    division_t *entry = &self->entries[self->count];
    *entry = (division_t){keep(self, fields[0]), keep(self, fields[1]), keep(self, fields[3])};
    err = add_name(self, entry->code);
    if (err == CR_OK)
        err = add_name(self, entry->name);
    if (err == CR_OK)
        err = add_name(self, entry->english);
    self->count++;
    return err;
}

static cr_err_t
check_header(const cr_slice_t *fields, size_t count, cr_fault_t *fault)
{
    static const char *const names[] = {"code", "name", "kind", "english"};
    for (size_t i = 0; i < CR_COUNT(names); i++)
        if (i >= count || !cr_slice_equal(fields[i], cr_slice_of(names[i])))
            return cr_fault_set_at(fault, CR_INVAL, 1, i + 1, "column %zu must be \"%s\"", i + 1,
                                   names[i]);
    return CR_OK;
}

static cr_err_t
on_row(void *context, size_t line, const cr_slice_t *fields, size_t count, cr_fault_t *fault)
{
    static const size_t keys[] = {0, 1, 3};
    divisions_t *self = context;
    if (line == 1)
        return check_header(fields, count, fault);
    if (count != 4)
        return cr_fault_set_at(fault, CR_INVAL, line, 0, "%zu fields instead of 4", count);
    if (!division_is_code(fields[0]))
        return cr_fault_set_at(fault, CR_INVAL, line, 1, "code: must be 12 digits");
    if (fields[1].length == 0 || !cr_text_is_utf8(fields[1]) || !cr_text_is_utf8(fields[3]))
        return cr_fault_set_at(fault, CR_INVAL, line, 2, "name: empty or not UTF-8");
    for (size_t i = 0; i < CR_COUNT(keys); i++)
        if (divisions_find(self, fields[keys[i]]))
            return cr_fault_set_at(fault, CR_EXISTS, line, keys[i] + 1, "stands there already");
    return add(self, fields);
}

static cr_err_t
parse(divisions_t *self, const char *bytes, size_t length, cr_fault_t *fault)
{
    intake_csv_t *csv = intake_csv_new(on_row, self);
    self->text = malloc(length + 1);
    self->text_capacity = length + 1;
    cr_err_t err = CR_NOMEM;
    if (csv && self->text)
        err = intake_csv_feed(csv, bytes, length, fault);
    if (err == CR_OK)
        err = intake_csv_finish(csv, fault);
    intake_csv_destroy(&csv);
    return err;
}

static cr_err_t
read_file(const char *file, char *bytes, size_t *length, cr_fault_t *fault)
{
    FILE *stream = fopen(file, "rb");
    if (!stream)
        return cr_fault_set(fault, errno == ENOENT ? CR_NOTFOUND : CR_IO, "%s",
                            strerrordesc_np(errno));
    *length = fread(bytes, 1, FILE_BYTES_MAX, stream);
    cr_err_t err = ferror(stream) ? cr_fault_set(fault, CR_IO, "cannot be read") : CR_OK;
    fclose(stream);
    if (err == CR_OK && *length == FILE_BYTES_MAX)
        return cr_fault_set(fault, CR_TOOBIG, "over 1 MiB");
    return err;
}

cr_err_t
divisions_load(const char *file, divisions_t **self_p, cr_fault_t *fault)
{
    cr_fault_t why = {.text = "out of memory"};
    cr_err_t err = CR_NOMEM;
    size_t length = 0;
    divisions_t *self = calloc(1, sizeof *self);
    char *bytes = malloc(FILE_BYTES_MAX);
    if (self && bytes) {
        atomic_init(&self->references, 1);
        err = read_file(file, bytes, &length, &why);
    }
    if (err == CR_OK)
        err = parse(self, bytes, length, &why);
    free(bytes);
    if (err == CR_OK) {
        *self_p = self;
        return CR_OK;
    }
    divisions_unref(&self);
    return cr_fault_set_at(fault, err, why.line, why.column, "%s: %s", file, why.text);
}
