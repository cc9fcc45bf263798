/* The board of a worker: lanes, intents, reports, class. */
#include <string.h>

#include "cr_clock.h"
#include "cr_lease.h"
#include "cr_test.h"
#include "runtime/board.h"

enum { WINDOW = 4 };

static const board_rules_t rules = {
    .window = WINDOW, .drill = true, .credit = 2, .urgent_credit = 1};
static const board_time_t early = {1000, 1000};
static const outcome_t accepted = {.status = CR_STATUS_ACCEPTED, .gateway_id = {"", 0}};

static board_t *
board_with(const lease_spec_t *specs, size_t count)
{
    board_t *board = board_new(&rules);
    for (size_t i = 0; i < count; i++) {
        batch_t *batch = lease_batch(&specs[i]);
        CU_ASSERT_EQUAL(board_add(board, &batch, 0), CR_OK);
    }
    return board;
}

static board_t *
board_with_one(size_t count)
{
    const lease_spec_t spec = {.lease = 7, .lane = CR_LANE_BULK, .drill = true, .count = count};
    return board_with(&spec, 1);
}

/* Sends the next report and acknowledges it; false when none is due. */
static bool
exchange(board_t *board, int64_t now_us)
{
    Crier__V1__Report report;
    if (!board_report(board, now_us, &report))
        return false;
    board_acknowledge(board, report.lease, report.sequence, report.intent);
    return true;
}

static size_t
submit_all(board_t *board, board_slot_t *slots, size_t max)
{
    size_t count = 0;
    while (count < max && board_next(board, early, &slots[count]))
        count++;
    return count;
}

static void
settle_all(board_t *board, const board_slot_t *slots, size_t count, int64_t now_us)
{
    for (size_t i = 0; i < count; i++)
        board_settle(board, &slots[i], &accepted, now_us);
}

static void
the_first_report_asks_for_two_windows(void)
{
    board_t *board = board_with_one(100);
    Crier__V1__Report report;
    CU_ASSERT_TRUE(board_report(board, 0, &report));
    CU_ASSERT_EQUAL(report.lease, 7);
    CU_ASSERT_EQUAL(report.sequence, 1);
    CU_ASSERT_EQUAL(report.intent, 2 * WINDOW);
    CU_ASSERT_EQUAL(report.positions.len, 0);
    CU_ASSERT_FALSE(report.last);
    CU_ASSERT_FALSE(board_report(board, 0, &report));
    board_destroy(&board);
}

static void
nothing_is_submitted_before_its_intent_is_acknowledged(void)
{
    board_t *board = board_with_one(100);
    board_slot_t slots[100];
    Crier__V1__Report report;
    CU_ASSERT_FALSE(board_next(board, early, &slots[0]));
    CU_ASSERT_TRUE(board_report(board, 0, &report));
    CU_ASSERT_FALSE(board_next(board, early, &slots[0]));
    board_acknowledge(board, 7, 2, 100); /* of no report of ours */
    CU_ASSERT_FALSE(board_next(board, early, &slots[0]));
    board_acknowledge(board, 7, 1, 3);
    CU_ASSERT_EQUAL(submit_all(board, slots, 100), 3);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(slots[i].position, i);
    board_destroy(&board);
}

static void
a_free_running_lease_does_not_wait_but_reports_its_intent(void)
{
    const lease_spec_t spec = {
        .lease = 1, .lane = CR_LANE_EMERGENCY, .drill = true, .free_running = true, .count = 5};
    board_t *board = board_with(&spec, 1);
    board_slot_t slots[8];
    CU_ASSERT_EQUAL(submit_all(board, slots, 8), 5);
    Crier__V1__Report report;
    settle_all(board, slots, 1, 10);
    CU_ASSERT_TRUE(board_report(board, board_due_us(board), &report));
    CU_ASSERT_EQUAL(report.positions.len, 1);
    CU_ASSERT_TRUE(report.intent <= report.positions.len + 2 * WINDOW);
    board_destroy(&board);
}

static void
a_lease_that_waits_for_a_slow_gateway_says_that_it_has_come(void)
{
    const lease_spec_t specs[] = {{.lease = 7, .lane = CR_LANE_BULK, .drill = true, .count = 100},
                                  {.lease = 8, .lane = CR_LANE_BULK, .drill = true, .count = 100}};
    board_t *board = board_with(specs, CR_COUNT(specs));
    CU_ASSERT_TRUE(exchange(board, 0)); /* the first takes all that may be in doubt */
    CU_ASSERT_FALSE(exchange(board, CR_US_PER_S - 1));
    CU_ASSERT_EQUAL(board_due_us(board), CR_US_PER_S);
    Crier__V1__Report report;
    CU_ASSERT_TRUE_FATAL(board_report(board, CR_US_PER_S, &report));
    CU_ASSERT_EQUAL(report.lease, 8);
    CU_ASSERT_EQUAL(report.sequence, 1);
    CU_ASSERT_EQUAL(report.positions.len, 0);
    CU_ASSERT_EQUAL(report.intent, 0);
    board_acknowledge(board, 8, 1, 0);
    CU_ASSERT_FALSE(board_report(board, 100 * CR_US_PER_S, &report));
    board_destroy(&board);
}

static void
what_is_reserved_of_the_window_waits_for_an_emergency(void)
{
    const board_rules_t careful = {
        .window = WINDOW, .reserved = 3, .drill = true, .credit = 2, .urgent_credit = 1};
    board_t *board = board_new(&careful);
    const lease_spec_t bulk = {.lease = 7, .lane = CR_LANE_BULK, .drill = true, .count = 100};
    const lease_spec_t urgent = {
        .lease = 9, .lane = CR_LANE_EMERGENCY, .drill = true, .free_running = true, .count = 2};
    board_slot_t slots[2 * WINDOW];
    batch_t *batch = lease_batch(&bulk);
    CU_ASSERT_EQUAL(board_add(board, &batch, 0), CR_OK);
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_EQUAL(submit_all(board, slots, CR_COUNT(slots)), WINDOW - 3);
    batch = lease_batch(&urgent);
    CU_ASSERT_EQUAL(board_add(board, &batch, 0), CR_OK);
    CU_ASSERT_EQUAL_FATAL(submit_all(board, slots + WINDOW, WINDOW), 2);
    CU_ASSERT_EQUAL(slots[WINDOW].lease, 9);
    settle_all(board, slots, WINDOW - 3, 0);
    settle_all(board, slots + WINDOW, 2, 0);
    CU_ASSERT_EQUAL(submit_all(board, slots, CR_COUNT(slots)), WINDOW - 3);
    board_destroy(&board);
}

static void
an_emergency_overtakes_at_the_next_slot_and_the_campaign_goes_on_where_it_was(void)
{
    board_t *board = board_with_one(8);
    board_slot_t slot, slots[8];
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_TRUE(board_next(board, early, &slots[0]));
    CU_ASSERT_TRUE(board_next(board, early, &slots[1]));
    const lease_spec_t spec = {
        .lease = 9, .lane = CR_LANE_EMERGENCY, .drill = true, .free_running = true, .count = 3};
    batch_t *batch = lease_batch(&spec);
    CU_ASSERT_EQUAL(board_add(board, &batch, 0), CR_OK);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(board_next(board, early, &slot));
        CU_ASSERT_EQUAL(slot.lease, 9);
        CU_ASSERT_EQUAL(slot.position, i);
    }
    CU_ASSERT_TRUE(board_next(board, early, &slot));
    CU_ASSERT_EQUAL(slot.lease, 7);
    CU_ASSERT_EQUAL(slot.position, 2);
    board_destroy(&board);
}

static void
a_higher_lane_that_waits_for_its_intent_is_not_passed_by(void)
{
    board_t *board = board_with_one(8);
    board_slot_t slot;
    CU_ASSERT_TRUE(exchange(board, 0));
    const lease_spec_t spec = {.lease = 9, .lane = CR_LANE_URGENT, .drill = true, .count = 3};
    batch_t *batch = lease_batch(&spec);
    CU_ASSERT_EQUAL(board_add(board, &batch, 0), CR_OK);
    CU_ASSERT_FALSE(board_next(board, early, &slot));
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_TRUE(board_next(board, early, &slot));
    CU_ASSERT_EQUAL(slot.lease, 9);
    board_destroy(&board);
}

static void
intents_of_one_lane_stay_within_two_windows_together(void)
{
    const lease_spec_t specs[] = {
        {.lease = 1, .lane = CR_LANE_BULK, .drill = true, .count = 6},
        {.lease = 2, .lane = CR_LANE_BULK, .drill = true, .count = 100},
    };
    board_t *board = board_with(specs, 2);
    Crier__V1__Report report;
    CU_ASSERT_TRUE(board_report(board, 0, &report));
    CU_ASSERT_EQUAL(report.lease, 1);
    CU_ASSERT_EQUAL(report.intent, 6);
    CU_ASSERT_TRUE(board_report(board, 0, &report));
    CU_ASSERT_EQUAL(report.lease, 2);
    CU_ASSERT_EQUAL(report.intent, 2);
    board_destroy(&board);
}

static void
a_report_is_due_when_enough_outcomes_came(void)
{
    board_t *board = board_with_one(100);
    board_slot_t slots[8];
    Crier__V1__Report report;
    board_welcome(board, 2, 50000);
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_EQUAL(submit_all(board, slots, 8), 8);
    CU_ASSERT_FALSE(board_report(board, 100, &report));
    settle_all(board, slots, 1, 100);
    CU_ASSERT_TRUE(board_report(board, 100, &report)); /* nothing is left to submit: grow */
    board_acknowledge(board, 7, report.sequence, report.intent);
    settle_all(board, slots + 1, 2, 200);
    CU_ASSERT_TRUE(board_report(board, 200, &report));
    CU_ASSERT_EQUAL(report.positions.len, 2);
    CU_ASSERT_EQUAL(report.intent, 3 + 2 * WINDOW);
    board_destroy(&board);
}

static void
a_report_is_due_some_time_after_its_first_outcome(void)
{
    board_t *board = board_with_one(2);
    board_slot_t slots[2];
    Crier__V1__Report report;
    board_welcome(board, 32, 20000);
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_EQUAL(submit_all(board, slots, 2), 2);
    settle_all(board, slots, 1, 5000);
    CU_ASSERT_EQUAL(board_due_us(board), 25000);
    CU_ASSERT_FALSE(board_report(board, 24999, &report));
    CU_ASSERT_TRUE(board_report(board, 25000, &report));
    CU_ASSERT_EQUAL(report.positions.len, 1);
    board_destroy(&board);
}

static void
the_intent_grows_before_work_stands_still(void)
{
    board_t *board = board_with_one(100);
    board_slot_t slots[8];
    Crier__V1__Report report;
    board_welcome(board, 32, 20000);
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_EQUAL(submit_all(board, slots, WINDOW + 1), WINDOW + 1);
    settle_all(board, slots, 1, 10);
    CU_ASSERT_FALSE(board_report(board, 10, &report)); /* half a window is worth asking for */
    settle_all(board, slots + 1, 1, 11);
    CU_ASSERT_TRUE(board_report(board, 11, &report));
    CU_ASSERT_EQUAL(report.intent, 2 + 2 * WINDOW);
    board_destroy(&board);
}

static void
one_report_is_outstanding_and_repeated_unchanged_each_second(void)
{
    board_t *board = board_with_one(100);
    board_slot_t slots[8];
    Crier__V1__Report first, again;
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_EQUAL(submit_all(board, slots, 8), 8);
    settle_all(board, slots, 2, 10);
    CU_ASSERT_TRUE(board_report(board, 10, &first));
    uint32_t intent = first.intent;
    settle_all(board, slots + 2, 6, 20);
    CU_ASSERT_FALSE(board_report(board, 999999, &again));
    CU_ASSERT_EQUAL(board_due_us(board), 1000010);
    CU_ASSERT_TRUE(board_report(board, 1000010, &again));
    CU_ASSERT_EQUAL(again.sequence, 2);
    CU_ASSERT_EQUAL(again.positions.len, 2);
    CU_ASSERT_EQUAL(again.intent, intent);
    board_welcome(board, 32, 20000); /* a new line: at once */
    CU_ASSERT_TRUE(board_report(board, 1000011, &again));
    CU_ASSERT_EQUAL(again.sequence, 2);
    board_acknowledge(board, 7, 2, intent);
    CU_ASSERT_TRUE(board_report(board, 1000012, &again));
    CU_ASSERT_EQUAL(again.sequence, 3);
    CU_ASSERT_EQUAL(again.positions.len, 6);
    board_destroy(&board);
}

static void
the_last_report_ends_the_lease_when_it_is_acknowledged(void)
{
    board_t *board = board_with_one(2);
    board_slot_t slots[2];
    Crier__V1__Report report;
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_EQUAL(submit_all(board, slots, 2), 2);
    settle_all(board, slots, 2, 10);
    CU_ASSERT_TRUE(board_report(board, 10, &report));
    CU_ASSERT_TRUE(report.last);
    CU_ASSERT_EQUAL(board_count(board), 1);
    board_acknowledge(board, 7, report.sequence, report.intent);
    CU_ASSERT_EQUAL(board_count(board), 0);
    board_destroy(&board);
}

static void
a_lease_of_the_other_class_is_given_back_and_nothing_is_submitted(void)
{
    static const bool classes[] = {true, false};
    for (size_t i = 0; i < CR_COUNT(classes); i++) {
        board_rules_t own = rules;
        own.drill = classes[i];
        board_t *board = board_new(&own);
        const lease_spec_t spec = {.lease = 3,
                                   .lane = CR_LANE_EMERGENCY,
                                   .drill = !classes[i],
                                   .free_running = true,
                                   .count = 5};
        batch_t *batch = lease_batch(&spec);
        board_slot_t slot;
        Crier__V1__Report report;
        CU_ASSERT_EQUAL(board_add(board, &batch, 0), CR_DENIED);
        CU_ASSERT_FALSE(board_next(board, early, &slot));
        CU_ASSERT_TRUE(board_report(board, 0, &report));
        CU_ASSERT_TRUE(report.last);
        CU_ASSERT_EQUAL(report.intent, 0);
        CU_ASSERT_EQUAL(report.positions.len, 5);
        for (size_t j = 0; j < 5; j++)
            CU_ASSERT_EQUAL(report.outcomes.data[j], CR_STATUS_WAITING);
        board_destroy(&board);
    }
}

static void
what_expired_is_reported_and_never_submitted(void)
{
    const lease_spec_t spec = {
        .lease = 7, .lane = CR_LANE_BULK, .drill = true, .count = 5, .expires_us = 5000};
    board_t *board = board_with(&spec, 1);
    board_slot_t slot, late;
    Crier__V1__Report report;
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_TRUE(board_next(board, (board_time_t){1, 4999}, &slot));
    CU_ASSERT_FALSE(board_next(board, (board_time_t){2, 5000}, &late));
    board_settle(board, &slot, &accepted, 3);
    CU_ASSERT_TRUE(board_report(board, 3, &report));
    CU_ASSERT_TRUE(report.last);
    CU_ASSERT_EQUAL(report.positions.len, 5);
    CU_ASSERT_EQUAL(report.outcomes.data[0], CR_STATUS_EXPIRED);
    CU_ASSERT_EQUAL(report.positions.data[0], 1);
    CU_ASSERT_EQUAL(report.outcomes.data[4], CR_STATUS_ACCEPTED);
    CU_ASSERT_EQUAL(report.positions.data[4], 0);
    board_destroy(&board);
}

static void
a_stopped_lease_reports_what_was_submitted_and_gives_the_rest_back(void)
{
    board_t *board = board_with_one(100);
    board_slot_t slots[8], slot;
    Crier__V1__Report report;
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_EQUAL(submit_all(board, slots, 2), 2);
    board_stop(board, 7);
    CU_ASSERT_FALSE(board_next(board, early, &slot));
    settle_all(board, slots, 1, 10);
    CU_ASSERT_TRUE(board_report(board, board_due_us(board), &report));
    CU_ASSERT_FALSE(report.last);
    board_acknowledge(board, 7, report.sequence, report.intent);
    settle_all(board, slots + 1, 1, 20);
    CU_ASSERT_TRUE(board_report(board, 20, &report));
    CU_ASSERT_TRUE(report.last);
    CU_ASSERT_EQUAL(report.positions.len, 1);
    CU_ASSERT_EQUAL(report.intent, 2 * WINDOW);
    board_destroy(&board);
}

static void
a_lost_lease_without_proof_is_forgotten_and_with_proof_tells_it_once(void)
{
    board_t *board = board_with_one(100);
    uint64_t held[3];
    board_slot_t slot;
    Crier__V1__Report report;
    CU_ASSERT_EQUAL(board_held(board, held, 3), 1);
    CU_ASSERT_TRUE(exchange(board, 0));
    board_lose(board, 7);
    CU_ASSERT_EQUAL(board_count(board), 0);
    board_destroy(&board);

    board = board_with_one(100);
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_TRUE(board_next(board, early, &slot));
    board_lose(board, 7);
    CU_ASSERT_EQUAL(board_held(board, held, 3), 0);
    board_settle(board, &slot, &accepted, 10);
    CU_ASSERT_TRUE(board_report(board, 10, &report));
    CU_ASSERT_EQUAL(report.positions.len, 1);
    board_refuse(board, 7);
    CU_ASSERT_EQUAL(board_count(board), 0);
    board_destroy(&board);
}

static void
a_lease_over_the_credit_or_held_already_is_refused(void)
{
    const lease_spec_t specs[] = {
        {.lease = 1, .lane = CR_LANE_BULK, .drill = true, .count = 1},
        {.lease = 2, .lane = CR_LANE_URGENT, .drill = true, .count = 1},
        {.lease = 3, .lane = CR_LANE_EMERGENCY, .drill = true, .count = 1},
    };
    board_t *board = board_with(specs, 3);
    static const struct {
        lease_spec_t spec;
        cr_err_t err;
    } refused[] = {
        {{.lease = 2, .lane = CR_LANE_URGENT, .drill = true, .count = 1}, CR_EXISTS},
        {{.lease = 4, .lane = CR_LANE_ROUTINE, .drill = true, .count = 1}, CR_TOOBIG},
        {{.lease = 5, .lane = CR_LANE_EMERGENCY, .drill = true, .count = 1}, CR_TOOBIG},
    };
    for (size_t i = 0; i < CR_COUNT(refused); i++) {
        batch_t *batch = lease_batch(&refused[i].spec);
        CU_ASSERT_EQUAL(board_add(board, &batch, 0), refused[i].err);
    }
    CU_ASSERT_EQUAL(board_count(board), 3);
    board_destroy(&board);
}

static void
a_lost_lease_with_something_to_prove_takes_no_credit(void)
{
    board_t *board = board_new(&rules);
    board_slot_t slot;
    for (uint64_t number = 1; number <= 8; number++) {
        const lease_spec_t spec = {
            .lease = number, .lane = CR_LANE_BULK, .drill = true, .count = 1};
        batch_t *batch = lease_batch(&spec);
        bool room = number <= 2 * (rules.credit + rules.urgent_credit);
        CU_ASSERT_EQUAL(board_add(board, &batch, 0), room ? CR_OK : CR_TOOBIG);
        if (!room)
            continue;
        CU_ASSERT_TRUE(exchange(board, 0));
        CU_ASSERT_TRUE(board_next(board, early, &slot));
        board_lose(board, number);
    }
    board_destroy(&board);
}

static void
gateway_ids_go_with_the_accepted_ones_in_order(void)
{
    board_rules_t own = rules;
    own.by_id = true;
    board_t *board = board_new(&own);
    const lease_spec_t spec = {.lease = 7, .lane = CR_LANE_BULK, .drill = true, .count = 3};
    batch_t *batch = lease_batch(&spec);
    CU_ASSERT_EQUAL(board_add(board, &batch, 0), CR_OK);
    CU_ASSERT_TRUE(exchange(board, 0));
    board_slot_t slots[3];
    CU_ASSERT_EQUAL(submit_all(board, slots, 3), 3);
    const outcome_t outcomes[] = {
        {.status = CR_STATUS_ACCEPTED, .gateway_id = CR_SLICE("one")},
        {.status = CR_STATUS_RETRY_1, .retry_after_ms = 700},
        {.status = CR_STATUS_ACCEPTED, .gateway_id = CR_SLICE("three")},
    };
    for (size_t i = 0; i < 3; i++)
        board_settle(board, &slots[i], &outcomes[i], 10);
    Crier__V1__Report report;
    CU_ASSERT_TRUE(board_report(board, 10, &report));
    CU_ASSERT_EQUAL(report.retry_after_ms, 700);
    CU_ASSERT_TRUE(cr_wire_pool_is_sound(report.gateway_ids, 2));
    cr_wire_cursor_t cursor = {0};
    CU_ASSERT_TRUE(cr_slice_equal(cr_wire_pool_next(report.gateway_ids, &cursor), CR_SLICE("one")));
    CU_ASSERT_TRUE(
        cr_slice_equal(cr_wire_pool_next(report.gateway_ids, &cursor), CR_SLICE("three")));
    board_destroy(&board);
}

static void
what_the_gateway_bills_goes_with_the_outcomes(void)
{
    static const outcome_t outcomes[] = {
        {.status = CR_STATUS_ACCEPTED, .parts = 3},
        {.status = CR_STATUS_HANDED},
        {.status = CR_STATUS_FAILED_ADDRESS, .parts = 2},
        {.status = CR_STATUS_UNKNOWN, .parts = 2},
    };
    static const uint8_t billed[] = {3, 1, 0, 0};
    board_t *board = board_with_one(100);
    board_slot_t slots[WINDOW + 1];
    Crier__V1__Report report;
    CU_ASSERT_TRUE(exchange(board, 0));
    CU_ASSERT_EQUAL(submit_all(board, slots, WINDOW), WINDOW);
    for (size_t i = 0; i < WINDOW; i++)
        board_settle(board, &slots[i], &outcomes[i], 0);
    CU_ASSERT_TRUE(board_report(board, CR_US_PER_S, &report));
    CU_ASSERT_EQUAL_FATAL(report.parts.len, WINDOW);
    CU_ASSERT_TRUE(memcmp(report.parts.data, billed, sizeof billed) == 0);
    board_acknowledge(board, report.lease, report.sequence, report.intent);
    CU_ASSERT_EQUAL(submit_all(board, slots, 1), 1);
    settle_all(board, slots, 1, 0);
    CU_ASSERT_TRUE(board_report(board, 2 * CR_US_PER_S, &report));
    CU_ASSERT_EQUAL(report.positions.len, 1);
    CU_ASSERT_EQUAL(report.parts.len, 0); /* one each needs no saying */
    board_destroy(&board);
}

static void
draining_gives_back_what_was_not_submitted(void)
{
    board_t *board = board_with_one(100);
    Crier__V1__Report report;
    board_stop_all(board);
    CU_ASSERT_TRUE(board_report(board, 0, &report));
    CU_ASSERT_TRUE(report.last);
    CU_ASSERT_EQUAL(report.positions.len, 0);
    CU_ASSERT_EQUAL(report.intent, 0);
    board_acknowledge(board, 7, 1, 0);
    CU_ASSERT_EQUAL(board_count(board), 0);
    board_destroy(&board);
}

/* ---- what a lease must be ------------------------------------------------------------------- */

static void
an_unsound_lease_is_refused(void)
{
    static const lease_spec_t spec = {.lease = 1, .lane = CR_LANE_BULK, .count = 3};
    enum { CHANNEL, LANE, RANK, ORDER, ATTEMPT, ADDRESSES, WORDING, COLUMN, CASES };
    for (int i = 0; i < CASES; i++) {
        Crier__V1__Frame *frame = lease_frame(&spec);
        Crier__V1__Lease *lease = frame->lease;
        batch_t *batch = NULL;
        switch (i) {
        case CHANNEL:
            lease->channel = CR_CHANNEL_MAIL;
            break;
        case LANE:
            lease->lane = 9;
            break;
        case RANK:
            lease->first_rank = 17;
            break;
        case ORDER:
            lease->offsets.data[2] = lease->offsets.data[1];
            break;
        case ATTEMPT:
            lease->attempts.data[0] = 0;
            break;
        case ADDRESSES:
            lease->addresses->lengths[0]++;
            break;
        case WORDING:
            lease->wording.len = 1;
            break;
        case COLUMN:
            lease->columns[0]->values->n_lengths--;
            break;
        default:
            break;
        }
        CU_ASSERT_EQUAL(batch_new(&frame, CR_CHANNEL_SMS, &batch), CR_INVAL);
        CU_ASSERT_PTR_NULL(frame);
    }
}

const char cr_suite[] = "worker_board";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(the_first_report_asks_for_two_windows),
    TEST(nothing_is_submitted_before_its_intent_is_acknowledged),
    TEST(a_free_running_lease_does_not_wait_but_reports_its_intent),
    TEST(a_lease_that_waits_for_a_slow_gateway_says_that_it_has_come),
    TEST(what_is_reserved_of_the_window_waits_for_an_emergency),
    TEST(an_emergency_overtakes_at_the_next_slot_and_the_campaign_goes_on_where_it_was),
    TEST(a_higher_lane_that_waits_for_its_intent_is_not_passed_by),
    TEST(intents_of_one_lane_stay_within_two_windows_together),
    TEST(a_report_is_due_when_enough_outcomes_came),
    TEST(a_report_is_due_some_time_after_its_first_outcome),
    TEST(the_intent_grows_before_work_stands_still),
    TEST(one_report_is_outstanding_and_repeated_unchanged_each_second),
    TEST(the_last_report_ends_the_lease_when_it_is_acknowledged),
    TEST(a_lease_of_the_other_class_is_given_back_and_nothing_is_submitted),
    TEST(what_expired_is_reported_and_never_submitted),
    TEST(a_stopped_lease_reports_what_was_submitted_and_gives_the_rest_back),
    TEST(a_lost_lease_without_proof_is_forgotten_and_with_proof_tells_it_once),
    TEST(a_lease_over_the_credit_or_held_already_is_refused),
    TEST(a_lost_lease_with_something_to_prove_takes_no_credit),
    TEST(gateway_ids_go_with_the_accepted_ones_in_order),
    TEST(what_the_gateway_bills_goes_with_the_outcomes),
    TEST(draining_gives_back_what_was_not_submitted),
    TEST(an_unsound_lease_is_refused),
    CU_TEST_INFO_NULL,
};
