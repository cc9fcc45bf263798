/* What gateways bill for what they took: added up once. */
#include "core_world.h"
#include "cr_test.h"

const char cr_suite[] = "dispatch_bill";

enum { PRICE = 45000 };

static cr_bill_t before; /* of the broadcast, when it was started */

static uint64_t
begin_priced(void)
{
    before = (cr_bill_t){0};
    begin(256);
    core_hello_t hello = rig_hello("w");
    hello.gateway.price = PRICE;
    rig_say_hello(&rig, &hello);
    hand_out();
    return rig_last(&rig, RIG_LEASE)->number;
}

/* Three outcomes with one, two and three parts from `from` on. */
static void
say_parts(uint64_t lease, uint32_t sequence, uint8_t from, cr_status_t outcome)
{
    const uint8_t parts[] = {1, 2, 3}, outcomes[] = {outcome, outcome, outcome},
                  positions[] = {from, (uint8_t)(from + 1), (uint8_t)(from + 2)};
    const core_report_t report = {.lease = lease,
                                  .sequence = sequence,
                                  .intent = 32,
                                  .positions = positions,
                                  .outcomes = outcomes,
                                  .parts = parts,
                                  .count = 3};
    core_report(rig.core, rig.now, "w", &report);
    rig_settle(&rig);
}

static void
check_bill(uint64_t parts)
{
    cr_bill_t bill = rig_channel(&rig, 1, SMS).bill;
    CU_ASSERT_EQUAL(bill.parts, parts);
    CU_ASSERT_EQUAL(bill.price, parts * PRICE);
    CU_ASSERT_EQUAL(rig.billed.parts, parts - before.parts);
    CU_ASSERT_EQUAL(rig.billed.price, (parts - before.parts) * PRICE);
}

static void
what_was_taken_is_billed_and_nothing_else(void)
{
    uint64_t lease = begin_priced();
    say_parts(lease, 1, 0, CR_STATUS_ACCEPTED);
    check_bill(6);
    say_parts(lease, 2, 3, CR_STATUS_HANDED);
    check_bill(12);
    say_parts(lease, 3, 6, CR_STATUS_FAILED_ADDRESS);
    say_parts(lease, 4, 9, CR_STATUS_UNKNOWN);
    say_parts(lease, 5, 12, CR_STATUS_RETRY_1);
    check_bill(12);
    finish();
}

static void
without_a_word_about_parts_each_is_one(void)
{
    uint64_t lease = begin_priced();
    say("w", (said_t){.lease = lease,
                      .sequence = 1,
                      .intent = 32,
                      .count = 5,
                      .outcome = CR_STATUS_ACCEPTED});
    rig_settle(&rig);
    check_bill(5);
    finish();
}

static void
a_report_that_comes_again_is_billed_once(void)
{
    uint64_t lease = begin_priced();
    say_parts(lease, 1, 0, CR_STATUS_ACCEPTED);
    say_parts(lease, 1, 0, CR_STATUS_ACCEPTED);
    check_bill(6);
    finish();
}

static void
what_a_lost_lease_proves_is_billed_once(void)
{
    uint64_t lease = begin_priced();
    say("w", (said_t){.lease = lease, .sequence = 1, .intent = 32});
    rig_settle(&rig);
    rig_pass(&rig, 11 * CR_US_PER_S); /* "w" is silent */
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LOST), 1);
    say_parts(lease, 2, 0, CR_STATUS_ACCEPTED);
    check_bill(6);
    say_parts(lease, 2, 0, CR_STATUS_ACCEPTED);
    check_bill(6);
    finish();
}

static void
a_restarted_broadcast_goes_on_with_what_it_had(void)
{
    begin(0);
    core_broadcast_t spec = rig_spec(&rig, 1, 10);
    before = (cr_bill_t){7, 7 * PRICE};
    spec.bill[SMS] = before;
    rig_start(&rig, &spec);
    check_bill(7);
    finish();
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }

CU_TestInfo cr_tests[] = {
    TEST(what_was_taken_is_billed_and_nothing_else),
    TEST(without_a_word_about_parts_each_is_one),
    TEST(a_report_that_comes_again_is_billed_once),
    TEST(what_a_lost_lease_proves_is_billed_once),
    TEST(a_restarted_broadcast_goes_on_with_what_it_had),
    CU_TEST_INFO_NULL,
};
