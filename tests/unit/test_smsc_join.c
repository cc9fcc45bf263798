#include "smsc_join.h"

#include "cr_test.h"

const char cr_suite[] = "smsc_join";

static bool
add(smsc_join_t *join, uint64_t message, uint8_t total, uint8_t number, const char *octets,
    cr_str_t *whole)
{
    const cr_sms_part_t part = {.reference = 7, .total = total, .number = number};
    return smsc_join_add(join, message, &part, cr_slice_of(octets), whole);
}

static void
parts_in_any_order_and_repeated_make_one_whole(void)
{
    cr_str_t whole;
    cr_str_init(&whole, 100);
    smsc_join_t *join = smsc_join_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(join);
    CU_ASSERT(!add(join, 1, 3, 3, "c", &whole));
    CU_ASSERT(!add(join, 2, 2, 1, "x", &whole));
    CU_ASSERT(!add(join, 1, 3, 1, "a", &whole));
    CU_ASSERT(!add(join, 1, 3, 1, "again", &whole));
    CU_ASSERT(add(join, 1, 3, 2, "b", &whole));
    CU_ASSERT_STRING_EQUAL(cr_str_text(&whole), "abc");
    cr_str_clear(&whole);
    CU_ASSERT(!add(join, 1, 3, 2, "b", &whole)); /* a new message */
    CU_ASSERT(add(join, 2, 2, 2, "y", &whole));
    CU_ASSERT_STRING_EQUAL(cr_str_text(&whole), "xy");
    smsc_join_destroy(&join);
    cr_str_fini(&whole);
}

static void
parts_that_cannot_be_are_passed_over(void)
{
    cr_str_t whole;
    cr_str_init(&whole, 100);
    smsc_join_t *join = smsc_join_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(join);
    CU_ASSERT(!add(join, 1, 2, 0, "a", &whole));
    CU_ASSERT(!add(join, 1, 2, 3, "a", &whole));
    CU_ASSERT(!add(join, 1, 2, 1, "a", &whole));
    CU_ASSERT(!add(join, 1, 5, 5, "a", &whole)); /* of another total than the first said */
    CU_ASSERT(add(join, 1, 2, 2, "b", &whole));
    CU_ASSERT_STRING_EQUAL(cr_str_text(&whole), "ab");
    smsc_join_destroy(&join);
    cr_str_fini(&whole);
}

static void
the_oldest_goes_when_too_many_wait(void)
{
    enum { MANY = 4096 };
    cr_str_t whole;
    cr_str_init(&whole, 100);
    smsc_join_t *join = smsc_join_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(join);
    for (uint64_t message = 1; message <= MANY + 1; message++)
        CU_ASSERT_FATAL(!add(join, message, 2, 1, "a", &whole));
    CU_ASSERT(!add(join, 1, 2, 2, "b", &whole)); /* began anew, and pushed out the second */
    CU_ASSERT(add(join, MANY + 1, 2, 2, "b", &whole));
    CU_ASSERT(!add(join, 2, 2, 2, "b", &whole));
    smsc_join_destroy(&join);
    cr_str_fini(&whole);
}

CU_TestInfo cr_tests[] = {
    {"parts in any order and repeated make one whole",
     parts_in_any_order_and_repeated_make_one_whole},
    {"parts that cannot be are passed over", parts_that_cannot_be_are_passed_over},
    {"the oldest goes when too many wait", the_oldest_goes_when_too_many_wait},
    CU_TEST_INFO_NULL,
};
