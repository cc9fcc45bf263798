/* Dispatch's writes reach the ledger in the order in which the bytes changed, also when it has all
 * that it takes at once. */
#include <string.h>

#include "dispatch_world.h"

const char cr_suite[] = "dispatch_order";

static world_t world;

static void
say_report(const worker_t *worker, Crier__V1__Report *report)
{
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_REPORT;
    frame.report = report;
    worker_send(worker, &frame);
}

/* The first delivery was accepted as "g". */
static void
say_accepted(const worker_t *worker, uint64_t lease)
{
    uint8_t position = 0, outcome = CR_STATUS_ACCEPTED, id = 'g';
    uint32_t id_length = 1;
    Crier__V1__Pool ids = CRIER__V1__POOL__INIT;
    Crier__V1__Report report = CRIER__V1__REPORT__INIT;
    ids.n_lengths = 1;
    ids.lengths = &id_length;
    ids.bytes = (ProtobufCBinaryData){1, &id};
    report.lease = lease;
    report.sequence = 1;
    report.intent = 2;
    report.positions = (ProtobufCBinaryData){1, &position};
    report.outcomes = (ProtobufCBinaryData){1, &outcome};
    report.gateway_ids = &ids;
    say_report(worker, &report);
}

/* A receipt by our reference; the first delivery's comes by the gateway's id. */
static void
say_delivered(const worker_t *worker, uint64_t batch, const char *reference)
{
    uint8_t outcome = CR_STATUS_DELIVERED, id = 'g';
    uint32_t id_length = reference ? 0 : 1;
    uint32_t reference_length = reference ? (uint32_t)strlen(reference) : 0;
    Crier__V1__Pool ids = CRIER__V1__POOL__INIT, references = CRIER__V1__POOL__INIT;
    Crier__V1__Receipts receipts = CRIER__V1__RECEIPTS__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    ids.n_lengths = references.n_lengths = 1;
    ids.lengths = &id_length;
    ids.bytes = (ProtobufCBinaryData){id_length, &id};
    references.lengths = &reference_length;
    references.bytes = (ProtobufCBinaryData){reference_length, (uint8_t *)reference};
    receipts.batch = batch;
    receipts.gateway_ids = &ids;
    receipts.references = &references;
    receipts.outcomes = (ProtobufCBinaryData){1, &outcome};
    frame.body_case = CRIER__V1__FRAME__BODY_RECEIPTS;
    frame.receipts = &receipts;
    worker_send(worker, &frame);
}

/* Whatever the worker said before has been understood. */
static void
wait_understood(const worker_t *worker)
{
    worker_ping(worker, 1);
    Crier__V1__Frame *frame = world_wait(&world, worker, CRIER__V1__FRAME__BODY_PONG);
    cr_wire_free(&frame);
}

/* The ledger has all that it takes at once, and answers nothing. */
static void
fill_the_ledger(const worker_t *worker)
{
    while (zlist_size(world.held) < LEDGER_INFLIGHT_MAX) {
        dispatch_message_t *question = dispatch_message_new(DISPATCH_EXPLAIN);
        question->id = 1;
        question->cookie = &world;
        dispatch_send(world.plan, &question);
        wait_understood(worker);
    }
}

static void
wait_acknowledged(const worker_t *worker, uint64_t batch)
{
    Crier__V1__Frame *ack = world_wait(&world, worker, CRIER__V1__FRAME__BODY_RECEIPTS_ACK);
    CU_ASSERT_EQUAL(ack->receipts_ack->batch, batch);
    cr_wire_free(&ack);
}

static void
a_write_never_overtakes_one_that_waits_for_its_place(void)
{
    world_open(&world);
    worker_t worker = world_connect(&world, "sms-1", "workers.sms-1_secret");
    world_greet(&world, &worker, "sms-1");
    world_start_broadcast(&world, 1);
    Crier__V1__Frame *lease = world_wait(&world, &worker, CRIER__V1__FRAME__BODY_LEASE);
    world.ledger_waits = true;
    world_answer(&world);
    say_delivered(&worker, 1, "00000001.s.1.1");
    wait_understood(&worker);
    fill_the_ledger(&worker);
    say_accepted(&worker, lease->lease->lease);
    say_delivered(&worker, 2, NULL); /* applied when the first batch is stored */
    wait_understood(&worker);
    world.ledger_waits = false;
    world_answer(&world);
    wait_acknowledged(&worker, 1);
    wait_acknowledged(&worker, 2);
    CU_ASSERT_EQUAL(world.bytes[0], CR_STATUS_DELIVERED);
    cr_wire_free(&lease);
    worker_close(&worker);
    world_close(&world);
}

CU_TestInfo cr_tests[] = {
    {"a_write_never_overtakes_one_that_waits_for_its_place",
     a_write_never_overtakes_one_that_waits_for_its_place},
    CU_TEST_INFO_NULL,
};
