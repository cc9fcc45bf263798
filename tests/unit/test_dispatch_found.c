/* The dispatch core: what crier-sim found, each as short as it can be told. */
#include <string.h>

#include "core_world.h"
#include "cr_test.h"

static void
nothing_is_handed_out_past_its_expiry_however_the_clock_jumps(void)
{
    begin(10);
    rig_tick(&rig); /* what is timed is not looked at again for a while */
    join("w");
    rig.now.wall_us += 7200 * CR_US_PER_S;
    rig_tick(&rig);
    CU_ASSERT_EQUAL(rig.write_count, 0);
    CU_ASSERT_EQUAL(core_stats(rig.core).leases_granted, 0);
    finish();
}

static void
a_refusal_of_the_second_submit_does_not_say_how_the_first_ended(void)
{
    begin(0);
    core_broadcast_t spec = rig_spec(&rig, 1, 1);
    spec.resend_unknown = true;
    rig_start(&rig, &spec);
    join("w");
    hand_out();
    say("w", (said_t){.lease = rig_last(&rig, RIG_LEASE)->number,
                      .sequence = 1,
                      .intent = 1,
                      .count = 1,
                      .outcome = CR_STATUS_UNKNOWN,
                      .last = true});
    pass_alive("w", 5 * CR_US_PER_S);
    CU_ASSERT_EQUAL_FATAL(rig_count(&rig, RIG_LEASE), 2);
    say("w", (said_t){.lease = rig_last(&rig, RIG_LEASE)->number,
                      .sequence = 1,
                      .intent = 1,
                      .count = 1,
                      .outcome = CR_STATUS_FAILED_ADDRESS,
                      .last = true});
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 1);
    finish();
}

static void
tell(uint64_t number)
{
    const core_receipt_t receipt = {.delivery = {1, SMS, 0, 1}, .outcome = CR_STATUS_DELIVERED};
    core_receipts(rig.core, rig.now, "w", &(core_receipts_t){number, &receipt, 1});
}

static void
a_doubled_receipt_is_acknowledged_when_the_first_is_stored(void)
{
    uint64_t lease = begin_leased(1);
    say("w", (said_t){.lease = lease,
                      .sequence = 1,
                      .intent = 1,
                      .count = 1,
                      .outcome = CR_STATUS_ACCEPTED,
                      .last = true});
    CU_ASSERT(rig_store(&rig));
    tell(1);
    tell(2);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 0);
    while (rig_store(&rig))
        ;
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 2);
    finish();
}

static void
a_cancelled_rest_is_cancelled_whatever_the_workers_clock_says(void)
{
    uint64_t lease = begin_leased(4);
    CU_ASSERT_EQUAL(core_cancel(rig.core, 1), CR_OK);
    say("w",
        (said_t){
            .lease = lease, .sequence = 1, .count = 4, .outcome = CR_STATUS_EXPIRED, .last = true});
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_CANCELLED), 4);
    finish();
}

static void
greet(const char *worker, const char *gateway)
{
    core_hello_t hello = rig_hello(worker);
    hello.gateway.idempotent = true;
    hello.gateway.window = 2;
    memcpy(hello.gateway.name, gateway, strlen(gateway) + 1);
    rig_say_hello(&rig, &hello);
}

static void
what_one_gateway_may_have_sent_is_not_sent_by_another(void)
{
    begin(10);
    greet("w", "a");
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.intent, 4);
    greet("w", "a"); /* it has forgotten its lease */
    core_bye(rig.core, "w");
    greet("v", "b");
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 6);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 4);
    finish();
}

static void
what_a_gateway_may_have_sent_is_sent_again_by_itself_after_a_restart_too(void)
{
    begin(10);
    greet("w", "a");
    hand_out();
    greet("w", "a");
    rig_settle(&rig);
    rig_restart(&rig, 0);
    greet("w", "a");
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 10);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 0);
    finish();
}

static void
lose_all(void)
{
    core_hello_t hello = rig_hello("w"); /* it holds nothing any more */
    rig_say_hello(&rig, &hello);
    hand_out();
}

static void
a_late_refusal_of_an_older_lease_does_not_say_how_a_later_one_ended(void)
{
    uint64_t first = begin_leased(1);
    const said_t refused = {.lease = first,
                            .sequence = 1,
                            .intent = 1,
                            .count = 1,
                            .outcome = CR_STATUS_RETRY_1,
                            .last = true};
    lose_all();
    say("w", refused);
    rig_settle(&rig);
    pass_alive("w", 5 * CR_US_PER_S);
    hand_out();
    CU_ASSERT_NOT_EQUAL_FATAL(rig_last(&rig, RIG_LEASE)->number, first);
    lose_all();
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 1);
    say("w", refused); /* repeated: its answer got lost */
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 1);
    finish();
}

const char cr_suite[] = "dispatch_found";
CU_TestInfo cr_tests[] = {
    {"nothing is handed out past its expiry, however the clock jumps",
     nothing_is_handed_out_past_its_expiry_however_the_clock_jumps},
    {"a refusal of the second submit does not say how the first ended",
     a_refusal_of_the_second_submit_does_not_say_how_the_first_ended},
    {"a doubled receipt is acknowledged when the first is stored",
     a_doubled_receipt_is_acknowledged_when_the_first_is_stored},
    {"a cancelled rest is cancelled, whatever the worker's clock says",
     a_cancelled_rest_is_cancelled_whatever_the_workers_clock_says},
    {"what one gateway may have sent is not sent by another",
     what_one_gateway_may_have_sent_is_not_sent_by_another},
    {"what a gateway may have sent is sent again by itself, after a restart too",
     what_a_gateway_may_have_sent_is_sent_again_by_itself_after_a_restart_too},
    {"a late refusal of an older lease does not say how a later one ended",
     a_late_refusal_of_an_older_lease_does_not_say_how_a_later_one_ended},
    CU_TEST_INFO_NULL,
};
