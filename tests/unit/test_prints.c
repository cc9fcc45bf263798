/* The table of gateways' ids: what goes in comes out, and what gives way when there is no room. */
#include "prints.h"

#include <stdio.h>

#include "cr_test.h"

const char cr_suite[] = "prints";

enum { ROOM = PRINTS_TABLES * 64, MANY = 1000000 };

static uint64_t
print_of(uint32_t number)
{
    char id[32];
    snprintf(id, sizeof id, "90061974693%u", number);
    return prints_of(cr_slice_of(id));
}

static cr_delivery_t
delivery_of(uint64_t broadcast, uint32_t number)
{
    return (cr_delivery_t){broadcast, (cr_channel_t)(number % CR_CHANNEL_COUNT), number,
                           1 + number % 8};
}

static bool
has(const prints_t *prints, uint64_t broadcast, uint32_t number)
{
    cr_delivery_t found, expected = delivery_of(broadcast, number);
    return prints_get(prints, print_of(number), &found) && found.broadcast == broadcast &&
           found.channel == expected.channel && found.rank == number &&
           found.attempt == expected.attempt;
}

static void
put(prints_t *prints, uint64_t broadcast, uint32_t first, uint32_t count, size_t *displaced)
{
    for (uint32_t i = first; i < first + count; i++) {
        cr_delivery_t delivery = delivery_of(broadcast, i);
        *displaced += !prints_put(prints, print_of(i), &delivery);
    }
}

static size_t
count_of(const prints_t *prints, uint64_t broadcast, uint32_t first, uint32_t count)
{
    size_t there = 0;
    for (uint32_t i = first; i < first + count; i++)
        there += has(prints, broadcast, i);
    return there;
}

static void
a_million_ids_are_found(void)
{
    prints_t *prints = prints_new(1 << 23);
    size_t displaced = 0;
    put(prints, CR_BROADCAST_MAX - 1, 0, MANY, &displaced);
    CU_ASSERT_EQUAL(displaced, 0);
    CU_ASSERT_EQUAL(prints_count(prints), MANY);
    CU_ASSERT_EQUAL(count_of(prints, CR_BROADCAST_MAX - 1, 0, MANY), MANY);
    cr_delivery_t found;
    CU_ASSERT_FALSE(prints_get(prints, print_of(MANY), &found));
    prints_destroy(&prints);
}

static void
nothing_is_found_in_an_empty_one_and_the_highest_rank_fits(void)
{
    prints_t *prints = prints_new(ROOM);
    cr_delivery_t found, last = {1, CR_CHANNEL_MAIL, (1u << 28) - 1, 15};
    CU_ASSERT_FALSE(prints_get(prints, 7, &found));
    CU_ASSERT_TRUE(prints_put(prints, 7, &last));
    CU_ASSERT_TRUE(prints_get(prints, 7, &found));
    CU_ASSERT_EQUAL(found.rank, last.rank);
    CU_ASSERT_EQUAL(found.attempt, last.attempt);
    prints_destroy(&prints);
}

static void
an_id_that_comes_again_stands_for_the_newer_delivery(void)
{
    prints_t *prints = prints_new(ROOM);
    cr_delivery_t found, first = {1, CR_CHANNEL_SMS, 3, 1}, second = {1, CR_CHANNEL_SMS, 3, 2};
    CU_ASSERT_TRUE(prints_put(prints, 7, &first));
    CU_ASSERT_TRUE(prints_put(prints, 7, &second));
    CU_ASSERT_EQUAL(prints_count(prints), 1);
    CU_ASSERT_TRUE(prints_get(prints, 7, &found));
    CU_ASSERT_EQUAL(found.attempt, 2);
    prints_destroy(&prints);
}

static void
older_broadcasts_make_room_for_newer_ones_only(void)
{
    prints_t *prints = prints_new(ROOM);
    size_t displaced = 0;
    put(prints, 2, 0, ROOM / 2, &displaced);
    CU_ASSERT_EQUAL(displaced, 0);
    put(prints, 3, ROOM / 2, ROOM / 2, &displaced);
    CU_ASSERT(displaced > 0);
    CU_ASSERT_EQUAL(count_of(prints, 3, ROOM / 2, ROOM / 2), ROOM / 2);
    CU_ASSERT(prints_count(prints) <= ROOM);
    size_t of_newer = prints_count(prints);
    put(prints, 1, ROOM, ROOM / 2, &displaced);
    CU_ASSERT_EQUAL(count_of(prints, 3, ROOM / 2, ROOM / 2), ROOM / 2);
    CU_ASSERT(prints_count(prints) >= of_newer);
    prints_destroy(&prints);
}

static bool
is_second(const void *context, uint64_t broadcast)
{
    (void)context;
    return broadcast == 2;
}

static void
a_sweep_lets_go_of_what_is_over(void)
{
    prints_t *prints = prints_new(ROOM);
    size_t displaced = 0;
    put(prints, 1, 0, 5000, &displaced);
    put(prints, 2, 5000, 5000, &displaced);
    for (int i = 0; i < PRINTS_TABLES; i++)
        prints_sweep(prints, is_second, NULL);
    CU_ASSERT_EQUAL(prints_count(prints), 5000);
    CU_ASSERT_EQUAL(count_of(prints, 2, 5000, 5000), 5000);
    CU_ASSERT_EQUAL(count_of(prints, 1, 0, 5000), 0);
    prints_destroy(&prints);
}

/* Prints are stored: another hash would lose every receipt that is due over an upgrade. */
static void
the_hash_never_changes(void)
{
    CU_ASSERT_EQUAL(prints_of(CR_SLICE("900619746936498440")), UINT64_C(0x396a5650f049c2d0));
}

CU_TestInfo cr_tests[] = {
    {"a million ids are found", a_million_ids_are_found},
    {"nothing is found in an empty one, and the highest rank fits",
     nothing_is_found_in_an_empty_one_and_the_highest_rank_fits},
    {"an id that comes again stands for the newer delivery",
     an_id_that_comes_again_stands_for_the_newer_delivery},
    {"older broadcasts make room for newer ones only",
     older_broadcasts_make_room_for_newer_ones_only},
    {"a sweep lets go of what is over", a_sweep_lets_go_of_what_is_over},
    {"the hash never changes", the_hash_never_changes},
    CU_TEST_INFO_NULL,
};
