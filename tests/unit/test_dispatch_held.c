/* The dispatch core: what is held back for a while, and what it says of suppressed deliveries. */
#include "core_world.h"
#include "cr_test.h"
#include "dispatch/trail.h"

const char cr_suite[] = "dispatch_held";

#define HOUR_US (3600 * CR_US_PER_S)

static int64_t
hold(int64_t us)
{
    int64_t until_us = rig.now.wall_us + us;
    CU_ASSERT_EQUAL(core_hold(rig.core, 1, until_us), CR_OK);
    return until_us;
}

static void
what_is_held_goes_on_by_itself(void)
{
    begin(100);
    int64_t until_us = hold(HOUR_US / 2);
    join("w");
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).waits, CORE_WAITS_HELD);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).held_until_us, until_us);
    pass_alive("w", HOUR_US / 2 - CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    pass_alive("w", 2 * CR_US_PER_S);
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 1);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).waits, CORE_WAITS_NOT);
    finish();
}

static void
what_is_out_comes_back_when_it_is_held(void)
{
    uint64_t lease = begin_leased(200);
    hold(HOUR_US / 2);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REVOKE), 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_REVOKE)->reason, CORE_STOP_PAUSED);
    hold(HOUR_US / 2 + CR_US_PER_S); /* still held: said once */
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REVOKE), 1);
    rig_forget(&rig);
    say("w", (said_t){.lease = lease, .sequence = 1, .intent = 16, .last = true});
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_WAITING), 200);
    CU_ASSERT_EQUAL(core_hold(rig.core, 1, 0), CR_OK);
    pass_alive("w", 2 * CR_US_PER_S); /* it gave everything back and rests a second */
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 200);
    finish();
}

static void
others_pass_what_is_held(void)
{
    begin(100);
    hold(HOUR_US / 2);
    core_broadcast_t other = rig_spec(&rig, 2, 100);
    rig_start(&rig, &other);
    join("w");
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.broadcast, 2);
    finish();
}

static void
what_expires_while_it_is_held_is_expired(void)
{
    begin(100);
    hold(2 * HOUR_US);
    join("w");
    pass_alive("w", HOUR_US + 2 * CR_US_PER_S);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_EXPIRED), 100);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    CU_ASSERT_EQUAL(core_hold(rig.core, 1, 0), CR_CONFLICT);
    CU_ASSERT_EQUAL(core_hold(rig.core, 7, 0), CR_NOTFOUND);
    finish();
}

static void
a_refused_address_is_told_once(void)
{
    uint64_t lease = begin_leased(100);
    for (int again = 0; again < 2; again++)
        say("w", (said_t){.lease = lease,
                          .sequence = 1,
                          .intent = 20,
                          .from = 3,
                          .count = 1,
                          .outcome = CR_STATUS_FAILED_ADDRESS});
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_BAD_ADDRESS), 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_BAD_ADDRESS)->number, 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_BAD_ADDRESS)->moved, 3);
    rig_settle(&rig);
    say("w", (said_t){.lease = lease,
                      .sequence = 2,
                      .intent = 20,
                      .from = 4,
                      .count = 1,
                      .outcome = CR_STATUS_FAILED_UNREACHABLE});
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_BAD_ADDRESS), 1);
    finish();
}

/* How many the first write says were suppressed, with the time. */
static uint32_t
suppressed_on_record(cr_status_t verdict)
{
    begin(100);
    rig.verdict = verdict;
    rig.screen_first = 10;
    rig.screen_end = 30;
    join("w");
    rig_tick(&rig);
    trail_t trail = {.count = 0};
    CU_ASSERT_FATAL(rig.write_count > 0);
    const rig_write_t *kept = &rig.writes[0];
    if (kept->write.trail_bytes > 0) {
        CU_ASSERT_EQUAL(trail_decode(kept->trail, kept->write.trail_bytes, &trail), CR_OK);
        CU_ASSERT_EQUAL(trail.at_us, rig.now.wall_us);
        CU_ASSERT_EQUAL(trail.offsets[0], 10);
        CU_ASSERT_EQUAL(trail.outcomes[0], verdict);
        CU_ASSERT_EQUAL(trail.attempts[0], 0);
    }
    finish();
    return trail.count;
}

static void
a_suppression_is_on_record_with_its_time(void)
{
    CU_ASSERT_EQUAL(suppressed_on_record(CR_STATUS_SUPPRESSED_OPTOUT), 20);
    CU_ASSERT_EQUAL(suppressed_on_record(CR_STATUS_SUPPRESSED_FREQUENCY), 20);
    CU_ASSERT_EQUAL(suppressed_on_record(CR_STATUS_SUPPRESSED_ADDRESS), 0);
}

CU_TestInfo cr_tests[] = {
    {"what_is_held_goes_on_by_itself", what_is_held_goes_on_by_itself},
    {"what_is_out_comes_back_when_it_is_held", what_is_out_comes_back_when_it_is_held},
    {"others_pass_what_is_held", others_pass_what_is_held},
    {"what_expires_while_it_is_held_is_expired", what_expires_while_it_is_held_is_expired},
    {"a_refused_address_is_told_once", a_refused_address_is_told_once},
    {"a_suppression_is_on_record_with_its_time", a_suppression_is_on_record_with_its_time},
    CU_TEST_INFO_NULL,
};
