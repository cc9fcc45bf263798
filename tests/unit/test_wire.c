#include "cr_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_wire.h"

const char cr_suite[] = "wire";

enum { FILE_BYTES_MAX = 4096 };

static size_t
read_frame(const char *name, uint8_t bytes[FILE_BYTES_MAX])
{
    char path[512];
    snprintf(path, sizeof path, CR_TEST_DATA "/wire/%s.bin", name);
    FILE *in = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    size_t length = fread(bytes, 1, FILE_BYTES_MAX, in);
    fclose(in);
    return length;
}

static bool
bytes_are(ProtobufCBinaryData data, const void *expected, size_t length)
{
    return data.len == length && memcmp(data.data, expected, length) == 0;
}

static bool
pool_is(const Crier__V1__Pool *pool, size_t count, const char *const values[])
{
    if (!cr_wire_pool_is_sound(pool, count))
        return false;
    cr_wire_cursor_t cursor = {0};
    for (size_t i = 0; i < count; i++)
        if (!cr_slice_equal(cr_wire_pool_next(pool, &cursor), cr_slice_of(values[i])))
            return false;
    return true;
}

static void
check_hello(const Crier__V1__Frame *frame)
{
    const Crier__V1__Hello *hello = frame->hello;
    CU_ASSERT_STRING_EQUAL(hello->worker, "sms-1");
    CU_ASSERT_EQUAL(hello->channel, 0);
    CU_ASSERT_STRING_EQUAL(hello->gateway->name, "aliyun");
    CU_ASSERT_TRUE(hello->gateway->drill && hello->gateway->gives_receipts);
    CU_ASSERT_TRUE(hello->gateway->idempotent);
    CU_ASSERT_EQUAL(hello->gateway->window, 16);
    CU_ASSERT_EQUAL(hello->gateway->per_second, 100);
    CU_ASSERT_EQUAL(hello->credit, 2);
    CU_ASSERT_EQUAL(hello->urgent_credit, 1);
    CU_ASSERT_EQUAL_FATAL(hello->n_held, 2);
    CU_ASSERT_EQUAL(hello->held[0], 7);
    CU_ASSERT_EQUAL(hello->held[1], 300);
    CU_ASSERT_STRING_EQUAL(hello->version, "1.0");
}

static void
check_welcome(const Crier__V1__Frame *frame)
{
    const Crier__V1__Welcome *welcome = frame->welcome;
    CU_ASSERT_EQUAL(welcome->epoch, 5);
    CU_ASSERT_EQUAL(welcome->heartbeat_ms, 1000);
    CU_ASSERT_EQUAL(welcome->lease_ms, 5000);
    CU_ASSERT_EQUAL(welcome->report_outcomes, 32);
    CU_ASSERT_EQUAL(welcome->report_ms, 20);
    CU_ASSERT_EQUAL_FATAL(welcome->n_dropped, 1);
    CU_ASSERT_EQUAL(welcome->dropped[0], 7);
}

static void
check_wording(const Crier__V1__Wording *wording)
{
    CU_ASSERT_STRING_EQUAL(wording->language, "zh-CN");
    CU_ASSERT_STRING_EQUAL(wording->text, "【平阴科普】{name}您好");
    CU_ASSERT_STRING_EQUAL(wording->subject, "防灾减灾日");
    CU_ASSERT_STRING_EQUAL(wording->html, "<p>{name}</p>");
    CU_ASSERT_STRING_EQUAL(wording->template_id, "TM00001");
    CU_ASSERT_EQUAL_FATAL(wording->n_fields, 2);
    CU_ASSERT_STRING_EQUAL(wording->fields[1]->name, "time2");
    CU_ASSERT_STRING_EQUAL(wording->fields[1]->value, "10时");
    CU_ASSERT_STRING_EQUAL(wording->url, "https://kp.pingyin.test/fzr");
}

static void
check_lease(const Crier__V1__Frame *frame)
{
    const Crier__V1__Lease *lease = frame->lease;
    CU_ASSERT_EQUAL(lease->lease, 300);
    CU_ASSERT_EQUAL(lease->broadcast, 51);
    CU_ASSERT_EQUAL(lease->channel, 2);
    CU_ASSERT_EQUAL(lease->lane, 1);
    CU_ASSERT_TRUE(lease->drill && lease->free_running);
    CU_ASSERT_EQUAL(lease->first_rank, 256);
    CU_ASSERT_TRUE(bytes_are(lease->offsets, "\x00\x03\xff", 3));
    CU_ASSERT_TRUE(bytes_are(lease->attempts, "\x01\x01\x02", 3));
    CU_ASSERT_EQUAL(lease->expires_us, INT64_C(1778547600000000));
    CU_ASSERT_STRING_EQUAL(lease->sender, "平阴科普");
    CU_ASSERT_EQUAL_FATAL(lease->n_wordings, 2);
    check_wording(lease->wordings[0]);
    CU_ASSERT_TRUE(bytes_are(lease->wording, "\x00\x01\x00", 3));
    const char *const addresses[] = {"a@pingyin.test", "b@pingyin.test", ""};
    const char *const names[] = {"张三", "", "李四"};
    CU_ASSERT_TRUE(pool_is(lease->addresses, 3, addresses));
    CU_ASSERT_EQUAL_FATAL(lease->n_columns, 1);
    CU_ASSERT_STRING_EQUAL(lease->columns[0]->name, "name");
    CU_ASSERT_TRUE(pool_is(lease->columns[0]->values, 3, names));
}

static void
check_report(const Crier__V1__Frame *frame)
{
    const Crier__V1__Report *report = frame->report;
    CU_ASSERT_EQUAL(report->lease, 300);
    CU_ASSERT_EQUAL(report->sequence, 2);
    CU_ASSERT_TRUE(bytes_are(report->positions, "\x00\x01", 2));
    CU_ASSERT_TRUE(bytes_are(report->outcomes, "\x10\x40", 2));
    CU_ASSERT_EQUAL(report->intent, 34);
    CU_ASSERT_TRUE(pool_is(report->gateway_ids, 1, (const char *const[]){"900619746936498440"}));
    CU_ASSERT_EQUAL(report->retry_after_ms, 1500);
    CU_ASSERT_TRUE(report->last);
}

static void
check_ack(const Crier__V1__Frame *frame)
{
    CU_ASSERT_EQUAL(frame->ack->lease, 300);
    CU_ASSERT_EQUAL(frame->ack->sequence, 2);
    CU_ASSERT_EQUAL(frame->ack->intent, 34);
}

static void
check_receipts(const Crier__V1__Frame *frame)
{
    const Crier__V1__Receipts *receipts = frame->receipts;
    const char *const references[] = {"0000001K.s.4711.1", ""};
    const char *const gateway_ids[] = {"", "900619746936498440"};
    CU_ASSERT_EQUAL(receipts->batch, UINT64_C(1778547600000001));
    CU_ASSERT_TRUE(pool_is(receipts->references, 2, references));
    CU_ASSERT_TRUE(pool_is(receipts->gateway_ids, 2, gateway_ids));
    CU_ASSERT_TRUE(bytes_are(receipts->outcomes, "\x20\x41", 2));
}

static void
check_receipts_ack(const Crier__V1__Frame *frame)
{
    CU_ASSERT_EQUAL(frame->receipts_ack->batch, UINT64_C(1778547600000001));
}

static void
check_replies(const Crier__V1__Frame *frame)
{
    const Crier__V1__Replies *replies = frame->replies;
    const char *const addresses[] = {"13800000001", "oABCDEFG"};
    const char *const texts[] = {"退订", ""};
    CU_ASSERT_EQUAL(replies->batch, UINT64_C(1778547600000002));
    CU_ASSERT_TRUE(pool_is(replies->addresses, 2, addresses));
    CU_ASSERT_TRUE(pool_is(replies->texts, 2, texts));
    CU_ASSERT_TRUE(bytes_are(replies->kinds, "\x00\x01", 2));
}

static void
check_replies_ack(const Crier__V1__Frame *frame)
{
    CU_ASSERT_EQUAL(frame->replies_ack->batch, UINT64_C(1778547600000002));
}

static void
check_revoke(const Crier__V1__Frame *frame)
{
    CU_ASSERT_EQUAL(frame->revoke->lease, 300);
    CU_ASSERT_EQUAL(frame->revoke->reason, 2);
}

static void
check_ping(const Crier__V1__Frame *frame)
{
    CU_ASSERT_EQUAL(frame->ping->stamp, 123456789);
}

static void
check_pong(const Crier__V1__Frame *frame)
{
    CU_ASSERT_EQUAL(frame->pong->stamp, 123456789);
}

static void
check_bye(const Crier__V1__Frame *frame)
{
    CU_ASSERT_PTR_NOT_NULL(frame->bye);
}

static void
check_credit(const Crier__V1__Frame *frame)
{
    CU_ASSERT_EQUAL(frame->credit->credit, 1);
    CU_ASSERT_EQUAL(frame->credit->urgent_credit, 2);
}

static void
check_tune(const Crier__V1__Frame *frame)
{
    CU_ASSERT_EQUAL(frame->tune->per_second, 250);
}

static void
check_refusal(const Crier__V1__Frame *frame)
{
    CU_ASSERT_EQUAL(frame->refusal->reason, CRIER__V1__REFUSAL__REASON__UNKNOWN_LEASE);
    CU_ASSERT_EQUAL(frame->refusal->lease, 300);
    CU_ASSERT_STRING_EQUAL(frame->refusal->text, "no such lease");
}

/* One golden frame for every message of the protocol. */
static const struct {
    const char *name;
    Crier__V1__Frame__BodyCase body;
    void (*check)(const Crier__V1__Frame *frame);
} golden[] = {
    {"hello", CRIER__V1__FRAME__BODY_HELLO, check_hello},
    {"welcome", CRIER__V1__FRAME__BODY_WELCOME, check_welcome},
    {"lease", CRIER__V1__FRAME__BODY_LEASE, check_lease},
    {"report", CRIER__V1__FRAME__BODY_REPORT, check_report},
    {"ack", CRIER__V1__FRAME__BODY_ACK, check_ack},
    {"receipts", CRIER__V1__FRAME__BODY_RECEIPTS, check_receipts},
    {"receipts_ack", CRIER__V1__FRAME__BODY_RECEIPTS_ACK, check_receipts_ack},
    {"replies", CRIER__V1__FRAME__BODY_REPLIES, check_replies},
    {"replies_ack", CRIER__V1__FRAME__BODY_REPLIES_ACK, check_replies_ack},
    {"revoke", CRIER__V1__FRAME__BODY_REVOKE, check_revoke},
    {"ping", CRIER__V1__FRAME__BODY_PING, check_ping},
    {"pong", CRIER__V1__FRAME__BODY_PONG, check_pong},
    {"bye", CRIER__V1__FRAME__BODY_BYE, check_bye},
    {"credit", CRIER__V1__FRAME__BODY_CREDIT, check_credit},
    {"tune", CRIER__V1__FRAME__BODY_TUNE, check_tune},
    {"refusal", CRIER__V1__FRAME__BODY_REFUSAL, check_refusal},
};

static void
golden_frames_are_read(void)
{
    for (size_t i = 0; i < CR_COUNT(golden); i++) {
        uint8_t bytes[FILE_BYTES_MAX];
        size_t length = read_frame(golden[i].name, bytes);
        Crier__V1__Frame *frame = NULL;
        CU_ASSERT_EQUAL_FATAL(cr_wire_unpack(bytes, length, &frame), CR_OK);
        CU_ASSERT_EQUAL_FATAL(frame->body_case, golden[i].body);
        golden[i].check(frame);
        cr_wire_free(&frame);
        CU_ASSERT_PTR_NULL(frame);
    }
}

static void
every_message_of_the_protocol_has_a_golden_frame(void)
{
    /* Members of the oneof: every field of Frame but the version. */
    CU_ASSERT_EQUAL(CR_COUNT(golden), crier__v1__frame__descriptor.n_fields - 1);
}

static void
golden_frames_are_written_to_the_same_bytes(void)
{
    for (size_t i = 0; i < CR_COUNT(golden); i++) {
        uint8_t bytes[FILE_BYTES_MAX];
        size_t length = read_frame(golden[i].name, bytes);
        Crier__V1__Frame *frame = NULL;
        CU_ASSERT_EQUAL_FATAL(cr_wire_unpack(bytes, length, &frame), CR_OK);
        zmq_msg_t packed;
        frame->version = 0; /* packing sets it */
        CU_ASSERT_EQUAL_FATAL(cr_wire_pack(frame, &packed), CR_OK);
        CU_ASSERT_EQUAL_FATAL(zmq_msg_size(&packed), length);
        CU_ASSERT_EQUAL(memcmp(zmq_msg_data(&packed), bytes, length), 0);
        zmq_msg_close(&packed);
        cr_wire_free(&frame);
    }
}

static void
a_cut_frame_is_refused(void)
{
    for (size_t i = 0; i < CR_COUNT(golden); i++) {
        uint8_t bytes[FILE_BYTES_MAX];
        size_t length = read_frame(golden[i].name, bytes);
        for (size_t cut = 0; cut < length; cut++) {
            /* A buffer of the exact size lets the address sanitizer see one byte too many. */
            uint8_t *exact = malloc(cut + 1);
            CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
            memcpy(exact + 1, bytes, cut);
            Crier__V1__Frame *frame = NULL;
            CU_ASSERT_NOT_EQUAL(cr_wire_unpack(exact + 1, cut, &frame), CR_OK);
            CU_ASSERT_PTR_NULL(frame);
            free(exact);
        }
    }
}

static void
garbage_is_refused(void)
{
    static const struct {
        const char *bytes;
        size_t length;
        cr_err_t err;
    } cases[] = {
        {"", 0, CR_CONFLICT},                 /* no version */
        {"\x08\x01", 2, CR_INVAL},            /* no body */
        {"\x08\x02\x5a\x00", 4, CR_CONFLICT}, /* bye of version 2 */
        {"\x5a\x00", 2, CR_CONFLICT},         /* bye without a version */
        {"\xff\xff\xff\xff", 4, CR_INVAL},    /* a tag without an end */
        {"\x08\x01\x12\x7f", 4, CR_INVAL},    /* hello longer than the frame */
        {"\x08\x01\x12\x02\x0a\x05", 6, CR_INVAL},
        {"\x08\x01\xa2\x06\x00", 5, CR_INVAL}, /* a body that version 1 does not have */
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        Crier__V1__Frame *frame = NULL;
        CU_ASSERT_EQUAL(cr_wire_unpack(cases[i].bytes, cases[i].length, &frame), cases[i].err);
        CU_ASSERT_PTR_NULL(frame);
    }
}

/* Broken frames next to sound ones find what random bytes never reach. */
static void
flipped_bytes_never_harm(void)
{
    unsigned state = 1;
    for (int round = 0; round < 4000; round++) {
        uint8_t bytes[FILE_BYTES_MAX];
        size_t length = read_frame(golden[(size_t)round % CR_COUNT(golden)].name, bytes);
        for (int flips = 0; flips < 3; flips++) {
            state = state * 1103515245u + 12345u;
            bytes[(state >> 8) % length] = (uint8_t)(state >> 24);
        }
        Crier__V1__Frame *frame = NULL;
        if (cr_wire_unpack(bytes, length, &frame) == CR_OK)
            cr_wire_free(&frame);
        CU_ASSERT_PTR_NULL(frame);
    }
}

static void
a_frame_over_the_limit_is_refused_unread_and_unwritten(void)
{
    uint8_t *bytes = calloc(1, CR_WIRE_FRAME_MAX + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    Crier__V1__Frame *frame = NULL;
    CU_ASSERT_EQUAL(cr_wire_unpack(bytes, CR_WIRE_FRAME_MAX + 1, &frame), CR_TOOBIG);
    CU_ASSERT_PTR_NULL(frame);

    Crier__V1__Frame large = CRIER__V1__FRAME__INIT;
    Crier__V1__Lease lease = CRIER__V1__LEASE__INIT;
    lease.offsets = (ProtobufCBinaryData){CR_WIRE_FRAME_MAX + 1, bytes};
    large.body_case = CRIER__V1__FRAME__BODY_LEASE;
    large.lease = &lease;
    zmq_msg_t packed;
    CU_ASSERT_EQUAL(cr_wire_pack(&large, &packed), CR_TOOBIG);
    free(bytes);
}

static void
an_unsound_pool_is_seen(void)
{
    static const struct {
        uint32_t lengths[3];
        size_t n_lengths, bytes, count;
        bool sound;
    } cases[] = {
        {{1, 2, 3}, 3, 6, 3, true},
        {{0, 0, 0}, 3, 0, 3, true},
        {{0}, 0, 0, 0, true},
        {{1, 2, 3}, 3, 6, 2, false},          /* another count than asked for */
        {{1, 2, 3}, 3, 5, 3, false},          /* fewer bytes than lengths say */
        {{1, 2, 3}, 3, 7, 3, false},          /* more bytes */
        {{UINT32_MAX, 1, 0}, 3, 0, 3, false}, /* a sum that wraps at 32 bits */
        {{UINT32_MAX, UINT32_MAX, 2}, 3, 0, 3, false},
    };
    uint8_t bytes[8] = {0};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        uint32_t lengths[3];
        memcpy(lengths, cases[i].lengths, sizeof lengths);
        Crier__V1__Pool pool = CRIER__V1__POOL__INIT;
        pool.n_lengths = cases[i].n_lengths;
        pool.lengths = lengths;
        pool.bytes = (ProtobufCBinaryData){cases[i].bytes, bytes};
        CU_ASSERT_EQUAL(cr_wire_pool_is_sound(&pool, cases[i].count), cases[i].sound);
    }
    CU_ASSERT_TRUE(cr_wire_pool_is_sound(NULL, 0));
    CU_ASSERT_FALSE(cr_wire_pool_is_sound(NULL, 1));
}

static void
a_pool_gives_back_what_was_put_in_and_can_be_used_again(void)
{
    static const char *const values[] = {"138", "", "张三", "a longer value than the others"};
    cr_wire_pool_t pool;
    cr_wire_pool_init(&pool);
    for (int round = 0; round < 3; round++) {
        cr_wire_pool_reset(&pool);
        for (size_t i = 0; i < 400; i++)
            cr_wire_pool_add(&pool, cr_slice_of(values[i % CR_COUNT(values)]));
        const Crier__V1__Pool *message = cr_wire_pool_message(&pool);
        CU_ASSERT_FALSE(pool.failed);
        CU_ASSERT_TRUE_FATAL(cr_wire_pool_is_sound(message, 400));
        cr_wire_cursor_t cursor = {0};
        for (size_t i = 0; i < 400; i++)
            CU_ASSERT_TRUE(cr_slice_equal(cr_wire_pool_next(message, &cursor),
                                          cr_slice_of(values[i % CR_COUNT(values)])));
    }
    cr_wire_pool_reset(&pool);
    CU_ASSERT_TRUE(cr_wire_pool_is_sound(cr_wire_pool_message(&pool), 0));
    cr_wire_pool_fini(&pool);
}

CU_TestInfo cr_tests[] = {
    {"golden frames are read", golden_frames_are_read},
    {"every message of the protocol has a golden frame",
     every_message_of_the_protocol_has_a_golden_frame},
    {"golden frames are written to the same bytes", golden_frames_are_written_to_the_same_bytes},
    {"a cut frame is refused", a_cut_frame_is_refused},
    {"garbage is refused", garbage_is_refused},
    {"flipped bytes never harm", flipped_bytes_never_harm},
    {"a frame over the limit is refused unread and unwritten",
     a_frame_over_the_limit_is_refused_unread_and_unwritten},
    {"an unsound pool is seen", an_unsound_pool_is_seen},
    {"a pool gives back what was put in and can be used again",
     a_pool_gives_back_what_was_put_in_and_can_be_used_again},
    CU_TEST_INFO_NULL,
};
