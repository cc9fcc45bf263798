/*
 * One person is told something urgent while a campaign of a million goes out, again and again. The
 * clock runs from the order that plan gives when a broadcast starts to the moment in which the
 * worker hands the message to its gateway; crier-null writes that down.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "engine.h"
#include "metrics.h"
#include "shots.h"

enum { BACKLOGS = 2, SHOTS_MAX = 10000, WARM_OUTCOMES = 2000 };

typedef struct {
    engine_t engine;
    uint32_t people;
    uint64_t next; /* number of the next campaign */
} preempt_t;

static void
start_campaign(preempt_t *self)
{
    engine_start(&self->engine, self->next++, CR_LANE_BULK,
                 roaring_bitmap_from_range(0, self->people, 1));
}

/* Whenever a campaign ends another one begins, so that one is always whole. */
static void
turn(void *context)
{
    preempt_t *self = context;
    for (dispatch_message_t *news; (news = engine_news(&self->engine)) != NULL;) {
        if (news->kind == DISPATCH_DONE && news->id < BENCH_URGENT_FROM)
            start_campaign(self);
        dispatch_message_destroy(&news);
    }
}

static void
fire(void *context, uint64_t shot)
{
    const preempt_t *self = context;
    engine_start(&self->engine, shot, CR_LANE_EMERGENCY,
                 roaring_bitmap_of(1, (uint32_t)(shot % self->people)));
}

static void
warm_up(preempt_t *self, int64_t workers)
{
    engine_wait_workers(&self->engine, workers);
    for (int i = 0; i < BACKLOGS; i++)
        start_campaign(self);
    while (metrics_get(METRIC_OUTCOMES) < WARM_OUTCOMES)
        turn(self);
}

int
bench_preempt(int argc, char **argv)
{
    double ms[SHOTS_MAX];
    size_t count = argc == 7 ? strtoul(argv[5], NULL, 10) : 0;
    if (count == 0 || count > SHOTS_MAX) {
        fprintf(stderr,
                "usage: crier-bench preempt SOCKET KEYS PEOPLE STAMPS WORKERS SHOTS SLOT_MS\n");
        return CR_EXIT_USAGE;
    }
    preempt_t self = {.people = (uint32_t)strtoul(argv[2], NULL, 10), .next = 1};
    engine_open(&self.engine, argv[0], argv[1], self.people);
    shots_t shots = {
        .stamps = open(argv[3], O_RDWR | O_CLOEXEC), .fire = fire, .turn = turn, .context = &self};
    CR_ASSERT(shots.stamps >= 0);
    printf("READY crier-bench wire=%s\n", self.engine.endpoint);
    fflush(stdout);
    warm_up(&self, strtol(argv[4], NULL, 10));
    shots_run(&shots, BENCH_URGENT_FROM, ms, count);
    shots_print(ms, count, strtod(argv[6], NULL));
    fflush(stdout);
    engine_close(&self.engine);
    return CR_EXIT_OK;
}
