#include "intake_rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cr_text.h"

enum { BLOCK_BYTES = 1 << 20, ROWS_MAX = 1 << 26 };

static const struct {
    const char *name;
    uint32_t target;
    intake_value_fn *check;
} known_columns[] = {
    {"id", FIELD_ID, intake_value_id},
    {"name", FIELD_NAME, intake_value_name},
    {"phone", FIELD_PHONE, intake_value_phone},
    {"openid", FIELD_OPENID, intake_value_openid},
    {"email", FIELD_EMAIL, intake_value_email},
    {"division", FIELD_DIVISION, intake_value_division},
    {"groups", FIELD_GROUPS, intake_value_list},
    {"roles", FIELD_ROLES, intake_value_list},
    {"language", FIELD_LANGUAGE, intake_value_language},
    {"guardian", FIELD_GUARDIAN, intake_value_id},
    {"opt_out", COLUMN_OPT_OUT, intake_value_opt_out},
};

/* Why a column may not be called so; NULL: it may. */
static const char *
refuse_name(cr_slice_t name)
{
    static const char refused[] = "={}\":.&|!()";
    size_t at;
    uint32_t code;
    if (name.length == 0)
        return "has no name";
    if (name.length > COLUMN_NAME_MAX)
        return "has a name over 64 bytes";
    if (!cr_text_is_utf8(name))
        return "has a name that is not UTF-8";
    if (cr_text_find_forbidden(name, &at, &code) || cr_text_has_line_break(name))
        return "has a control or invisible character in its name";
    for (size_t i = 0; i < name.length; i++)
        if (strchr(refused, name.text[i]))
            return "has one of = { } \" : . & | ! ( ) in its name";
    return NULL;
}

static cr_err_t
normalise(cr_slice_t name, char out[COLUMN_NAME_MAX + 1])
{
    cr_str_t text;
    cr_str_init(&text, COLUMN_NAME_MAX);
    cr_err_t err = cr_text_normalise(name, &text);
    if (err == CR_OK)
        memcpy(out, cr_str_text(&text), text.length + 1);
    cr_str_fini(&text);
    return err;
}

static cr_err_t
read_column(intake_column_t *column, cr_slice_t name)
{
    cr_err_t err = normalise(name, column->name);
    if (err != CR_OK)
        return err;
    column->target = COLUMN_ATTRIBUTE;
    column->check = intake_value_attribute;
    for (size_t i = 0; i < CR_COUNT(known_columns); i++)
        if (strcasecmp(column->name, known_columns[i].name) == 0) {
            memcpy(column->name, known_columns[i].name, strlen(known_columns[i].name) + 1);
            column->target = known_columns[i].target;
            column->check = known_columns[i].check;
        }
    return CR_OK;
}

static bool
is_doubled(const intake_columns_t *self, size_t column)
{
    for (size_t i = 0; i < column; i++)
        if (strcmp(self->column[i].name, self->column[column].name) == 0)
            return true;
    return false;
}

static cr_err_t
check_whole(const intake_columns_t *self, cr_fault_t *fault)
{
    size_t attributes = 0;
    for (size_t i = 0; i < self->count; i++)
        attributes += self->column[i].target == COLUMN_ATTRIBUTE;
    if (intake_columns_find(self, FIELD_ID) == INDEX_NONE)
        return cr_fault_set_at(fault, CR_INVAL, 1, 0, "the column \"id\" is missing");
    if (attributes > SEGMENT_ATTRIBUTES_MAX)
        return cr_fault_set_at(fault, CR_INVAL, 1, 0, "%zu attributes, at most %d are possible",
                               attributes, SEGMENT_ATTRIBUTES_MAX);
    return CR_OK;
}

cr_err_t
intake_columns_read(intake_columns_t *self, const cr_slice_t *fields, size_t count,
                    cr_fault_t *fault)
{
    if (count > CSV_COLUMNS_MAX)
        return cr_fault_set_at(fault, CR_INVAL, 1, 0, "%zu columns, at most %d are possible", count,
                               CSV_COLUMNS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *why = refuse_name(fields[i]);
        if (why)
            return cr_fault_set_at(fault, CR_INVAL, 1, i + 1, "column %zu %s", i + 1, why);
        cr_err_t err = read_column(&self->column[i], fields[i]);
        if (err != CR_OK)
            return cr_fault_set_at(fault, err, 1, i + 1, "column %zu: %s", i + 1, cr_err_text(err));
        if (is_doubled(self, i))
            return cr_fault_set_at(fault, CR_INVAL, 1, i + 1, "column \"%s\" stands there twice",
                                   self->column[i].name);
    }
    self->count = count;
    cr_err_t err = check_whole(self, fault);
    if (err == CR_OK)
        self->id = intake_columns_find(self, FIELD_ID);
    return err;
}

uint32_t
intake_columns_find(const intake_columns_t *self, uint32_t target)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->column[i].target == target)
            return i;
    return INDEX_NONE;
}

void
intake_rows_fini(intake_rows_t *self)
{
    for (size_t i = 0; i < self->block_count; i++)
        free(self->blocks[i]);
    free(self->blocks);
    free(self->rows);
    index_fini(&self->ids);
    *self = (intake_rows_t){0};
}

static char *
values_of(const intake_rows_t *self, const intake_row_t *row)
{
    return (char *)(uintptr_t)(row->length + self->columns);
}

cr_slice_t
intake_rows_value(const intake_rows_t *self, uint32_t number, size_t column)
{
    const intake_row_t *row = self->rows[number];
    size_t start = 0;
    for (size_t i = 0; i < column; i++)
        start += row->length[i];
    return (cr_slice_t){values_of(self, row) + start, row->length[column]};
}

static bool
has_id(const void *context, uint32_t row, cr_slice_t id)
{
    const intake_rows_t *self = context;
    return cr_slice_equal(intake_rows_value(self, row, self->id), id);
}

uint32_t
intake_rows_find(const intake_rows_t *self, cr_slice_t id)
{
    return index_find(&self->ids, index_hash(id), id, has_id, self);
}

static cr_err_t
grow_rows(intake_rows_t *self)
{
    if (self->count < self->capacity)
        return CR_OK;
    if (self->count == ROWS_MAX)
        return CR_TOOBIG;
    uint32_t capacity = self->capacity ? self->capacity * 2 : 1024;
    intake_row_t **rows = realloc(self->rows, capacity * sizeof *rows);
    if (!rows)
        return CR_NOMEM;
    self->rows = rows;
    self->capacity = capacity;
    return CR_OK;
}

static cr_err_t
add_block(intake_rows_t *self)
{
    if (self->block_count == self->block_capacity) {
        size_t capacity = self->block_capacity ? self->block_capacity * 2 : 16;
        char **blocks = realloc(self->blocks, capacity * sizeof *blocks);
        if (!blocks)
            return CR_NOMEM;
        self->blocks = blocks;
        self->block_capacity = capacity;
    }
    char *block = malloc(BLOCK_BYTES);
    if (!block)
        return CR_NOMEM;
    self->blocks[self->block_count++] = block;
    self->used = 0;
    return CR_OK;
}

static cr_err_t
take_room(intake_rows_t *self, size_t bytes, intake_row_t **row)
{
    bytes = (bytes + sizeof(uint32_t) - 1) & ~(sizeof(uint32_t) - 1);
    CR_ASSERT(bytes <= BLOCK_BYTES);
    if (self->block_count == 0 || bytes > BLOCK_BYTES - self->used) {
        cr_err_t err = add_block(self);
        if (err != CR_OK)
            return err;
    }
    *row = (intake_row_t *)(void *)(self->blocks[self->block_count - 1] + self->used);
    self->used += bytes;
    return CR_OK;
}

cr_err_t
intake_rows_add(intake_rows_t *self, size_t line, cr_slice_t values, const uint16_t *lengths)
{
    size_t start = 0;
    for (size_t i = 0; i < self->id; i++)
        start += lengths[i];
    cr_slice_t id = {values.text + start, lengths[self->id]};
    uint32_t hash = index_hash(id);
    if (index_find(&self->ids, hash, id, has_id, self) != INDEX_NONE)
        return CR_EXISTS;
    intake_row_t *row;
    cr_err_t err = grow_rows(self);
    if (err == CR_OK)
        err = index_reserve(&self->ids, self->count + 1);
    if (err == CR_OK)
        err = take_room(self, sizeof *row + self->columns * sizeof *lengths + values.length, &row);
    if (err != CR_OK)
        return err;
    row->line = line > UINT32_MAX ? UINT32_MAX : (uint32_t)line;
    memcpy(row->length, lengths, self->columns * sizeof *lengths);
    memcpy(values_of(self, row), values.text, values.length);
    self->rows[self->count] = row;
    return index_add(&self->ids, hash, self->count++);
}
