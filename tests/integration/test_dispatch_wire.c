/* Dispatch over its real sockets: who is let in, what goes out, and that nothing is acknowledged early. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch_world.h"
#include "metrics.h"

const char cr_suite[] = "dispatch_wire";

static world_t world;

/* A worker under its own name and key. */
static worker_t
connect_as(const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "workers.%s_secret", name);
    return world_connect(&world, name, key);
}

static Crier__V1__Refusal__Reason
wait_refusal(const worker_t *worker)
{
    Crier__V1__Frame *frame = world_wait(&world, worker, CRIER__V1__FRAME__BODY_REFUSAL);
    Crier__V1__Refusal__Reason reason = frame->refusal->reason;
    cr_wire_free(&frame);
    return reason;
}

static void
wait_pong(const worker_t *worker, uint64_t stamp)
{
    uint64_t seen;
    do {
        Crier__V1__Frame *frame = world_wait(&world, worker, CRIER__V1__FRAME__BODY_PONG);
        seen = frame->pong->stamp;
        cr_wire_free(&frame);
    } while (seen != stamp);
}

static bool
is_silent(const worker_t *worker)
{
    char byte;
    return zmq_recv(worker->socket, &byte, 1, ZMQ_DONTWAIT) < 0;
}

static Crier__V1__Report
report_of(const Crier__V1__Frame *lease, uint32_t sequence)
{
    Crier__V1__Report report = CRIER__V1__REPORT__INIT;
    report.lease = lease->lease->lease;
    report.sequence = sequence;
    return report;
}

static void
send_report(const worker_t *worker, Crier__V1__Report *report)
{
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_REPORT;
    frame.report = report;
    worker_send(worker, &frame);
}

/* ---- who is let in ---------------------------------------------------------------------------- */

static void
who_comes_while_all_is_taken_up_is_heard_afterwards(void)
{
    world_prepare(&world);
    worker_t worker = connect_as("sms-1");
    world_wait_event(&world, &worker, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    worker_hello(&worker, "sms-1");
    zmq_pollitem_t item = {.socket = worker.socket, .events = ZMQ_POLLIN};
    CU_ASSERT_EQUAL(zmq_poll(&item, 1, 200), 0);
    world_serve(&world);
    Crier__V1__Frame *frame = world_wait(&world, &worker, CRIER__V1__FRAME__BODY_WELCOME);
    cr_wire_free(&frame);
    worker_close(&worker);
    world_close(&world);
}

static void
an_allowed_key_is_welcomed(void)
{
    world_open(&world);
    worker_t worker = connect_as("sms-1");
    worker_hello(&worker, "sms-1");
    Crier__V1__Frame *frame = world_wait(&world, &worker, CRIER__V1__FRAME__BODY_WELCOME);
    CU_ASSERT_EQUAL(frame->welcome->epoch, 1);
    CU_ASSERT_EQUAL(frame->welcome->lease_ms, 30000);
    CU_ASSERT_EQUAL(frame->welcome->report_outcomes, 32);
    cr_wire_free(&frame);
    worker_close(&worker);
    world_close(&world);
}

static void
a_key_that_is_not_in_the_folder_is_not_let_in(void)
{
    world_open(&world);
    world_make_key(&world, "others", "sms-3");
    worker_t stranger = world_connect(&world, "sms-3", "others.sms-3_secret");
    worker_hello(&stranger, "sms-3");
    world_wait_event(&world, &stranger, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    CU_ASSERT_TRUE(is_silent(&stranger));
    worker_close(&stranger);
    world_close(&world);
}

static void
a_key_put_into_the_folder_later_is_let_in_without_a_restart(void)
{
    world_open(&world);
    worker_t first = connect_as("sms-1"); /* the folder has been read */
    world_greet(&world, &first, "sms-1");
    world_make_key(&world, "workers", "sms-9");
    worker_t later = connect_as("sms-9");
    world_greet(&world, &later, "sms-9");
    worker_close(&first);
    worker_close(&later);
    world_close(&world);
}

static void
a_file_that_is_no_certificate_keeps_nobody_else_out(void)
{
    world_open(&world);
    char path[160];
    snprintf(path, sizeof path, "%s/workers/README", world.folder);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("metadata\ncurve\n    public-key = \"no key\"\n", file);
    fclose(file);
    zcert_t *nameless = zcert_new();
    snprintf(path, sizeof path, "%s/workers/nameless", world.folder);
    zcert_save_public(nameless, path);
    zcert_destroy(&nameless);
    worker_t worker = connect_as("sms-1");
    world_greet(&world, &worker, "sms-1");
    worker_close(&worker);
    world_close(&world);
}

static void
a_key_under_another_workers_name_is_refused(void)
{
    world_open(&world);
    worker_t thief = world_connect(&world, "sms-2", "workers.sms-1_secret");
    worker_hello(&thief, "sms-2");
    CU_ASSERT_EQUAL(wait_refusal(&thief), CRIER__V1__REFUSAL__REASON__WRONG_NAME);
    worker_t liar = connect_as("sms-1");
    worker_hello(&liar, "sms-2");
    CU_ASSERT_EQUAL(wait_refusal(&liar), CRIER__V1__REFUSAL__REASON__WRONG_NAME);
    worker_close(&thief);
    worker_close(&liar);
    world_close(&world);
}

static void
nothing_is_leased_to_a_name_that_was_taken_over(void)
{
    world_open(&world);
    worker_t honest = connect_as("sms-1");
    world_greet(&world, &honest, "sms-1");
    worker_t thief = world_connect(&world, "sms-1", "workers.sms-2_secret");
    worker_ping(&thief, 1);
    CU_ASSERT_EQUAL(wait_refusal(&thief), CRIER__V1__REFUSAL__REASON__WRONG_NAME);
    world_start_broadcast(&world, 1);
    dispatch_message_t *queue = world_ask(&world, dispatch_message_new(DISPATCH_QUEUE));
    const json_t *row = json_array_get(queue->json, 0);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(row, "waiting")), 3);
    CU_ASSERT_TRUE(is_silent(&thief));
    dispatch_message_destroy(&queue);
    worker_close(&honest);
    worker_close(&thief);
    world_close(&world);
}

static void
a_worker_that_never_said_hello_is_asked_to(void)
{
    world_open(&world);
    worker_t worker = connect_as("sms-1");
    worker_ping(&worker, 1);
    CU_ASSERT_EQUAL(wait_refusal(&worker), CRIER__V1__REFUSAL__REASON__UNKNOWN_WORKER);
    worker_close(&worker);
    world_close(&world);
}

/* ---- what is not a message -------------------------------------------------------------------- */

static void
sixteen_frames_of_garbage_shut_a_worker_out_and_nobody_else(void)
{
    world_open(&world);
    int64_t before = metrics_get(METRIC_WIRE_GARBAGE);
    worker_t noisy = connect_as("sms-1"), good = connect_as("sms-2");
    world_greet(&world, &noisy, "sms-1");
    world_greet(&world, &good, "sms-2");
    for (int i = 0; i < 15; i++)
        worker_send_bytes(&noisy, "\xff\xff\xff", 3, 0);
    worker_ping(&noisy, 1);
    wait_pong(&noisy, 1); /* not yet */
    worker_send_bytes(&noisy, "\xff\xff\xff", 3, 0);
    worker_ping(&noisy, 2);
    world_wait_metric(&world, METRIC_WIRE_GARBAGE, before + 17); /* the ping is one of them */
    worker_ping(&good, 3);
    wait_pong(&good, 3);
    CU_ASSERT_TRUE(is_silent(&noisy));
    worker_close(&noisy);
    worker_close(&good);
    world_close(&world);
}

static void
several_frames_are_dropped_as_one_offence(void)
{
    world_open(&world);
    worker_t worker = connect_as("sms-1");
    world_greet(&world, &worker, "sms-1");
    int64_t before = metrics_get(METRIC_WIRE_GARBAGE);
    for (int i = 0; i < 2000; i++)
        worker_send_bytes(&worker, "x", 1, ZMQ_SNDMORE);
    worker_send_bytes(&worker, "x", 1, 0);
    worker_ping(&worker, 1);
    wait_pong(&worker, 1);
    CU_ASSERT_EQUAL(metrics_get(METRIC_WIRE_GARBAGE), before + 1);
    worker_close(&worker);
    world_close(&world);
}

static void
a_frame_of_another_version_is_refused(void)
{
    static const uint8_t version_2[] = {0x08, 2, 0x52, 0}; /* Frame{version: 2, ping: {}} */
    world_open(&world);
    worker_t worker = connect_as("sms-1");
    world_greet(&world, &worker, "sms-1");
    worker_send_bytes(&worker, version_2, sizeof version_2, 0);
    CU_ASSERT_EQUAL(wait_refusal(&worker), CRIER__V1__REFUSAL__REASON__BAD_VERSION);
    worker_close(&worker);
    world_close(&world);
}

static void
a_report_with_columns_of_different_length_is_refused(void)
{
    world_open(&world);
    worker_t worker = connect_as("sms-1");
    world_greet(&world, &worker, "sms-1");
    Crier__V1__Report report = CRIER__V1__REPORT__INIT;
    uint8_t positions[2] = {0, 1}, outcome = CR_STATUS_HANDED;
    report.positions = (ProtobufCBinaryData){2, positions};
    report.outcomes = (ProtobufCBinaryData){1, &outcome};
    send_report(&worker, &report);
    CU_ASSERT_EQUAL(wait_refusal(&worker), CRIER__V1__REFUSAL__REASON__MALFORMED);
    worker_close(&worker);
    world_close(&world);
}

/* ---- work ------------------------------------------------------------------------------------- */

static void
check_pool(const Crier__V1__Pool *pool, const char *first, const char *second)
{
    cr_wire_cursor_t cursor = {0};
    CU_ASSERT_FATAL(cr_wire_pool_is_sound(pool, 2));
    CU_ASSERT_TRUE(cr_slice_equal(cr_wire_pool_next(pool, &cursor), cr_slice_of(first)));
    CU_ASSERT_TRUE(cr_slice_equal(cr_wire_pool_next(pool, &cursor), cr_slice_of(second)));
}

/* A worker that was greeted and has the lease of broadcast 1. */
static Crier__V1__Frame *
get_lease(worker_t *worker)
{
    *worker = connect_as("sms-1");
    world_greet(&world, worker, "sms-1");
    world_start_broadcast(&world, 1);
    return world_wait(&world, worker, CRIER__V1__FRAME__BODY_LEASE);
}

static void
a_lease_holds_addresses_values_and_the_wording_of_each_language(void)
{
    worker_t worker;
    world_open(&world);
    Crier__V1__Frame *frame = get_lease(&worker);
    const Crier__V1__Lease *lease = frame->lease;
    CU_ASSERT_EQUAL(lease->broadcast, 1);
    CU_ASSERT_TRUE(lease->drill);
    CU_ASSERT_FALSE(lease->free_running);
    CU_ASSERT_STRING_EQUAL(lease->sender, "平阴科普");
    CU_ASSERT_EQUAL_FATAL(lease->offsets.len, 2); /* the third has no phone */
    check_pool(lease->addresses, "13800000001", "13800000002");
    CU_ASSERT_EQUAL_FATAL(lease->n_columns, 1);
    CU_ASSERT_STRING_EQUAL(lease->columns[0]->name, "name");
    check_pool(lease->columns[0]->values, "张三", "Bob");
    CU_ASSERT_EQUAL_FATAL(lease->n_wordings, 2);
    CU_ASSERT_STRING_EQUAL(lease->wordings[lease->wording.data[0]]->language, "zh-CN");
    CU_ASSERT_STRING_EQUAL(lease->wordings[lease->wording.data[1]]->language, "en-US");
    cr_wire_free(&frame);
    worker_close(&worker);
    world_close(&world);
}

static void
a_lease_of_one_holds_that_ones_address(void)
{
    worker_t worker;
    world_open(&world);
    Crier__V1__Frame *lease = get_lease(&worker);
    uint8_t positions[2] = {0, 1}, outcomes[2] = {CR_STATUS_HANDED, CR_STATUS_RETRY_1};
    Crier__V1__Report report = report_of(lease, 1);
    report.intent = 2;
    report.positions = (ProtobufCBinaryData){2, positions};
    report.outcomes = (ProtobufCBinaryData){2, outcomes};
    report.last = true;
    send_report(&worker, &report);
    cr_wire_free(&lease);
    lease = world_wait(&world, &worker, CRIER__V1__FRAME__BODY_LEASE);
    CU_ASSERT_EQUAL_FATAL(lease->lease->offsets.len, 1);
    CU_ASSERT_FATAL(cr_wire_pool_is_sound(lease->lease->addresses, 1));
    cr_wire_cursor_t cursor = {0};
    cr_slice_t address = cr_wire_pool_next(lease->lease->addresses, &cursor);
    CU_ASSERT_TRUE(cr_slice_equal(address, CR_SLICE("13800000002")));
    cr_wire_free(&lease);
    worker_close(&worker);
    world_close(&world);
}

static void
a_report_is_acknowledged_only_after_the_ledger_has_stored_it(void)
{
    worker_t worker;
    world_open(&world);
    Crier__V1__Frame *lease = get_lease(&worker);
    world.ledger_waits = true;
    world_answer(&world);
    Crier__V1__Report report = report_of(lease, 1);
    report.intent = 2;
    send_report(&worker, &report);
    const ledger_op_t *op = world_wait_lease_op(&world);
    CU_ASSERT_EQUAL(op->kind, LEDGER_BLOCK);
    CU_ASSERT_EQUAL(op->lease, lease->lease->lease);
    CU_ASSERT_TRUE(op->lease_record_bytes > 0);
    worker_ping(&worker, 1);
    wait_pong(&worker, 1); /* whatever it had to say before has been said */
    CU_ASSERT_TRUE(is_silent(&worker));
    world.ledger_waits = false;
    world_answer(&world);
    Crier__V1__Frame *ack = world_wait(&world, &worker, CRIER__V1__FRAME__BODY_ACK);
    CU_ASSERT_EQUAL(ack->ack->sequence, 1);
    CU_ASSERT_EQUAL(ack->ack->intent, 2);
    cr_wire_free(&ack);
    cr_wire_free(&lease);
    worker_close(&worker);
    world_close(&world);
}

/* Reports both as handed over, and takes the acknowledgement. */
static void
do_all(const worker_t *worker, const Crier__V1__Frame *lease)
{
    uint8_t positions[2] = {0, 1}, outcomes[2] = {CR_STATUS_HANDED, CR_STATUS_FAILED_ADDRESS};
    Crier__V1__Report report = report_of(lease, 1);
    report.intent = 2;
    report.positions = (ProtobufCBinaryData){2, positions};
    report.outcomes = (ProtobufCBinaryData){2, outcomes};
    report.last = true;
    send_report(worker, &report);
    Crier__V1__Frame *ack = world_wait(&world, worker, CRIER__V1__FRAME__BODY_ACK);
    cr_wire_free(&ack);
}

static void
plan_hears_when_every_delivery_is_final_and_stored(void)
{
    worker_t worker;
    world_open(&world);
    Crier__V1__Frame *lease = get_lease(&worker);
    do_all(&worker, lease);
    dispatch_message_t *done = world_wait_news(&world, DISPATCH_DONE);
    const uint32_t *by_status = done->counts[CR_CHANNEL_SMS].by_status;
    CU_ASSERT_EQUAL(done->id, 1);
    CU_ASSERT_EQUAL(by_status[CR_STATUS_HANDED], 1);
    CU_ASSERT_EQUAL(by_status[CR_STATUS_FAILED_ADDRESS], 1);
    CU_ASSERT_EQUAL(by_status[CR_STATUS_SUPPRESSED_ADDRESS], 1);
    CU_ASSERT_TRUE(done->counts[CR_CHANNEL_SMS].last_us > 0);
    CU_ASSERT_EQUAL(world.bytes[0], CR_STATUS_HANDED);
    CU_ASSERT_EQUAL(world.bytes[1], CR_STATUS_FAILED_ADDRESS);
    CU_ASSERT_EQUAL(world.bytes[2], CR_STATUS_SUPPRESSED_ADDRESS);
    dispatch_message_destroy(&done);
    cr_wire_free(&lease);
    worker_close(&worker);
    world_close(&world);
}

static void
an_opt_out_before_the_hand_out_keeps_the_address_back(void)
{
    world_open(&world);
    dispatch_message_t *message = dispatch_message_new(DISPATCH_MARK);
    message->channel = CR_CHANNEL_SMS;
    message->mark = LEDGER_MARK_OPTOUT;
    message->people = roaring_bitmap_of(1, 0);
    message->on = true;
    dispatch_send(world.plan, &message);
    worker_t worker;
    Crier__V1__Frame *lease = get_lease(&worker);
    CU_ASSERT_EQUAL_FATAL(lease->lease->offsets.len, 1);
    CU_ASSERT_EQUAL(lease->lease->offsets.data[0], 1);
    do {
        dispatch_message_destroy(&message);
        message = world_wait_news(&world, DISPATCH_COUNTS);
    } while (message->counts[CR_CHANNEL_SMS].by_status[CR_STATUS_SUPPRESSED_OPTOUT] == 0);
    dispatch_message_destroy(&message);
    cr_wire_free(&lease);
    worker_close(&worker);
    world_close(&world);
}

static void
an_explanation_tells_the_attempts_from_the_trail(void)
{
    worker_t worker;
    world_open(&world);
    Crier__V1__Frame *lease = get_lease(&worker);
    do_all(&worker, lease);
    dispatch_message_t *question = dispatch_message_new(DISPATCH_EXPLAIN);
    question->id = 1;
    question->ordinal = 1;
    dispatch_message_t *answer = world_ask(&world, question);
    const json_t *told = json_object_get(answer->json, "sms");
    const json_t *attempt = json_array_get(json_object_get(told, "attempts"), 0);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(told, "rank")), 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(told, "status")), "failed_address");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(attempt, "worker")), "sms-1");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(attempt, "outcome")),
                           "failed_address");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(attempt, "attempt")), 1);
    dispatch_message_destroy(&answer);
    cr_wire_free(&lease);
    worker_close(&worker);
    world_close(&world);
}

static void
operators_see_workers_gateways_and_the_queue(void)
{
    static const struct {
        dispatch_kind_t kind;
        const char *member, *value;
    } views[] = {{DISPATCH_WORKERS, "name", "sms-1"},
                 {DISPATCH_WORKERS, "state", "ready"},
                 {DISPATCH_GATEWAYS, "name", "sandbox"},
                 {DISPATCH_QUEUE, "id", "B-00000001"},
                 {DISPATCH_QUEUE, "lane", "routine"}};
    worker_t worker;
    world_open(&world);
    Crier__V1__Frame *lease = get_lease(&worker);
    for (size_t i = 0; i < CR_COUNT(views); i++) {
        dispatch_message_t *answer = world_ask(&world, dispatch_message_new(views[i].kind));
        const json_t *item = json_array_get(answer->json, 0);
        const char *value = json_string_value(json_object_get(item, views[i].member));
        CU_ASSERT_PTR_NOT_NULL_FATAL(value);
        CU_ASSERT_STRING_EQUAL(value, views[i].value);
        dispatch_message_destroy(&answer);
    }
    cr_wire_free(&lease);
    worker_close(&worker);
    world_close(&world);
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
CU_TestInfo cr_tests[] = {
    TEST(who_comes_while_all_is_taken_up_is_heard_afterwards),
    TEST(an_allowed_key_is_welcomed),
    TEST(a_key_that_is_not_in_the_folder_is_not_let_in),
    TEST(a_key_put_into_the_folder_later_is_let_in_without_a_restart),
    TEST(a_file_that_is_no_certificate_keeps_nobody_else_out),
    TEST(a_key_under_another_workers_name_is_refused),
    TEST(nothing_is_leased_to_a_name_that_was_taken_over),
    TEST(a_worker_that_never_said_hello_is_asked_to),
    TEST(sixteen_frames_of_garbage_shut_a_worker_out_and_nobody_else),
    TEST(several_frames_are_dropped_as_one_offence),
    TEST(a_frame_of_another_version_is_refused),
    TEST(a_report_with_columns_of_different_length_is_refused),
    TEST(a_lease_holds_addresses_values_and_the_wording_of_each_language),
    TEST(a_lease_of_one_holds_that_ones_address),
    TEST(a_report_is_acknowledged_only_after_the_ledger_has_stored_it),
    TEST(plan_hears_when_every_delivery_is_final_and_stored),
    TEST(an_opt_out_before_the_hand_out_keeps_the_address_back),
    TEST(an_explanation_tells_the_attempts_from_the_trail),
    TEST(operators_see_workers_gateways_and_the_queue),
    CU_TEST_INFO_NULL,
};
