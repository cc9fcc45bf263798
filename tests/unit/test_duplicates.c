#include "audience/duplicates.h"

#include <stdlib.h>

#include "people.h"

const char cr_suite[] = "duplicates";

/* P1 and P2 share a phone, P3 is reached by P1's, P4 has none, P5 its own, P6 that of P2. */
static const char household[] = "id,phone,email,guardian\n"
                                "P1,19930000001,a@pingyin.test,\n"
                                "P2,19930000001,b@pingyin.test,\n"
                                "P3,,,P1\n"
                                "P4,,,\n"
                                "P5,19930000005,,\n"
                                "P6,19930000001,,\n";

static bool
is_found(const duplicates_t *asked, const char *wanted)
{
    uint64_t *found;
    CU_ASSERT_EQUAL_FATAL(duplicates_find(asked, &found), CR_OK);
    bool same = true;
    for (uint32_t rank = 0; rank < strlen(wanted); rank++)
        same = same && (found[0] >> rank & 1) == (wanted[rank] == 'x');
    free(found);
    return same;
}

static void
the_first_of_a_household_gets_it(void)
{
    directory_t *directory = people_of(household);
    roaring_bitmap_t *all = roaring_bitmap_from_range(0, 6, 1),
                     *some = roaring_bitmap_of(3, 2, 4, 5);
    roaring_bitmap_t *barred = roaring_bitmap_of(2, 0, 1);
    duplicates_t asked = {.directory = directory, .audience = all, .channel = CR_CHANNEL_SMS};
    CU_ASSERT_TRUE(is_found(&asked, ".xx..x"));
    CU_ASSERT_EQUAL(duplicates_first(&asked, 5), 0);
    asked.channel = CR_CHANNEL_MAIL;
    CU_ASSERT_TRUE(is_found(&asked, "..x..."));
    asked.channel = CR_CHANNEL_SMS;
    asked.barred = barred; /* who does not get it takes nobody's place */
    CU_ASSERT_TRUE(is_found(&asked, ".....x"));
    CU_ASSERT_EQUAL(duplicates_first(&asked, 5), 2);
    CU_ASSERT_EQUAL(duplicates_first(&asked, 3), DIRECTORY_NONE);
    asked = (duplicates_t){.directory = directory, .audience = some, .channel = CR_CHANNEL_SMS};
    CU_ASSERT_TRUE(is_found(&asked, "..x")); /* the third of the audience */
    roaring_bitmap_free(all);
    roaring_bitmap_free(some);
    roaring_bitmap_free(barred);
    directory_unref(&directory);
}

static void
after_a_restart_an_address_that_was_tried_is_not_tried_again(void)
{
    static const struct {
        cr_status_t status[6];
        const char *found;
    } cases[] = {
        {{0}, ".xx..x"},
        {{0, CR_STATUS_DELIVERED}, "x.x..x"},
        {{CR_STATUS_SUPPRESSED_OPTOUT, 0, 0, 0, 0, CR_STATUS_ACCEPTED}, ".xx..."},
        {{CR_STATUS_SUPPRESSED_OPTOUT}, "..x..x"},
        {{CR_STATUS_CANCELLED, CR_STATUS_EXPIRED, 0, 0, 0, 0}, ".....x"},
        {{0, CR_STATUS_RETRY_1, 0, 0, 0, 0}, "x.x..x"},
        {{0, CR_STATUS_UNKNOWN, 0, 0, 0, CR_STATUS_FAILED_ADDRESS}, "x.x..."},
    };
    directory_t *directory = people_of(household);
    roaring_bitmap_t *all = roaring_bitmap_from_range(0, 6, 1);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        duplicates_t asked = {.directory = directory,
                              .audience = all,
                              .status = cases[i].status,
                              .channel = CR_CHANNEL_SMS};
        CU_ASSERT_TRUE(is_found(&asked, cases[i].found));
    }
    roaring_bitmap_free(all);
    directory_unref(&directory);
}

enum { CROWD = 500, PHONES = 60 };

/* Against two loops: one of each address is left, the tried one if there is, and no other. */
static void
compare(const duplicates_t *asked, const uint32_t *phone, const cr_status_t *status)
{
    uint64_t *found;
    CU_ASSERT_EQUAL_FATAL(duplicates_find(asked, &found), CR_OK);
    for (uint32_t p = 0; p < PHONES; p++) {
        uint32_t kept = DIRECTORY_NONE;
        for (uint32_t i = 0; i < CROWD; i++)
            if (phone[i] == p && status[i] == CR_STATUS_DELIVERED)
                kept = i;
        for (uint32_t i = 0; i < CROWD; i++) {
            if (phone[i] != p)
                continue;
            bool waits =
                status[i] == CR_STATUS_WAITING && !roaring_bitmap_contains(asked->barred, i);
            if (waits && kept == DIRECTORY_NONE)
                kept = i;
            CU_ASSERT_EQUAL(found[i / 64] >> i % 64 & 1, waits && i != kept);
        }
    }
    free(found);
}

static void
every_address_is_left_once_whatever_the_crowd(void)
{
    srand(20261124);
    for (int round = 0; round < 10; round++) {
        static uint32_t phone[CROWD];
        static cr_status_t status[CROWD];
        bool delivered[PHONES] = {false};
        cr_str_t csv;
        cr_str_init(&csv, 1 << 20);
        cr_str_append_text(&csv, "id,phone\n");
        roaring_bitmap_t *barred = roaring_bitmap_create();
        for (uint32_t i = 0; i < CROWD; i++) {
            phone[i] = (uint32_t)rand() % PHONES;
            bool first = !delivered[phone[i]] && rand() % 20 == 0;
            delivered[phone[i]] |= first;
            status[i] = first              ? CR_STATUS_DELIVERED
                        : rand() % 10 == 0 ? CR_STATUS_SUPPRESSED_OPTOUT
                                           : CR_STATUS_WAITING;
            if (rand() % 4 == 0)
                roaring_bitmap_add(barred, i);
            cr_str_appendf(&csv, "P%u,1993%07u\n", i, phone[i]);
        }
        directory_t *directory = people_of(cr_str_text(&csv));
        roaring_bitmap_t *all = roaring_bitmap_from_range(0, CROWD, 1);
        compare(&(duplicates_t){directory, all, barred, status, CR_CHANNEL_SMS}, phone, status);
        roaring_bitmap_free(all);
        roaring_bitmap_free(barred);
        directory_unref(&directory);
        cr_str_fini(&csv);
    }
}

CU_TestInfo cr_tests[] = {
    {"the_first_of_a_household_gets_it", the_first_of_a_household_gets_it},
    {"after_a_restart_an_address_that_was_tried_is_not_tried_again",
     after_a_restart_an_address_that_was_tried_is_not_tried_again},
    {"every_address_is_left_once_whatever_the_crowd",
     every_address_is_left_once_whatever_the_crowd},
    CU_TEST_INFO_NULL,
};
