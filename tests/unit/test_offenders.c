/* Who sends garbage is shut out for a minute. */
#include <stdio.h>

#include "cr_test.h"
#include "dispatch/offenders.h"

static void
sixteen_lies_in_a_minute_shut_out_for_a_minute(void)
{
    offenders_t offenders = {0};
    const int64_t start_us = 5 * OFFENDERS_WINDOW_US;
    for (int i = 1; i < 16; i++)
        CU_ASSERT_FALSE(offenders_note(&offenders, "bad", OFFENCE_LIE, start_us + i));
    CU_ASSERT_FALSE(offenders_is_shut(&offenders, "bad", start_us + 20));
    CU_ASSERT(offenders_note(&offenders, "bad", OFFENCE_LIE, start_us + 20));
    CU_ASSERT(offenders_is_shut(&offenders, "bad", start_us + 20));
    CU_ASSERT_FALSE(offenders_note(&offenders, "bad", OFFENCE_LIE, start_us + 21)); /* told once */
    CU_ASSERT_FALSE(offenders_is_shut(&offenders, "good", start_us + 20));
    CU_ASSERT_FALSE(offenders_is_shut(&offenders, "bad", start_us + 20 + OFFENDERS_WINDOW_US));
}

static void
stray_reports_weigh_little(void)
{
    offenders_t offenders = {0};
    for (int i = 0; i < 240; i++)
        CU_ASSERT_FALSE(offenders_note(&offenders, "late", OFFENCE_STRAY, 1000 + i));
    CU_ASSERT_FALSE(offenders_is_shut(&offenders, "late", 2000));
    CU_ASSERT(offenders_note(&offenders, "late", OFFENCE_LIE, 2000));
}

static void
offences_far_apart_shut_nobody_out(void)
{
    offenders_t offenders = {0};
    for (int i = 1; i < 100; i++)
        CU_ASSERT_FALSE(offenders_note(&offenders, "old", OFFENCE_LIE, i * 10 * CR_US_PER_S));
}

static void
the_newest_offenders_are_remembered(void)
{
    offenders_t offenders = {0};
    char name[CORE_NAME_MAX];
    for (int i = 0; i < 3 * OFFENDERS_MAX; i++) {
        snprintf(name, sizeof name, "peer%d", i);
        offenders_note(&offenders, name, OFFENCE_LIE, 1000 + i);
    }
    bool shut = false;
    for (int i = 1; i < 16; i++)
        shut = offenders_note(&offenders, name, OFFENCE_LIE, 2000);
    CU_ASSERT(shut);
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
const char cr_suite[] = "offenders";
CU_TestInfo cr_tests[] = {
    TEST(sixteen_lies_in_a_minute_shut_out_for_a_minute),
    TEST(stray_reports_weigh_little),
    TEST(offences_far_apart_shut_nobody_out),
    TEST(the_newest_offenders_are_remembered),
    CU_TEST_INFO_NULL,
};
