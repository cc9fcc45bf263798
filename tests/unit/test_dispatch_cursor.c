/* Where the next work is: fresh blocks, waves of retries, what is left, what may have been sent. */
#include <stdlib.h>

#include "cr_test.h"
#include "dispatch/cursor.h"

static cursor_t cursor;

static void
begin(uint32_t total)
{
    CU_ASSERT_EQUAL_FATAL(cursor_init(&cursor, total, NULL), CR_OK);
}

static uint32_t
next(int64_t now_us)
{
    uint32_t block;
    return cursor_next(&cursor, now_us, 0, 0, &block) ? block : UINT32_MAX;
}

/* As the core does: a lease of the block with one outcome, then it is over. */
static void
lease_and_retry(uint32_t block, int64_t due_us)
{
    cursor.blocks[block].lease = (struct lease *)&cursor;
    for (uint32_t i = 0; i < cursor_block_length(&cursor, block); i++) {
        cr_status_t *status = &cursor.status[block * CORE_BLOCK + i];
        if (*status <= CR_STATUS_RETRY_MAX)
            CU_ASSERT(cursor_move(&cursor, block * CORE_BLOCK + i, (cr_status_t)(*status + 1)));
    }
    cursor_back_off(&cursor, block, due_us);
    cursor_release(&cursor, block);
}

static void
fresh_blocks_come_in_order_and_a_leased_one_is_passed_over(void)
{
    begin(600);
    CU_ASSERT_EQUAL(next(0), 0);
    cursor.blocks[0].lease = (struct lease *)&cursor;
    CU_ASSERT_EQUAL(next(0), 1);
    cursor_release(&cursor, 0);
    CU_ASSERT_EQUAL(next(0), 0);
    CU_ASSERT_EQUAL(cursor_block_length(&cursor, 2), 88);
    cursor_fini(&cursor);
}

static void
retries_are_due_in_waves_and_never_before_their_time(void)
{
    begin(768);
    lease_and_retry(0, 300);
    lease_and_retry(1, 100);
    lease_and_retry(2, 200);
    CU_ASSERT_EQUAL(next(99), UINT32_MAX);
    CU_ASSERT_EQUAL(next(100), 1);
    cursor.blocks[1].lease = (struct lease *)&cursor;
    CU_ASSERT_EQUAL(next(150), UINT32_MAX);
    CU_ASSERT_EQUAL(next(200), 2);
    cursor.blocks[2].lease = (struct lease *)&cursor;
    CU_ASSERT_EQUAL(next(299), UINT32_MAX);
    CU_ASSERT_EQUAL(next(300), 0);
    cursor_fini(&cursor);
}

static void
a_retry_in_a_hurry_is_due_at_once(void)
{
    begin(256);
    lease_and_retry(0, 1000);
    CU_ASSERT_EQUAL(next(10), UINT32_MAX);
    cursor_hurry(&cursor, 0);
    CU_ASSERT_EQUAL(next(10), 0);
    cursor_fini(&cursor);
}

static void
what_is_not_due_is_not_ready(void)
{
    begin(4);
    CU_ASSERT(cursor_move(&cursor, 1, CR_STATUS_RETRY_1));
    CU_ASSERT(cursor_move(&cursor, 2, CR_STATUS_HANDED));
    cursor_back_off(&cursor, 0, 100);
    uint8_t offsets[CORE_BLOCK];
    CU_ASSERT_EQUAL(cursor_ready(&cursor, 0, 99, offsets), 2);
    CU_ASSERT_EQUAL(offsets[1], 3);
    CU_ASSERT_EQUAL(cursor_ready(&cursor, 0, 100, offsets), 3);
    CU_ASSERT_EQUAL(offsets[1], 1);
    cursor_fini(&cursor);
}

static void
a_forbidden_move_changes_nothing(void)
{
    begin(2);
    CU_ASSERT(cursor_move(&cursor, 0, CR_STATUS_DELIVERED));
    CU_ASSERT_FALSE(cursor_move(&cursor, 0, CR_STATUS_WAITING));
    CU_ASSERT_FALSE(cursor_move(&cursor, 0, CR_STATUS_UNCONFIRMED));
    CU_ASSERT_EQUAL(cursor.by_status[CR_STATUS_DELIVERED], 1);
    CU_ASSERT_EQUAL(cursor.open, 1);
    CU_ASSERT_EQUAL(cursor.settled, 1);
    cursor_fini(&cursor);
}

static void
a_sweep_finds_what_is_open_due_or_not(void)
{
    begin(512);
    lease_and_retry(1, 1000);
    cursor.blocks[0].lease = (struct lease *)&cursor;
    uint32_t block;
    CU_ASSERT(cursor_next_open(&cursor, &block));
    CU_ASSERT_EQUAL(block, 1);
    for (uint32_t rank = 256; rank < 512; rank++)
        CU_ASSERT(cursor_move(&cursor, rank, CR_STATUS_EXPIRED));
    CU_ASSERT_FALSE(cursor_next_open(&cursor, &block));
    cursor_release(&cursor, 0);
    CU_ASSERT(cursor_next_open(&cursor, &block));
    CU_ASSERT_EQUAL(block, 0);
    cursor_fini(&cursor);
}

static void
a_doubt_is_of_one_rank(void)
{
    begin(600);
    cursor_doubt(&cursor, 319, 7);
    CU_ASSERT_EQUAL(cursor.blocks[1].doubter, 7);
    cursor_doubt(&cursor, 319, 9);
    CU_ASSERT_EQUAL(cursor.blocks[1].doubter, CURSOR_SEVERAL);
    for (uint32_t rank = 0; rank < 600; rank++)
        CU_ASSERT_EQUAL(cursor_is_doubtful(&cursor, rank), rank == 319);
    cursor_fini(&cursor);
}

static void
bytes_are_taken_up_with_their_counts_and_retries_are_due(void)
{
    cr_status_t *status = calloc(3, 1), *unknown = calloc(2, 1);
    CR_ASSERT(status && unknown);
    status[0] = CR_STATUS_RETRY_2;
    status[1] = CR_STATUS_DELIVERED;
    status[2] = CR_STATUS_ACCEPTED;
    CU_ASSERT_EQUAL_FATAL(cursor_init(&cursor, 3, status), CR_OK);
    CU_ASSERT_EQUAL(cursor.open, 1);
    CU_ASSERT_EQUAL(cursor.settled, 1);
    CU_ASSERT_EQUAL(next(1), 0);
    cursor_fini(&cursor);
    unknown[1] = 250;
    CU_ASSERT_EQUAL(cursor_init(&cursor, 2, unknown), CR_CORRUPT);
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
const char cr_suite[] = "dispatch_cursor";
CU_TestInfo cr_tests[] = {
    TEST(fresh_blocks_come_in_order_and_a_leased_one_is_passed_over),
    TEST(retries_are_due_in_waves_and_never_before_their_time),
    TEST(a_retry_in_a_hurry_is_due_at_once),
    TEST(what_is_not_due_is_not_ready),
    TEST(a_forbidden_move_changes_nothing),
    TEST(a_sweep_finds_what_is_open_due_or_not),
    TEST(a_doubt_is_of_one_rank),
    TEST(bytes_are_taken_up_with_their_counts_and_retries_are_due),
    CU_TEST_INFO_NULL,
};
