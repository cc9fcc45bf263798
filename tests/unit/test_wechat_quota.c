/* The quota of a WeChat account: its day, its end, and how long it lasts. */
#include "cr_test.h"
#include "quota.h"

#define HOUR_US (3600 * CR_US_PER_S)
/* 2026-09-01 00:00 in Beijing. */
static const int64_t midnight_us = INT64_C(1788192000) * CR_US_PER_S;

static void
the_day_ends_at_midnight_in_beijing(void)
{
    quota_t quota;
    quota_init(&quota, 2);
    CU_ASSERT_EQUAL(quota_opens_us(midnight_us - 1), midnight_us);
    CU_ASSERT_EQUAL(quota_opens_us(midnight_us), midnight_us + 24 * HOUR_US);
    quota_spend(&quota, midnight_us - 2);
    CU_ASSERT_FALSE(quota_has_ended(&quota, midnight_us - 2));
    quota_spend(&quota, midnight_us - 2);
    CU_ASSERT_TRUE(quota_has_ended(&quota, midnight_us - 1));
    CU_ASSERT_FALSE(quota_has_ended(&quota, midnight_us - 1)); /* said once */
    CU_ASSERT_EQUAL(quota_left(&quota, midnight_us - 1), 0);
    CU_ASSERT_EQUAL(quota_left(&quota, midnight_us), 2);
    CU_ASSERT_FALSE(quota_has_ended(&quota, midnight_us));
}

static void
the_platform_has_the_last_word_for_the_day(void)
{
    quota_t quota;
    quota_init(&quota, 100);
    quota_spend(&quota, midnight_us);
    quota_end(&quota, midnight_us);
    CU_ASSERT_TRUE(quota_has_ended(&quota, midnight_us));
    CU_ASSERT_EQUAL(quota_left(&quota, midnight_us), 0);
    CU_ASSERT_EQUAL(quota_left(&quota, midnight_us + 24 * HOUR_US), 100); /* of that day only */
    quota_init(&quota, 0);
    CU_ASSERT_EQUAL(quota_left(&quota, midnight_us), INT64_MAX);
    quota_end(&quota, midnight_us);
    CU_ASSERT_TRUE(quota_has_ended(&quota, midnight_us));
    CU_ASSERT_EQUAL(quota_left(&quota, midnight_us + 24 * HOUR_US), INT64_MAX);
}

static void
it_says_when_it_will_be_used_up(void)
{
    quota_t quota;
    quota_init(&quota, 1000);
    for (int i = 0; i <= 200; i++)
        quota_spend(&quota, midnight_us + i * CR_US_PER_S);
    int64_t now_us = midnight_us + 200 * CR_US_PER_S,
            until_us = quota_lasts_until_us(&quota, now_us);
    CU_ASSERT_TRUE(until_us > now_us + 700 * CR_US_PER_S && until_us < now_us + 900 * CR_US_PER_S);
    CU_ASSERT_TRUE(quota_is_short(&quota, now_us));
    CU_ASSERT_FALSE(quota_is_short(&quota, now_us)); /* said once a day */
    quota_init(&quota, 1000000);
    for (int i = 0; i <= 200; i++)
        quota_spend(&quota, midnight_us + i * CR_US_PER_S);
    CU_ASSERT_EQUAL(quota_lasts_until_us(&quota, now_us), INT64_MAX);
    CU_ASSERT_FALSE(quota_is_short(&quota, now_us));
}

const char cr_suite[] = "wechat_quota";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(the_day_ends_at_midnight_in_beijing),
    TEST(the_platform_has_the_last_word_for_the_day),
    TEST(it_says_when_it_will_be_used_up),
    CU_TEST_INFO_NULL,
};
