/* The dispatch core: what a person orders about deliveries whose outcome is unknown. */
#include "core_world.h"
#include "cr_test.h"

enum { SMS_BIT = 1u << CR_CHANNEL_SMS };

/* Of 600, 8 of block 0 and 8 of block 1 are unknown; the others wait. "w" is there. */
static void
begin_unknown(void)
{
    begin(0);
    core_broadcast_t spec = rig_spec(&rig, 1, 600);
    spec.receipt_wait_us = 600 * CR_US_PER_S;
    rig_start(&rig, &spec);
    join("w");
    hand_out();
    for (uint64_t i = 0; i < 2; i++)
        say("w", (said_t){.lease = rig.events[i + 1].number,
                          .sequence = 1,
                          .intent = 8,
                          .count = 8,
                          .outcome = CR_STATUS_UNKNOWN,
                          .last = true});
    CU_ASSERT_EQUAL(core_pause(rig.core, 1), CR_OK);
    rig_settle(&rig);
    CU_ASSERT_EQUAL_FATAL(count_of(CR_STATUS_UNKNOWN), 16);
}

static cr_err_t
order(unsigned channels, cr_status_t to)
{
    return core_order(rig.core, rig.now, 1, channels, to);
}

static void
what_is_unknown_is_sent_again_on_order_and_told_when_it_is_stored(void)
{
    begin_unknown();
    rig_forget(&rig);
    CU_ASSERT_EQUAL(order(SMS_BIT, CR_STATUS_RETRY_1), CR_OK);
    CU_ASSERT_EQUAL(order(SMS_BIT, CR_STATUS_RETRY_1), CR_CONFLICT);
    rig_tick(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_RETRY_1), 16);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_ORDERED), 0);
    rig_settle(&rig);
    CU_ASSERT_EQUAL_FATAL(rig_count(&rig, RIG_ORDERED), 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ORDERED)->moved, 16);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 256), CR_STATUS_RETRY_1);
    CU_ASSERT_EQUAL(core_resume(rig.core, 1), CR_OK);
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->attempts[0], 2);
    finish();
}

static void
an_order_given_again_finds_nothing_to_do(void)
{
    begin_unknown();
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(order(SMS_BIT, CR_STATUS_PRESUMED), CR_OK);
        rig_settle(&rig);
        CU_ASSERT_EQUAL(rig_last(&rig, RIG_ORDERED)->moved, i == 0 ? 16 : 0);
    }
    CU_ASSERT_EQUAL(count_of(CR_STATUS_PRESUMED), 16);
    CU_ASSERT_EQUAL(order(1u << CR_CHANNEL_MAIL, CR_STATUS_PRESUMED), CR_OK);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_ORDERED), 3);
    finish();
}

static void
another_channel_is_left_alone(void)
{
    begin_unknown();
    CU_ASSERT_EQUAL(order(1u << CR_CHANNEL_MAIL, CR_STATUS_RETRY_1), CR_OK);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 16);
    finish();
}

static void
a_receipt_still_corrects_what_was_taken_as_sent(void)
{
    begin_unknown();
    CU_ASSERT_EQUAL(order(SMS_BIT, CR_STATUS_PRESUMED), CR_OK);
    rig_settle(&rig);
    const core_receipt_t said = {.delivery = {1, SMS, 3, 1}, .outcome = CR_STATUS_FAILED_RECEIPT};
    const core_receipts_t batch = {.number = 1, .receipts = &said, .count = 1};
    core_receipts(rig.core, rig.now, "w", &batch);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 3), CR_STATUS_FAILED_RECEIPT);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_PRESUMED), 15);
    finish();
}

/* Sent again by order, and then no more: it is not called unsent, even after a kill -9. */
static void
what_was_sent_again_never_ends_as_if_it_had_not_been(void)
{
    begin_unknown();
    CU_ASSERT_EQUAL(order(SMS_BIT, CR_STATUS_RETRY_1), CR_OK);
    rig_settle(&rig);
    rig_restart(&rig, 0);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_RETRY_1), 16);
    rig.now.wall_us += 7200 * CR_US_PER_S;
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_EXPIRED), 584);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 16);
    finish();
}

static void
a_kill_in_between_leaves_what_the_next_order_does(void)
{
    begin_unknown();
    CU_ASSERT_EQUAL(order(SMS_BIT, CR_STATUS_PRESUMED), CR_OK);
    rig_tick(&rig);
    rig_restart(&rig, 1);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_PRESUMED), 8);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 8);
    CU_ASSERT_EQUAL(order(SMS_BIT, CR_STATUS_PRESUMED), CR_OK);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_PRESUMED), 16);
    finish();
}

static void
after_its_end_nothing_is_sent_again_but_may_be_taken_as_sent(void)
{
    begin_unknown();
    CU_ASSERT_EQUAL(core_cancel(rig.core, 1), CR_OK);
    CU_ASSERT_EQUAL(order(SMS_BIT, CR_STATUS_RETRY_1), CR_CONFLICT);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(order(SMS_BIT, CR_STATUS_PRESUMED), CR_OK);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_PRESUMED), 16);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    CU_ASSERT_EQUAL(core_order(rig.core, rig.now, 9, SMS_BIT, CR_STATUS_PRESUMED), CR_NOTFOUND);
    finish();
}

static void
an_expiry_in_the_middle_of_an_order_ends_all(void)
{
    begin_unknown();
    CU_ASSERT_EQUAL(order(SMS_BIT, CR_STATUS_RETRY_1), CR_OK);
    rig.now.wall_us += 7200 * CR_US_PER_S;
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ORDERED)->moved, 0);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 16);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_EXPIRED), 584);
    finish();
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
const char cr_suite[] = "dispatch_unknown";
CU_TestInfo cr_tests[] = {
    TEST(what_is_unknown_is_sent_again_on_order_and_told_when_it_is_stored),
    TEST(an_order_given_again_finds_nothing_to_do),
    TEST(another_channel_is_left_alone),
    TEST(a_receipt_still_corrects_what_was_taken_as_sent),
    TEST(what_was_sent_again_never_ends_as_if_it_had_not_been),
    TEST(a_kill_in_between_leaves_what_the_next_order_does),
    TEST(after_its_end_nothing_is_sent_again_but_may_be_taken_as_sent),
    TEST(an_expiry_in_the_middle_of_an_order_ends_all),
    CU_TEST_INFO_NULL,
};
