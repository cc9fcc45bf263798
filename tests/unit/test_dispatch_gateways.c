/* The dispatch core: several gateways on one channel, and whose turn it is. */
#include "core_world.h"
#include "cr_test.h"
#include "dispatch/carrier.h"

static const int64_t minute_us = 60 * CR_US_PER_S;

static void
join_gateway(const char *worker, const char *gateway)
{
    core_hello_t hello = rig_hello(worker);
    memset(hello.gateway.name, 0, sizeof hello.gateway.name);
    memcpy(hello.gateway.name, gateway, strlen(gateway));
    rig_say_hello(&rig, &hello);
}

static void
rule(const char *gateway, core_rule_t said)
{
    said.weight += said.weight == 0;
    CU_ASSERT_EQUAL(core_rule(rig.core, rig.now, gateway, &said), CR_OK);
}

/* Ends the newest lease of the worker, all of it alike. */
static void
answer(const char *worker, cr_status_t outcome)
{
    for (size_t i = rig.event_count; i-- > 0;) {
        const rig_event_t *event = &rig.events[i];
        if (event->kind != RIG_LEASE || strcmp(event->worker, worker) != 0)
            continue;
        uint32_t count = event->lease.count;
        say(worker, (said_t){.lease = event->number,
                             .sequence = 1,
                             .intent = count,
                             .count = count,
                             .outcome = outcome,
                             .last = true});
        return;
    }
    CU_FAIL("the worker has no lease");
}

static uint32_t
leases_of(const char *worker)
{
    uint32_t count = 0;
    for (size_t i = 0; i < rig.event_count; i++)
        count += rig.events[i].kind == RIG_LEASE && strcmp(rig.events[i].worker, worker) == 0;
    return count;
}

static void
a_higher_number_stands_by_while_a_lower_one_can_work(void)
{
    begin(4 * CORE_BLOCK);
    rule("second", (core_rule_t){.priority = 1});
    join_gateway("a", "first");
    join_gateway("b", "second");
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 2); /* its credit */
    CU_ASSERT_EQUAL(leases_of("b"), 0);
    core_credit(rig.core, "a", 0, 0); /* its gateway is away */
    hand_out();
    CU_ASSERT_EQUAL(leases_of("b"), 2);
    finish();
}

static void
what_the_first_refused_the_next_tries(void)
{
    begin(CORE_BLOCK);
    rule("second", (core_rule_t){.priority = 1});
    join_gateway("a", "first");
    join_gateway("b", "second");
    hand_out();
    answer("a", CR_STATUS_RETRY_1);
    rig_settle(&rig);
    pass_alive("a", CR_US_PER_S);
    pass_alive("b", CR_US_PER_S);
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 1);
    CU_ASSERT_EQUAL_FATAL(leases_of("b"), 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->attempts[0], 2);
    answer("b", CR_STATUS_RETRY_1); /* both have: whoever can */
    rig_settle(&rig);
    pass_alive("a", 3 * CR_US_PER_S);
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 2);
    finish();
}

static void
alone_it_is_asked_again_itself(void)
{
    begin(CORE_BLOCK);
    join_gateway("a", "first");
    join_gateway("b", "second");
    core_credit(rig.core, "b", 0, 0);
    hand_out();
    answer("a", CR_STATUS_RETRY_1);
    rig_settle(&rig);
    pass_alive("a", 2 * CR_US_PER_S);
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 2);
    finish();
}

static void
what_may_have_been_sent_does_not_move_to_another_gateway(void)
{
    begin(CORE_BLOCK);
    join_gateway("a", "first");
    join_gateway("b", "second");
    core_credit(rig.core, "b", 0, 0);
    hand_out();
    answer("a", CR_STATUS_UNKNOWN);
    rig_settle(&rig);
    core_credit(rig.core, "b", 2, 1);
    pass_alive("a", 5 * CR_US_PER_S);
    hand_out();
    CU_ASSERT_EQUAL(leases_of("b"), 0);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), CORE_BLOCK);
    finish();
}

static void
who_is_ahead_of_its_share_waits_for_those_behind(void)
{
    begin(80 * CORE_BLOCK);
    rule("first", (core_rule_t){.weight = 3});
    core_hello_t hello = rig_hello("a");
    hello.credit = 8;
    memcpy(hello.gateway.name, "first", sizeof "first");
    rig_say_hello(&rig, &hello);
    hello.worker = "b";
    memcpy(hello.gateway.name, "second", sizeof "second");
    rig_say_hello(&rig, &hello);
    rig_tick(&rig);
    rig_settle(&rig);
    /* Both are full: the order in which they were served is the weights'. */
    uint32_t a = 0, b = 0;
    for (size_t i = 0; i < rig.event_count && a + b < 8; i++) {
        if (rig.events[i].kind != RIG_LEASE)
            continue;
        a += strcmp(rig.events[i].worker, "a") == 0;
        b += strcmp(rig.events[i].worker, "b") == 0;
    }
    CU_ASSERT_EQUAL(a, 6);
    CU_ASSERT_EQUAL(b, 2);
    finish();
}

/* Of the newest lease of the worker. */
static uint32_t
size_of(const char *worker)
{
    for (size_t i = rig.event_count; i-- > 0;)
        if (rig.events[i].kind == RIG_LEASE && strcmp(rig.events[i].worker, worker) == 0)
            return rig.events[i].lease.count;
    return 0;
}

static void
numbers_go_to_the_gateway_that_reaches_them_best(void)
{
    begin(6 * 30); /* one block: carriers 1, 2, 3 in turn */
    rule("first", (core_rule_t){.carriers = 1u << 1});
    rule("second", (core_rule_t){.carriers = 1u << 2});
    join_gateway("a", "first");
    join_gateway("b", "second");
    hand_out();
    CU_ASSERT_EQUAL(size_of("a"), 120); /* its own, and nobody's */
    answer("a", CR_STATUS_ACCEPTED);
    rig_settle(&rig);
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 1);
    CU_ASSERT_EQUAL(size_of("b"), 60);
    finish();
}

static void
a_hint_delays_nobody(void)
{
    begin(6 * 30);
    rule("first", (core_rule_t){.carriers = 1u << 1});
    rule("second", (core_rule_t){.carriers = 1u << 2});
    join_gateway("a", "first");
    join_gateway("b", "second");
    hand_out();
    core_credit(rig.core, "b", 0, 0);
    answer("a", CR_STATUS_ACCEPTED);
    rig_settle(&rig);
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 2);
    CU_ASSERT_EQUAL(size_of("a"), 60);
    finish();
}

static void
a_carrier_is_known_by_the_longest_segment(void)
{
    static const struct {
        const char *phone;
        carrier_t carrier;
    } cases[] = {
        {"13800000001", CARRIER_MOBILE},   {"+8613800000001", CARRIER_MOBILE},
        {"13400000000", CARRIER_MOBILE},   {"13490000000", CARRIER_UNKNOWN},
        {"17000000000", CARRIER_TELECOM},  {"17030000000", CARRIER_MOBILE},
        {"17090000000", CARRIER_UNICOM},   {"17405000000", CARRIER_TELECOM},
        {"17406000000", CARRIER_UNKNOWN},  {"19200000000", CARRIER_BROADNET},
        {"18600000000", CARRIER_UNICOM},   {"138000000012", CARRIER_UNKNOWN},
        {"+85291234567", CARRIER_UNKNOWN}, {"", CARRIER_UNKNOWN},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        CU_ASSERT_EQUAL(carrier_of(cr_slice_of(cases[i].phone)), cases[i].carrier);
    carrier_t carrier;
    CU_ASSERT_EQUAL(carrier_parse("unicom", &carrier), CR_OK);
    CU_ASSERT_EQUAL(carrier, CARRIER_UNICOM);
    CU_ASSERT_EQUAL(carrier_parse("unknown", &carrier), CR_INVAL);
}

static void
a_paused_gateway_gets_nothing_and_the_queue_says_why(void)
{
    begin(CORE_BLOCK);
    rule("first", (core_rule_t){.paused = true});
    join_gateway("a", "first");
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 0);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).waits, CORE_WAITS_RULE);
    rule("first", (core_rule_t){.paused = false});
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 1);
    finish();
}

static void
a_quota_ends_in_the_middle_of_a_block_and_begins_anew_at_midnight(void)
{
    const int64_t day_us = 24 * 3600 * CR_US_PER_S;
    begin(0);
    rig.now.wall_us += day_us - rig.now.wall_us % day_us - minute_us;
    core_broadcast_t spec = rig_spec(&rig, 1, 2 * CORE_BLOCK);
    rig_start(&rig, &spec);
    rule("first", (core_rule_t){.per_day = 300});
    join_gateway("a", "first");
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 2);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 300 - CORE_BLOCK);
    answer("a", CR_STATUS_ACCEPTED);
    rig_settle(&rig);
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 2);
    rig.now.wall_us += 2 * minute_us;
    hand_out();
    CU_ASSERT_EQUAL_FATAL(leases_of("a"), 3); /* yesterday's 256 may still be submitted today */
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 300 - CORE_BLOCK);
    finish();
}

static void
an_emergency_heeds_neither_quota_nor_priority(void)
{
    begin(0);
    rule("first", (core_rule_t){.per_day = 1});
    rule("second", (core_rule_t){.priority = 9});
    join_gateway("a", "first");
    join_gateway("b", "second");
    core_broadcast_t spec = rig_spec(&rig, 1, 2 * CORE_BLOCK);
    spec.lane = CR_LANE_EMERGENCY;
    rig_start(&rig, &spec);
    hand_out();
    CU_ASSERT_EQUAL(leases_of("a"), 1);
    CU_ASSERT_EQUAL(leases_of("b"), 1);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).leased, 2 * CORE_BLOCK);
    finish();
}

static uint32_t told;

static void
see(void *context, const core_route_t *gateway)
{
    uint32_t *used = context;
    if (strcmp(gateway->name, "first") == 0)
        *used = gateway->used;
    told++;
}

static void
submits_are_counted_by_day_and_those_before_our_start_too(void)
{
    begin(CORE_BLOCK);
    rule("first", (core_rule_t){.per_day = 10000});
    int64_t today = rig.now.wall_us / (24 * 3600 * CR_US_PER_S);
    core_used(rig.core, rig.now, "first", today, 1000);
    core_used(rig.core, rig.now, "first", today - 1, 5);
    join_gateway("a", "first");
    hand_out();
    answer("a", CR_STATUS_ACCEPTED);
    rig_settle(&rig);
    uint32_t used = 0;
    told = 0;
    core_each_gateway(rig.core, rig.now, see, &used);
    CU_ASSERT_EQUAL(used, 1000 + CORE_BLOCK);
    CU_ASSERT_EQUAL(told, 1);
    finish();
}

static void
rules_have_a_limit(void)
{
    char name[CORE_NAME_MAX];
    const core_rule_t plain = {.weight = 1};
    begin(0);
    for (int i = 0; i < CORE_RULES_MAX; i++) {
        snprintf(name, sizeof name, "g%d", i);
        CU_ASSERT_EQUAL(core_rule(rig.core, rig.now, name, &plain), CR_OK);
    }
    CU_ASSERT_EQUAL(core_rule(rig.core, rig.now, "one more", &plain), CR_TOOBIG);
    CU_ASSERT_EQUAL(core_rule(rig.core, rig.now, "g7", &plain), CR_OK);
    finish();
}

/* ---- receipts that do not come ----------------------------------------------------------------- */

static void
receipts_that_stop_coming_are_missed_after_ten_minutes(void)
{
    share_t share = {0};
    int64_t now = 1000 * minute_us;
    share_note(&share, now, SHARE_ACCEPTED, 1000);
    CU_ASSERT_EQUAL(share_judge(&share, now), SHARE_UNJUDGED);
    CU_ASSERT_EQUAL(share_judge(&share, now + 9 * minute_us), SHARE_UNJUDGED);
    CU_ASSERT_EQUAL(share_judge(&share, now + 10 * minute_us), SHARE_MISSING);
    share_note(&share, now + 10 * minute_us, SHARE_DELIVERED, 499);
    CU_ASSERT_EQUAL(share_judge(&share, now + 10 * minute_us), SHARE_MISSING);
    share_note(&share, now + 10 * minute_us, SHARE_FAILED, 1);
    CU_ASSERT_EQUAL(share_judge(&share, now + 10 * minute_us), SHARE_FINE);
    CU_ASSERT_EQUAL(share_judge(&share, now + 60 * minute_us), SHARE_UNJUDGED);
}

static void
receipts_that_mostly_say_no_are_an_alarm_and_a_few_are_not(void)
{
    share_t share = {0};
    int64_t now = 50 * minute_us;
    share_note(&share, now, SHARE_FAILED, SHARE_LEAST - 1);
    CU_ASSERT_EQUAL(share_judge(&share, now), SHARE_UNJUDGED);
    share_note(&share, now, SHARE_FAILED, 1);
    CU_ASSERT_EQUAL(share_judge(&share, now), SHARE_FAILING);
    share_note(&share, now + minute_us, SHARE_DELIVERED, SHARE_LEAST);
    CU_ASSERT_EQUAL(share_judge(&share, now + minute_us), SHARE_FINE);
}

const char cr_suite[] = "dispatch_gateways";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(a_higher_number_stands_by_while_a_lower_one_can_work),
    TEST(what_the_first_refused_the_next_tries),
    TEST(alone_it_is_asked_again_itself),
    TEST(what_may_have_been_sent_does_not_move_to_another_gateway),
    TEST(who_is_ahead_of_its_share_waits_for_those_behind),
    TEST(numbers_go_to_the_gateway_that_reaches_them_best),
    TEST(a_hint_delays_nobody),
    TEST(a_carrier_is_known_by_the_longest_segment),
    TEST(a_paused_gateway_gets_nothing_and_the_queue_says_why),
    TEST(a_quota_ends_in_the_middle_of_a_block_and_begins_anew_at_midnight),
    TEST(an_emergency_heeds_neither_quota_nor_priority),
    TEST(submits_are_counted_by_day_and_those_before_our_start_too),
    TEST(rules_have_a_limit),
    TEST(receipts_that_stop_coming_are_missed_after_ten_minutes),
    TEST(receipts_that_mostly_say_no_are_an_alarm_and_a_few_are_not),
    CU_TEST_INFO_NULL,
};
