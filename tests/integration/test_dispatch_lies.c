/* Workers that lie over dispatch's real sockets: refused, counted, shut out; nobody else notices. */
#include <string.h>

#include "dispatch_world.h"
#include "metrics.h"

const char cr_suite[] = "dispatch_lies";

static world_t world;

static Crier__V1__Refusal__Reason
wait_refusal(const worker_t *worker)
{
    Crier__V1__Frame *frame = world_wait(&world, worker, CRIER__V1__FRAME__BODY_REFUSAL);
    Crier__V1__Refusal__Reason reason = frame->refusal->reason;
    cr_wire_free(&frame);
    return reason;
}

/* One that was greeted and has the lease of broadcast 1, two deliveries. */
static uint64_t
get_lease(worker_t *worker)
{
    *worker = world_connect(&world, "sms-1", "workers.sms-1_secret");
    world_greet(&world, worker, "sms-1");
    world_start_broadcast(&world, 1);
    Crier__V1__Frame *frame = world_wait(&world, worker, CRIER__V1__FRAME__BODY_LEASE);
    uint64_t lease = frame->lease->lease;
    cr_wire_free(&frame);
    return lease;
}

typedef struct {
    uint64_t lease;
    uint32_t sequence, intent;
    uint8_t position, outcome;
} said_t;

static void
say(const worker_t *worker, said_t said)
{
    Crier__V1__Report report = CRIER__V1__REPORT__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_REPORT;
    frame.report = &report;
    report.lease = said.lease;
    report.sequence = said.sequence;
    report.intent = said.intent;
    report.positions = (ProtobufCBinaryData){said.outcome != 0, &said.position};
    report.outcomes = (ProtobufCBinaryData){said.outcome != 0, &said.outcome};
    worker_send(worker, &frame);
}

static void
check_refused(const worker_t *worker, said_t said, Crier__V1__Refusal__Reason reason)
{
    int64_t before = metrics_get(METRIC_WIRE_REFUSED);
    say(worker, said);
    CU_ASSERT_EQUAL(wait_refusal(worker), reason);
    CU_ASSERT_EQUAL(metrics_get(METRIC_WIRE_REFUSED), before + 1);
    CU_ASSERT_EQUAL(world.bytes[0], CR_STATUS_WAITING);
    CU_ASSERT_EQUAL(world.bytes[1], CR_STATUS_WAITING);
}

static void
what_a_report_may_not_say_is_refused(void)
{
    worker_t worker;
    world_open(&world);
    uint64_t lease = get_lease(&worker);
    const uint64_t older_epoch = lease ^ (UINT64_C(1) << 40), far = lease + 7;
    const struct {
        said_t said;
        Crier__V1__Refusal__Reason reason;
    } lies[] = {
        {{lease, 1, 2, 2, CR_STATUS_HANDED}, CRIER__V1__REFUSAL__REASON__OUT_OF_LEASE},
        {{lease, 1, 2, 255, CR_STATUS_HANDED}, CRIER__V1__REFUSAL__REASON__OUT_OF_LEASE},
        {{lease, 1, 3, 0, 0}, CRIER__V1__REFUSAL__REASON__OUT_OF_LEASE},
        {{lease, 1, 2, 0, CR_STATUS_DELIVERED}, CRIER__V1__REFUSAL__REASON__MALFORMED},
        {{lease, 1, 2, 0, CR_STATUS_CANCELLED}, CRIER__V1__REFUSAL__REASON__MALFORMED},
        {{lease, 1, 2, 0, 99}, CRIER__V1__REFUSAL__REASON__MALFORMED}, /* no table knows it */
        {{older_epoch, 1, 2, 0, CR_STATUS_HANDED}, CRIER__V1__REFUSAL__REASON__UNKNOWN_LEASE},
        {{far, 1, 2, 0, CR_STATUS_HANDED}, CRIER__V1__REFUSAL__REASON__UNKNOWN_LEASE},
    };
    for (size_t i = 0; i < CR_COUNT(lies); i++)
        check_refused(&worker, lies[i].said, lies[i].reason);
    say(&worker, (said_t){lease, 1, 2, 0, 0}); /* the truth is still taken */
    Crier__V1__Frame *ack = world_wait(&world, &worker, CRIER__V1__FRAME__BODY_ACK);
    cr_wire_free(&ack);
    worker_close(&worker);
    world_close(&world);
}

static void
a_report_older_than_what_was_taken_changes_nothing(void)
{
    worker_t worker;
    world_open(&world);
    uint64_t lease = get_lease(&worker);
    for (uint32_t sequence = 1; sequence <= 2; sequence++) {
        say(&worker, (said_t){lease, sequence, 2, 0, 0});
        Crier__V1__Frame *ack = world_wait(&world, &worker, CRIER__V1__FRAME__BODY_ACK);
        cr_wire_free(&ack);
    }
    check_refused(&worker, (said_t){lease, 1, 2, 0, CR_STATUS_HANDED},
                  CRIER__V1__REFUSAL__REASON__STALE);
    worker_close(&worker);
    world_close(&world);
}

static void
nobody_reports_about_anothers_lease(void)
{
    worker_t worker;
    world_open(&world);
    uint64_t lease = get_lease(&worker);
    worker_t other = world_connect(&world, "sms-2", "workers.sms-2_secret");
    world_greet(&world, &other, "sms-2");
    check_refused(&other, (said_t){lease, 1, 2, 0, CR_STATUS_HANDED},
                  CRIER__V1__REFUSAL__REASON__UNKNOWN_LEASE);
    worker_close(&other);
    worker_close(&worker);
    world_close(&world);
}

static void
sixteen_lies_shut_the_key_out(void)
{
    worker_t liar;
    world_open(&world);
    int64_t shut = metrics_get(METRIC_WIRE_SHUT_OUT);
    uint64_t lease = get_lease(&liar);
    for (int i = 0; i < 16; i++)
        say(&liar, (said_t){lease, 1, 2, 200, CR_STATUS_HANDED});
    world_wait_metric(&world, METRIC_WIRE_SHUT_OUT, shut + 1);
    worker_t again = world_connect(&world, "sms-1", "workers.sms-1_secret");
    world_wait_event(&world, &again, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    worker_t good = world_connect(&world, "sms-2", "workers.sms-2_secret");
    world_greet(&world, &good, "sms-2");
    worker_close(&again);
    worker_close(&good);
    worker_close(&liar);
    world_close(&world);
}

/* Not the worker whose name was taken: that would be a way to silence anybody. */
static void
who_takes_a_name_is_shut_out_under_its_own(void)
{
    world_open(&world);
    int64_t shut = metrics_get(METRIC_WIRE_SHUT_OUT);
    worker_t thief = world_connect(&world, "sms-2", "workers.sms-1_secret");
    for (uint64_t i = 0; i < 16; i++)
        worker_ping(&thief, i);
    world_wait_metric(&world, METRIC_WIRE_SHUT_OUT, shut + 1);
    worker_t honest = world_connect(&world, "sms-2", "workers.sms-2_secret");
    world_greet(&world, &honest, "sms-2");
    worker_t again = world_connect(&world, "sms-1", "workers.sms-1_secret");
    world_wait_event(&world, &again, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    worker_close(&again);
    worker_close(&honest);
    worker_close(&thief);
    world_close(&world);
}

static void
connections_that_are_refused_are_counted(void)
{
    world_open(&world);
    int64_t failed = metrics_get(METRIC_WIRE_HANDSHAKES_FAILED);
    world_make_key(&world, "others", "sms-3");
    worker_t stranger = world_connect(&world, "sms-3", "others.sms-3_secret");
    world_wait_metric(&world, METRIC_WIRE_HANDSHAKES_FAILED, failed + 1);
    worker_t known = world_connect(&world, "sms-1", "workers.sms-1_secret");
    world_greet(&world, &known, "sms-1");
    world_wait_metric(&world, METRIC_WIRE_CONNECTIONS, 1);
    worker_close(&stranger);
    worker_close(&known);
    world_close(&world);
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
CU_TestInfo cr_tests[] = {
    TEST(what_a_report_may_not_say_is_refused),
    TEST(a_report_older_than_what_was_taken_changes_nothing),
    TEST(nobody_reports_about_anothers_lease),
    TEST(sixteen_lies_shut_the_key_out),
    TEST(who_takes_a_name_is_shut_out_under_its_own),
    TEST(connections_that_are_refused_are_counted),
    CU_TEST_INFO_NULL,
};
