/* What a worker does with its leases while its gateway is away. */
#include "cr_lease.h"
#include "cr_test.h"
#include "runtime/board.h"

static const board_rules_t rules = {.window = 4, .drill = true, .credit = 2, .urgent_credit = 1};

static void
all_but_the_emergency_goes_back(void)
{
    static const lease_spec_t specs[] = {
        {.lease = 1, .lane = CR_LANE_BULK, .drill = true, .count = 9},
        {.lease = 2, .lane = CR_LANE_URGENT, .drill = true, .count = 9},
        {.lease = 3, .lane = CR_LANE_EMERGENCY, .drill = true, .free_running = true, .count = 9}};
    board_t *board = board_new(&rules);
    for (size_t i = 0; i < CR_COUNT(specs); i++) {
        batch_t *batch = lease_batch(&specs[i]);
        CU_ASSERT_EQUAL(board_add(board, &batch, 0), CR_OK);
    }
    board_yield(board);
    Crier__V1__Report report;
    unsigned last = 0;
    while (board_report(board, 0, &report)) {
        last += report.last ? 1 : 0;
        CU_ASSERT_EQUAL(report.last, report.lease != 3);
        board_acknowledge(board, report.lease, report.sequence, report.intent);
    }
    CU_ASSERT_EQUAL(last, 2);
    CU_ASSERT_EQUAL(board_count(board), 1);
    board_slot_t slot;
    CU_ASSERT_TRUE(board_next(board, (board_time_t){1, 1}, &slot));
    CU_ASSERT_EQUAL(slot.lease, 3);
    board_destroy(&board);
}

const char cr_suite[] = "worker_away";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(all_but_the_emergency_goes_back),
    CU_TEST_INFO_NULL,
};
