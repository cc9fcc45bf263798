/* A batch of replies against a real Redis: all of it or nothing, once, and by the active daemon only. */
#include <stdlib.h>
#include <string.h>

#include "cr_test.h"
#include "ledger.h"
#include "redis_server.h"

const char cr_suite[] = "ledger_replies";

static ledger_config_t config = {.password_file = "", .timeout_ms = 500};
static cr_fault_t fault;

typedef struct {
    ledger_t *ledger;
    zsock_t *plan;
    ledger_segments_t *segments; /* holds the fence of people */
} bench_t;

static void
bench_open(bench_t *bench)
{
    *bench = (bench_t){0};
    CU_ASSERT_EQUAL_FATAL(ledger_open(&config, &bench->ledger, &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(ledger_take(bench->ledger, "here", &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(
        ledger_segments_open(&config, ledger_epoch(bench->ledger), &bench->segments, &fault),
        CR_OK);
}

static void
bench_start(bench_t *bench)
{
    CU_ASSERT_EQUAL_FATAL(ledger_start(bench->ledger, &fault), CR_OK);
    bench->plan = zsock_new_pair(">inproc://ledger-plan");
    zsock_set_rcvtimeo(bench->plan, 10000);
}

static void
bench_close(bench_t *bench)
{
    zsock_destroy(&bench->plan);
    ledger_segments_close(&bench->segments);
    ledger_destroy(&bench->ledger);
}

static ledger_op_t *
ask(bench_t *bench, ledger_op_t *op)
{
    ledger_send(bench->plan, &op);
    ledger_op_t *answer = ledger_receive(bench->plan);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    return answer;
}

static cr_err_t
ask_and_forget(bench_t *bench, ledger_op_t *op)
{
    ledger_op_t *answer = ask(bench, op);
    cr_err_t err = answer->err;
    ledger_op_destroy(&answer);
    return err;
}

/* Two opt-outs, a bad address and a good one, and two records that say which batch it was. */
static ledger_op_t *
batch_of(uint64_t number)
{
    ledger_op_t *op = ledger_op_new(LEDGER_REPLIES_PUT);
    op->channel = CR_CHANNEL_WECHAT;
    op->replies = ledger_replies_new("wechat-1", number);
    for (uint32_t ordinal = 3; ordinal <= 300; ordinal += 297) {
        ledger_put_number(&op->replies->opted_out, ordinal);
        ledger_put_text(&op->replies->opted_out, CR_SLICE("1 reply 退订"));
    }
    ledger_put_number(&op->replies->bad, 9);
    ledger_put_number(&op->replies->good, 8);
    for (char which = 'a'; which <= 'b'; which++) {
        char record[] = {which, '\0', (char)('0' + number % 10)};
        ledger_put_text(&op->replies->records, (cr_slice_t){record, sizeof record});
    }
    return op;
}

/* The third byte of each record that is stored, newest first. */
static void
read_records(bench_t *bench, const char *older_than, char out[16])
{
    ledger_op_t *op = ledger_op_new(LEDGER_REPLIES_READ);
    op->key = older_than ? strdup(older_than) : NULL;
    op = ask(bench, op);
    CU_ASSERT_EQUAL(op->err, CR_OK);
    cr_slice_t rest = {(const char *)op->bytes, op->bytes_length}, number, record;
    size_t count = 0;
    while (ledger_next_text(&rest, &number) && ledger_next_text(&rest, &record)) {
        CU_ASSERT_EQUAL_FATAL(record.length, 3);
        out[count++] = record.text[0];
        out[count++] = record.text[2];
    }
    out[count] = '\0';
    ledger_op_destroy(&op);
}

static cr_err_t
note_reason(void *context, uint32_t ordinal, cr_slice_t reason)
{
    CU_ASSERT_TRUE(cr_slice_equal(reason, CR_SLICE("1 reply 退订")));
    *(uint32_t *)context += ordinal;
    return CR_OK;
}

static bool
has_mark(bench_t *bench, ledger_mark_t mark, uint32_t ordinal)
{
    uint8_t *bytes;
    size_t length;
    cr_err_t err =
        ledger_load_mark(bench->ledger, mark, CR_CHANNEL_WECHAT, &bytes, &length, &fault);
    CU_ASSERT_EQUAL_FATAL(err, CR_OK);
    bool on = ordinal / 8 < length && (bytes[ordinal / 8] & (0x80u >> ordinal % 8));
    free(bytes);
    return on;
}

static void
a_batch_is_stored_whole_and_once(void)
{
    bench_t bench;
    char records[16];
    bench_open(&bench);
    bench_start(&bench);
    CU_ASSERT_EQUAL(ask_and_forget(&bench, batch_of(7)), CR_OK);
    CU_ASSERT_EQUAL(ask_and_forget(&bench, batch_of(7)), CR_OK);
    read_records(&bench, NULL, records);
    CU_ASSERT_STRING_EQUAL(records, "b7a7");
    CU_ASSERT_EQUAL(ask_and_forget(&bench, batch_of(8)), CR_OK);
    read_records(&bench, NULL, records);
    CU_ASSERT_STRING_EQUAL(records, "b8a8b7a7");
    read_records(&bench, "1-0", records);
    CU_ASSERT_STRING_EQUAL(records, "");
    ledger_op_t *seen = ledger_op_new(LEDGER_REPLIES_SEEN);
    seen->key = strdup("wechat-1");
    seen = ask(&bench, seen);
    CU_ASSERT_EQUAL(seen->cursor, 8);
    ledger_op_destroy(&seen);
    bench_close(&bench);

    bench_open(&bench);
    uint32_t sum = 0;
    CU_ASSERT_EQUAL(ledger_load_reasons(bench.ledger, CR_CHANNEL_WECHAT, note_reason, &sum, &fault),
                    CR_OK);
    CU_ASSERT_EQUAL(sum, 303);
    CU_ASSERT_TRUE(has_mark(&bench, LEDGER_MARK_OPTOUT, 3));
    CU_ASSERT_TRUE(has_mark(&bench, LEDGER_MARK_OPTOUT, 300));
    CU_ASSERT_FALSE(has_mark(&bench, LEDGER_MARK_OPTOUT, 4));
    CU_ASSERT_TRUE(has_mark(&bench, LEDGER_MARK_BAD, 9));
    CU_ASSERT_FALSE(has_mark(&bench, LEDGER_MARK_BAD, 8));
    bench_close(&bench);
}

static void
a_daemon_of_an_older_epoch_stores_no_reply(void)
{
    bench_t old, new;
    char records[16];
    bench_open(&old);
    bench_start(&old);
    bench_open(&new);
    CU_ASSERT_EQUAL(ask_and_forget(&old, batch_of(9)), CR_CONFLICT);
    bench_close(&old);
    bench_start(&new);
    read_records(&new, NULL, records);
    CU_ASSERT_STRING_EQUAL(records, "b8a8b7a7");
    bench_close(&new);
}

static void
while_redis_is_away_a_batch_is_refused_at_once(void)
{
    bench_t bench;
    char records[16];
    bench_open(&bench);
    bench_start(&bench);
    redis_server_kill();
    CU_ASSERT_EQUAL(ask_and_forget(&bench, batch_of(10)), CR_AGAIN);
    redis_server_again();
    cr_err_t err = CR_AGAIN;
    for (int i = 0; err == CR_AGAIN && i < 500; i++) {
        err = ask_and_forget(&bench,
                             batch_of(10)); /* also when the answer to the one before was lost */
        zclock_sleep(20);
    }
    CU_ASSERT_EQUAL(err, CR_OK);
    read_records(&bench, NULL, records);
    CU_ASSERT_STRING_EQUAL(records, "b0a0b8a8b7a7");
    bench_close(&bench);
}

static void
a_list_that_is_cut_off_ends(void)
{
    static const char *const rows[] = {"", "\1", "\1\0\0", "\2\0\0\0x", "\xFF\xFF\xFF\xFFx"};
    static const size_t lengths[] = {0, 1, 3, 5, 5};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_slice_t list = {rows[i], lengths[i]}, text;
        CU_ASSERT_FALSE(ledger_next_text(&list, &text));
    }
}

static void
start_redis(void)
{
    config.redis_url = redis_server_start();
}

static void
stop_redis(void)
{
    redis_server_stop();
}

CU_TestInfo cr_tests[] = {
    {"redis starts", start_redis},
    {"a batch is stored whole and once", a_batch_is_stored_whole_and_once},
    {"a daemon of an older epoch stores no reply", a_daemon_of_an_older_epoch_stores_no_reply},
    {"while redis is away a batch is refused at once",
     while_redis_is_away_a_batch_is_refused_at_once},
    {"a list that is cut off ends", a_list_that_is_cut_off_ends},
    {"redis stops", stop_redis},
    CU_TEST_INFO_NULL,
};
