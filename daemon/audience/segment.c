#include <stdlib.h>
#include <string.h>

#include "segment_block.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a block is stored as it lies in memory");
_Static_assert(sizeof(column_t) == 16 && sizeof(block_head_t) == 12, "stored without gaps");
_Static_assert(DIRECTORY_SEGMENT < UINT16_MAX, "codes are at most 16 bits wide");

segment_t *
segment_allocate(size_t length)
{
    segment_t *self = malloc(offsetof(segment_t, head) + length);
    if (!self)
        return NULL;
    atomic_init(&self->references, 1);
    self->length = length;
    return self;
}

segment_t *
segment_ref(segment_t *self)
{
    atomic_fetch_add_explicit(&self->references, 1, memory_order_relaxed);
    return self;
}

void
segment_unref(segment_t **self_p)
{
    segment_t *self = *self_p;
    *self_p = NULL;
    if (self && atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) == 1)
        free(self);
}

uint32_t
segment_rows(const segment_t *self)
{
    return self->head.rows;
}

uint32_t
segment_columns(const segment_t *self)
{
    return self->head.columns;
}

size_t
segment_bytes(const segment_t *self)
{
    return offsetof(segment_t, head) + self->length;
}

const uint8_t *
segment_block(const segment_t *self, size_t *length)
{
    *length = self->length;
    return (const uint8_t *)&self->head;
}

/* ---- reading a value -------------------------------------------------------------------------- */

static const column_t *
column_of(const segment_t *self, uint32_t column)
{
    return (const column_t *)(&self->head + 1) + column;
}

static const void *
bytes_of(const segment_t *self, const column_t *column)
{
    return (const uint8_t *)&self->head + column->at;
}

static uint32_t
number_at(const void *numbers, size_t bytes, uint32_t at)
{
    switch (bytes) {
    case 1:
        return ((const uint8_t *)numbers)[at];
    case 2:
        return ((const uint16_t *)numbers)[at];
    default:
        return ((const uint32_t *)numbers)[at];
    }
}

/* The row's string, from 1; 0: it is empty. */
static uint32_t
code_at(const segment_t *self, const column_t *column, uint32_t row)
{
    if (column->code_bytes == 0)
        return column->strings == 1 ? 1 : row + 1;
    const uint8_t *bytes = bytes_of(self, column);
    return number_at(bytes + (size_t)column->strings * column->end_bytes, column->code_bytes, row);
}

static cr_slice_t
string_at(const segment_t *self, const column_t *column, uint32_t rows, uint32_t string)
{
    const char *bytes = bytes_of(self, column), *pool = bytes + column_pool_at(column, rows);
    if (column->end_bytes == 0)
        return (cr_slice_t){pool + (size_t)string * column->width, column->width};
    uint32_t start = string > 0 ? number_at(bytes, column->end_bytes, string - 1) : 0;
    return (cr_slice_t){pool + start, number_at(bytes, column->end_bytes, string) - start};
}

static cr_slice_t
value_at(const segment_t *self, const column_t *column, uint32_t rows, uint32_t row)
{
    uint32_t code = code_at(self, column, row);
    return code == 0 ? (cr_slice_t){"", 0} : string_at(self, column, rows, code - 1);
}

cr_slice_t
segment_value(const segment_t *self, uint32_t column, uint32_t row)
{
    CR_ASSERT(row < self->head.rows && column < self->head.columns);
    return value_at(self, column_of(self, column), self->head.rows, row);
}

void
segment_values(const segment_t *self, uint32_t number, const uint32_t *ordinals, size_t count,
               cr_slice_t *out)
{
    CR_ASSERT(number < self->head.columns);
    const column_t column = *column_of(self, number);
    uint32_t rows = self->head.rows;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = ordinals[i] % DIRECTORY_SEGMENT;
        CR_ASSERT(row < rows);
        out[i] = value_at(self, &column, rows, row);
    }
}

cr_slice_t
segment_attribute(const segment_t *self, uint32_t column)
{
    CR_ASSERT(column >= FIELD_COUNT && column < self->head.columns);
    const column_t *names = column_of(self, self->head.columns);
    return value_at(self, names, self->head.columns - FIELD_COUNT, column - FIELD_COUNT);
}

uint32_t
segment_find_attribute(const segment_t *self, cr_slice_t key)
{
    for (uint32_t column = FIELD_COUNT; column < self->head.columns; column++)
        if (cr_slice_equal(segment_attribute(self, column), key))
            return column;
    return INDEX_NONE;
}

void
segment_codes(const segment_t *self, uint32_t number, uint16_t codes[DIRECTORY_SEGMENT])
{
    CR_ASSERT(number < self->head.columns);
    const column_t *column = column_of(self, number);
    for (uint32_t row = 0; row < self->head.rows; row++) {
        uint32_t code = code_at(self, column, row);
        bool empty = code == 0 || string_at(self, column, self->head.rows, code - 1).length == 0;
        codes[row] = (uint16_t)(empty ? 0 : code);
    }
}

/* ---- what was stored -------------------------------------------------------------------------- */

static bool
is_head_sound(const block_head_t *head, size_t length)
{
    return head->format == SEGMENT_FORMAT && head->rows > 0 && head->rows <= DIRECTORY_SEGMENT &&
           head->columns >= FIELD_COUNT && head->columns <= SEGMENT_COLUMNS_MAX &&
           length >= sizeof *head + (head->columns + 1) * sizeof(column_t);
}

static bool
is_column_sound(const column_t *self, uint32_t rows)
{
    bool codes = self->code_bytes == 1 || self->code_bytes == 2;
    bool plain = self->code_bytes == 0 && (self->strings == 1 || self->strings == rows);
    bool ends = self->end_bytes == 2 || self->end_bytes == 4;
    bool even = self->end_bytes == 0 && self->width <= SEGMENT_POOL_MAX;
    return (codes || plain) && (ends || even) && self->strings > 0 &&
           self->strings <= DIRECTORY_SEGMENT && self->unused == 0;
}

/* The bytes of its pool; more than any block has when its ends do not ascend. */
static size_t
pool_bytes(const segment_t *self, const column_t *column)
{
    if (column->end_bytes == 0)
        return (size_t)column->strings * column->width;
    uint32_t before = 0;
    for (uint32_t i = 0; i < column->strings; i++) {
        uint32_t end = number_at(bytes_of(self, column), column->end_bytes, i);
        if (end < before)
            return SIZE_MAX / 2;
        before = end;
    }
    return before;
}

static bool
are_codes_sound(const segment_t *self, const column_t *column, uint32_t rows)
{
    for (uint32_t row = 0; column->code_bytes > 0 && row < rows; row++)
        if (code_at(self, column, row) > column->strings)
            return false;
    return true;
}

/* Every column begins where the one before ends, and the last one ends with the block. */
static bool
is_body_sound(const segment_t *self)
{
    const block_head_t *head = &self->head;
    size_t at = sizeof *head + (head->columns + 1) * sizeof(column_t);
    for (uint32_t i = 0; i <= head->columns; i++) {
        const column_t *column = column_of(self, i);
        uint32_t rows = segment_column_rows(head, i);
        if (column->at != at || !is_column_sound(column, rows))
            return false;
        at += column_pool_at(column, rows);
        if (at > self->length)
            return false;
        at = column_padded(at + pool_bytes(self, column));
        if (at > self->length || !are_codes_sound(self, column, rows))
            return false;
    }
    return at == self->length;
}

cr_err_t
segment_decode(const uint8_t *block, size_t length, segment_t **self_p)
{
    block_head_t head;
    if (length < sizeof head)
        return CR_CORRUPT;
    memcpy(&head, block, sizeof head);
    if (head.format == SEGMENT_FORMAT_FIRST)
        return segment_decode_first(block, length, self_p);
    if (!is_head_sound(&head, length))
        return CR_CORRUPT;
    segment_t *self = segment_allocate(length);
    if (!self)
        return CR_NOMEM;
    memcpy(&self->head, block, length);
    if (!is_body_sound(self)) {
        segment_unref(&self);
        return CR_CORRUPT;
    }
    *self_p = self;
    return CR_OK;
}
