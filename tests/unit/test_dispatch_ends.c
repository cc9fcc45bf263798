/* The dispatch core: pause, cancellation, expiry, receipts, and when a broadcast is done. */
#include <stdlib.h>
#include <string.h>

#include "core_world.h"
#include "cr_test.h"

/* ---- pause, cancellation, expiry -------------------------------------------------------------- */

/* "w" has reported 4 of 20 intended, all stored. */
static uint64_t
begin_half_way(void)
{
    uint64_t lease = begin_windowed(1000, 10);
    say("w",
        (said_t){
            .lease = lease, .sequence = 1, .intent = 20, .count = 4, .outcome = CR_STATUS_HANDED});
    rig_settle(&rig);
    rig_forget(&rig);
    return lease;
}

/* "w" gives the lease back after what was intended, as a stopped worker does. */
static void
give_back(uint64_t lease)
{
    say("w", (said_t){.lease = lease,
                      .sequence = 2,
                      .intent = 20,
                      .from = 4,
                      .count = 16,
                      .outcome = CR_STATUS_HANDED,
                      .last = true});
    rig_settle(&rig);
}

static void
a_pause_stops_at_the_exact_recipient_and_goes_on_there(void)
{
    uint64_t lease = begin_half_way();
    CU_ASSERT_EQUAL(core_pause(rig.core, 1), CR_OK);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REVOKE), 2);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_REVOKE)->reason, CORE_STOP_PAUSED);
    give_back(lease);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_HANDED), 20);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_WAITING), 980);
    CU_ASSERT_EQUAL(core_resume(rig.core, 1), CR_OK);
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.first_rank, 0);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->offsets[0], 20);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->attempts[0], 1);
    finish();
}

static void
a_stopped_lease_grows_no_intent(void)
{
    uint64_t lease = begin_half_way();
    /* One report is under way when the stop comes, one is said after it. */
    say("w", (said_t){.lease = lease, .sequence = 2, .intent = 24});
    CU_ASSERT_EQUAL(core_pause(rig.core, 1), CR_OK);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->sequence, 2);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->intent, 20);
    say("w", (said_t){.lease = lease, .sequence = 3, .intent = 24});
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->sequence, 3);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->intent, 20);
    finish();
}

static void
the_word_to_stop_is_repeated(void)
{
    begin_half_way();
    CU_ASSERT_EQUAL(core_pause(rig.core, 1), CR_OK);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REVOKE), 2);
    pass_alive("w", CR_US_PER_S / 2);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REVOKE), 2);
    pass_alive("w", CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REVOKE), 4);
    finish();
}

static void
a_cancelled_broadcast_ends_when_its_leases_are_back(void)
{
    uint64_t lease = begin_half_way();
    CU_ASSERT_EQUAL(core_cancel(rig.core, 1), CR_OK);
    CU_ASSERT_EQUAL(core_cancel(rig.core, 1), CR_CONFLICT);
    CU_ASSERT_EQUAL(core_pause(rig.core, 1), CR_CONFLICT);
    CU_ASSERT_EQUAL(core_cancel(rig.core, 2), CR_NOTFOUND);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_REVOKE)->reason, CORE_STOP_CANCELLED);
    uint64_t other = rig_last(&rig, RIG_REVOKE)->number;
    if (other == lease)
        other = rig.events[0].number;
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_CANCELLED), 1000 - 512); /* what nobody holds */
    give_back(lease);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 0);
    say("w", (said_t){.lease = other, .sequence = 1, .last = true});
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_CANCELLED), 980);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 20), CR_STATUS_CANCELLED);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    finish();
}

static void
at_its_expiry_what_is_left_is_expired(void)
{
    uint64_t lease = begin_half_way();
    rig.now.wall_us += 3600 * CR_US_PER_S;
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_REVOKE)->reason, CORE_STOP_EXPIRED);
    say("w", (said_t){.lease = lease,
                      .sequence = 2,
                      .intent = 20,
                      .from = 4,
                      .count = 2,
                      .outcome = CR_STATUS_RETRY_1});
    rig_pass(&rig, 11 * CR_US_PER_S);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_HANDED), 4);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 14);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_EXPIRED), 1000 - 18);
    finish();
}

/* ---- receipts --------------------------------------------------------------------------------- */

static void
tell(uint64_t number, const core_receipt_t *receipts, size_t count)
{
    const core_receipts_t batch = {.number = number, .receipts = receipts, .count = count};
    core_receipts(rig.core, rig.now, "w", &batch);
    rig_check(&rig);
}

static core_receipt_t
receipt_of(uint32_t rank, cr_status_t outcome)
{
    return (core_receipt_t){.delivery = {1, SMS, rank, 1}, .outcome = outcome};
}

/* "w" has had 8 accepted, with ids "id0" to "id7", and waits for receipts for a minute. */
static void
begin_accepted(void)
{
    begin(0);
    core_broadcast_t spec = rig_spec(&rig, 1, 8);
    spec.receipt_wait_us = 60 * CR_US_PER_S;
    rig_start(&rig, &spec);
    join("w");
    hand_out();
    static const char names[8][4] = {"id0", "id1", "id2", "id3", "id4", "id5", "id6", "id7"};
    cr_slice_t ids[8];
    for (size_t i = 0; i < CR_COUNT(ids); i++)
        ids[i] = (cr_slice_t){names[i], 3};
    say("w", (said_t){.lease = rig_last(&rig, RIG_LEASE)->number,
                      .sequence = 1,
                      .intent = 8,
                      .count = 8,
                      .outcome = CR_STATUS_ACCEPTED,
                      .last = true,
                      .ids = ids,
                      .id_count = 8});
    rig_settle(&rig);
    rig_forget(&rig);
}

static void
a_receipt_by_reference_is_acknowledged_when_it_is_stored(void)
{
    begin_accepted();
    const core_receipt_t said[] = {receipt_of(3, CR_STATUS_DELIVERED),
                                   receipt_of(1, CR_STATUS_FAILED_UNREACHABLE)};
    tell(5, said, CR_COUNT(said));
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 0);
    tell(5, said, CR_COUNT(said)); /* repeated meanwhile */
    CU_ASSERT_EQUAL(rig.write_count, 1);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_RECEIPTS_ACK)->number, 5);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 3), CR_STATUS_DELIVERED);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 1), CR_STATUS_FAILED_UNREACHABLE);
    tell(5, said, CR_COUNT(said)); /* and afterwards */
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 2);
    finish();
}

static void
a_receipt_by_the_gateways_id_finds_its_delivery(void)
{
    begin_accepted();
    CU_ASSERT_EQUAL(rig.id_count, 8);
    const core_receipt_t said = {.gateway_id = CR_SLICE("id6"), .outcome = CR_STATUS_DELIVERED};
    tell(1, &said, 1);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 1);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 6), CR_STATUS_DELIVERED);
    finish();
}

static void
a_receipt_that_comes_twice_or_contradicts_a_better_one_changes_nothing(void)
{
    begin_accepted();
    const core_receipt_t said[] = {receipt_of(2, CR_STATUS_DELIVERED),
                                   receipt_of(2, CR_STATUS_DELIVERED)};
    tell(1, said, 2);
    tell(2, said, 1);
    const core_receipt_t worse = receipt_of(2, CR_STATUS_FAILED_RECEIPT);
    tell(3, &worse, 1);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 3);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_DELIVERED), 1);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_ACCEPTED), 7);
    finish();
}

static void
a_receipt_may_overtake_the_answer_to_its_submit(void)
{
    uint64_t lease = begin_leased(8);
    say("w", (said_t){.lease = lease, .sequence = 1, .intent = 8});
    const core_receipt_t by_id = {.gateway_id = CR_SLICE("x"), .outcome = CR_STATUS_DELIVERED};
    const core_receipt_t by_reference = receipt_of(2, CR_STATUS_DELIVERED);
    tell(1, &by_id, 1);
    tell(2, &by_reference, 1);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_DELIVERED), 1);
    say("w", (said_t){.lease = lease,
                      .sequence = 2,
                      .intent = 8,
                      .count = 1,
                      .outcome = CR_STATUS_ACCEPTED,
                      .ids = &CR_SLICE("x"),
                      .id_count = 1});
    rig_settle(&rig);
    for (int i = 0; i < 10; i++) {
        pass_alive("w", CR_US_PER_S);
        rig_settle(&rig);
    }
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 0), CR_STATUS_DELIVERED);
    /* Its own answer comes after the receipt and takes nothing back. */
    say("w", (said_t){.lease = lease,
                      .sequence = 3,
                      .intent = 8,
                      .from = 1,
                      .count = 7,
                      .outcome = CR_STATUS_ACCEPTED,
                      .last = true});
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_DELIVERED), 2);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_ACCEPTED), 6);
    finish();
}

static void
a_failure_of_an_earlier_attempt_says_nothing_while_the_next_is_out(void)
{
    uint64_t lease = begin_leased(1);
    say("w",
        (said_t){
            .lease = lease, .sequence = 1, .count = 1, .outcome = CR_STATUS_RETRY_1, .last = true});
    rig_settle(&rig);
    pass_alive("w", 2 * CR_US_PER_S);
    CU_ASSERT_EQUAL_FATAL(rig_last(&rig, RIG_LEASE)->attempts[0], 2);
    const core_receipt_t failed = receipt_of(0, CR_STATUS_FAILED_RECEIPT);
    tell(1, &failed, 1);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_RETRY_1), 1);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 1);
    const core_receipt_t delivered = receipt_of(0, CR_STATUS_DELIVERED);
    tell(2, &delivered, 1);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_DELIVERED), 1);
    finish();
}

static void
a_receipt_without_a_delivery_is_kept_for_a_minute_and_counted(void)
{
    begin_accepted();
    const core_receipt_t said[] = {
        {.delivery = {9, SMS, 0, 1}, .outcome = CR_STATUS_DELIVERED},
        {.gateway_id = CR_SLICE("nobody's"), .outcome = CR_STATUS_DELIVERED}};
    tell(1, said, 2);
    for (int i = 0; i < 58; i++) {
        pass_alive("w", CR_US_PER_S);
        rig_settle(&rig);
    }
    CU_ASSERT_EQUAL(core_stats(rig.core).receipts_unknown, 0);
    for (int i = 0; i < 8; i++) {
        pass_alive("w", CR_US_PER_S);
        rig_settle(&rig);
    }
    CU_ASSERT_EQUAL(core_stats(rig.core).receipts_unknown, 2);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 1);
    finish();
}

static void
a_receipt_with_an_outcome_that_is_none_is_refused(void)
{
    const cr_status_t outcomes[] = {255, CR_STATUS_RETRY_1, CR_STATUS_EXPIRED, CR_STATUS_UNKNOWN};
    for (size_t i = 0; i < CR_COUNT(outcomes); i++) {
        begin_accepted();
        const core_receipt_t said = receipt_of(0, outcomes[i]);
        tell(1, &said, 1);
        rig_settle(&rig);
        CU_ASSERT_EQUAL_FATAL(rig_count(&rig, RIG_REFUSE), 1);
        CU_ASSERT_EQUAL(rig_last(&rig, RIG_REFUSE)->reason, CORE_MALFORMED);
        CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 0);
        CU_ASSERT_EQUAL(count_of(CR_STATUS_ACCEPTED), 8);
        finish();
    }
}

/* ---- done ------------------------------------------------------------------------------------- */

static void
without_a_receipt_in_time_a_delivery_is_unconfirmed_until_one_comes(void)
{
    begin_accepted();
    const core_receipt_t said = receipt_of(0, CR_STATUS_DELIVERED);
    tell(1, &said, 1);
    rig_settle(&rig);
    pass_alive("w", 58 * CR_US_PER_S);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_ACCEPTED), 7);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).waits, CORE_WAITS_RECEIPTS);
    pass_alive("w", 3 * CR_US_PER_S);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNCONFIRMED), 7);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 0); /* not stored yet */
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    const core_receipt_t late[] = {receipt_of(1, CR_STATUS_FAILED_RECEIPT),
                                   receipt_of(2, CR_STATUS_DELIVERED)};
    tell(2, late, 2);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 1), CR_STATUS_FAILED_RECEIPT);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 2), CR_STATUS_DELIVERED);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    finish();
}

static void
an_unknown_delivery_has_the_time_of_a_receipt_before_the_broadcast_is_done(void)
{
    begin(0);
    core_broadcast_t spec = rig_spec(&rig, 1, 8);
    spec.receipt_wait_us = 60 * CR_US_PER_S;
    rig_start(&rig, &spec);
    join("w");
    hand_out();
    uint64_t lease = rig_last(&rig, RIG_LEASE)->number;
    say("w", (said_t){.lease = lease,
                      .sequence = 1,
                      .intent = 8,
                      .count = 8,
                      .outcome = CR_STATUS_UNKNOWN,
                      .last = true});
    rig_settle(&rig);
    pass_alive("w", 58 * CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 0);
    const core_receipt_t said = receipt_of(0, CR_STATUS_DELIVERED);
    tell(1, &said, 1);
    rig_settle(&rig);
    pass_alive("w", 3 * CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 7);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_DELIVERED), 1);
    finish();
}

static void
an_empty_broadcast_and_one_whose_everybody_is_screened_are_done(void)
{
    begin(0);
    core_broadcast_t nobody = rig_spec(&rig, 1, 0), screened = rig_spec(&rig, 2, 20000);
    rig.verdict = CR_STATUS_SUPPRESSED_ADDRESS;
    rig.screen_end = 20000;
    rig_start(&rig, &nobody);
    rig_start(&rig, &screened);
    join("w");
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 2);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    finish();
}

static void
the_times_of_half_most_and_last_are_kept(void)
{
    uint64_t lease = begin_leased(101);
    const struct {
        uint32_t from, count;
    } steps[] = {{0, 50}, {50, 1}, {51, 44}, {95, 1}, {96, 5}};
    int64_t at_us[CR_COUNT(steps)];
    for (uint32_t i = 0; i < CR_COUNT(steps); i++) {
        rig_pass(&rig, CR_US_PER_S);
        at_us[i] = rig.now.wall_us;
        say("w", (said_t){.lease = lease,
                          .sequence = i + 1,
                          .from = steps[i].from,
                          .count = steps[i].count,
                          .outcome = CR_STATUS_HANDED,
                          .last = i + 1 == CR_COUNT(steps)});
        rig_settle(&rig);
    }
    core_channel_t seen = rig_channel(&rig, 1, SMS);
    CU_ASSERT_EQUAL(seen.first_us, at_us[0]);
    CU_ASSERT_EQUAL(seen.half_us, at_us[1]);
    CU_ASSERT_EQUAL(seen.most_us, at_us[3]);
    CU_ASSERT_EQUAL(seen.last_us, at_us[4]);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    finish();
}

/* ---- after the end ---------------------------------------------------------------------------- */

static void
what_is_over_is_forgotten_and_comes_back_for_a_late_receipt(void)
{
    begin_accepted();
    CU_ASSERT_EQUAL(core_forget(rig.core, 1), CR_CONFLICT);
    pass_alive("w", 61 * CR_US_PER_S);
    CU_ASSERT_EQUAL(core_forget(rig.core, 1), CR_CONFLICT); /* its end is not stored yet */
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    CU_ASSERT_EQUAL(core_forget(rig.core, 1), CR_OK);
    CU_ASSERT_EQUAL(core_forget(rig.core, 1), CR_NOTFOUND);
    const core_receipt_t said = {.gateway_id = CR_SLICE("id6"), .outcome = CR_STATUS_DELIVERED};
    tell(1, &said, 1);
    rig_settle(&rig);
    CU_ASSERT_EQUAL_FATAL(rig_last(&rig, RIG_WANT)->number, 1);

    cr_status_t *status[CR_CHANNEL_COUNT] = {[SMS] = malloc(8)};
    for (uint32_t i = 0; i < 8; i++)
        status[SMS][i] = rig_stored(&rig, 1, SMS, i);
    core_broadcast_t spec = rig_spec(&rig, 1, 8);
    spec.over = true;
    CU_ASSERT_EQUAL(core_start(rig.core, rig.now, &spec, status), CR_OK);
    for (int i = 0; i < 6; i++) {
        pass_alive("w", CR_US_PER_S);
        rig_settle(&rig);
    }
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 6), CR_STATUS_DELIVERED);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNCONFIRMED), 7);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    CU_ASSERT_EQUAL(core_pause(rig.core, 1), CR_CONFLICT);
    finish();
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
const char cr_suite[] = "dispatch_ends";
CU_TestInfo cr_tests[] = {
    TEST(a_pause_stops_at_the_exact_recipient_and_goes_on_there),
    TEST(a_stopped_lease_grows_no_intent),
    TEST(the_word_to_stop_is_repeated),
    TEST(a_cancelled_broadcast_ends_when_its_leases_are_back),
    TEST(at_its_expiry_what_is_left_is_expired),
    TEST(a_receipt_by_reference_is_acknowledged_when_it_is_stored),
    TEST(a_receipt_by_the_gateways_id_finds_its_delivery),
    TEST(a_receipt_that_comes_twice_or_contradicts_a_better_one_changes_nothing),
    TEST(a_receipt_may_overtake_the_answer_to_its_submit),
    TEST(a_failure_of_an_earlier_attempt_says_nothing_while_the_next_is_out),
    TEST(a_receipt_without_a_delivery_is_kept_for_a_minute_and_counted),
    TEST(a_receipt_with_an_outcome_that_is_none_is_refused),
    TEST(without_a_receipt_in_time_a_delivery_is_unconfirmed_until_one_comes),
    TEST(an_unknown_delivery_has_the_time_of_a_receipt_before_the_broadcast_is_done),
    TEST(an_empty_broadcast_and_one_whose_everybody_is_screened_are_done),
    TEST(the_times_of_half_most_and_last_are_kept),
    TEST(what_is_over_is_forgotten_and_comes_back_for_a_late_receipt),
    CU_TEST_INFO_NULL,
};
