/*
 * While a segment is built all its values are numbers into one dictionary; each column is written in
 * the way that takes the least room then.
 */
#include <stdlib.h>
#include <string.h>

#include "segment_block.h"

enum { POOL_FIRST = 1 << 16 };

_Static_assert(SEGMENT_STRINGS_MAX <= UINT16_MAX, "numbers are 16 bits wide");

struct segment_builder {
    index_t index; /* string -> number */
    uint32_t rows, columns, strings, pool_bytes, pool_capacity;
    uint16_t key[SEGMENT_ATTRIBUTES_MAX];
    bool used[SEGMENT_COLUMNS_MAX];
    uint32_t end[SEGMENT_STRINGS_MAX];
    uint16_t value[SEGMENT_COLUMNS_MAX][DIRECTORY_SEGMENT];
    uint16_t code[SEGMENT_STRINGS_MAX]; /* of a string in the column being looked at; else 0 */
    char *pool;
    uint8_t *block; /* being written */
    size_t block_capacity;
};

segment_builder_t *
segment_builder_new(void)
{
    segment_builder_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->pool_capacity = POOL_FIRST;
    self->pool = malloc(POOL_FIRST);
    if (!self->pool) {
        free(self);
        return NULL;
    }
    segment_builder_clear(self);
    return self;
}

void
segment_builder_destroy(segment_builder_t **self_p)
{
    segment_builder_t *self = *self_p;
    if (!self)
        return;
    index_fini(&self->index);
    free(self->pool);
    free(self->block);
    free(self);
    *self_p = NULL;
}

void
segment_builder_clear(segment_builder_t *self)
{
    index_clear(&self->index);
    memset(self->used, 0, sizeof self->used);
    self->rows = 0;
    self->columns = FIELD_COUNT;
    self->strings = 1;
    self->end[0] = 0;
    self->pool_bytes = 0;
}

static cr_slice_t
string_of(const segment_builder_t *self, uint32_t number)
{
    uint32_t start = number > 0 ? self->end[number - 1] : 0;
    return (cr_slice_t){self->pool + start, self->end[number] - start};
}

static bool
is_string(const void *context, uint32_t number, cr_slice_t text)
{
    return cr_slice_equal(string_of(context, number), text);
}

static cr_err_t
reserve_pool(segment_builder_t *self, size_t more)
{
    if (more > SEGMENT_POOL_MAX - self->pool_bytes)
        return CR_TOOBIG;
    if (self->pool_bytes + more <= self->pool_capacity)
        return CR_OK;
    size_t capacity = 2 * (self->pool_bytes + more);
    char *pool = realloc(self->pool, capacity);
    if (!pool)
        return CR_NOMEM;
    self->pool = pool;
    self->pool_capacity = (uint32_t)capacity;
    return CR_OK;
}

static cr_err_t
append(segment_builder_t *self, cr_slice_t text, uint16_t *number)
{
    cr_err_t err = reserve_pool(self, text.length);
    if (err != CR_OK)
        return err;
    memcpy(self->pool + self->pool_bytes, text.text, text.length);
    self->pool_bytes += (uint32_t)text.length;
    self->end[self->strings] = self->pool_bytes;
    *number = (uint16_t)self->strings++;
    return CR_OK;
}

static cr_err_t
intern(segment_builder_t *self, cr_slice_t text, uint16_t *number)
{
    uint32_t hash = index_hash(text);
    uint32_t found = index_find(&self->index, hash, text, is_string, self);
    if (found == INDEX_NONE) {
        cr_err_t err = append(self, text, number);
        return err == CR_OK ? index_add(&self->index, hash, *number) : err;
    }
    *number = (uint16_t)found;
    return CR_OK;
}

cr_err_t
segment_builder_attribute(segment_builder_t *self, cr_slice_t key, uint32_t *column)
{
    uint16_t number;
    cr_err_t err = intern(self, key, &number);
    if (err != CR_OK)
        return err;
    for (uint32_t i = FIELD_COUNT; i < self->columns; i++)
        if (self->key[i - FIELD_COUNT] == number) {
            *column = i;
            return CR_OK;
        }
    if (self->columns == SEGMENT_COLUMNS_MAX)
        return CR_TOOBIG;
    self->key[self->columns - FIELD_COUNT] = number;
    memset(self->value[self->columns], 0, sizeof self->value[0]);
    *column = self->columns++;
    return CR_OK;
}

void
segment_builder_row(segment_builder_t *self)
{
    CR_ASSERT(self->rows < DIRECTORY_SEGMENT);
    for (uint32_t column = 0; column < self->columns; column++)
        self->value[column][self->rows] = 0;
    self->rows++;
}

cr_err_t
segment_builder_set(segment_builder_t *self, uint32_t column, cr_slice_t value)
{
    CR_ASSERT(self->rows > 0 && column < self->columns);
    if (value.length == 0)
        return CR_OK;
    bool is_unique = column == FIELD_ID || column == FIELD_OPENID || column == FIELD_EMAIL;
    uint16_t *number = &self->value[column][self->rows - 1];
    self->used[column] = true;
    return is_unique ? append(self, value, number) : intern(self, value, number);
}

/* ---- writing ---------------------------------------------------------------------------------- */

/* Values of a column as they were set, and what they have in common. */
typedef struct {
    const uint16_t *values;
    uint32_t rows;
    uint16_t different[DIRECTORY_SEGMENT]; /* without the empty one */
    uint32_t strings;
    size_t bytes, row_bytes; /* of the different ones; of all */
    uint32_t width;
    bool has_empty, even; /* those that are not empty have the same width */
} survey_t;

static void
note_string(survey_t *self, uint16_t number, uint32_t width)
{
    self->even = self->strings == 0 || (self->even && width == self->width);
    self->width = width;
    self->different[self->strings++] = number;
    self->bytes += width;
}

/* Leaves the codes of the different strings in the builder. */
static void
survey(segment_builder_t *builder, const uint16_t *values, uint32_t rows, survey_t *self)
{
    self->values = values;
    self->rows = rows;
    self->strings = self->width = 0;
    self->bytes = self->row_bytes = 0;
    self->has_empty = false;
    self->even = true;
    for (uint32_t row = 0; row < rows; row++) {
        uint16_t number = values[row];
        uint32_t width = (uint32_t)string_of(builder, number).length;
        self->has_empty |= number == 0;
        self->row_bytes += width;
        if (number == 0 || builder->code[number] != 0)
            continue;
        note_string(self, number, width);
        builder->code[number] = (uint16_t)self->strings;
    }
}

static void
forget_codes(segment_builder_t *builder, const survey_t *survey)
{
    for (uint32_t i = 0; i < survey->strings; i++)
        builder->code[survey->different[i]] = 0;
}

static uint8_t
end_bytes(bool even, size_t pool_bytes)
{
    return even ? 0 : pool_bytes <= UINT16_MAX ? 2 : 4;
}

/* All have the same, or each is written down, or codes are: what is shortest. */
static column_t
choose(const survey_t *self)
{
    if (self->strings == 0 || (self->strings == 1 && !self->has_empty))
        return (column_t){.strings = 1, .width = self->width};
    column_t coded = {.strings = self->strings,
                      .width = self->even ? self->width : 0,
                      .code_bytes = self->strings <= UINT8_MAX ? 1 : 2,
                      .end_bytes = end_bytes(self->even, self->bytes)};
    bool even = self->even && !self->has_empty;
    column_t plain = {.strings = self->rows,
                      .width = even ? self->width : 0,
                      .end_bytes = end_bytes(even, self->row_bytes)};
    return column_pool_at(&plain, self->rows) + self->row_bytes <=
                   column_pool_at(&coded, self->rows) + self->bytes
               ? plain
               : coded;
}

static bool
is_by_row(const column_t *column, const survey_t *survey)
{
    return column->code_bytes == 0 && column->strings == survey->rows;
}

static size_t
length_of(const column_t *column, const survey_t *survey)
{
    return column_pool_at(column, survey->rows) +
           (is_by_row(column, survey) ? survey->row_bytes : survey->bytes);
}

static uint8_t *
put_number(uint8_t *to, size_t bytes, uint32_t number)
{
    memcpy(to, &number, bytes);
    return to + bytes;
}

static void
write_column(const segment_builder_t *builder, const column_t *column, const survey_t *survey,
             uint8_t *to)
{
    const uint16_t *numbers = is_by_row(column, survey) ? survey->values : survey->different;
    uint8_t *pool = to + column_pool_at(column, survey->rows);
    uint32_t end = 0, strings = survey->strings > 0 ? column->strings : 0;
    for (uint32_t i = 0; i < strings; i++) {
        cr_slice_t string = string_of(builder, numbers[i]);
        memcpy(pool + end, string.text, string.length);
        end += (uint32_t)string.length;
        to = put_number(to, column->end_bytes, end);
    }
    for (uint32_t row = 0; column->code_bytes > 0 && row < survey->rows; row++)
        to = put_number(to, column->code_bytes, builder->code[survey->values[row]]);
}

/* The columns to keep, fields always; returns how many. */
static uint32_t
kept_columns(const segment_builder_t *self, uint32_t kept[SEGMENT_COLUMNS_MAX])
{
    uint32_t count = 0;
    for (uint32_t column = 0; column < self->columns; column++)
        if (column < FIELD_COUNT || self->used[column])
            kept[count++] = column;
    return count;
}

static cr_err_t
reserve_block(segment_builder_t *self, size_t bytes)
{
    if (bytes <= self->block_capacity)
        return CR_OK;
    uint8_t *block = realloc(self->block, 2 * bytes);
    if (!block)
        return CR_NOMEM;
    self->block = block;
    self->block_capacity = 2 * bytes;
    return CR_OK;
}

/* Appends the column to the block, of which `*used` bytes are written. */
static cr_err_t
put_column(segment_builder_t *self, uint32_t column, const uint16_t *values, uint32_t rows,
           size_t *used)
{
    survey_t seen;
    survey(self, values, rows, &seen);
    column_t written = choose(&seen);
    written.at = (uint32_t)*used;
    size_t end = *used + length_of(&written, &seen), padded = column_padded(end);
    cr_err_t err = reserve_block(self, padded);
    if (err == CR_OK) {
        write_column(self, &written, &seen, self->block + *used);
        memset(self->block + end, 0, padded - end);
        memcpy(self->block + sizeof(block_head_t) + column * sizeof written, &written,
               sizeof written);
        *used = padded;
    }
    forget_codes(self, &seen);
    return err;
}

cr_err_t
segment_builder_take(segment_builder_t *self, segment_t **out)
{
    CR_ASSERT(self->rows > 0);
    uint32_t kept[SEGMENT_COLUMNS_MAX];
    uint16_t keys[SEGMENT_ATTRIBUTES_MAX] = {0};
    block_head_t head = {SEGMENT_FORMAT, self->rows, kept_columns(self, kept)};
    size_t used = sizeof head + (head.columns + 1) * sizeof(column_t);
    cr_err_t err = reserve_block(self, used);
    for (uint32_t i = 0; i < head.columns && err == CR_OK; i++)
        err = put_column(self, i, self->value[kept[i]], head.rows, &used);
    for (uint32_t i = FIELD_COUNT; i < head.columns; i++)
        keys[i - FIELD_COUNT] = self->key[kept[i] - FIELD_COUNT];
    if (err == CR_OK)
        err = put_column(self, head.columns, keys, head.columns - FIELD_COUNT, &used);
    if (err != CR_OK)
        return err;
    *out = segment_allocate(used);
    if (!*out)
        return CR_NOMEM;
    memcpy(self->block, &head, sizeof head);
    memcpy(&(*out)->head, self->block, used);
    return CR_OK;
}
