/* The pace towards a gateway: window, rate, quiet. */
#include "cr_test.h"
#include "runtime/pace.h"

static unsigned
take_all(pace_t *pace, int64_t now_us)
{
    unsigned taken = 0;
    while (pace_take(pace, now_us))
        taken++;
    return taken;
}

static void
the_window_bounds_what_is_under_way(void)
{
    pace_t pace;
    pace_init(&pace, 3, 0);
    CU_ASSERT_EQUAL(take_all(&pace, 0), 3);
    CU_ASSERT_EQUAL(pace_ready_us(&pace, 0), INT64_MAX);
    pace_release(&pace);
    CU_ASSERT_EQUAL(pace_ready_us(&pace, 5), 5);
    CU_ASSERT_EQUAL(take_all(&pace, 5), 1);
}

static void
a_rate_is_kept_over_any_second(void)
{
    static const uint32_t rates[] = {1, 7, 100, 3000};
    for (size_t i = 0; i < CR_COUNT(rates); i++) {
        pace_t pace;
        pace_init(&pace, 1, rates[i]);
        unsigned taken = 0;
        const int64_t start_us = 1000000;
        for (int64_t now_us = start_us; now_us < start_us + 10000000; now_us += 100) {
            if (!pace_take(&pace, now_us))
                continue;
            pace_release(&pace);
            taken++;
        }
        CU_ASSERT_TRUE(taken >= rates[i] * 10);
        CU_ASSERT_TRUE(taken <= rates[i] * 10 + rates[i] / 10 + 1);
    }
}

static void
it_says_when_the_next_is_due(void)
{
    pace_t pace;
    pace_init(&pace, 10, 2);
    CU_ASSERT_EQUAL(take_all(&pace, 1000), 1);
    CU_ASSERT_EQUAL(pace_ready_us(&pace, 1000), 501000);
    CU_ASSERT_EQUAL(take_all(&pace, 500999), 0);
    CU_ASSERT_EQUAL(take_all(&pace, 501000), 1);
}

static void
a_gateway_that_asks_for_quiet_gets_it(void)
{
    pace_t pace;
    pace_init(&pace, 10, 0);
    pace_quiet(&pace, 700);
    pace_quiet(&pace, 300);
    CU_ASSERT_EQUAL(take_all(&pace, 699), 0);
    CU_ASSERT_EQUAL(pace_ready_us(&pace, 0), 700);
    CU_ASSERT_EQUAL(take_all(&pace, 700), 10);
}

static void
fail(pace_t *pace, unsigned times, int64_t now_us)
{
    for (unsigned i = 0; i < times; i++)
        CU_ASSERT_EQUAL(pace_learn(pace, PACE_NONE, 1000, now_us), PACE_SAME);
}

static void
a_window_without_an_answer_opens_the_breaker(void)
{
    pace_t pace;
    pace_init(&pace, 16, 0);
    CU_ASSERT_EQUAL(take_all(&pace, 0), 16);
    fail(&pace, 15, 0);
    CU_ASSERT_EQUAL(pace_learn(&pace, PACE_TAKEN, 1000, 0),
                    PACE_SAME); /* counts from the start again */
    fail(&pace, 15, 0);
    CU_ASSERT_EQUAL(pace_credit(&pace, 2, 0), 2);
    CU_ASSERT_EQUAL(pace_learn(&pace, PACE_NONE, 1000, 0), PACE_BROKEN);
    CU_ASSERT_EQUAL(pace_credit(&pace, 2, 0), 0);
    fail(&pace, 15, 0); /* the others of the window */
    for (int i = 0; i < 16; i++)
        pace_release(&pace);
    CU_ASSERT_EQUAL(pace_ready_us(&pace, 0), CR_US_PER_S);
}

/* One learns that its submit has no answer, and lets go of its place. */
static void
lose(pace_t *pace)
{
    fail(pace, 1, 0);
    pace_release(pace);
}

static void
what_went_unanswered_keeps_its_place(void)
{
    pace_t pace;
    pace_init(&pace, 16, 0);
    CU_ASSERT_EQUAL(take_all(&pace, 0), 16);
    for (int i = 0; i < 10; i++) {
        lose(&pace);
        CU_ASSERT_EQUAL(take_all(&pace, 0), 0);
    }
    CU_ASSERT_EQUAL(pace_learn(&pace, PACE_TAKEN, 1000, 0), PACE_SAME);
    pace_release(&pace);
    CU_ASSERT_EQUAL(take_all(&pace, 0), 11);
    pace_init(&pace, 2, 0); /* a small window: eight, whatever it is */
    for (int i = 0; i < 7; i++) {
        CU_ASSERT_EQUAL(take_all(&pace, 0), i == 0 ? 2u : 1u);
        lose(&pace);
    }
    CU_ASSERT_EQUAL(take_all(&pace, 0), 0);
    CU_ASSERT_EQUAL(pace_learn(&pace, PACE_NONE, 1000, 0), PACE_BROKEN);
}

static void
probes_go_one_at_a_time_until_one_is_answered(void)
{
    pace_t pace;
    pace_init(&pace, 4, 0);
    fail(&pace, 7, 0);
    int64_t now_us = 0, wait_us = CR_US_PER_S;
    CU_ASSERT_EQUAL(pace_learn(&pace, PACE_NONE, 1000, now_us), PACE_BROKEN);
    for (int i = 0; i < 8; i++) {
        CU_ASSERT_EQUAL(pace_ready_us(&pace, now_us), now_us + wait_us);
        now_us += wait_us;
        CU_ASSERT_EQUAL(pace_credit(&pace, 2, now_us), 1);
        CU_ASSERT_EQUAL(take_all(&pace, now_us), 1);
        pace_release(&pace);
        CU_ASSERT_EQUAL(pace_learn(&pace, PACE_NONE, 1000, now_us), PACE_BROKEN);
        wait_us = wait_us * 2 < 5 * CR_US_PER_S ? wait_us * 2 : 5 * CR_US_PER_S;
    }
    now_us += wait_us;
    CU_ASSERT_EQUAL(take_all(&pace, now_us), 1);
    pace_release(&pace);
    CU_ASSERT_EQUAL(pace_learn(&pace, PACE_TAKEN, 1000, now_us), PACE_MENDED);
    CU_ASSERT_EQUAL(pace_credit(&pace, 2, now_us), 2);
    CU_ASSERT_EQUAL(take_all(&pace, now_us), 4);
}

static void
each_refusal_in_a_row_doubles_the_quiet_up_to_a_second(void)
{
    pace_t pace;
    pace_init(&pace, 16, 0);
    for (int64_t i = 1, quiet_ms = 2; i <= 12;
         i++, quiet_ms = quiet_ms < 1024 ? quiet_ms * 2 : 1024) {
        CU_ASSERT_EQUAL(pace_learn(&pace, PACE_LATER, 1000, i * CR_US_PER_S), PACE_SAME);
        CU_ASSERT_EQUAL(pace_ready_us(&pace, 0), i * CR_US_PER_S + quiet_ms * CR_US_PER_MS);
    }
    pace_learn(&pace, PACE_TAKEN, 1000, 20 * CR_US_PER_S);
    pace_learn(&pace, PACE_LATER, 1000, 20 * CR_US_PER_S);
    CU_ASSERT_EQUAL(pace_ready_us(&pace, 0), 20 * CR_US_PER_S + 2 * CR_US_PER_MS);
}

static void
a_slow_gateway_holds_one_lease(void)
{
    pace_t pace;
    pace_init(&pace, 16, 0);
    pace_learn(&pace, PACE_TAKEN, CR_US_PER_S, 0); /* 16 s for a lease */
    CU_ASSERT_EQUAL(pace_credit(&pace, 2, 0), 1);
    for (int i = 0; i < 40; i++)
        pace_learn(&pace, PACE_TAKEN, CR_US_PER_S / 100, 0);
    CU_ASSERT_EQUAL(pace_credit(&pace, 2, 0), 2);
}

static void
a_closed_gateway_holds_no_lease_until_its_time(void)
{
    pace_t pace;
    pace_init(&pace, 4, 0);
    pace_close(&pace, 9 * CR_US_PER_S);
    CU_ASSERT_EQUAL(pace_credit(&pace, 2, 9 * CR_US_PER_S - 1), 0);
    CU_ASSERT_EQUAL(pace_ready_us(&pace, 0), 9 * CR_US_PER_S);
    CU_ASSERT_EQUAL(pace_credit(&pace, 2, 9 * CR_US_PER_S), 2);
    CU_ASSERT_EQUAL(take_all(&pace, 9 * CR_US_PER_S), 4);
}

const char cr_suite[] = "pace";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(the_window_bounds_what_is_under_way),
    TEST(a_rate_is_kept_over_any_second),
    TEST(it_says_when_the_next_is_due),
    TEST(a_gateway_that_asks_for_quiet_gets_it),
    TEST(a_window_without_an_answer_opens_the_breaker),
    TEST(what_went_unanswered_keeps_its_place),
    TEST(probes_go_one_at_a_time_until_one_is_answered),
    TEST(each_refusal_in_a_row_doubles_the_quiet_up_to_a_second),
    TEST(a_slow_gateway_holds_one_lease),
    TEST(a_closed_gateway_holds_no_lease_until_its_time),
    CU_TEST_INFO_NULL,
};
