/* Which delivery an id stands for: from memory, read back after a start, and beyond what memory holds. */
#include "finds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_test.h"
#include "prints.h"

const char cr_suite[] = "finds";

enum { ASKED_MAX = 4, IDS = 3000, ROOM = PRINTS_TABLES * 32 };

/* A ledger that keeps the ids of broadcasts 1 and 2, all of one chunk, and answers when it is told. */
typedef struct {
    finds_t *finds;
    core_time_t now;
    ledger_op_t *op; /* a read that waits for its answer */
    struct {
        uint8_t *bytes;
        size_t length;
    } stored[3];
    int64_t until_s;
    size_t answers;
    cr_delivery_t found[ASKED_MAX];
} world_t;

static world_t world;

static void
send_read(void *context, ledger_op_t *op)
{
    (void)context;
    CU_ASSERT_PTR_NULL_FATAL(world.op);
    world.op = op;
}

static void
begin(size_t most)
{
    world = (world_t){.now = {1, cr_clock_wall_us()}};
    world.until_s = world.now.wall_us / CR_US_PER_S + 1000;
    world.finds = finds_new(most, send_read, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(world.finds);
}

/* The daemon dies; what is stored remains. */
static void
begin_again(size_t most)
{
    ledger_op_destroy(&world.op);
    finds_destroy(&world.finds);
    world.finds = finds_new(most, send_read, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(world.finds);
}

static void
finish(void)
{
    ledger_op_destroy(&world.op);
    finds_destroy(&world.finds);
    for (size_t i = 0; i < CR_COUNT(world.stored); i++)
        free(world.stored[i].bytes);
}

static cr_slice_t
id_of(uint64_t broadcast, uint32_t rank, char text[32])
{
    snprintf(text, 32, "%d-%u", (int)broadcast, rank);
    return cr_slice_of(text);
}

/* Ranks [first, first + count) are accepted, each under an id. */
static void
note_accepted(uint64_t broadcast, uint32_t first, uint32_t count, int64_t wait_us)
{
    static core_gateway_id_t index[CORE_BLOCK];
    static char texts[CORE_BLOCK][32];
    for (uint32_t i = 0; i < count; i++)
        index[i] = (core_gateway_id_t){first + i, 1, id_of(broadcast, first + i, texts[i])};
    const core_write_t write = {
        .broadcast = broadcast, .channel = CR_CHANNEL_SMS, .index_count = count, .index = index};
    ledger_op_t *op = ledger_op_new(LEDGER_BLOCK);
    op->broadcast = broadcast;
    finds_keep(world.finds, &write, wait_us, op);
    size_t length = world.stored[broadcast].length;
    world.stored[broadcast].bytes =
        realloc(world.stored[broadcast].bytes, length + op->bytes_length);
    memcpy(world.stored[broadcast].bytes + length, op->bytes, op->bytes_length);
    world.stored[broadcast].length += op->bytes_length;
    CU_ASSERT_EQUAL(op->announces, length == 0 || first == 0);
    CU_ASSERT(op->ids_until_s > world.now.wall_us / CR_US_PER_S + 7 * 86400);
    ledger_op_destroy(&op);
}

static void
note_many(uint64_t broadcast, uint32_t count)
{
    for (uint32_t first = 0; first < count; first += CORE_BLOCK)
        note_accepted(broadcast, first, count - first < CORE_BLOCK ? count - first : CORE_BLOCK,
                      3 * INT64_C(86400) * CR_US_PER_S);
}

static void
fill_books(ledger_op_t *op)
{
    op->books = calloc(2, sizeof *op->books);
    for (uint64_t id = 1; id <= 2; id++)
        if (world.stored[id].length > 0)
            op->books[op->book_count++] = (ledger_book_t){id, world.until_s};
}

static void
fill_ids(ledger_op_t *op)
{
    size_t length = op->channel == CR_CHANNEL_SMS && op->first_rank == 0
                        ? world.stored[op->broadcast].length
                        : 0;
    size_t from = op->cursor < length ? op->cursor : length, page = length - from;
    if (page > LEDGER_IDS_PAGE * LEDGER_ID_BYTES)
        page = LEDGER_IDS_PAGE * LEDGER_ID_BYTES;
    op->bytes = malloc(page + 1);
    if (page > 0)
        memcpy(op->bytes, world.stored[op->broadcast].bytes + from, page);
    op->bytes_length = page;
    op->on = length > 0;
}

/* Answers one read; false: there is none. */
static bool
answer_read(void)
{
    ledger_op_t *op = world.op;
    world.op = NULL;
    if (!op)
        return false;
    if (op->kind == LEDGER_BOOKS_READ) {
        fill_books(op);
        finds_take_books(world.finds, op);
    } else {
        fill_ids(op);
        finds_take_ids(world.finds, op);
    }
    ledger_op_destroy(&op);
    return true;
}

static void
read_all(void)
{
    world.now.mono_us += 2 * CR_US_PER_S;
    finds_tick(world.finds, world.now);
    while (answer_read())
        ;
}

static void
on_found(void *context, uint32_t batch, const cr_delivery_t *found, size_t count)
{
    (void)context;
    CU_ASSERT_EQUAL(batch, 7);
    CU_ASSERT_FATAL(count <= ASKED_MAX);
    memcpy(world.found, found, count * sizeof *found);
    world.answers++;
}

/* Looks two up: a rank of the broadcast, and what nobody knows. */
static void
look_for(uint64_t broadcast, uint32_t rank)
{
    char text[32];
    const cr_slice_t ids[] = {id_of(broadcast, rank, text), CR_SLICE("nobody's")};
    world.answers = 0;
    finds_ask(world.finds, 7, ids, CR_COUNT(ids));
    finds_answer(world.finds, on_found);
}

static bool
is_answered(uint64_t broadcast, uint32_t rank)
{
    finds_answer(world.finds, on_found);
    return world.answers == 1 && world.found[0].broadcast == broadcast &&
           world.found[0].rank == rank && world.found[1].broadcast == 0;
}

static void
what_is_written_is_found_at_once(void)
{
    begin(ROOM);
    read_all();
    note_many(1, 10);
    look_for(1, 3);
    CU_ASSERT(is_answered(1, 3));
    CU_ASSERT_EQUAL(world.found[0].attempt, 1);
    CU_ASSERT_PTR_NULL(world.op);
    finish();
}

static void
after_a_start_what_is_not_known_waits_until_all_is_read(void)
{
    begin(ROOM);
    note_many(1, 10);
    note_many(2, IDS);
    begin_again(ROOM);
    look_for(1, 3);
    CU_ASSERT_EQUAL(world.answers, 0);
    finds_tick(world.finds, world.now);
    CU_ASSERT(answer_read());
    CU_ASSERT_PTR_NOT_NULL_FATAL(world.op);
    CU_ASSERT_EQUAL(world.op->broadcast, 2); /* the newest first */
    CU_ASSERT_FALSE(is_answered(1, 3));
    while (answer_read())
        ;
    CU_ASSERT(is_answered(1, 3));
    look_for(2, IDS - 1); /* of the second page */
    CU_ASSERT(is_answered(2, IDS - 1));
    finish();
}

static void
what_is_known_need_not_wait(void)
{
    char text[32];
    begin(ROOM);
    note_many(1, 10);
    const cr_slice_t id = id_of(1, 9, text);
    finds_ask(world.finds, 7, &id, 1);
    finds_answer(world.finds, on_found);
    CU_ASSERT_EQUAL(world.answers, 1);
    finish();
}

static void
what_memory_cannot_hold_is_found_by_reading(void)
{
    begin(ROOM);
    read_all();
    note_many(1, IDS);
    note_many(2, ROOM);
    look_for(1, IDS - 1);
    CU_ASSERT_EQUAL(world.answers, 0);
    read_all();
    CU_ASSERT(is_answered(1, IDS - 1));
    look_for(2, ROOM - 1);
    read_all();
    CU_ASSERT(is_answered(2, ROOM - 1));
    finish();
}

static void
reading_again_waits_a_second(void)
{
    begin(ROOM);
    read_all();
    note_many(1, IDS);
    note_many(2, ROOM);
    look_for(1, 0);
    read_all();
    CU_ASSERT(is_answered(1, 0));
    look_for(1, 1);
    finds_tick(world.finds, world.now);
    CU_ASSERT_PTR_NULL(world.op);
    read_all();
    CU_ASSERT(is_answered(1, 1));
    finish();
}

/* The time is over: nobody holds its ids any more. */
static void
ids_of_what_is_over_are_let_go(void)
{
    begin(ROOM);
    read_all();
    note_many(1, 10);
    world.now.wall_us += 13 * INT64_C(86400) * CR_US_PER_S;
    for (int i = 0; i <= PRINTS_TABLES; i++)
        finds_tick(world.finds, world.now);
    look_for(1, 3);
    CU_ASSERT_EQUAL(world.answers, 1);
    CU_ASSERT_EQUAL(world.found[0].broadcast, 0);
    finish();
}

CU_TestInfo cr_tests[] = {
    {"what is written is found at once", what_is_written_is_found_at_once},
    {"after a start what is not known waits until all is read",
     after_a_start_what_is_not_known_waits_until_all_is_read},
    {"what is known need not wait", what_is_known_need_not_wait},
    {"what memory cannot hold is found by reading", what_memory_cannot_hold_is_found_by_reading},
    {"reading again waits a second", reading_again_waits_a_second},
    {"ids of what is over are let go", ids_of_what_is_over_are_let_go},
    CU_TEST_INFO_NULL,
};
