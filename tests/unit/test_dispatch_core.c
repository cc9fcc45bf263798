/* The dispatch core: what is handed out and what a report means. */
#include "core_world.h"
#include "cr_test.h"

/* ---- handing out ------------------------------------------------------------------------------ */

static void
a_lease_is_a_block_of_256_for_a_worker_of_its_channel_and_class(void)
{
    begin(1000);
    core_hello_t mail = rig_hello("mail"), drill = rig_hello("drill"), sms = rig_hello("sms");
    mail.channel = CR_CHANNEL_MAIL;
    drill.gateway.drill = true;
    rig_say_hello(&rig, &mail);
    rig_say_hello(&rig, &drill);
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).waits, CORE_WAITS_WORKER);
    rig_say_hello(&rig, &sms);
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 2);
    const rig_event_t *given = rig_last(&rig, RIG_LEASE);
    CU_ASSERT_STRING_EQUAL(given->worker, "sms");
    CU_ASSERT_EQUAL(given->lease.first_rank, 256);
    CU_ASSERT_EQUAL(given->lease.count, 256);
    CU_ASSERT_EQUAL(given->offsets[255], 255);
    CU_ASSERT_EQUAL(given->attempts[0], 1);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).leased, 512);
    finish();
}

static void
the_last_block_may_be_short(void)
{
    begin(300);
    join("w");
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 300 - 256);
    finish();
}

static void
urgent_credit_is_apart_and_the_first_lane_goes_first(void)
{
    begin(1000);
    core_broadcast_t urgent = rig_spec(&rig, 2, 1000), alarm = rig_spec(&rig, 3, 1000);
    urgent.lane = CR_LANE_URGENT;
    rig_start(&rig, &urgent);
    join("w");
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 2); /* its credit */
    CU_ASSERT_EQUAL(rig.events[1].lease.broadcast, 2);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.broadcast, 2);
    CU_ASSERT_FALSE(rig_last(&rig, RIG_LEASE)->lease.free_running);
    alarm.lane = CR_LANE_EMERGENCY;
    rig_start(&rig, &alarm);
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 3);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.broadcast, 3);
    CU_ASSERT(rig_last(&rig, RIG_LEASE)->lease.free_running);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig.record_count, 3); /* all are on record, also what runs freely */
    finish();
}

static void
a_lease_leaves_when_its_first_intent_is_stored(void)
{
    begin(1000);
    join("w");
    rig_tick(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    rig_store(&rig);
    CU_ASSERT_EQUAL_FATAL(rig_count(&rig, RIG_LEASE), 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.intent, 32);
    rig_store(&rig);
    CU_ASSERT_EQUAL_FATAL(rig_count(&rig, RIG_LEASE), 2);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.intent, 0); /* the first holds two windows */
    finish();
}

static void
leases_together_reach_two_windows(void)
{
    uint64_t first = begin_leased(1000), second = rig_last(&rig, RIG_LEASE)->number;
    say("w", (said_t){.lease = first, .sequence = 1, .intent = 32, .count = 10});
    rig_settle(&rig);
    say("w", (said_t){.lease = second, .sequence = 1, .intent = 32});
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->number, second);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->intent, 10);
    finish();
}

static void
a_worker_that_takes_part_of_a_lease_leaves_the_rest(void)
{
    begin(256);
    rig.room = 10;
    join("w");
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 256);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).leased, 10);
    rig_pass(&rig, 11 * CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LOST)->loss.unknown, 10);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LOST)->loss.returned, 0);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_WAITING), 246);
    finish();
}

static void
credit_is_free_when_the_last_report_is_stored(void)
{
    uint64_t lease = begin_leased(2000);
    say("w",
        (said_t){
            .lease = lease, .sequence = 1, .last = true, .count = 1, .outcome = CR_STATUS_HANDED});
    rig_forget(&rig);
    rig_tick(&rig);
    CU_ASSERT_EQUAL(rig.write_count, 1);
    rig_store(&rig);
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_ACK), 1);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.first_rank, 0); /* the 255 others are first */
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 255);
    finish();
}

static void
a_worker_whose_socket_is_full_gets_nothing_until_it_is_heard(void)
{
    begin(256);
    rig.deaf = true;
    join("w");
    hand_out();
    rig.deaf = false;
    rig_pass(&rig, CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    CU_ASSERT(core_heard(rig.core, rig.now, "w"));
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 1);
    finish();
}

static void
who_is_screened_gets_the_reason_and_no_message(void)
{
    begin(512);
    rig.verdict = CR_STATUS_SUPPRESSED_OPTOUT;
    rig.screen_end = 300;
    join("w");
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 512 - 300);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->offsets[0], 300 - 256);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_SUPPRESSED_OPTOUT), 300);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 299), CR_STATUS_SUPPRESSED_OPTOUT);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 300), CR_STATUS_WAITING);
    finish();
}

static void
nothing_is_handed_out_after_bye_or_stop(void)
{
    begin(1000);
    join("w");
    core_bye(rig.core, "w");
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    join("w");
    core_stop(rig.core);
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    finish();
}

static void
a_worker_gets_no_more_leases_than_it_asked_for_last(void)
{
    begin(1000);
    join("w");
    core_credit(rig.core, "w", 0, 1);
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    core_credit(rig.core, "w", 1, 1);
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 1);
    core_credit(rig.core, "w", 0, 1); /* what is out stays out */
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REVOKE), 0);
    core_credit(rig.core, "w", 2, 1);
    hand_out();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 2);
    finish();
}

/* ---- reports ---------------------------------------------------------------------------------- */

static void
an_intent_is_acknowledged_when_it_is_stored(void)
{
    uint64_t lease = begin_leased(256);
    say("w", (said_t){.lease = lease, .sequence = 1, .intent = 32});
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_ACK), 0);
    rig_store(&rig);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->intent, 32);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->sequence, 1);
    finish();
}

static void
reports_that_break_a_rule_are_refused_and_change_nothing(void)
{
    const struct {
        const char *name;
        said_t said;
        core_refusal_t reason;
    } cases[] = {
        {"beyond two windows", {.sequence = 1, .intent = 33}, CORE_OUT_OF_LEASE},
        {"beyond its outcomes and two windows",
         {.sequence = 1, .intent = 37, .count = 4, .outcome = CR_STATUS_HANDED},
         CORE_OUT_OF_LEASE},
        {"a position outside the lease",
         {.sequence = 1, .from = 100, .count = 1, .outcome = CR_STATUS_HANDED},
         CORE_OUT_OF_LEASE},
        {"a sequence left out, and an intent outside the lease",
         {.sequence = 2, .intent = 101},
         CORE_OUT_OF_LEASE},
        {"an outcome of our own",
         {.sequence = 1, .count = 1, .outcome = CR_STATUS_DELIVERED},
         CORE_MALFORMED},
        {"an unknown outcome", {.sequence = 1, .count = 1, .outcome = 255}, CORE_MALFORMED},
        {"ids that do not match",
         {.sequence = 1,
          .count = 2,
          .outcome = CR_STATUS_ACCEPTED,
          .ids = &CR_SLICE("one"),
          .id_count = 1},
         CORE_MALFORMED},
        {"another's lease", {.lease = 77, .sequence = 1}, CORE_UNKNOWN_LEASE},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        said_t said = cases[i].said;
        uint64_t lease = begin_leased(100);
        if (said.lease == 0)
            said.lease = lease;
        say("w", said);
        CU_ASSERT_EQUAL_FATAL(rig_count(&rig, RIG_REFUSE), 1);
        if (rig_last(&rig, RIG_REFUSE)->reason != (int)cases[i].reason)
            CU_FAIL(cases[i].name);
        CU_ASSERT_EQUAL(rig.write_count, 0);
        CU_ASSERT_EQUAL(count_of(CR_STATUS_WAITING), 100);
        finish();
    }
}

static void
a_position_is_not_told_twice_and_an_intent_never_shrinks(void)
{
    uint64_t lease = begin_leased(256);
    say("w",
        (said_t){
            .lease = lease, .sequence = 1, .intent = 32, .count = 4, .outcome = CR_STATUS_HANDED});
    rig_store(&rig);
    say("w", (said_t){.lease = lease,
                      .sequence = 2,
                      .intent = 32,
                      .count = 1,
                      .outcome = CR_STATUS_FAILED_ADDRESS});
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_REFUSE)->reason, CORE_OUT_OF_LEASE);
    say("w", (said_t){.lease = lease, .sequence = 2, .intent = 31});
    rig_store(&rig);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->sequence, 2);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->intent, 32);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_HANDED), 4);
    finish();
}

static void
a_repeated_report_is_acknowledged_again_and_changes_nothing(void)
{
    uint64_t lease = begin_leased(256);
    const said_t first = {
        .lease = lease, .sequence = 1, .intent = 32, .count = 8, .outcome = CR_STATUS_RETRY_1};
    said_t last = {.lease = lease,
                   .sequence = 2,
                   .intent = 32,
                   .from = 8,
                   .count = 8,
                   .outcome = CR_STATUS_HANDED,
                   .last = true};
    say("w", first);
    say("w", first); /* not stored yet: no answer, no second write */
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_ACK), 0);
    CU_ASSERT_EQUAL(rig.write_count, 1);
    rig_store(&rig);
    say("w", first);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_ACK), 2);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_RETRY_1), 8);
    say("w", last);
    say("w", last);
    CU_ASSERT_EQUAL(rig.write_count, 1);
    rig_store(&rig);
    say("w", last);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_ACK), 4);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->sequence, 2);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_HANDED), 8);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REFUSE), 0);
    finish();
}

static void
each_outcome_becomes_its_byte(void)
{
    const struct {
        cr_status_t outcome, byte;
    } cases[] = {
        {CR_STATUS_WAITING, CR_STATUS_WAITING},
        {CR_STATUS_RETRY_1, CR_STATUS_RETRY_1},
        {CR_STATUS_ACCEPTED, CR_STATUS_ACCEPTED},
        {CR_STATUS_UNKNOWN, CR_STATUS_UNKNOWN},
        {CR_STATUS_HANDED, CR_STATUS_HANDED},
        {CR_STATUS_EXPIRED, CR_STATUS_RETRY_1}, /* its clock is ahead: there is time by ours */
        {CR_STATUS_FAILED_ADDRESS, CR_STATUS_FAILED_ADDRESS},
        {CR_STATUS_FAILED_UNREACHABLE, CR_STATUS_FAILED_UNREACHABLE},
        {CR_STATUS_FAILED_BLOCKED, CR_STATUS_FAILED_BLOCKED},
        {CR_STATUS_FAILED_UNFOLLOWED, CR_STATUS_FAILED_UNFOLLOWED},
        {CR_STATUS_FAILED_CONTENT, CR_STATUS_FAILED_CONTENT},
        {CR_STATUS_FAILED_ACCOUNT, CR_STATUS_FAILED_ACCOUNT},
        {CR_STATUS_FAILED_MAILBOX, CR_STATUS_FAILED_MAILBOX},
        {CR_STATUS_FAILED_RECEIPT, CR_STATUS_FAILED_RECEIPT},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        uint64_t lease = begin_leased(256);
        say("w",
            (said_t){
                .lease = lease, .sequence = 1, .from = 3, .count = 1, .outcome = cases[i].outcome});
        if (rig_status(&rig, 1, SMS, 3) != cases[i].byte)
            CU_FAIL(cr_status_name(cases[i].outcome));
        rig_store(&rig);
        CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 3), cases[i].byte);
        CU_ASSERT_EQUAL(rig_status(&rig, 1, SMS, 4), CR_STATUS_WAITING);
        finish();
    }
}

/* Gives one delivery back for another try and returns how long it takes until it is leased. */
static int64_t
retry_wait_us(uint32_t retry_after_ms)
{
    const rig_event_t *given = rig_last(&rig, RIG_LEASE);
    say("w", (said_t){.lease = given->number,
                      .sequence = 1,
                      .count = 1,
                      .last = true,
                      .outcome = CR_STATUS_RETRY_1,
                      .retry_after_ms = retry_after_ms});
    int64_t begun_us = rig.now.mono_us;
    rig_store(&rig);
    rig_forget(&rig);
    while (rig_count(&rig, RIG_LEASE) == 0 && rig.now.mono_us - begun_us < 100 * CR_US_PER_S)
        pass_alive("w", 10 * CR_US_PER_MS);
    return rig.now.mono_us - begun_us;
}

static bool
is_about(int64_t us, int64_t expected_us)
{
    return us >= expected_us * 3 / 4 && us <= expected_us * 5 / 4 + 20 * CR_US_PER_MS;
}

static void
a_retry_waits_twice_as_long_each_time_and_as_the_gateway_asks(void)
{
    rig_init(&rig);
    rig.config.attempts_max = 8;
    rig_restart(&rig, 0);
    core_broadcast_t spec = rig_spec(&rig, 1, 1);
    rig_start(&rig, &spec);
    join("w");
    hand_out();
    CU_ASSERT(is_about(retry_wait_us(0), CR_US_PER_S));
    CU_ASSERT(is_about(retry_wait_us(0), 2 * CR_US_PER_S));
    CU_ASSERT(is_about(retry_wait_us(0), 4 * CR_US_PER_S));
    int64_t asked_us = retry_wait_us(30000);
    CU_ASSERT(asked_us >= 30 * CR_US_PER_S && asked_us < 31 * CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->attempts[0], 5);
    finish();
}

static void
attempts_are_used_up(void)
{
    begin_leased(1);
    retry_wait_us(0);
    retry_wait_us(0);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->attempts[0], 3);
    say("w", (said_t){.lease = rig_last(&rig, RIG_LEASE)->number,
                      .sequence = 1,
                      .count = 1,
                      .last = true,
                      .outcome = CR_STATUS_RETRY_1});
    CU_ASSERT_EQUAL(rig_status(&rig, 1, SMS, 0), CR_STATUS_FAILED_ATTEMPTS);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    finish();
}

static void
a_worker_that_gives_all_back_untried_rests(void)
{
    uint64_t lease = begin_leased(256);
    say("w", (said_t){.lease = lease, .sequence = 1, .last = true});
    rig_store(&rig);
    rig_forget(&rig);
    pass_alive("w", 900 * CR_US_PER_MS);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    pass_alive("w", 200 * CR_US_PER_MS);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 1);
    finish();
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
const char cr_suite[] = "dispatch_core";
CU_TestInfo cr_tests[] = {
    TEST(a_lease_is_a_block_of_256_for_a_worker_of_its_channel_and_class),
    TEST(the_last_block_may_be_short),
    TEST(urgent_credit_is_apart_and_the_first_lane_goes_first),
    TEST(a_lease_leaves_when_its_first_intent_is_stored),
    TEST(leases_together_reach_two_windows),
    TEST(a_worker_that_takes_part_of_a_lease_leaves_the_rest),
    TEST(credit_is_free_when_the_last_report_is_stored),
    TEST(a_worker_whose_socket_is_full_gets_nothing_until_it_is_heard),
    TEST(who_is_screened_gets_the_reason_and_no_message),
    TEST(nothing_is_handed_out_after_bye_or_stop),
    TEST(a_worker_gets_no_more_leases_than_it_asked_for_last),
    TEST(an_intent_is_acknowledged_when_it_is_stored),
    TEST(reports_that_break_a_rule_are_refused_and_change_nothing),
    TEST(a_position_is_not_told_twice_and_an_intent_never_shrinks),
    TEST(a_repeated_report_is_acknowledged_again_and_changes_nothing),
    TEST(each_outcome_becomes_its_byte),
    TEST(a_retry_waits_twice_as_long_each_time_and_as_the_gateway_asks),
    TEST(attempts_are_used_up),
    TEST(a_worker_that_gives_all_back_untried_rests),
    CU_TEST_INFO_NULL,
};
