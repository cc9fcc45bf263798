/* The dispatch core: what waits, why, and how long; workers that get no leases. */
#include "core_world.h"
#include "cr_test.h"
#include "policy.h"

/* ---- back-off --------------------------------------------------------------------------------- */

static void
a_back_off_doubles_up_to_its_limit_give_or_take_a_quarter(void)
{
    const core_config_t config = {.retry_first_us = CR_US_PER_S, .retry_max_us = 10 * CR_US_PER_S};
    const int64_t wanted_s[] = {1, 2, 4, 8, 10, 10, 10};
    uint64_t seed = 7;
    for (unsigned attempt = 1; attempt <= CR_COUNT(wanted_s); attempt++) {
        int64_t least = INT64_MAX, most = 0, middle = wanted_s[attempt - 1] * CR_US_PER_S;
        for (int i = 0; i < 1000; i++) {
            int64_t us = policy_back_off(&config, attempt, &seed);
            least = us < least ? us : least;
            most = us > most ? us : most;
        }
        CU_ASSERT(least >= middle * 3 / 4 && most <= middle * 5 / 4 + 1);
        CU_ASSERT(least < middle * 8 / 10 && most > middle * 12 / 10); /* it is spread */
    }
}

static int64_t
retry_in_us(void)
{
    return rig_channel(&rig, 1, SMS).next_retry_us - rig.now.mono_us;
}

/* All of the lease must be tried again, the gateway asked for so long. */
static void
try_later(uint64_t lease, uint32_t count, uint32_t retry_after_ms)
{
    say("w", (said_t){.lease = lease,
                      .sequence = 1,
                      .intent = count,
                      .count = count,
                      .outcome = CR_STATUS_RETRY_1,
                      .retry_after_ms = retry_after_ms,
                      .last = true});
    rig_settle(&rig);
}

static void
a_gateway_may_ask_for_more_time_and_not_for_less(void)
{
    const struct {
        uint32_t asked_ms;
        int64_t least_ms, most_ms;
    } cases[] = {{0, 700, 1260}, {100, 700, 1260}, {30000, 29900, 30000}};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        try_later(begin_leased(8), 8, cases[i].asked_ms);
        CU_ASSERT(retry_in_us() >= cases[i].least_ms * CR_US_PER_MS);
        CU_ASSERT(retry_in_us() <= cases[i].most_ms * CR_US_PER_MS);
        CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).waits, CORE_WAITS_RETRY);
        finish();
    }
}

/* ---- after an outage -------------------------------------------------------------------------- */

/* A good or bad answer to broadcast 2, which has nothing else to do. */
static void
answer_probe(uint64_t lease, uint32_t sequence, cr_status_t outcome)
{
    say("w", (said_t){.lease = lease,
                      .sequence = sequence,
                      .intent = 8,
                      .from = sequence - 2,
                      .count = 1,
                      .outcome = outcome});
    rig_settle(&rig);
}

typedef struct {
    uint32_t asked_ms; /* by the gateway, at the last failure */
    bool chatter;      /* somebody was answered well just before it */
    cr_status_t probe; /* the answer after it */
} outage_case_t;

/* Eight fail six times, so that the next back-off is 32 s or so; then another broadcast gets an
 * answer. How long the eight still have to wait. */
static int64_t
wait_after(outage_case_t it)
{
    rig_init(&rig);
    rig.config.retry_max_us = 600 * CR_US_PER_S;
    rig.config.attempts_max = 8;
    rig_restart(&rig, 0);
    core_broadcast_t failing = rig_spec(&rig, 1, 8), probe = rig_spec(&rig, 2, 8);
    rig_start(&rig, &failing);
    rig_start(&rig, &probe);
    join("w");
    rig_settle(&rig);
    uint64_t first = rig_last(&rig, RIG_LEASE)[-1].number,
             other = rig_last(&rig, RIG_LEASE)->number;
    CU_ASSERT_EQUAL_FATAL(rig_last(&rig, RIG_LEASE)->lease.broadcast, 2);
    say("w", (said_t){.lease = other, .sequence = 1, .intent = 8});
    try_later(first, 8, 0);
    for (int attempt = 2; attempt <= 6; attempt++) {
        while (rig_channel(&rig, 1, SMS).leased == 0) {
            pass_alive("w", CR_US_PER_S);
            rig_settle(&rig);
        }
        if (attempt == 6 && it.chatter)
            answer_probe(other, 2, CR_STATUS_HANDED);
        try_later(rig_last(&rig, RIG_LEASE)->number, 8, attempt == 6 ? it.asked_ms : 0);
    }
    CU_ASSERT(retry_in_us() > 19 * CR_US_PER_S);
    answer_probe(other, it.chatter ? 3 : 2, it.probe);
    int64_t left_us = retry_in_us();
    finish();
    return left_us;
}

static void
when_a_gateway_answers_again_retries_need_not_wait_out_their_back_off(void)
{
    CU_ASSERT(wait_after((outage_case_t){.probe = CR_STATUS_HANDED}) <= CR_US_PER_S);
    CU_ASSERT(wait_after((outage_case_t){.probe = CR_STATUS_FAILED_ADDRESS}) <= CR_US_PER_S);
    CU_ASSERT(wait_after((outage_case_t){.probe = CR_STATUS_RETRY_1}) > 19 * CR_US_PER_S);
}

static void
what_the_gateway_asked_for_is_waited_for(void)
{
    const outage_case_t it = {.probe = CR_STATUS_HANDED, .asked_ms = 60000};
    CU_ASSERT(wait_after(it) > 59 * CR_US_PER_S);
}

static void
one_that_fails_alone_among_good_answers_keeps_its_back_off(void)
{
    const outage_case_t it = {.probe = CR_STATUS_HANDED, .chatter = true};
    CU_ASSERT(wait_after(it) > 19 * CR_US_PER_S);
}

/* ---- why it waits ----------------------------------------------------------------------------- */

static core_wait_t
reason(uint64_t broadcast)
{
    return rig_channel(&rig, broadcast, SMS).waits;
}

static void
a_channel_says_what_it_waits_for(void)
{
    begin(1000);
    CU_ASSERT_EQUAL(reason(1), CORE_WAITS_WORKER);
    core_hello_t hello = rig_hello("w");
    hello.credit = 0;
    rig_say_hello(&rig, &hello);
    rig_tick(&rig);
    CU_ASSERT_EQUAL(reason(1), CORE_WAITS_GATEWAY);
    join("w");
    rig_tick(&rig);
    CU_ASSERT_EQUAL(reason(1), CORE_WAITS_NOT);
    core_broadcast_t second = rig_spec(&rig, 2, 10);
    second.lane = CR_LANE_BULK;
    rig_start(&rig, &second);
    rig_tick(&rig);
    CU_ASSERT_EQUAL(reason(2), CORE_WAITS_TURN);
    CU_ASSERT_EQUAL(rig_channel(&rig, 2, SMS).behind, 1);
    CU_ASSERT_EQUAL(core_pause(rig.core, 2), CR_OK);
    CU_ASSERT_EQUAL(reason(2), CORE_WAITS_PAUSED);
    finish();
}

/* ---- drained workers -------------------------------------------------------------------------- */

static uint64_t
lease_of_block(uint32_t block)
{
    for (size_t i = rig.event_count; i > 0; i--)
        if (rig.events[i - 1].kind == RIG_LEASE &&
            rig.events[i - 1].lease.first_rank == block * CORE_BLOCK)
            return rig.events[i - 1].number;
    CU_FAIL_FATAL("the block is not leased");
    return 0;
}

static void
drain(const char *worker, bool on)
{
    CU_ASSERT_EQUAL(core_drain(rig.core, rig.now, worker, on), CR_OK);
}

static void
a_drained_worker_finishes_its_leases_and_gets_none(void)
{
    uint64_t lease = begin_leased(1000);
    size_t before = rig_count(&rig, RIG_LEASE);
    drain("w", true);
    for (uint32_t i = 0; i < 2; i++)
        say("w", (said_t){.lease = i == 0 ? lease : lease_of_block(1),
                          .sequence = 1,
                          .intent = 256 / 8,
                          .count = 256 / 8,
                          .outcome = CR_STATUS_HANDED,
                          .last = true});
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_HANDED), 64);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), before);
    CU_ASSERT_EQUAL(reason(1), CORE_WAITS_WORKER);
    join("w"); /* it comes again */
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), before);
    drain("w", false);
    rig_settle(&rig);
    CU_ASSERT(rig_count(&rig, RIG_LEASE) > before);
    finish();
}

static void
a_worker_may_be_drained_before_it_comes_and_is_not_forgotten(void)
{
    begin(0);
    core_broadcast_t spec = rig_spec(&rig, 1, 10);
    spec.lane = CR_LANE_EMERGENCY;
    rig_start(&rig, &spec);
    drain("w", true);
    rig_pass(&rig, 60 * CR_US_PER_S);
    join("w");
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    drain("nobody", false);
    join("x");
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 1);
    finish();
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
const char cr_suite[] = "dispatch_waits";
CU_TestInfo cr_tests[] = {
    TEST(a_back_off_doubles_up_to_its_limit_give_or_take_a_quarter),
    TEST(a_gateway_may_ask_for_more_time_and_not_for_less),
    TEST(when_a_gateway_answers_again_retries_need_not_wait_out_their_back_off),
    TEST(what_the_gateway_asked_for_is_waited_for),
    TEST(one_that_fails_alone_among_good_answers_keeps_its_back_off),
    TEST(a_channel_says_what_it_waits_for),
    TEST(a_drained_worker_finishes_its_leases_and_gets_none),
    TEST(a_worker_may_be_drained_before_it_comes_and_is_not_forgotten),
    CU_TEST_INFO_NULL,
};
