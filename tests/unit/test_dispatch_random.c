/*
 * The dispatch core among workers, gateways and a ledger that lose, repeat, delay and crash. After
 * each step the rules that always hold are checked, at the end the bytes against what the gateways
 * really did. A failing seed can be played again with CRIER_SEED=n.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_crowd.h"
#include "cr_test.h"

enum { SEEDS = 12, STEPS = 8500, BROADCASTS = 5, CALM_STEPS = 20000 };

typedef void step_fn(crowd_t *crowd, crowd_worker_t *worker);

/* ---- steps ------------------------------------------------------------------------------------ */

static void
step_submit(crowd_t *crowd, crowd_worker_t *worker)
{
    for (uint32_t left = 1 + crowd_random(crowd, 16); left > 0; left--)
        if (!crowd_submit(crowd, worker))
            return;
}

static void
step_read(crowd_t *crowd, crowd_worker_t *worker)
{
    for (uint32_t left = 1 + crowd_random(crowd, 4); left > 0; left--)
        crowd_read(crowd, worker);
}

static void
step_store(crowd_t *crowd, crowd_worker_t *worker)
{
    (void)worker;
    for (uint32_t left = crowd_random(crowd, 6); left > 0; left--)
        rig_store(&crowd->rig);
    rig_find(&crowd->rig);
}

static void
step_time(crowd_t *crowd, crowd_worker_t *worker)
{
    (void)worker;
    rig_pass(&crowd->rig, crowd_random(crowd, 200000));
}

/* Some workers are heard no more. */
static void
step_silence(crowd_t *crowd, crowd_worker_t *worker)
{
    for (int i = 0; i < 3; i++) {
        rig_pass(&crowd->rig, 4 * CR_US_PER_S);
        for (int j = 0; j < CROWD_WORKERS; j++)
            if (&crowd->workers[j] != worker)
                crowd_ping(crowd, &crowd->workers[j]);
    }
}

/* How many of the writes under way put a lease that runs freely on record. Its frame is on its way
 * already: a crash at this very instant forgets that it may have been sent, so that the emergency is
 * sent again (which it would be anyway) but may be counted as never sent. Not played here. */
static size_t
writes_that_must_be(const rig_t *rig)
{
    size_t count = 0;
    for (size_t i = 0; i < rig->write_count; i++)
        if (rig->writes[i].write.record_bytes > 0 && (rig->writes[i].record[1] & 2) != 0)
            count = i + 1;
    return count;
}

static void
step_restart(crowd_t *crowd, crowd_worker_t *worker)
{
    (void)worker;
    size_t stored = crowd_random(crowd, (uint32_t)crowd->rig.write_count + 1);
    size_t least = writes_that_must_be(&crowd->rig);
    rig_restart(&crowd->rig, stored > least ? stored : least);
}

static void
step_pause(crowd_t *crowd, crowd_worker_t *worker)
{
    (void)worker;
    rig_broadcast_t *broadcast = &crowd->rig.broadcasts[crowd_random(crowd, BROADCASTS)];
    bool pause = !broadcast->spec.paused;
    cr_err_t err = pause ? core_pause(crowd->rig.core, broadcast->spec.id)
                         : core_resume(crowd->rig.core, broadcast->spec.id);
    if (err == CR_OK)
        broadcast->spec.paused = pause;
}

static void
step_screen(crowd_t *crowd, crowd_worker_t *worker)
{
    (void)worker;
    crowd->rig.verdict = CR_STATUS_SUPPRESSED_OPTOUT;
    crowd->rig.screen_first = crowd_random(crowd, 1000);
    crowd->rig.screen_end = crowd->rig.screen_first + crowd_random(crowd, 20);
}

static const struct {
    uint32_t weight;
    step_fn *step;
} steps[] = {
    {3000, step_submit},   {2500, crowd_report}, {2500, step_read}, {400, crowd_ping},
    {500, crowd_receipts}, {1500, step_store},   {1500, step_time}, {20, step_screen},
    {10, step_pause},      {10, step_silence},   {20, crowd_cut},   {10, crowd_crash},
    {10, crowd_hello},     {10, step_restart},
};

static void
step(crowd_t *crowd)
{
    uint32_t total = 0, i = 0;
    for (i = 0; i < CR_COUNT(steps); i++)
        total += steps[i].weight;
    uint32_t luck = crowd_random(crowd, total);
    for (i = 0; luck >= steps[i].weight; i++)
        luck -= steps[i].weight;
    steps[i].step(crowd, &crowd->workers[crowd_random(crowd, CROWD_WORKERS)]);
}

/* Everybody does what there is to do, and nothing is lost any more. */
static void
calm_step(crowd_t *crowd)
{
    for (int i = 0; i < CROWD_WORKERS; i++) {
        crowd_worker_t *worker = &crowd->workers[i];
        crowd_ping(crowd, worker);
        while (crowd_read(crowd, worker)) {
        }
        while (crowd_submit(crowd, worker)) {
        }
        for (int j = 0; j < CROWD_HELD; j++)
            crowd_report(crowd, worker);
        crowd_receipts(crowd, worker);
    }
    while (rig_store(&crowd->rig) || rig_find(&crowd->rig)) {
    }
    rig_check(&crowd->rig);
    rig_pass(&crowd->rig, 100 * CR_US_PER_MS);
    rig_check(&crowd->rig);
}

/* ---- what must be true ------------------------------------------------------------------------ */

static bool
is_resent(const core_broadcast_t *spec)
{
    return spec->resend_unknown;
}

/* NULL, or how the byte contradicts what the gateway did. */
static const char *
contradiction(const core_broadcast_t *spec, const fate_t *fate, cr_status_t status)
{
    cr_status_class_t kind = cr_status_class(status);
    bool says_sent = kind == CR_STATUS_CLASS_ACCEPTED || kind == CR_STATUS_CLASS_DELIVERED;
    bool says_unsent = kind == CR_STATUS_CLASS_SUPPRESSED || kind == CR_STATUS_CLASS_EXPIRED ||
                       kind == CR_STATUS_CLASS_CANCELLED || status == CR_STATUS_FAILED_ATTEMPTS;
    if (says_sent && fate->accepted == 0)
        return "counted as sent, but no gateway accepted it";
    if (says_unsent && fate->accepted > 0)
        return "counted as not sent, but a gateway accepted it";
    if (status == CR_STATUS_FAILED_ADDRESS && fate->refused == 0)
        return "counted as refused, but no gateway refused it";
    if (fate->accepted > 1 && !is_resent(spec))
        return "accepted twice where nothing is sent again";
    if (kind == CR_STATUS_CLASS_WAITING || kind == CR_STATUS_CLASS_RETRY)
        return "still open when the broadcast is done";
    return NULL;
}

static void
check_fates(const crowd_t *crowd, const rig_broadcast_t *broadcast)
{
    for (int channel = 0; channel < RIG_CHANNELS; channel++) {
        const fate_t *fates = crowd->fates[broadcast->spec.id - 1][channel];
        for (uint32_t i = 0; broadcast->status[channel] && i < broadcast->spec.total; i++) {
            cr_status_t status = broadcast->status[channel][i];
            const char *wrong = contradiction(&broadcast->spec, &fates[i], status);
            if (!wrong)
                continue;
            fprintf(stderr, "broadcast %u channel %d rank %u %s: %s (%u accepted, %u refused)\n",
                    (unsigned)broadcast->spec.id, channel, i, cr_status_name(status), wrong,
                    fates[i].accepted, fates[i].refused);
            CU_FAIL(wrong);
        }
    }
}

/* ---- a run ------------------------------------------------------------------------------------ */

static void
start_broadcasts(crowd_t *crowd)
{
    static const cr_lane_t lanes[BROADCASTS] = {CR_LANE_BULK, CR_LANE_ROUTINE, CR_LANE_EMERGENCY,
                                                CR_LANE_URGENT, CR_LANE_BULK};
    for (uint32_t i = 0; i < BROADCASTS; i++) {
        core_broadcast_t spec = rig_spec(&crowd->rig, i + 1, 200 + crowd_random(crowd, 900));
        spec.lane = lanes[i];
        spec.resend_unknown = spec.lane == CR_LANE_EMERGENCY;
        spec.channels = 1 + crowd_random(crowd, 7);
        spec.receipt_wait_us = 120 * CR_US_PER_S;
        spec.expires_us = crowd->rig.now.wall_us + (100 + crowd_random(crowd, 900)) * CR_US_PER_S;
        crowd_start(crowd, &spec);
    }
}

static bool
all_done(const crowd_t *crowd)
{
    for (int i = 0; i < BROADCASTS; i++)
        if (!crowd->rig.broadcasts[i].done)
            return false;
    return true;
}

static void
calm_down(crowd_t *crowd)
{
    crowd->loss = 0;
    for (int i = 0; i < BROADCASTS; i++) {
        crowd->rig.broadcasts[i].spec.paused = false;
        if (core_resume(crowd->rig.core, crowd->rig.broadcasts[i].spec.id) == CR_OK)
            continue; /* those that are over refuse, which is right */
    }
    for (int left = CALM_STEPS; left > 0 && !all_done(crowd); left--) {
        calm_step(crowd);
        crowd_carry(crowd);
    }
    while (rig_store(&crowd->rig)) {
    }
    rig_check(&crowd->rig);
}

static void
run(uint64_t seed)
{
    crowd_t crowd;
    crowd_init(&crowd, seed);
    start_broadcasts(&crowd);
    for (int i = 0; i < STEPS && crowd.rig.broken == 0; i++) {
        step(&crowd);
        rig_check(&crowd.rig);
        crowd_carry(&crowd);
    }
    calm_down(&crowd);
    CU_ASSERT(all_done(&crowd));
    for (int i = 0; i < BROADCASTS; i++)
        check_fates(&crowd, &crowd.rig.broadcasts[i]);
    if (crowd.rig.rule) {
        fprintf(stderr, "seed %u: %s\n", (unsigned)seed, crowd.rig.rule);
        CU_FAIL(crowd.rig.rule);
    }
    crowd_fini(&crowd);
}

static void
whatever_is_lost_the_bytes_say_what_the_gateways_did(void)
{
    const char *seed = getenv("CRIER_SEED");
    if (seed) {
        run(strtoull(seed, NULL, 10));
        return;
    }
    for (uint64_t i = 1; i <= SEEDS; i++)
        run(i);
}

const char cr_suite[] = "dispatch_random";
CU_TestInfo cr_tests[] = {
    {"whatever is lost, the bytes say what the gateways did",
     whatever_is_lost_the_bytes_say_what_the_gateways_did},
    CU_TEST_INFO_NULL,
};
