/*
 * Blocks of format 1, of which every value was a 16-bit code into one dictionary: a head of five
 * numbers, then
 *   uint32_t end[strings]                where each string ends in the pool; string 0 is empty
 *   uint16_t key[columns - FIELD_COUNT]  codes of the attributes' names
 *   uint16_t code[columns][rows]
 *   char     pool[pool_bytes]
 */
#include <string.h>

#include "segment_block.h"

typedef struct {
    uint32_t format, rows, columns, strings, pool_bytes;
} head_t;

typedef struct {
    head_t head;
    const uint8_t *ends, *codes; /* keys are the first codes */
    const char *pool;
} first_t;

static uint32_t
end_of(const first_t *self, uint32_t string)
{
    uint32_t end;
    memcpy(&end, self->ends + string * sizeof end, sizeof end);
    return end;
}

static uint16_t
code_at(const first_t *self, size_t at)
{
    uint16_t code;
    memcpy(&code, self->codes + at * sizeof code, sizeof code);
    return code;
}

static size_t
code_count(const head_t *head)
{
    return (size_t)head->columns * head->rows + head->columns - FIELD_COUNT;
}

static cr_slice_t
string_of(const first_t *self, size_t at)
{
    uint16_t code = code_at(self, at);
    uint32_t start = code > 0 ? end_of(self, code - 1u) : 0;
    return (cr_slice_t){self->pool + start, end_of(self, code) - start};
}

static bool
is_head_sound(const head_t *head, size_t length)
{
    return head->rows > 0 && head->rows <= DIRECTORY_SEGMENT && head->columns >= FIELD_COUNT &&
           head->columns <= SEGMENT_COLUMNS_MAX && head->strings > 0 &&
           head->strings <= SEGMENT_STRINGS_MAX && head->pool_bytes <= SEGMENT_POOL_MAX &&
           sizeof *head + head->strings * sizeof(uint32_t) + code_count(head) * sizeof(uint16_t) +
                   head->pool_bytes ==
               length;
}

static bool
is_body_sound(const first_t *self)
{
    const head_t *head = &self->head;
    for (uint32_t i = 1; i < head->strings; i++)
        if (end_of(self, i) < end_of(self, i - 1))
            return false;
    if (end_of(self, 0) != 0 || end_of(self, head->strings - 1) != head->pool_bytes)
        return false;
    for (size_t i = 0; i < code_count(head); i++)
        if (code_at(self, i) >= head->strings)
            return false;
    return true;
}

static cr_err_t
build(const first_t *self, segment_builder_t *builder)
{
    uint32_t column[SEGMENT_COLUMNS_MAX], columns = self->head.columns, rows = self->head.rows;
    cr_err_t err = CR_OK;
    for (uint32_t i = 0; i < columns && err == CR_OK; i++) {
        column[i] = i;
        if (i >= FIELD_COUNT)
            err = segment_builder_attribute(builder, string_of(self, i - FIELD_COUNT), &column[i]);
    }
    for (uint32_t row = 0; row < rows && err == CR_OK; row++) {
        segment_builder_row(builder);
        for (uint32_t i = 0; i < columns && err == CR_OK; i++) {
            size_t at = columns - FIELD_COUNT + (size_t)i * rows + row;
            err = segment_builder_set(builder, column[i], string_of(self, at));
        }
    }
    return err;
}

cr_err_t
segment_decode_first(const uint8_t *block, size_t length, segment_t **self_p)
{
    first_t self;
    if (length < sizeof self.head)
        return CR_CORRUPT;
    memcpy(&self.head, block, sizeof self.head);
    if (!is_head_sound(&self.head, length))
        return CR_CORRUPT;
    self.ends = block + sizeof self.head;
    self.codes = self.ends + self.head.strings * sizeof(uint32_t);
    self.pool = (const char *)self.codes + code_count(&self.head) * sizeof(uint16_t);
    if (!is_body_sound(&self))
        return CR_CORRUPT;
    segment_builder_t *builder = segment_builder_new();
    cr_err_t err = builder ? build(&self, builder) : CR_NOMEM;
    if (err == CR_OK)
        err = segment_builder_take(builder, self_p);
    segment_builder_destroy(&builder);
    return err;
}
