#include "audience/ids.h"

#include <stdlib.h>
#include <string.h>

#include "cr_test.h"

const char cr_suite[] = "ids";

enum { MANY = 100000 };

/* An entry is called by the text of its ordinal; comparisons are counted. */
static size_t compared;

static bool
is_entry(const void *context, uint32_t ordinal, cr_slice_t id)
{
    (void)context;
    compared++;
    return strtoul(id.text, NULL, 10) == ordinal;
}

static cr_slice_t
id_of(uint32_t ordinal, char text[16])
{
    snprintf(text, 16, "%u", ordinal);
    return cr_slice_of(text);
}

static void
add(ids_t *self, uint32_t ordinal)
{
    char text[16];
    ids_add(self, index_hash(id_of(ordinal, text)), ordinal);
}

static uint32_t
find(const ids_t *self, uint32_t ordinal)
{
    char text[16];
    cr_slice_t id = id_of(ordinal, text);
    return ids_find(self, index_hash(id), id, is_entry, NULL);
}

static void
who_was_added_is_found_and_nobody_else(void)
{
    ids_t self = {0};
    CU_ASSERT_EQUAL(find(&self, 0), INDEX_NONE);
    CU_ASSERT_EQUAL_FATAL(ids_init(&self, MANY), CR_OK);
    for (uint32_t i = 0; i < MANY; i++)
        add(&self, i);
    for (uint32_t i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(find(&self, i), i);
    compared = 0;
    for (uint32_t i = MANY; i < 2 * MANY; i++)
        CU_ASSERT_EQUAL(find(&self, i), INDEX_NONE);
    CU_ASSERT_TRUE(compared < MANY / 2); /* eight slots looked at in vain, one in 64 compared */
    CU_ASSERT_TRUE(ids_bytes(&self) < 5 * (MANY + 32));
    ids_fini(&self);
}

static void
slots_go_on_at_the_start_and_ordinals_to_the_last(void)
{
    static const uint32_t ordinals[] = {0, 1, IDS_MAX - 1, 7, IDS_MAX / 2};
    ids_t self;
    char text[16];
    CU_ASSERT_EQUAL_FATAL(ids_init(&self, 0), CR_OK);
    for (size_t i = 0; i < CR_COUNT(ordinals); i++)
        ids_add(&self, UINT32_MAX, ordinals[i]); /* all belong into the last slot */
    for (size_t i = 0; i < CR_COUNT(ordinals); i++)
        CU_ASSERT_EQUAL(ids_find(&self, UINT32_MAX, id_of(ordinals[i], text), is_entry, NULL),
                        ordinals[i]);
    ids_fini(&self);
}

static void
a_copy_goes_its_own_way_while_there_is_room(void)
{
    ids_t self, copy;
    CU_ASSERT_EQUAL_FATAL(ids_init(&self, 1000), CR_OK);
    for (uint32_t i = 0; i < 1000; i++)
        add(&self, i);
    CU_ASSERT_EQUAL_FATAL(ids_copy(&self, &copy), CR_OK);
    CU_ASSERT_TRUE(ids_has_room(&copy, 1001) && !ids_has_room(&copy, 1250));
    for (uint32_t i = 1000; ids_has_room(&copy, i + 1); i++)
        add(&copy, i);
    CU_ASSERT_EQUAL(find(&self, 1000), INDEX_NONE);
    CU_ASSERT_EQUAL(find(&copy, 1000), 1000);
    CU_ASSERT_EQUAL(find(&copy, 999), 999);
    ids_fini(&self);
    ids_fini(&copy);
}

CU_TestInfo cr_tests[] = {
    {"who was added is found, and nobody else", who_was_added_is_found_and_nobody_else},
    {"slots go on at the start, and ordinals to the last",
     slots_go_on_at_the_start_and_ordinals_to_the_last},
    {"a copy goes its own way while there is room", a_copy_goes_its_own_way_while_there_is_room},
    CU_TEST_INFO_NULL};
