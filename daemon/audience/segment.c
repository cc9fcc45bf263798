#include "segment.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(SEGMENT_STRINGS_MAX <= UINT16_MAX, "codes are 16 bits wide");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a block is stored as it lies in memory");

/*
 * The block: this head, then
 *   uint32_t end[strings]            where each string ends in the pool; string 0 is empty
 *   uint16_t key[columns - FIELD_COUNT]  codes of the attributes' names
 *   uint16_t code[columns][rows]
 *   char     pool[pool_bytes]
 */
struct head {
    uint32_t format, rows, columns, strings, pool_bytes;
};

struct segment {
    atomic_uint references;
    size_t length; /* of the block */
    struct head head;
};

static size_t
block_length(const struct head *head)
{
    size_t codes = (size_t)head->columns * head->rows + head->columns - FIELD_COUNT;
    return sizeof *head + head->strings * sizeof(uint32_t) + codes * sizeof(uint16_t) +
           head->pool_bytes;
}

static const uint32_t *
ends(const segment_t *self)
{
    return (const uint32_t *)(&self->head + 1);
}

static const uint16_t *
keys(const segment_t *self)
{
    return (const uint16_t *)(ends(self) + self->head.strings);
}

static segment_t *
allocate(size_t length)
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

const uint16_t *
segment_codes(const segment_t *self, uint32_t column)
{
    CR_ASSERT(column < self->head.columns);
    return keys(self) + (self->head.columns - FIELD_COUNT) + (size_t)column * self->head.rows;
}

cr_slice_t
segment_string(const segment_t *self, uint16_t code)
{
    CR_ASSERT(code < self->head.strings);
    const char *pool = (const char *)&self->head + self->length - self->head.pool_bytes;
    uint32_t start = code > 0 ? ends(self)[code - 1] : 0;
    return (cr_slice_t){pool + start, ends(self)[code] - start};
}

cr_slice_t
segment_value(const segment_t *self, uint32_t column, uint32_t row)
{
    CR_ASSERT(row < self->head.rows);
    return segment_string(self, segment_codes(self, column)[row]);
}

cr_slice_t
segment_attribute(const segment_t *self, uint32_t column)
{
    CR_ASSERT(column >= FIELD_COUNT && column < self->head.columns);
    return segment_string(self, keys(self)[column - FIELD_COUNT]);
}

uint32_t
segment_find_attribute(const segment_t *self, cr_slice_t key)
{
    for (uint32_t column = FIELD_COUNT; column < self->head.columns; column++)
        if (cr_slice_equal(segment_attribute(self, column), key))
            return column;
    return INDEX_NONE;
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

static bool
is_head_sound(const struct head *head, size_t length)
{
    return head->format == SEGMENT_FORMAT && head->rows > 0 && head->rows <= DIRECTORY_SEGMENT &&
           head->columns >= FIELD_COUNT && head->columns <= SEGMENT_COLUMNS_MAX &&
           head->strings > 0 && head->strings <= SEGMENT_STRINGS_MAX &&
           head->pool_bytes <= SEGMENT_POOL_MAX && block_length(head) == length;
}

static bool
is_body_sound(const segment_t *self)
{
    const struct head *head = &self->head;
    const uint32_t *end = ends(self);
    for (uint32_t i = 1; i < head->strings; i++)
        if (end[i] < end[i - 1])
            return false;
    if (end[0] != 0 || end[head->strings - 1] != head->pool_bytes)
        return false;
    size_t codes = (size_t)head->columns * head->rows + head->columns - FIELD_COUNT;
    for (size_t i = 0; i < codes; i++)
        if (keys(self)[i] >= head->strings)
            return false;
    return true;
}

cr_err_t
segment_decode(const uint8_t *block, size_t length, segment_t **self_p)
{
    struct head head;
    if (length < sizeof head)
        return CR_CORRUPT;
    memcpy(&head, block, sizeof head);
    if (!is_head_sound(&head, length))
        return CR_CORRUPT;
    segment_t *self = allocate(length);
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

struct segment_builder {
    index_t index; /* string -> code */
    uint32_t rows, columns, strings, pool_bytes, pool_capacity;
    uint16_t key[SEGMENT_ATTRIBUTES_MAX];
    bool used[SEGMENT_COLUMNS_MAX];
    uint32_t end[SEGMENT_STRINGS_MAX];
    uint16_t code[SEGMENT_COLUMNS_MAX][DIRECTORY_SEGMENT];
    char *pool;
};

segment_builder_t *
segment_builder_new(void)
{
    segment_builder_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
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

static bool
is_string(const void *context, uint32_t code, cr_slice_t text)
{
    const segment_builder_t *self = context;
    uint32_t start = self->end[code - 1];
    return cr_slice_equal((cr_slice_t){self->pool + start, self->end[code] - start}, text);
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
append(segment_builder_t *self, cr_slice_t text, uint16_t *code)
{
    cr_err_t err = reserve_pool(self, text.length);
    if (err != CR_OK)
        return err;
    memcpy(self->pool + self->pool_bytes, text.text, text.length);
    self->pool_bytes += (uint32_t)text.length;
    self->end[self->strings] = self->pool_bytes;
    *code = (uint16_t)self->strings++;
    return CR_OK;
}

static cr_err_t
intern(segment_builder_t *self, cr_slice_t text, uint16_t *code)
{
    uint32_t hash = index_hash(text);
    uint32_t found = index_find(&self->index, hash, text, is_string, self);
    if (found == INDEX_NONE) {
        cr_err_t err = append(self, text, code);
        return err == CR_OK ? index_add(&self->index, hash, *code) : err;
    }
    *code = (uint16_t)found;
    return CR_OK;
}

cr_err_t
segment_builder_attribute(segment_builder_t *self, cr_slice_t key, uint32_t *column)
{
    uint16_t code;
    cr_err_t err = intern(self, key, &code);
    if (err != CR_OK)
        return err;
    for (uint32_t i = FIELD_COUNT; i < self->columns; i++)
        if (self->key[i - FIELD_COUNT] == code) {
            *column = i;
            return CR_OK;
        }
    if (self->columns == SEGMENT_COLUMNS_MAX)
        return CR_TOOBIG;
    self->key[self->columns - FIELD_COUNT] = code;
    memset(self->code[self->columns], 0, sizeof self->code[0]);
    *column = self->columns++;
    return CR_OK;
}

void
segment_builder_row(segment_builder_t *self)
{
    CR_ASSERT(self->rows < DIRECTORY_SEGMENT);
    for (uint32_t column = 0; column < self->columns; column++)
        self->code[column][self->rows] = 0;
    self->rows++;
}

cr_err_t
segment_builder_set(segment_builder_t *self, uint32_t column, cr_slice_t value)
{
    CR_ASSERT(self->rows > 0 && column < self->columns);
    if (value.length == 0)
        return CR_OK;
    bool is_unique = column == FIELD_ID || column == FIELD_OPENID || column == FIELD_EMAIL;
    uint16_t *code = &self->code[column][self->rows - 1];
    self->used[column] = true;
    return is_unique ? append(self, value, code) : intern(self, value, code);
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

cr_err_t
segment_builder_take(const segment_builder_t *self, segment_t **out)
{
    CR_ASSERT(self->rows > 0);
    uint32_t kept[SEGMENT_COLUMNS_MAX];
    struct head head = {SEGMENT_FORMAT, self->rows, kept_columns(self, kept), self->strings,
                        self->pool_bytes};
    segment_t *segment = allocate(block_length(&head));
    if (!segment)
        return CR_NOMEM;
    segment->head = head;
    uint32_t *end = (uint32_t *)(&segment->head + 1);
    memcpy(end, self->end, head.strings * sizeof *end);
    uint16_t *code = (uint16_t *)(end + head.strings);
    for (uint32_t i = FIELD_COUNT; i < head.columns; i++)
        *code++ = self->key[kept[i] - FIELD_COUNT];
    for (uint32_t i = 0; i < head.columns; i++, code += head.rows)
        memcpy(code, self->code[kept[i]], head.rows * sizeof *code);
    if (head.pool_bytes > 0)
        memcpy(code, self->pool, head.pool_bytes);
    *out = segment;
    return CR_OK;
}
