/*
 * The core while memory is short: the n-th allocation fails, for each n there is; then for each n,
 * all from the n-th on until the core has had time to notice. Events are repeated as workers and the
 * daemon repeat them; a daemon is killed half-way and takes up again what is stored, while memory is
 * short once more. Afterwards everything is final, and the counts add up.
 */
#include <stdlib.h>
#include <string.h>

#include "cr_test.h"
#include "dispatch/core.h"

const char cr_suite[] = "dispatch_memory";

/* ---- an allocator that fails ------------------------------------------------------------------ */

static struct {
    bool armed;
    long asked, fail_from, fail_to; /* the allocations that fail, counted from 1 */
} memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool
is_refused(void)
{
    if (!memory.armed)
        return false;
    memory.asked++;
    return memory.asked >= memory.fail_from && memory.asked <= memory.fail_to;
}

void *
__wrap_malloc(size_t size)
{
    return is_refused() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
    return is_refused() ? NULL : __real_realloc(old, size);
}

/* ---- a world without allocations -------------------------------------------------------------- */

enum { PEOPLE = 3 * CORE_BLOCK + 7, QUEUE = 1024, STEPS = 4000, STEP_MS = 100, LEASES = 64 };
enum { BATCH = 100, FINDS = 16 };

typedef struct {
    uint64_t lease;
    uint32_t first_rank, count;
    uint8_t attempts[CORE_BLOCK], offsets[CORE_BLOCK];
    bool reported, acknowledged;
} held_t;

/* What the ledger knows of a batch's gateway ids, each of which is the delivery itself. */
typedef struct {
    uint32_t batch;
    size_t count;
    cr_delivery_t deliveries[BATCH];
} found_t;

/* What is stored. */
static struct {
    cr_status_t status[PEOPLE];
    struct {
        uint64_t lease;
        uint32_t bytes;
        uint8_t record[CORE_RECORD_MAX];
    } records[QUEUE];
    size_t record_count;
} image;

static struct {
    core_t *core;
    uint64_t epoch;
    size_t restored;   /* records of the image */
    uint32_t taken_up; /* leases */
    core_time_t now;
    uint32_t tickets[QUEUE];
    size_t ticket_count;
    found_t found[FINDS];
    size_t found_count;
    held_t held[LEASES];
    size_t held_count;
    bool welcomed, done;
    uint64_t batch; /* of receipts that wait for their answer; 0: none */
    uint64_t batches;
    cr_delivery_t accepted[PEOPLE]; /* no receipt was taken yet */
    size_t accepted_count;
    size_t in_batch;
} world;

static void
act_screen(void *context, const core_run_t *run, cr_status_t verdicts[CORE_BLOCK])
{
    (void)context;
    memset(verdicts, CR_STATUS_WAITING, run->count);
}

static uint32_t
act_lease(void *context, const core_lease_t *lease)
{
    (void)context;
    if (world.held_count == LEASES)
        return 0;
    held_t *held = &world.held[world.held_count++];
    *held = (held_t){.lease = lease->lease, .first_rank = lease->first_rank, .count = lease->count};
    memcpy(held->attempts, lease->attempts, lease->count);
    memcpy(held->offsets, lease->offsets, lease->count);
    return lease->count;
}

static held_t *
find_held(uint64_t lease)
{
    for (size_t i = 0; i < world.held_count; i++)
        if (world.held[i].lease == lease)
            return &world.held[i];
    return NULL;
}

static void
act_welcome(void *context, const char *worker, const uint64_t *dropped, size_t count)
{
    (void)context, (void)worker, (void)dropped, (void)count;
    world.welcomed = true;
}

/* The second of a held lease's reports is its last. */
static void
act_ack(void *context, const char *worker, uint64_t lease, uint32_t sequence, uint32_t intent)
{
    (void)context, (void)worker, (void)intent;
    held_t *held = find_held(lease);
    if (!held)
        return;
    held->acknowledged = true;
    if (sequence == 2)
        *held = world.held[--world.held_count];
}

static void
act_refuse(void *context, const char *worker, core_refusal_t reason, uint64_t lease,
           const char *text)
{
    (void)context, (void)worker, (void)text;
    CU_ASSERT(reason == CORE_UNKNOWN_WORKER || reason == CORE_FULL || reason == CORE_UNKNOWN_LEASE);
    held_t *held = reason == CORE_UNKNOWN_LEASE ? find_held(lease) : NULL;
    if (held)
        *held = world.held[--world.held_count];
    world.welcomed &= reason == CORE_UNKNOWN_LEASE;
}

static void
act_revoke(void *context, const char *worker, uint64_t lease, core_stop_t reason)
{
    (void)context, (void)worker, (void)reason;
    held_t *held = find_held(lease);
    if (held)
        *held = world.held[--world.held_count];
}

static void
act_receipts_ack(void *context, const char *worker, uint64_t batch)
{
    (void)context, (void)worker;
    if (batch != world.batch)
        return;
    world.accepted_count -= world.in_batch;
    world.batch = 0;
}

static void
keep_record(const core_write_t *write)
{
    size_t at = 0;
    while (at < image.record_count && image.records[at].lease != write->lease)
        at++;
    CU_ASSERT_FATAL(at < QUEUE);
    if (at == image.record_count)
        image.record_count++;
    image.records[at].lease = write->lease;
    image.records[at].bytes = write->record_bytes;
    memcpy(image.records[at].record, write->record, write->record_bytes);
    if (write->record_bytes == 0)
        image.records[at] = image.records[--image.record_count];
}

static void
act_store(void *context, const core_write_t *write)
{
    (void)context;
    memcpy(image.status + write->first_rank, write->status, write->length);
    if (write->lease != 0)
        keep_record(write);
    CU_ASSERT_FATAL(world.ticket_count < QUEUE);
    world.tickets[world.ticket_count++] = write->ticket;
}

static void
act_find(void *context, uint32_t batch, const cr_slice_t *ids, size_t count)
{
    (void)context;
    CU_ASSERT_FATAL(world.found_count < FINDS && count <= BATCH);
    found_t *found = &world.found[world.found_count++];
    found->batch = batch;
    found->count = count;
    for (size_t i = 0; i < count; i++)
        memcpy(&found->deliveries[i], ids[i].text, sizeof found->deliveries[i]);
}

static void
act_lost(void *context, const core_loss_t *loss)
{
    (void)context, (void)loss;
}

static void
act_gone(void *context, const char *worker)
{
    (void)context, (void)worker;
}

static void
act_done(void *context, uint64_t broadcast)
{
    (void)context, (void)broadcast;
    world.done = true;
}

/* `ordered` is only called for orders, of which there are none. */
static const core_actions_t actions = {
    .screen = act_screen,
    .lease = act_lease,
    .welcome = act_welcome,
    .ack = act_ack,
    .refuse = act_refuse,
    .revoke = act_revoke,
    .receipts_ack = act_receipts_ack,
    .store = act_store,
    .find = act_find,
    .lost = act_lost,
    .gone = act_gone,
    .done = act_done,
};

/* ---- what is repeated until it succeeds ------------------------------------------------------- */

static bool
open_core(void)
{
    const core_config_t config = {.epoch = world.epoch,
                                  .seed = 1,
                                  .lease_us = 30 * CR_US_PER_S,
                                  .retry_first_us = CR_US_PER_S,
                                  .retry_max_us = 10 * CR_US_PER_S,
                                  .attempts_max = 8};
    if (!world.core)
        world.core = core_new(&config, &actions);
    return world.core != NULL;
}

static bool
start_broadcast(void)
{
    static const core_broadcast_t spec = {.id = 1,
                                          .lane = CR_LANE_ROUTINE,
                                          .resend_unknown = true,
                                          .channels = 1u << CR_CHANNEL_SMS,
                                          .total = PEOPLE,
                                          .receipt_wait_us = 3600 * CR_US_PER_S};
    cr_status_t *status[CR_CHANNEL_COUNT] = {NULL};
    status[CR_CHANNEL_SMS] = __real_malloc(PEOPLE);
    memcpy(status[CR_CHANNEL_SMS], image.status, PEOPLE);
    cr_err_t err = core_start(world.core, world.now, &spec, status);
    CU_ASSERT(err == CR_OK || err == CR_NOMEM || err == CR_EXISTS);
    return err != CR_NOMEM;
}

static bool
restore_leases(void)
{
    const cr_delivery_t place = {.broadcast = 1, .channel = CR_CHANNEL_SMS};
    for (; world.restored < image.record_count; world.restored++) {
        const cr_slice_t record = {(const char *)image.records[world.restored].record,
                                   image.records[world.restored].bytes};
        cr_err_t err = core_restore(world.core, world.now, &place,
                                    image.records[world.restored].lease, record);
        if (err == CR_NOMEM)
            return false;
        CU_ASSERT_EQUAL_FATAL(err, CR_OK);
        world.taken_up += (record.text[1] & 4) == 0; /* not over */
    }
    CU_ASSERT_EQUAL(core_stats(world.core).leases_out, world.taken_up);
    return true;
}

static void
say_hello(void)
{
    uint64_t held[LEASES];
    for (size_t i = 0; i < world.held_count; i++)
        held[i] = world.held[i].lease;
    const core_hello_t hello = {.worker = "sms-1",
                                .channel = CR_CHANNEL_SMS,
                                .gateway = {.name = "gw", .gives_receipts = true, .window = 128},
                                .credit = 2,
                                .urgent_credit = 1,
                                .held = held,
                                .held_count = world.held_count,
                                .version = "1"};
    core_hello(world.core, world.now, &hello);
}

/* Every fifth first attempt ends in doubt, every seventh later; the others are accepted. */
static cr_status_t
outcome_of(const held_t *held, uint32_t i)
{
    uint32_t rank = held->first_rank + held->offsets[i];
    if (held->attempts[i] > 1)
        return CR_STATUS_ACCEPTED;
    return rank % 5 == 0   ? CR_STATUS_UNKNOWN
           : rank % 7 == 0 ? CR_STATUS_RETRY_1
                           : CR_STATUS_ACCEPTED;
}

static void
note_accepted(const held_t *held)
{
    for (uint32_t i = 0; i < held->count; i++)
        if (outcome_of(held, i) == CR_STATUS_ACCEPTED && world.accepted_count < PEOPLE)
            world.accepted[world.accepted_count++] =
                (cr_delivery_t){.broadcast = 1,
                                .channel = CR_CHANNEL_SMS,
                                .rank = held->first_rank + held->offsets[i],
                                .attempt = held->attempts[i]};
}

/* First the intent, then, once that was acknowledged, all outcomes. */
static void
report(held_t *held)
{
    uint8_t positions[CORE_BLOCK], outcomes[CORE_BLOCK];
    uint32_t intent = held->count < 256 ? held->count : 256;
    core_report_t said = {.lease = held->lease, .sequence = 1, .intent = intent};
    if (held->acknowledged) {
        if (!held->reported)
            note_accepted(held);
        held->reported = true;
        for (uint32_t i = 0; i < held->count; i++) {
            positions[i] = (uint8_t)i;
            outcomes[i] = outcome_of(held, i);
        }
        said = (core_report_t){.lease = held->lease,
                               .sequence = 2,
                               .intent = intent,
                               .positions = positions,
                               .outcomes = outcomes,
                               .count = held->count,
                               .last = true};
    }
    core_report(world.core, world.now, "sms-1", &said);
}

/* Every second batch names them by the gateway's ids. */
static core_receipt_t
receipt_of(const cr_delivery_t *delivery)
{
    core_receipt_t receipt = {.outcome = CR_STATUS_DELIVERED};
    if (world.batch % 2 > 0)
        receipt.delivery = *delivery;
    else
        receipt.gateway_id = (cr_slice_t){(const char *)delivery, sizeof *delivery};
    return receipt;
}

static void
send_receipts(void)
{
    core_receipt_t receipts[CORE_RECEIPTS_MAX];
    if (world.batch == 0) {
        world.batch = ++world.batches;
        world.in_batch = world.accepted_count < BATCH ? world.accepted_count : BATCH;
    }
    for (size_t i = 0; i < world.in_batch; i++) {
        size_t newest = world.accepted_count - 1 - i;
        receipts[i] = receipt_of(&world.accepted[newest]);
    }
    const core_receipts_t batch = {
        .number = world.batch, .receipts = receipts, .count = world.in_batch};
    core_receipts(world.core, world.now, "sms-1", &batch);
}

static void
answer_ledger(void)
{
    while (world.ticket_count > 0)
        core_stored(world.core, world.now, world.tickets[--world.ticket_count]);
    while (world.found_count > 0) {
        const found_t *found = &world.found[--world.found_count];
        core_found(world.core, world.now, found->batch, found->deliveries, found->count);
    }
}

/* A tenth of a second of everybody's life. */
static void
step(bool *started)
{
    world.now.mono_us += STEP_MS * CR_US_PER_MS;
    world.now.wall_us += STEP_MS * CR_US_PER_MS;
    if (!open_core())
        return;
    *started = *started || (start_broadcast() && restore_leases());
    if (!*started)
        return;
    if (!world.welcomed)
        say_hello();
    core_heard(world.core, world.now, "sms-1");
    for (size_t i = world.held_count; i > 0; i--)
        if (i <= world.held_count)
            report(&world.held[i - 1]);
    if (world.accepted_count > 0)
        send_receipts();
    answer_ledger();
    core_tick(world.core, world.now);
    answer_ledger();
}

/* kill -9: what was not stored is gone, and so is what was to be answered. */
static void
kill_daemon(void)
{
    core_destroy(&world.core);
    world.epoch++;
    world.ticket_count = world.found_count = 0;
    world.restored = world.taken_up = 0;
    world.welcomed = false;
}

/* Memory is short from the step on in which the daemon is killed; -1: it is not. Returns how many
 * allocations were asked for. */
static long
run(long fail_from, long fail_to, int killed_in)
{
    bool started = false;
    memset(&world, 0, sizeof world);
    memset(&image, 0, sizeof image);
    world.epoch = 1;
    world.now = (core_time_t){CR_US_PER_S, CR_US_PER_S * 1000};
    memory.asked = 0;
    memory.fail_from = fail_from;
    memory.fail_to = fail_to;
    memory.armed = killed_in < 0;
    for (int i = 0; i < STEPS && !world.done; i++) {
        if (i == killed_in) {
            kill_daemon();
            started = false;
            memory.armed = true;
        }
        step(&started);
    }
    memory.armed = false;
    CU_ASSERT_FATAL(world.core && world.done);
    core_channel_t shown;
    CU_ASSERT(core_channel(world.core, world.now, 1, CR_CHANNEL_SMS, &shown));
    CU_ASSERT_EQUAL(shown.by_status[CR_STATUS_DELIVERED], PEOPLE);
    core_destroy(&world.core);
    return memory.asked;
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void
any_one_allocation_may_fail(void)
{
    long all = run(0, 0, -1);
    CU_ASSERT(all > 15);
    for (long n = 1; n <= all; n++)
        run(n, n, -1);
}

static void
memory_may_be_short_for_a_while(void)
{
    long all = run(0, 0, -1);
    for (long n = 1; n <= all; n++)
        run(n, n + 40, -1);
}

static void
memory_may_be_short_when_a_daemon_takes_up_what_another_left(void)
{
    uint32_t leases = 0;
    for (int killed_in = 1; killed_in < 8; killed_in++) {
        long all = run(0, 0, killed_in);
        leases += world.taken_up;
        for (long n = 1; n <= all; n++) {
            run(n, n, killed_in);
            run(n, n + 40, killed_in);
        }
    }
    CU_ASSERT(leases > 0);
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
CU_TestInfo cr_tests[] = {
    TEST(any_one_allocation_may_fail),
    TEST(memory_may_be_short_for_a_while),
    TEST(memory_may_be_short_when_a_daemon_takes_up_what_another_left),
    CU_TEST_INFO_NULL,
};
