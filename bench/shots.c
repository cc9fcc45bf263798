#include "shots.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "cr_base.h"
#include "cr_clock.h"

enum { DEADLINE_MS = 10000, PAUSE_MIN_US = 500, PAUSE_SPREAD_US = 8000 };

/* A stamp that comes within a millisecond. */
static bool
take(const shots_t *self, stamp_t *stamp)
{
    struct pollfd item = {.fd = self->stamps, .events = POLLIN};
    if (poll(&item, 1, 1) <= 0)
        return false;
    ssize_t length = read(self->stamps, stamp, sizeof *stamp);
    CR_ASSERT(length == (ssize_t)sizeof *stamp);
    return true;
}

static void
pause_between(const shots_t *self)
{
    stamp_t stamp;
    int64_t end = cr_clock_mono_us() + PAUSE_MIN_US + random() % PAUSE_SPREAD_US;
    while (cr_clock_mono_us() < end) {
        take(self, &stamp); /* a repetition of one that had arrived */
        self->turn(self->context);
    }
}

static double
fire(const shots_t *self, uint64_t shot)
{
    stamp_t stamp;
    int64_t start = cr_clock_mono_us();
    self->fire(self->context, shot);
    while (!take(self, &stamp) || stamp.id != shot) {
        self->turn(self->context);
        if (cr_clock_mono_us() - start < DEADLINE_MS * CR_US_PER_MS)
            continue;
        fprintf(stderr, "shot %llu did not arrive\n", (unsigned long long)shot);
        exit(CR_EXIT_FAILED);
    }
    return (double)(stamp.mono_us - start) / CR_US_PER_MS;
}

void
shots_run(const shots_t *self, uint64_t first, double *ms, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pause_between(self);
        ms[i] = fire(self, first + i);
    }
}

void
shots_print(double *ms, size_t count, double slot_ms)
{
    static const struct {
        const char *name;
        double share;
    } shown[] = {{"p50_ms", 0.5}, {"p99_ms", 0.99}, {"max_ms", 1}};
    bench_median(ms, count);
    for (size_t i = 0; i < CR_COUNT(shown); i++) {
        double beyond = ms[(size_t)((double)(count - 1) * shown[i].share)] - slot_ms;
        bench_print("preempt", shown[i].name, beyond > 0 ? beyond : 0, "ms", count);
    }
}
