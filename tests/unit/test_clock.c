#include <inttypes.h>

#include "cr_clock.h"
#include "cr_test.h"

const char cr_suite[] = "clock";

static void
times_are_shown_in_the_offices_zone(void)
{
    char text[CR_TIME_TEXT_MAX];
    CU_ASSERT_EQUAL(cr_clock_set_zone("Nowhere/Land"), CR_INVAL);
    CU_ASSERT_EQUAL_FATAL(cr_clock_set_zone("Asia/Shanghai"), CR_OK);
    CU_ASSERT_STRING_EQUAL(cr_time_format(0, text), "1970-01-01T08:00:00.000+08:00");
    CU_ASSERT_STRING_EQUAL(cr_time_format(INT64_C(1778547600123456), text),
                           "2026-05-12T09:00:00.123+08:00");
    CU_ASSERT_STRING_EQUAL(cr_time_format_short(INT64_C(1778547600123456), text),
                           "2026-05-12 09:00");
}

static void
what_rfc_3339_allows_is_read_and_nothing_else(void)
{
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"2026-05-12T09:00:00+08:00", INT64_C(1778547600000000)},
        {"2026-05-12T01:00:00Z", INT64_C(1778547600000000)},
        {"2026-05-12t01:00:00.5z", INT64_C(1778547600500000)},
        {"2026-05-12 09:00", INT64_C(1778547600000000)},
        {"2028-02-29T00:00:00Z", INT64_C(1835395200000000)},
        {"2040-01-01T00:00:00Z", INT64_C(2208988800000000)},
    };
    static const char *const bad[] = {
        "",
        "2026-05-12",
        "2026-13-01T00:00:00Z",
        "2027-02-29T00:00:00Z",
        "2026-05-12T24:00:00Z",
        "2026-05-12T09:00:00",
        "2026-05-12T09:00:00+8:00",
        "2026-05-12T09:00:00.Z",
        "2026-05-12T09:00:00Z ",
        "now",
    };
    CU_ASSERT_EQUAL_FATAL(cr_clock_set_zone("Asia/Shanghai"), CR_OK);
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        int64_t us = -1;
        CU_ASSERT_EQUAL(cr_time_parse(good[i].text, &us), CR_OK);
        CU_ASSERT_EQUAL(us, good[i].us);
    }
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        int64_t us = 42;
        CU_ASSERT_EQUAL(cr_time_parse(bad[i], &us), CR_INVAL);
        CU_ASSERT_EQUAL(us, 42);
    }
}

static void
durations_have_a_unit_and_a_bound(void)
{
    int64_t us;
    CU_ASSERT_EQUAL(cr_duration_parse("90s", &us), CR_OK);
    CU_ASSERT_EQUAL(us, 90 * CR_US_PER_S);
    CU_ASSERT_EQUAL(cr_duration_parse("7d", &us), CR_OK);
    CU_ASSERT_EQUAL(us, 7 * 86400 * CR_US_PER_S);
    static const char *const bad[] = {"", "5", "h", "-1h", "1.5h", "1h30m", "1 h"};
    for (size_t i = 0; i < CR_COUNT(bad); i++)
        CU_ASSERT_EQUAL(cr_duration_parse(bad[i], &us), CR_INVAL);
    CU_ASSERT_EQUAL(cr_duration_parse("4000d", &us), CR_RANGE);
    CU_ASSERT_EQUAL(cr_duration_parse("99999999999999999999999s", &us), CR_RANGE);
}

CU_TestInfo cr_tests[] = {
    {"times are shown in the office's zone", times_are_shown_in_the_offices_zone},
    {"what RFC 3339 allows is read, and nothing else",
     what_rfc_3339_allows_is_read_and_nothing_else},
    {"durations have a unit and a bound", durations_have_a_unit_and_a_bound},
    CU_TEST_INFO_NULL,
};
