/* The ledger against a real Redis: what it answered is stored, in order, once, through loss of Redis. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_log.h"
#include "cr_test.h"
#include "ledger.h"
#include "redis_server.h"

const char cr_suite[] = "ledger";

static ledger_config_t config = {.password_file = "", .timeout_ms = 500};
static cr_fault_t fault;

typedef struct {
    ledger_t *ledger;
    zsock_t *dispatch, *plan;
} bench_t;

static void
bench_open(bench_t *bench)
{
    *bench = (bench_t){0};
    CU_ASSERT_EQUAL_FATAL(ledger_open(&config, &bench->ledger, &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(ledger_take(bench->ledger, "here", &fault), CR_OK);
}

static void
bench_start(bench_t *bench)
{
    CU_ASSERT_EQUAL_FATAL(ledger_start(bench->ledger, &fault), CR_OK);
    bench->dispatch = zsock_new_pair(">inproc://ledger-dispatch");
    bench->plan = zsock_new_pair(">inproc://ledger-plan");
    zsock_set_rcvtimeo(bench->dispatch, 10000);
    zsock_set_rcvtimeo(bench->plan, 10000);
}

static void
bench_close(bench_t *bench)
{
    zsock_destroy(&bench->dispatch);
    zsock_destroy(&bench->plan);
    ledger_destroy(&bench->ledger);
}

static ledger_op_t *
ask(zsock_t *socket, ledger_op_t *op)
{
    ledger_send(socket, &op);
    ledger_op_t *answer = ledger_receive(socket);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    return answer;
}

static cr_err_t
ask_and_forget(zsock_t *socket, ledger_op_t *op)
{
    ledger_op_t *answer = ask(socket, op);
    cr_err_t err = answer->err;
    ledger_op_destroy(&answer);
    return err;
}

static ledger_op_t *
block(uint64_t broadcast, uint32_t first_rank, cr_status_t status, uint32_t length)
{
    ledger_op_t *op = ledger_op_new(LEDGER_BLOCK);
    op->broadcast = broadcast;
    op->first_rank = first_rank;
    op->length = length;
    memset(op->status, status, length);
    return op;
}

static uint64_t
new_broadcast(bench_t *bench)
{
    ledger_op_t *op = ledger_op_new(LEDGER_BROADCAST_NEW);
    op->document = json_pack("{s:s}", "state", "draft");
    op->audit = json_pack("{s:s, s:s}", "who", "planner", "what", "draft");
    op = ask(bench->plan, op);
    CU_ASSERT_EQUAL(op->err, CR_OK);
    uint64_t id = op->broadcast;
    ledger_op_destroy(&op);
    return id;
}

static void
redis_text(const char *command, char *out, size_t room)
{
    char line[512];
    snprintf(line, sizeof line, "redis-cli -s %s/redis.sock %s", redis_server_folder(), command);
    FILE *pipe = popen(line, "r");
    size_t length = fread(out, 1, room - 1, pipe);
    out[length] = '\0';
    out[strcspn(out, "\n")] = '\0';
    pclose(pipe);
}

static cr_err_t
count_broadcast(void *context, uint64_t id, cr_slice_t text)
{
    json_t *document = json_loadb(text.text, text.length, 0, NULL);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(document, "state")), "draft");
    json_decref(document);
    *(uint64_t *)context = id;
    return CR_OK;
}

static cr_err_t
check_lease(void *context, cr_channel_t channel, uint64_t lease, const uint8_t *record,
            size_t length)
{
    CU_ASSERT_EQUAL(channel, CR_CHANNEL_WECHAT);
    CU_ASSERT_EQUAL(lease, 78);
    CU_ASSERT_TRUE(length == 5 && memcmp(record, "reco\0", 5) == 0);
    ++*(int *)context;
    return CR_OK;
}

static void
bytes_leases_and_trail_are_read_back_by_the_next_daemon(void)
{
    bench_t bench;
    bench_open(&bench);
    bench_start(&bench);
    uint64_t id = new_broadcast(&bench);
    for (uint64_t lease = 77; lease <= 78; lease++) {
        ledger_op_t *op = block(id, LEDGER_CHUNK, CR_STATUS_ACCEPTED, 3);
        op->channel = CR_CHANNEL_WECHAT;
        op->lease = lease;
        memcpy(op->lease_record, "reco\0", 5);
        op->lease_record_bytes = 5;
        memcpy(op->trail, "trail", 5);
        op->trail_bytes = 5;
        CU_ASSERT_EQUAL(ask_and_forget(bench.dispatch, op), CR_OK);
    }
    ledger_op_t *end = block(id, 10, CR_STATUS_DELIVERED, 1);
    end->channel = CR_CHANNEL_WECHAT;
    end->lease = 77;
    end->lease_ends = true;
    CU_ASSERT_EQUAL(ask_and_forget(bench.dispatch, end), CR_OK);
    ledger_op_t *trail = ledger_op_new(LEDGER_TRAIL);
    trail->broadcast = id;
    trail->channel = CR_CHANNEL_WECHAT;
    trail->first_rank = LEDGER_CHUNK;
    trail = ask(bench.plan, trail);
    CU_ASSERT_EQUAL(trail->bytes_length, 14);
    CU_ASSERT_TRUE(memcmp(trail->bytes, "\5\0trail\5\0trail", 14) == 0);
    ledger_op_destroy(&trail);
    bench_close(&bench);

    bench_open(&bench);
    uint64_t seen = 0;
    CU_ASSERT_EQUAL(ledger_load_broadcasts(bench.ledger, count_broadcast, &seen, &fault), CR_OK);
    CU_ASSERT_EQUAL(seen, id);
    static cr_status_t status[LEDGER_CHUNK + 5];
    CU_ASSERT_EQUAL(
        ledger_load_status(bench.ledger, id, CR_CHANNEL_WECHAT, status, CR_COUNT(status), &fault),
        CR_OK);
    CU_ASSERT_EQUAL(status[9], CR_STATUS_WAITING);
    CU_ASSERT_EQUAL(status[10], CR_STATUS_DELIVERED);
    CU_ASSERT_EQUAL(status[LEDGER_CHUNK + 2], CR_STATUS_ACCEPTED);
    CU_ASSERT_EQUAL(status[LEDGER_CHUNK + 3], CR_STATUS_WAITING);
    int leases = 0;
    CU_ASSERT_EQUAL(ledger_load_leases(bench.ledger, id, check_lease, &leases, &fault), CR_OK);
    CU_ASSERT_EQUAL(leases, 1);
    bench_close(&bench);
}

static void
bill_three_parts(bench_t *bench, uint64_t id, cr_channel_t channel)
{
    ledger_op_t *op = block(id, 0, CR_STATUS_ACCEPTED, 2);
    op->channel = channel;
    op->bill = (cr_bill_t){3, 135000};
    CU_ASSERT_EQUAL(ask_and_forget(bench->dispatch, op), CR_OK);
}

/* The newest writes are sent again on a new connection; they add nothing a second time. */
static void
what_was_billed_is_added_up_once_through_loss_of_redis(void)
{
    bench_t bench;
    cr_bill_t bill = {1, 1};
    bench_open(&bench);
    bench_start(&bench);
    uint64_t id = new_broadcast(&bench);
    bill_three_parts(&bench, id, CR_CHANNEL_SMS);
    bill_three_parts(&bench, id, CR_CHANNEL_SMS);
    bill_three_parts(&bench, id, CR_CHANNEL_MAIL);
    redis_server_kill();
    redis_server_again();
    bill_three_parts(&bench, id, CR_CHANNEL_SMS);
    bench_close(&bench);
    bench_open(&bench);
    CU_ASSERT_EQUAL(ledger_load_bill(bench.ledger, id, CR_CHANNEL_SMS, &bill, &fault), CR_OK);
    CU_ASSERT_EQUAL(bill.parts, 9);
    CU_ASSERT_EQUAL(bill.price, 405000);
    CU_ASSERT_EQUAL(ledger_load_bill(bench.ledger, id, CR_CHANNEL_MAIL, &bill, &fault), CR_OK);
    CU_ASSERT_EQUAL(bill.parts, 3);
    CU_ASSERT_EQUAL(ledger_load_bill(bench.ledger, id, CR_CHANNEL_WECHAT, &bill, &fault), CR_OK);
    CU_ASSERT_EQUAL(bill.parts, 0);
    bench_close(&bench);
}

static void
a_daemon_of_an_older_epoch_is_refused(void)
{
    bench_t old, new;
    bench_open(&old);
    bench_start(&old);
    uint64_t id = new_broadcast(&old), seen = 0;
    bench_open(&new);
    CU_ASSERT_TRUE(ledger_epoch(new.ledger) > ledger_epoch(old.ledger));
    CU_ASSERT_EQUAL(ledger_load_broadcasts(new.ledger, count_broadcast, &seen, &fault), CR_OK);
    CU_ASSERT_EQUAL(ask_and_forget(old.dispatch, block(id, 0, CR_STATUS_DELIVERED, 4)),
                    CR_CONFLICT);
    ledger_op_t *put = ledger_op_new(LEDGER_DOCUMENT_PUT);
    put->collection = "templates";
    put->key = strdup("x");
    put->document = json_pack("{}");
    CU_ASSERT_EQUAL(ask_and_forget(old.plan, put), CR_CONFLICT);
    cr_status_t status[4];
    CU_ASSERT_EQUAL(ledger_load_status(new.ledger, id, CR_CHANNEL_SMS, status, 4, &fault), CR_OK);
    CU_ASSERT_EQUAL(status[0], CR_STATUS_WAITING);
    bench_close(&old);
    bench_close(&new);
}

/* Writes of dispatch while Redis is killed: all come back stored, in order; plan hears at once. */
static void
what_was_written_while_redis_was_away_is_stored_when_it_is_back(void)
{
    bench_t bench;
    bench_open(&bench);
    bench_start(&bench);
    uint64_t id = new_broadcast(&bench);
    redis_server_kill();
    for (int i = 0; i < 100; i++) {
        ledger_op_t *op =
            block(id, 0, (cr_status_t)(i == 99 ? CR_STATUS_DELIVERED : i % 7 + 1), 256);
        op->cookie = (void *)(intptr_t)i;
        op->trail[0] = (uint8_t)i;
        op->trail_bytes = 1;
        ledger_send(bench.dispatch, &op);
    }
    ledger_op_t *put = ledger_op_new(LEDGER_MARK_PUT);
    put->on = true;
    int64_t before = cr_clock_mono_us();
    CU_ASSERT_EQUAL(ask_and_forget(bench.plan, put), CR_AGAIN);
    CU_ASSERT_TRUE(cr_clock_mono_us() - before < 2 * CR_US_PER_S);
    redis_server_again();
    for (int i = 0; i < 100; i++) {
        ledger_op_t *op = ledger_receive(bench.dispatch);
        CU_ASSERT_PTR_NOT_NULL_FATAL(op);
        CU_ASSERT_EQUAL(op->err, CR_OK);
        CU_ASSERT_EQUAL((intptr_t)op->cookie, i);
        ledger_op_destroy(&op);
    }
    ledger_op_t *trail = ledger_op_new(LEDGER_TRAIL);
    trail->broadcast = id;
    trail = ask(bench.dispatch, trail);
    CU_ASSERT_EQUAL(trail->bytes_length, 300);
    for (size_t i = 0; i < trail->bytes_length / 3; i++)
        CU_ASSERT_EQUAL(trail->bytes[i * 3 + 2], i);
    ledger_op_destroy(&trail);
    cr_status_t status[256];
    bench_close(&bench);
    bench_open(&bench);
    CU_ASSERT_EQUAL(ledger_load_status(bench.ledger, id, CR_CHANNEL_SMS, status, 256, &fault),
                    CR_OK);
    CU_ASSERT_EQUAL(status[255], CR_STATUS_DELIVERED);
    bench_close(&bench);
}

/* Refused for want of memory, or with the functions gone: repeated until it holds. */
static void
a_refused_write_is_repeated_until_it_is_stored(void)
{
    bench_t bench;
    char text[64];
    bench_open(&bench);
    bench_start(&bench);
    uint64_t id = new_broadcast(&bench);
    redis_text("FUNCTION FLUSH", text, sizeof text);
    CU_ASSERT_EQUAL(ask_and_forget(bench.dispatch, block(id, 0, CR_STATUS_DELIVERED, 1)), CR_OK);
    redis_text("CONFIG SET maxmemory 1", text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "OK");
    ledger_op_t *op = block(id, 1, CR_STATUS_DELIVERED, 1);
    ledger_send(bench.dispatch, &op);
    zsock_set_rcvtimeo(bench.dispatch, 300);
    CU_ASSERT_PTR_NULL(ledger_receive(bench.dispatch));
    redis_text("CONFIG SET maxmemory 0", text, sizeof text);
    zsock_set_rcvtimeo(bench.dispatch, 10000);
    op = ledger_receive(bench.dispatch);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT_EQUAL(op->err, CR_OK);
    ledger_op_destroy(&op);
    bench_close(&bench);
}

enum { IDS = LEDGER_IDS_PAGE + 100, IDS_A_WRITE = 256 };

/* Entry `number` of those that are written below. */
static void
encode_id(uint32_t number, uint8_t out[LEDGER_ID_BYTES])
{
    memset(out, 0, LEDGER_ID_BYTES);
    memcpy(out, &number, sizeof number);
    out[8] = (uint8_t)number;
    out[9] = (uint8_t)(number >> 8);
    out[10] = 1;
}

static void
write_ids(const bench_t *bench, uint64_t broadcast, int64_t until_s)
{
    for (uint32_t first = 0; first < IDS; first += IDS_A_WRITE) {
        uint32_t count = IDS - first < IDS_A_WRITE ? IDS - first : IDS_A_WRITE;
        ledger_op_t *op = block(broadcast, first, CR_STATUS_ACCEPTED, 1);
        op->channel = CR_CHANNEL_WECHAT;
        op->announces = first == 0;
        op->ids_until_s = until_s;
        op->bytes_length = count * LEDGER_ID_BYTES;
        op->bytes = malloc(op->bytes_length);
        for (uint32_t i = 0; i < count; i++)
            encode_id(first + i, op->bytes + i * LEDGER_ID_BYTES);
        ledger_send(bench->dispatch, &op);
    }
    for (uint32_t first = 0; first < IDS; first += IDS_A_WRITE) {
        ledger_op_t *op = ledger_receive(bench->dispatch);
        CU_ASSERT_PTR_NOT_NULL_FATAL(op);
        CU_ASSERT_EQUAL(op->err, CR_OK);
        ledger_op_destroy(&op);
    }
}

static ledger_op_t *
read_ids(const bench_t *bench, uint64_t broadcast, uint32_t first_rank, uint64_t from)
{
    ledger_op_t *op = ledger_op_new(LEDGER_IDS_READ);
    op->broadcast = broadcast;
    op->channel = CR_CHANNEL_WECHAT;
    op->first_rank = first_rank;
    op->cursor = from;
    return ask(bench->dispatch, op);
}

static void
check_ids(const ledger_op_t *op, uint32_t first, uint32_t count)
{
    uint8_t expected[LEDGER_ID_BYTES];
    CU_ASSERT_EQUAL_FATAL(op->bytes_length, count * LEDGER_ID_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        encode_id(first + i, expected);
        CU_ASSERT_EQUAL(memcmp(op->bytes + i * LEDGER_ID_BYTES, expected, sizeof expected), 0);
    }
}

static void
gateways_ids_are_read_back_in_pages(void)
{
    bench_t bench;
    bench_open(&bench);
    bench_start(&bench);
    uint64_t id = new_broadcast(&bench);
    write_ids(&bench, id, cr_clock_wall_us() / CR_US_PER_S + 1000);
    ledger_op_t *op = read_ids(&bench, id, 0, 0);
    CU_ASSERT_TRUE(op->on);
    check_ids(op, 0, LEDGER_IDS_PAGE);
    ledger_op_destroy(&op);
    op = read_ids(&bench, id, 0, LEDGER_IDS_PAGE * LEDGER_ID_BYTES);
    check_ids(op, LEDGER_IDS_PAGE, IDS - LEDGER_IDS_PAGE);
    ledger_op_destroy(&op);
    op = read_ids(&bench, id, LEDGER_CHUNK, 0);
    CU_ASSERT_FALSE(op->on);
    check_ids(op, 0, 0);
    ledger_op_destroy(&op);
    bench_close(&bench);
}

/* Until when, of a broadcast that has ids; 0: it is not in the register. */
static int64_t
registered_until(const bench_t *bench, uint64_t broadcast)
{
    int64_t until_s = 0;
    ledger_op_t *op = ask(bench->dispatch, ledger_op_new(LEDGER_BOOKS_READ));
    for (size_t i = 0; i < op->book_count; i++)
        if (op->books[i].broadcast == broadcast)
            until_s = op->books[i].until_s;
    ledger_op_destroy(&op);
    return until_s;
}

static void
gateways_ids_are_kept_until_their_time_is_over(void)
{
    char command[80], text[80];
    bench_t bench;
    bench_open(&bench);
    bench_start(&bench);
    uint64_t id = new_broadcast(&bench), over = new_broadcast(&bench);
    int64_t now_s = cr_clock_wall_us() / CR_US_PER_S;
    write_ids(&bench, id, now_s + 1000);
    write_ids(&bench, over, now_s - 1);
    CU_ASSERT_EQUAL(registered_until(&bench, id), now_s + 1000);
    CU_ASSERT_EQUAL(registered_until(&bench, over), 0);
    snprintf(command, sizeof command, "EXPIRETIME {b:%d}:g:w:0", (int)id);
    redis_text(command, text, sizeof text);
    CU_ASSERT_EQUAL(strtoll(text, NULL, 10), now_s + 1000);
    snprintf(command, sizeof command, "EXISTS {b:%d}:g:w:0", (int)over);
    redis_text(command, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "0");
    bench_close(&bench);
}

static ledger_op_t *
begin_key(bench_t *bench, const char *key)
{
    ledger_op_t *op = ledger_op_new(LEDGER_IDEMPOTENCY_BEGIN);
    op->key = strdup(key);
    op->document = json_pack("{s:s}", "hash", "h1");
    return ask(bench->plan, op);
}

static void
an_idempotency_key_is_claimed_once_and_gives_back_what_was_kept(void)
{
    bench_t bench;
    bench_open(&bench);
    bench_start(&bench);
    ledger_op_t *op = begin_key(&bench, "k");
    CU_ASSERT_PTR_NULL(op->document);
    ledger_op_destroy(&op);
    op = begin_key(&bench, "k");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(op->document, "hash")), "h1");
    ledger_op_destroy(&op);
    op = ledger_op_new(LEDGER_IDEMPOTENCY_END);
    op->key = strdup("k");
    op->document = json_pack("{s:i}", "status", 201);
    CU_ASSERT_EQUAL(ask_and_forget(bench.plan, op), CR_OK);
    op = begin_key(&bench, "k");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(op->document, "status")), 201);
    ledger_op_destroy(&op);
    bench_close(&bench);
}

static void
audit_lines_are_numbered_and_chained_over_restarts(void)
{
    bench_t bench;
    for (int round = 0; round < 2; round++) {
        bench_open(&bench);
        bench_start(&bench);
        for (int i = 0; i < 3; i++) {
            ledger_op_t *op = ledger_op_new(LEDGER_AUDIT_PUT);
            op->audit = json_pack("{s:i}", "what", i);
            CU_ASSERT_EQUAL(ask_and_forget(bench.plan, op), CR_OK);
        }
        if (round == 0)
            bench_close(&bench);
    }
    ledger_op_t *op = ask(bench.plan, ledger_op_new(LEDGER_AUDIT_READ));
    size_t count = json_array_size(op->document);
    CU_ASSERT_TRUE(count >= 6);
    for (size_t i = 0; i + 1 < count; i++) {
        const json_t *newer = json_array_get(op->document, i);
        const json_t *older = json_array_get(op->document, i + 1);
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(newer, "n")),
                        json_integer_value(json_object_get(older, "n")) + 1);
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(newer, "previous")),
                               json_string_value(json_object_get(older, "hash")));
    }
    ledger_op_destroy(&op);
    bench_close(&bench);
}

static cr_err_t
sum_segment(void *context, uint32_t segment, uint32_t generation, const uint8_t *blob,
            size_t length)
{
    (void)generation;
    char *text = context;
    snprintf(text + strlen(text), 64, "%u=%.*s ", segment, (int)length, (const char *)blob);
    return CR_OK;
}

static void
put_segments(ledger_segments_t *segments, const char *const *blobs, size_t count)
{
    uint32_t generation;
    CU_ASSERT_EQUAL(ledger_segments_begin(segments, &generation, &fault), CR_OK);
    for (uint32_t i = 0; i < count; i++)
        if (blobs[i])
            CU_ASSERT_EQUAL(ledger_segments_put(segments, i, (const uint8_t *)blobs[i],
                                                strlen(blobs[i]), &fault),
                            CR_OK);
}

enum { SEGMENTS_EPOCH = 1000 };

static void
an_import_shows_at_its_commit_and_one_that_died_leaves_nothing(void)
{
    ledger_segments_t *segments;
    char text[256] = "", keys[64];
    CU_ASSERT_EQUAL_FATAL(ledger_segments_open(&config, SEGMENTS_EPOCH, &segments, &fault), CR_OK);
    put_segments(segments, (const char *const[]){"a1", "b1"}, 2);
    CU_ASSERT_EQUAL(ledger_segments_commit(segments, 2, &fault), CR_OK);
    put_segments(segments, (const char *const[]){"a2", NULL, "c2"}, 3);
    ledger_segments_close(&segments); /* died before its commit */

    CU_ASSERT_EQUAL_FATAL(ledger_segments_open(&config, SEGMENTS_EPOCH, &segments, &fault), CR_OK);
    CU_ASSERT_EQUAL(ledger_segments_load(segments, sum_segment, text, &fault), CR_OK);
    CU_ASSERT_STRING_EQUAL(text, "0=a1 1=b1 ");
    put_segments(segments, (const char *const[]){NULL, "b3"}, 2);
    CU_ASSERT_EQUAL(ledger_segments_commit(segments, 2, &fault), CR_OK);
    ledger_segments_close(&segments);

    CU_ASSERT_EQUAL_FATAL(ledger_segments_open(&config, SEGMENTS_EPOCH, &segments, &fault), CR_OK);
    text[0] = '\0';
    CU_ASSERT_EQUAL(ledger_segments_load(segments, sum_segment, text, &fault), CR_OK);
    CU_ASSERT_STRING_EQUAL(text, "0=a1 1=b3 ");
    redis_text("--raw EVAL \"return #redis.call('KEYS','{d:*')\" 0", keys, sizeof keys);
    CU_ASSERT_STRING_EQUAL(keys, "2");
    ledger_segments_close(&segments);
}

static void
an_import_of_a_daemon_that_was_taken_over_is_refused(void)
{
    ledger_segments_t *older, *newer;
    uint32_t ignored;
    char text[256] = "";
    CU_ASSERT_EQUAL_FATAL(ledger_segments_open(&config, SEGMENTS_EPOCH, &older, &fault), CR_OK);
    put_segments(older, (const char *const[]){"x", "y"}, 2);
    CU_ASSERT_EQUAL_FATAL(ledger_segments_open(&config, SEGMENTS_EPOCH + 1, &newer, &fault), CR_OK);
    CU_ASSERT_EQUAL(ledger_segments_commit(older, 2, &fault), CR_CONFLICT);
    CU_ASSERT_EQUAL(ledger_segments_begin(older, &ignored, &fault), CR_CONFLICT);
    CU_ASSERT_EQUAL(ledger_segments_load(newer, sum_segment, text, &fault), CR_OK);
    CU_ASSERT_STRING_EQUAL(text, "0=a1 1=b3 ");
    ledger_segments_close(&older);
    ledger_segments_close(&newer);
}

static void
a_server_that_forgets_is_refused(void)
{
    char text[64];
    ledger_t *ledger;
    redis_text("CONFIG SET maxmemory-policy allkeys-lru", text, sizeof text);
    CU_ASSERT_EQUAL(ledger_open(&config, &ledger, &fault), CR_CONFLICT);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "maxmemory-policy"));
    redis_text("CONFIG SET maxmemory-policy noeviction", text, sizeof text);
    ledger_config_t nowhere = {
        .redis_url = "unix:///nonexistent.sock", .password_file = "", .timeout_ms = 100};
    CU_ASSERT_EQUAL(ledger_open(&nowhere, &ledger, &fault), CR_AGAIN);
}

/* First and last of the list: they own the server. */
static void
start_redis(void)
{
    zsys_handler_set(NULL);
    cr_log_open("test_ledger", CR_LOG_ERR);
    config.redis_url = redis_server_start();
}

static void
stop_redis(void)
{
    redis_server_stop();
}

CU_TestInfo cr_tests[] = {
    {"redis starts", start_redis},
    {"bytes, leases and trail are read back by the next daemon",
     bytes_leases_and_trail_are_read_back_by_the_next_daemon},
    {"what was billed is added up once, through loss of Redis",
     what_was_billed_is_added_up_once_through_loss_of_redis},
    {"a daemon of an older epoch is refused", a_daemon_of_an_older_epoch_is_refused},
    {"what was written while Redis was away is stored when it is back",
     what_was_written_while_redis_was_away_is_stored_when_it_is_back},
    {"a refused write is repeated until it is stored",
     a_refused_write_is_repeated_until_it_is_stored},
    {"gateways' ids are read back in pages", gateways_ids_are_read_back_in_pages},
    {"gateways' ids are kept until their time is over",
     gateways_ids_are_kept_until_their_time_is_over},
    {"an idempotency key is claimed once and gives back what was kept",
     an_idempotency_key_is_claimed_once_and_gives_back_what_was_kept},
    {"audit lines are numbered and chained over restarts",
     audit_lines_are_numbered_and_chained_over_restarts},
    {"an import shows at its commit, and one that died leaves nothing",
     an_import_shows_at_its_commit_and_one_that_died_leaves_nothing},
    {"an import of a daemon that was taken over is refused",
     an_import_of_a_daemon_that_was_taken_over_is_refused},
    {"a server that forgets is refused", a_server_that_forgets_is_refused},
    {"redis stops", stop_redis},
    CU_TEST_INFO_NULL,
};
