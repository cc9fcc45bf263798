#include "dispatch/quiet.h"

#include "cr_test.h"

const char cr_suite[] = "quiet";

static int64_t
at(const char *time)
{
    int64_t wall_us;
    CU_ASSERT_EQUAL_FATAL(cr_time_parse(time, &wall_us), CR_OK);
    return wall_us;
}

static quiet_t
hours(const char *from, const char *until)
{
    quiet_t quiet;
    cr_fault_t fault;
    CU_ASSERT_EQUAL_FATAL(quiet_parse(&(quiet_config_t){from, until, false}, &quiet, &fault),
                          CR_OK);
    return quiet;
}

static void
quiet_hours_end_when_they_say(void)
{
    static const struct {
        const char *zone, *from, *until, *now, *end; /* `end` NULL: not quiet */
    } cases[] = {
        {"Asia/Shanghai", "21:00", "08:00", "2026-05-12 20:59", NULL},
        {"Asia/Shanghai", "21:00", "08:00", "2026-05-12 21:00", "2026-05-13 08:00"},
        {"Asia/Shanghai", "21:00", "08:00", "2026-05-12 23:59", "2026-05-13 08:00"},
        {"Asia/Shanghai", "21:00", "08:00", "2026-05-13 00:00", "2026-05-13 08:00"},
        {"Asia/Shanghai", "21:00", "08:00", "2026-05-13 07:59", "2026-05-13 08:00"},
        {"Asia/Shanghai", "21:00", "08:00", "2026-05-13 08:00", NULL},
        {"Asia/Shanghai", "12:00", "14:00", "2026-05-13 11:59", NULL},
        {"Asia/Shanghai", "12:00", "14:00", "2026-05-13 12:00", "2026-05-13 14:00"},
        {"Asia/Shanghai", "12:00", "14:00", "2026-05-13 14:00", NULL},
        {"Asia/Shanghai", "21:00", "08:00", "2026-12-31 22:00", "2027-01-01 08:00"},
        {"Asia/Shanghai", "21:00", "08:00", "2028-02-28 22:00", "2028-02-29 08:00"},
        {"Asia/Shanghai", "", "", "2026-05-12 23:00", NULL},
        /* Clocks go forward, and back, in the night. */
        {"Europe/Berlin", "21:00", "08:00", "2026-03-28 22:00", "2026-03-29 08:00"},
        {"Europe/Berlin", "21:00", "08:00", "2026-10-24 22:00", "2026-10-25 08:00"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        CU_ASSERT_EQUAL_FATAL(cr_clock_set_zone(cases[i].zone), CR_OK);
        quiet_t quiet = hours(cases[i].from, cases[i].until);
        int64_t end = cases[i].end ? at(cases[i].end) : 0;
        CU_ASSERT_EQUAL(quiet_until(&quiet, at(cases[i].now)), end);
    }
}

static void
emergencies_drills_and_what_is_let_through_are_never_held(void)
{
    const quiet_t quiet = {.from = 1260, .until = 480}, strict = {1260, 480, true}, none = {0};
    static const struct {
        cr_lane_t lane;
        bool held, held_strictly;
    } lanes[] = {{CR_LANE_EMERGENCY, false, false},
                 {CR_LANE_URGENT, false, true},
                 {CR_LANE_ROUTINE, true, true},
                 {CR_LANE_BULK, true, true}};
    for (size_t i = 0; i < CR_COUNT(lanes); i++) {
        CU_ASSERT_EQUAL(quiet_holds(&quiet, lanes[i].lane, false, false), lanes[i].held);
        CU_ASSERT_EQUAL(quiet_holds(&strict, lanes[i].lane, false, false), lanes[i].held_strictly);
        CU_ASSERT_FALSE(quiet_holds(&strict, lanes[i].lane, true, false));
        CU_ASSERT_FALSE(quiet_holds(&strict, lanes[i].lane, false, true));
        CU_ASSERT_FALSE(quiet_holds(&none, lanes[i].lane, false, false));
    }
}

static void
what_is_no_time_of_day_is_refused(void)
{
    static const quiet_config_t refused[] = {
        {"21:00", "", false},      {"", "08:00", false},      {"24:00", "08:00", false},
        {"21:60", "08:00", false}, {"9:00", "08:00", false},  {"21:00", "08:00:00", false},
        {"21.00", "08:00", false}, {"21:00", "21:00", false}, {"-1:00", "08:00", false},
    };
    for (size_t i = 0; i < CR_COUNT(refused); i++) {
        quiet_t quiet;
        cr_fault_t fault = {0};
        CU_ASSERT_EQUAL(quiet_parse(&refused[i], &quiet, &fault), CR_INVAL);
        CU_ASSERT_NOT_EQUAL(fault.text[0], '\0');
    }
}

CU_TestInfo cr_tests[] = {
    {"quiet_hours_end_when_they_say", quiet_hours_end_when_they_say},
    {"emergencies_drills_and_what_is_let_through_are_never_held",
     emergencies_drills_and_what_is_let_through_are_never_held},
    {"what_is_no_time_of_day_is_refused", what_is_no_time_of_day_is_refused},
    CU_TEST_INFO_NULL,
};
