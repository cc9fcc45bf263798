/*
 * The board against a daemon and a line that lose, double and delay: whatever happens, nothing is
 * submitted beyond a stored intent or twice, lanes are strict, at most two windows can become
 * unknown, and in the end the daemon knows every outcome.
 */
#include <stdio.h>
#include <string.h>

#include "cr_lease.h"
#include "cr_test.h"
#include "runtime/board.h"

enum { SEEDS = 50, LEASES = 12, WINDOW = 4, STEPS = 20000, ON_THE_LINE_MAX = 64 };

/* What the daemon has stored of a lease, and what really happened to it. */
typedef struct {
    lease_spec_t spec;
    bool handed, ended;
    uint32_t sequence, intent;
    size_t outcomes;
    cr_status_t stored[CR_WIRE_BLOCK], truth[CR_WIRE_BLOCK];
    bool submitted[CR_WIRE_BLOCK];
    size_t next;
} lease_model_t;

typedef struct {
    bool report; /* else an acknowledgement */
    uint64_t lease;
    uint32_t sequence, intent;
    bool last;
    size_t count;
    uint8_t positions[CR_WIRE_BLOCK], outcomes[CR_WIRE_BLOCK];
} message_in_flight_t;

typedef struct {
    uint64_t random;
    int64_t now_us;
    board_t *board;
    lease_model_t leases[LEASES];
    size_t handed;
    message_in_flight_t line[ON_THE_LINE_MAX];
    size_t line_count;
    board_slot_t flights[WINDOW];
    size_t flight_count;
    unsigned loss_percent, double_percent;
    bool one_lane;
    const char *broken; /* the rule that was broken, or NULL */
} world_t;

static uint64_t
draw(world_t *self)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random;
}

static bool
chance(world_t *self, unsigned percent)
{
    return draw(self) % 100 < percent;
}

static void
require(world_t *self, bool kept, const char *rule)
{
    if (!kept && !self->broken)
        self->broken = rule;
}

static lease_model_t *
model_of(world_t *self, uint64_t number)
{
    return &self->leases[number - 1];
}

/* ---- the line ------------------------------------------------------------------------------- */

static void
put(world_t *self, const message_in_flight_t *message)
{
    unsigned copies = chance(self, self->loss_percent) ? 0 : 1;
    copies += chance(self, self->double_percent) ? 1 : 0;
    for (; copies > 0 && self->line_count < ON_THE_LINE_MAX; copies--)
        self->line[self->line_count++] = *message;
}

static void
daemon_takes(world_t *self, const message_in_flight_t *report)
{
    lease_model_t *model = model_of(self, report->lease);
    if (report->sequence == model->sequence + 1 && !model->ended) {
        model->sequence = report->sequence;
        require(self, report->intent >= model->intent, "an intent shrank");
        model->intent = report->intent;
        for (size_t i = 0; i < report->count; i++) {
            require(self, model->stored[report->positions[i]] == 0, "an outcome was told twice");
            model->stored[report->positions[i]] = report->outcomes[i];
        }
        model->outcomes += report->count;
        require(self, model->intent <= model->outcomes + 2 * WINDOW, "an intent went too far");
        model->ended = report->last;
    }
    require(self, report->sequence <= model->sequence, "a report overtook another");
    const message_in_flight_t ack = {
        .lease = report->lease, .sequence = report->sequence, .intent = report->intent};
    put(self, &ack);
}

static void
deliver(world_t *self)
{
    if (self->line_count == 0)
        return;
    /* Reports of a lease keep their order on one line; acknowledgements come at any time. */
    message_in_flight_t message = self->line[0];
    memmove(&self->line[0], &self->line[1], --self->line_count * sizeof self->line[0]);
    if (message.report)
        daemon_takes(self, &message);
    else
        board_acknowledge(self->board, message.lease, message.sequence, message.intent);
}

/* ---- the worker ----------------------------------------------------------------------------- */

static void
send_reports(world_t *self)
{
    Crier__V1__Report report;
    while (board_report(self->board, self->now_us, &report)) {
        message_in_flight_t message = {.report = true,
                                       .lease = report.lease,
                                       .sequence = report.sequence,
                                       .intent = report.intent,
                                       .last = report.last,
                                       .count = report.positions.len};
        if (message.count > 0) {
            memcpy(message.positions, report.positions.data, message.count);
            memcpy(message.outcomes, report.outcomes.data, message.count);
        }
        put(self, &message);
    }
}

static void
check_submit(world_t *self, const board_slot_t *slot)
{
    lease_model_t *model = model_of(self, slot->lease);
    require(self, !model->submitted[slot->position], "submitted twice");
    require(self, slot->position == model->next, "submitted out of order");
    require(self, model->spec.free_running || slot->position < model->intent,
            "submitted beyond the stored intent");
    for (size_t i = 0; i < self->handed; i++) {
        const lease_model_t *other = &self->leases[i];
        require(self, other->next == other->spec.count || other->spec.lane >= model->spec.lane,
                "a lower lane went first");
    }
    model->submitted[slot->position] = true;
    model->next = slot->position + 1;
}

static void
submit(world_t *self)
{
    board_slot_t slot;
    const board_time_t now = {self->now_us, self->now_us};
    while (self->flight_count < WINDOW && board_next(self->board, now, &slot)) {
        check_submit(self, &slot);
        self->flights[self->flight_count++] = slot;
    }
}

static void
settle_one(world_t *self)
{
    if (self->flight_count == 0)
        return;
    static const cr_status_t answers[] = {CR_STATUS_ACCEPTED, CR_STATUS_RETRY_1, CR_STATUS_UNKNOWN,
                                          CR_STATUS_FAILED_ADDRESS};
    size_t i = draw(self) % self->flight_count;
    board_slot_t slot = self->flights[i];
    self->flights[i] = self->flights[--self->flight_count];
    const outcome_t outcome = {.status = answers[draw(self) % CR_COUNT(answers)],
                               .gateway_id = CR_SLICE("")};
    model_of(self, slot.lease)->truth[slot.position] = outcome.status;
    board_settle(self->board, &slot, &outcome, self->now_us);
}

/* ---- the world ------------------------------------------------------------------------------ */

static void
hand_out(world_t *self)
{
    if (self->handed == LEASES)
        return;
    lease_model_t *model = &self->leases[self->handed];
    model->spec = (lease_spec_t){
        .lease = self->handed + 1,
        .lane = self->one_lane ? CR_LANE_BULK : (cr_lane_t)(draw(self) % CR_LANE_COUNT),
        .drill = true,
        .count = 1 + draw(self) % 60,
    };
    model->spec.free_running = model->spec.lane == CR_LANE_EMERGENCY;
    batch_t *batch = lease_batch(&model->spec);
    if (board_add(self->board, &batch, self->now_us) == CR_OK) {
        model->handed = true;
        self->handed++;
    }
}

/* What would be unknown if everything but the daemon's store were lost now. */
static void
check_exposure(world_t *self)
{
    size_t unknown = 0;
    for (size_t i = 0; i < self->handed; i++) {
        const lease_model_t *model = &self->leases[i];
        for (size_t j = 0; j < model->intent && !model->spec.free_running; j++)
            unknown += model->stored[j] == 0;
    }
    /* One window more for each lane that overtakes (board.h). */
    size_t limit = (self->one_lane ? 2 : 4) * WINDOW;
    require(self, unknown <= limit, "a crash would leave too many unknown");
}

static bool
is_done(const world_t *self)
{
    return self->handed == LEASES && board_count(self->board) == 0;
}

static void
step(world_t *self)
{
    self->now_us += (int64_t)(draw(self) % 30000);
    if (chance(self, 20))
        hand_out(self);
    submit(self);
    send_reports(self);
    if (chance(self, 60))
        deliver(self);
    if (chance(self, 60))
        settle_one(self);
    check_exposure(self);
}

static void
check_end(world_t *self)
{
    require(self, is_done(self), "it never ended");
    for (size_t i = 0; i < self->handed; i++) {
        const lease_model_t *model = &self->leases[i];
        require(self, model->next == model->spec.count, "a delivery was forgotten");
        require(self, memcmp(model->stored, model->truth, sizeof model->stored) == 0,
                "the daemon does not know what happened");
    }
}

static const char *
run(uint64_t seed, bool one_lane)
{
    static world_t world;
    const board_rules_t rules = {.window = WINDOW, .drill = true, .credit = 2, .urgent_credit = 1};
    world = (world_t){.random = seed * 2654435761u + 1, .board = board_new(&rules)};
    world.one_lane = one_lane;
    world.loss_percent = (unsigned)(draw(&world) % 40);
    world.double_percent = (unsigned)(draw(&world) % 40);
    for (int i = 0; i < STEPS && !is_done(&world); i++)
        step(&world);
    check_end(&world);
    board_destroy(&world.board);
    return world.broken;
}

static void
run_all(bool one_lane)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const char *broken = run(seed, one_lane);
        if (broken)
            printf("seed %llu: %s\n", (unsigned long long)seed, broken);
        CU_ASSERT_PTR_NULL(broken);
    }
}

static void
nothing_is_lost_or_doubled_and_two_windows_bound_the_unknown(void)
{
    run_all(true);
}

static void
lanes_stay_strict_whatever_the_line_does(void)
{
    run_all(false);
}

const char cr_suite[] = "worker_board_faults";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(nothing_is_lost_or_doubled_and_two_windows_bound_the_unknown),
    TEST(lanes_stay_strict_whatever_the_line_does),
    CU_TEST_INFO_NULL,
};
