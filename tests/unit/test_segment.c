#include "audience/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_test.h"

const char cr_suite[] = "segment";

enum { VALUE_MAX = 256, SHAPES = 9 };

/* What a column may look like; each returns the length of a row's value. */
typedef int shape_fn(uint32_t row, char out[VALUE_MAX]);

static int
nobodys(uint32_t row, char out[VALUE_MAX])
{
    (void)row;
    out[0] = '\0';
    return 0;
}

static int
everybodys(uint32_t row, char out[VALUE_MAX])
{
    (void)row;
    return snprintf(out, VALUE_MAX, "zh-CN");
}

static int
own_and_even(uint32_t row, char out[VALUE_MAX])
{
    return snprintf(out, VALUE_MAX, "P%08u", row);
}

static int
own_and_uneven(uint32_t row, char out[VALUE_MAX])
{
    return snprintf(out, VALUE_MAX, "r%u@pingyin.test", row * row);
}

static int
own_of_some(uint32_t row, char out[VALUE_MAX])
{
    return row % 3 == 0 ? nobodys(row, out) : snprintf(out, VALUE_MAX, "1993%07u", row);
}

static int
few_and_even(uint32_t row, char out[VALUE_MAX])
{
    return snprintf(out, VALUE_MAX, "37012410%u000", row % 7);
}

static int
few_and_uneven(uint32_t row, char out[VALUE_MAX])
{
    return row % 5 == 4 ? nobodys(row, out) : snprintf(out, VALUE_MAX, "group%u", 1u << row % 20);
}

static int
shared_by_two(uint32_t row, char out[VALUE_MAX])
{
    return snprintf(out, VALUE_MAX, "household %u", row / 2);
}

static int
own_and_long(uint32_t row, char out[VALUE_MAX])
{
    return snprintf(out, VALUE_MAX, "%0*u", 100 + (int)(row % 100), row);
}

/* Every field of the segment, and then the attributes "0" and on. */
static shape_fn *const shapes[SHAPES] = {own_and_even,   nobodys,        everybodys,
                                         own_of_some,    own_and_uneven, few_and_even,
                                         few_and_uneven, shared_by_two,  own_and_long};

static shape_fn *
shape_of(uint32_t column)
{
    return shapes[column % SHAPES];
}

static void
name_attribute(segment_builder_t *builder, uint32_t attribute)
{
    char name[VALUE_MAX];
    uint32_t column = 0;
    int length = snprintf(name, sizeof name, "%u", attribute);
    CU_ASSERT_EQUAL_FATAL(
        segment_builder_attribute(builder, (cr_slice_t){name, (size_t)length}, &column), CR_OK);
    CU_ASSERT_EQUAL_FATAL(column, FIELD_COUNT + attribute);
}

static segment_t *
built(uint32_t rows, uint32_t columns)
{
    segment_builder_t *builder = segment_builder_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
    for (uint32_t i = FIELD_COUNT; i < columns; i++)
        name_attribute(builder, i - FIELD_COUNT);
    for (uint32_t row = 0; row < rows; row++) {
        segment_builder_row(builder);
        for (uint32_t column = 0; column < columns; column++) {
            char value[VALUE_MAX];
            size_t length = (size_t)shape_of(column)(row, value);
            CU_ASSERT_EQUAL_FATAL(segment_builder_set(builder, column, (cr_slice_t){value, length}),
                                  CR_OK);
        }
    }
    segment_t *self = NULL;
    CU_ASSERT_EQUAL_FATAL(segment_builder_take(builder, &self), CR_OK);
    segment_builder_destroy(&builder);
    return self;
}

static bool
is_as_built(const segment_t *self, uint32_t column, uint32_t shape)
{
    for (uint32_t row = 0; row < segment_rows(self); row++) {
        char value[VALUE_MAX];
        size_t length = (size_t)shape_of(shape)(row, value);
        if (!cr_slice_equal(segment_value(self, column, row), (cr_slice_t){value, length}))
            return false;
    }
    return true;
}

/* Attributes that nobody has are left out. */
static void
check_values(const segment_t *self, uint32_t columns)
{
    for (uint32_t i = 0; i < FIELD_COUNT; i++)
        CU_ASSERT_TRUE(is_as_built(self, i, i));
    for (uint32_t i = FIELD_COUNT; i < columns; i++) {
        char name[VALUE_MAX];
        int length = snprintf(name, sizeof name, "%u", i - FIELD_COUNT);
        uint32_t column = segment_find_attribute(self, (cr_slice_t){name, (size_t)length});
        CU_ASSERT_EQUAL(column == INDEX_NONE, shape_of(i) == nobodys);
        CU_ASSERT_TRUE(column == INDEX_NONE || is_as_built(self, column, i));
    }
}

static const struct {
    uint32_t rows, columns;
} sizes[] = {
    {1, FIELD_COUNT},   {2, FIELD_COUNT + 1},    {200, SEGMENT_COLUMNS_MAX},
    {255, FIELD_COUNT}, {300, FIELD_COUNT + 12}, {DIRECTORY_SEGMENT, SEGMENT_COLUMNS_MAX},
};

static void
every_value_is_read_as_it_was_set(void)
{
    for (size_t i = 0; i < CR_COUNT(sizes); i++) {
        segment_t *self = built(sizes[i].rows, sizes[i].columns);
        CU_ASSERT_EQUAL(segment_rows(self), sizes[i].rows);
        check_values(self, sizes[i].columns);
        segment_unref(&self);
    }
}

static void
a_block_is_the_segment(void)
{
    for (size_t i = 0; i < CR_COUNT(sizes); i++) {
        segment_t *self = built(sizes[i].rows, sizes[i].columns), *decoded = NULL;
        size_t length;
        const uint8_t *block = segment_block(self, &length);
        CU_ASSERT_EQUAL_FATAL(segment_decode(block, length, &decoded), CR_OK);
        check_values(decoded, sizes[i].columns);
        CU_ASSERT_EQUAL(segment_decode(block, length - 4, &self), CR_CORRUPT);
        segment_unref(&decoded);
        segment_unref(&self);
    }
}

/* The same number, the same value; 0 is the empty one and nothing else is. */
static void
codes_tell_values_apart(void)
{
    segment_t *self = built(DIRECTORY_SEGMENT, SEGMENT_COLUMNS_MAX);
    for (uint32_t column = 0; column < segment_columns(self); column++) {
        uint16_t codes[DIRECTORY_SEGMENT];
        cr_slice_t values[DIRECTORY_SEGMENT + 1] = {{"", 0}};
        segment_codes(self, column, codes);
        for (uint32_t row = 0; row < DIRECTORY_SEGMENT; row++) {
            cr_slice_t value = segment_value(self, column, row), *first = &values[codes[row]];
            CU_ASSERT_EQUAL(codes[row] == 0, value.length == 0);
            if (!first->text)
                *first = value;
            CU_ASSERT_TRUE(cr_slice_equal(value, *first));
        }
    }
    segment_unref(&self);
}

static size_t
bytes_with(shape_fn *shape)
{
    segment_builder_t *builder = segment_builder_new();
    segment_t *self = NULL;
    size_t strings = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
    for (uint32_t row = 0; row < DIRECTORY_SEGMENT; row++) {
        char value[VALUE_MAX];
        size_t length = (size_t)shape(row, value);
        strings += length;
        segment_builder_row(builder);
        CU_ASSERT_EQUAL_FATAL(
            segment_builder_set(builder, FIELD_PHONE, (cr_slice_t){value, length}), CR_OK);
    }
    CU_ASSERT_EQUAL_FATAL(segment_builder_take(builder, &self), CR_OK);
    size_t bytes = segment_bytes(self);
    segment_unref(&self);
    segment_builder_destroy(&builder);
    CU_ASSERT_TRUE(strings > 0);
    return bytes;
}

static void
a_column_takes_the_least_room(void)
{
    enum { REST = 256 }; /* head and columns without values */
    static const struct {
        shape_fn *shape;
        size_t bytes;
    } cases[] = {
        {everybodys, 5},
        {own_and_even, 9 * DIRECTORY_SEGMENT},
        {few_and_even, DIRECTORY_SEGMENT + 7 * 12},
        {own_of_some, 2 * DIRECTORY_SEGMENT + 11 * (DIRECTORY_SEGMENT * 2 / 3 + 1)},
        {shared_by_two, 2 * DIRECTORY_SEGMENT + 15 * DIRECTORY_SEGMENT / 2},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        CU_ASSERT_TRUE(bytes_with(cases[i].shape) <= cases[i].bytes + REST);
}

/* Whatever is damaged: it is refused, or all that is read lies inside (a sanitizer sees to it). */
static void
no_damage_leads_out_of_the_block(void)
{
    enum { ROWS = 40, COLUMNS = FIELD_COUNT + 4 };
    segment_t *self = built(ROWS, COLUMNS), *decoded;
    size_t length, refused = 0, sum = 0;
    const uint8_t *block = segment_block(self, &length);
    uint8_t *damaged = malloc(length);
    CU_ASSERT_PTR_NOT_NULL_FATAL(damaged);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        memcpy(damaged, block, length);
        damaged[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (segment_decode(damaged, length, &decoded) != CR_OK) {
            refused++;
            continue;
        }
        for (uint32_t column = 0; column < segment_columns(decoded); column++)
            for (uint32_t row = 0; row < segment_rows(decoded); row++) {
                cr_slice_t value = segment_value(decoded, column, row);
                for (size_t i = 0; i < value.length; i++)
                    sum += (uint8_t)value.text[i];
            }
        segment_unref(&decoded);
    }
    /* Heads and columns, at least; strings may be anything. */
    CU_ASSERT_TRUE(refused > 8 * sizeof(uint32_t) * (COLUMNS + 3) && sum > 0);
    free(damaged);
    segment_unref(&self);
}

/* Two people of format 1: "P1" with the village "v", and "P2" without. */
static const uint32_t first_head[] = {1, 2, FIELD_COUNT + 1, 5, 12};
static const uint32_t first_ends[] = {0, 7, 9, 10, 12};
static const char first_pool[] = "villageP1vP2";

static size_t
first_block(uint8_t *out)
{
    uint16_t codes[1 + 2 * (FIELD_COUNT + 1)] = {1};
    codes[1 + 2 * FIELD_ID] = 2;
    codes[1 + 2 * FIELD_ID + 1] = 4;
    codes[1 + 2 * FIELD_COUNT] = 3;
    uint8_t *to = out;
    memcpy(to, first_head, sizeof first_head);
    to += sizeof first_head;
    memcpy(to, first_ends, sizeof first_ends);
    to += sizeof first_ends;
    memcpy(to, codes, sizeof codes);
    to += sizeof codes;
    memcpy(to, first_pool, sizeof first_pool - 1);
    return (size_t)(to - out) + sizeof first_pool - 1;
}

static void
blocks_of_the_first_format_are_read(void)
{
    uint8_t block[256];
    size_t length = first_block(block);
    segment_t *self = NULL;
    CU_ASSERT_EQUAL_FATAL(segment_decode(block, length, &self), CR_OK);
    CU_ASSERT_EQUAL(segment_rows(self), 2);
    CU_ASSERT_TRUE(cr_slice_equal(segment_value(self, FIELD_ID, 0), CR_SLICE("P1")));
    CU_ASSERT_TRUE(cr_slice_equal(segment_value(self, FIELD_ID, 1), CR_SLICE("P2")));
    CU_ASSERT_TRUE(cr_slice_equal(segment_value(self, FIELD_COUNT, 0), CR_SLICE("v")));
    CU_ASSERT_EQUAL(segment_value(self, FIELD_COUNT, 1).length, 0);
    CU_ASSERT_EQUAL(segment_find_attribute(self, CR_SLICE("village")), FIELD_COUNT);
    segment_unref(&self);
}

static void
damaged_blocks_of_the_first_format_are_refused(void)
{
    uint8_t block[256];
    size_t length = first_block(block);
    segment_t *self = NULL;
    CU_ASSERT_EQUAL(segment_decode(block, length - 1, &self), CR_CORRUPT);
    CU_ASSERT_EQUAL(segment_decode(block, sizeof(uint32_t) * 4, &self), CR_CORRUPT);
    block[sizeof first_head + 4] = 13; /* an end beyond the next one */
    CU_ASSERT_EQUAL(segment_decode(block, length, &self), CR_CORRUPT);
    first_block(block);
    block[sizeof first_head + sizeof first_ends] = 5; /* a code that no string has */
    CU_ASSERT_EQUAL(segment_decode(block, length, &self), CR_CORRUPT);
    first_block(block);
    block[0] = 3; /* no such format */
    CU_ASSERT_EQUAL(segment_decode(block, length, &self), CR_CORRUPT);
}

CU_TestInfo cr_tests[] = {
    {"every value is read as it was set", every_value_is_read_as_it_was_set},
    {"a block is the segment", a_block_is_the_segment},
    {"codes tell values apart", codes_tell_values_apart},
    {"a column takes the least room", a_column_takes_the_least_room},
    {"no damage leads out of the block", no_damage_leads_out_of_the_block},
    {"blocks of the first format are read", blocks_of_the_first_format_are_read},
    {"damaged blocks of the first format are refused",
     damaged_blocks_of_the_first_format_are_refused},
    CU_TEST_INFO_NULL};
