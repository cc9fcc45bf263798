/* Which receipts are asked for, and when. */
#include <stdio.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_test.h"
#include "pull.h"

const char cr_suite[] = "sms_pull";

static const int64_t minute_us = 60 * CR_US_PER_S;

static pull_item_t
item(unsigned number, unsigned asked)
{
    pull_item_t one = {.phone = "13800001234", .day = "20260512", .asked = asked};
    snprintf(one.reference, sizeof one.reference, "0000001K.s.%u.1", number);
    return one;
}

static void
add(pull_t *pull, unsigned number, unsigned asked, int64_t now_us)
{
    const pull_item_t one = item(number, asked);
    pull_add(pull, &one, now_us);
}

static void
what_nobody_pushed_is_due_after_a_while_the_oldest_first(void)
{
    pull_t *pull = pull_new(10, minute_us);
    pull_item_t seen;
    add(pull, 1, 0, 0);
    add(pull, 2, 0, 10);
    add(pull, 3, 0, 20);
    pull_told(pull, "0000001K.s.2.1");
    pull_told(pull, "0000001K.s.9.1");
    CU_ASSERT_EQUAL(pull_count(pull), 2);
    CU_ASSERT_FALSE(pull_next(pull, minute_us - 1, &seen));
    CU_ASSERT_TRUE(pull_next(pull, minute_us, &seen));
    CU_ASSERT_STRING_EQUAL(seen.reference, "0000001K.s.1.1");
    CU_ASSERT_EQUAL(seen.asked, 1);
    CU_ASSERT_FALSE(pull_next(pull, minute_us, &seen));
    CU_ASSERT_TRUE(pull_next(pull, minute_us + 20, &seen));
    CU_ASSERT_STRING_EQUAL(seen.reference, "0000001K.s.3.1");
    CU_ASSERT_EQUAL(pull_count(pull), 0);
    pull_destroy(&pull);
}

static void
each_time_it_waits_twice_as_long_and_then_it_is_given_up(void)
{
    pull_t *pull = pull_new(10, minute_us);
    pull_item_t seen = item(1, 0);
    int64_t now_us = 0;
    unsigned times = 0;
    pull_add(pull, &seen, now_us);
    for (int64_t wait_us = minute_us; pull_count(pull) > 0; wait_us *= 2, times++) {
        CU_ASSERT_FALSE(pull_next(pull, now_us + wait_us - 1, &seen));
        now_us += wait_us;
        CU_ASSERT_TRUE_FATAL(pull_next(pull, now_us, &seen));
        pull_add(pull, &seen, now_us);
    }
    CU_ASSERT_EQUAL(times, PULL_TIMES);
    pull_destroy(&pull);
}

static void
one_that_was_asked_for_waits_behind_newer_ones(void)
{
    pull_t *pull = pull_new(10, minute_us);
    pull_item_t seen;
    add(pull, 1, 1, 0);
    add(pull, 2, 0, 10);
    CU_ASSERT_TRUE(pull_next(pull, 2 * minute_us, &seen));
    CU_ASSERT_STRING_EQUAL(seen.reference, "0000001K.s.2.1");
    CU_ASSERT_TRUE(pull_next(pull, 2 * minute_us, &seen));
    CU_ASSERT_STRING_EQUAL(seen.reference, "0000001K.s.1.1");
    pull_destroy(&pull);
}

static void
there_is_one_of_each_and_no_more_than_may_be(void)
{
    pull_t *pull = pull_new(3, minute_us);
    pull_item_t seen;
    add(pull, 1, 0, 0);
    add(pull, 1, 0, 5);
    CU_ASSERT_EQUAL(pull_count(pull), 1);
    for (unsigned i = 2; i < 6; i++)
        add(pull, i, 0, (int64_t)i * 10);
    CU_ASSERT_EQUAL(pull_count(pull), 3);
    CU_ASSERT_EQUAL(pull_forgotten(pull), 2);
    CU_ASSERT_TRUE(pull_next(pull, INT64_MAX, &seen));
    CU_ASSERT_STRING_EQUAL(seen.reference, "0000001K.s.3.1");
    pull_destroy(&pull);
}

CU_TestInfo cr_tests[] = {
    {"what nobody pushed is due after a while, the oldest first",
     what_nobody_pushed_is_due_after_a_while_the_oldest_first},
    {"each time it waits twice as long, and then it is given up",
     each_time_it_waits_twice_as_long_and_then_it_is_given_up},
    {"one that was asked for waits behind newer ones",
     one_that_was_asked_for_waits_behind_newer_ones},
    {"there is one of each, and no more than may be", there_is_one_of_each_and_no_more_than_may_be},
    CU_TEST_INFO_NULL,
};
