/*
 * beanstalkd: a job of priority 0 again and again, put before a backlog. Workers are processes that
 * take one job at a time, as one that must not overtake itself does.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../bench.h"
#include "../shots.h"
#include "beanstalk.h"
#include "cr_base.h"
#include "cr_clock.h"
#include "peers.h"

enum { SHOTS_MAX = 10000, WORKERS_MAX = 64, FAST_WORKERS = 2, SLOW_WORKERS = 16 };

/* A worker's life; `slot_ms` is what a job takes. */
static void
work(const char *socket, int stamps, long slot_ms)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    beanstalk_t *client = beanstalk_connect(socket);
    const struct timespec slot = {.tv_nsec = slot_ms * 1000000};
    beanstalk_reserve(client);
    for (;;) {
        beanstalk_answer_t answer = beanstalk_answer(client);
        if (!answer.job)
            continue;
        if (answer.job[0] == '!') {
            stamp_t stamp = {strtoull(answer.job + 1, NULL, 10), cr_clock_mono_us()};
            CR_ASSERT(write(stamps, &stamp, sizeof stamp) == (ssize_t)sizeof stamp);
        }
        if (slot_ms > 0)
            nanosleep(&slot, NULL);
        beanstalk_delete(client, answer.id);
        beanstalk_reserve(client);
    }
}

static void
fire(void *context, uint64_t shot)
{
    char job[32];
    int length = snprintf(job, sizeof job, "!%llu", (unsigned long long)shot);
    beanstalk_put(context, 0, job, (size_t)length);
    beanstalk_answer(context);
}

static void
nothing_else(void *context)
{
    (void)context;
}

/* The backlog must have lasted. */
static void
check_backlog(beanstalk_t *client)
{
    beanstalk_peek(client);
    beanstalk_answer(client); /* NOT_FOUND ends the bench */
}

static void
measure(const char *socket, beanstalk_t *client, size_t count, long slot_ms)
{
    double ms[SHOTS_MAX];
    int ends[2];
    pid_t workers[WORKERS_MAX];
    size_t worker_count = slot_ms > 0 ? SLOW_WORKERS : FAST_WORKERS;
    CR_ASSERT(pipe(ends) == 0);
    for (size_t i = 0; i < worker_count; i++) {
        workers[i] = fork();
        if (workers[i] == 0)
            work(socket, ends[1], slot_ms);
    }
    const shots_t shots = {
        .stamps = ends[0], .fire = fire, .turn = nothing_else, .context = client};
    shots_run(&shots, 1, ms, count);
    check_backlog(client);
    for (size_t i = 0; i < worker_count; i++) {
        kill(workers[i], SIGKILL);
        waitpid(workers[i], NULL, 0);
    }
    shots_print(ms, count, (double)slot_ms);
}

int
peer_beanstalkd_urgent(int argc, char **argv)
{
    size_t count = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0 || count > SHOTS_MAX) {
        fprintf(stderr, "usage: crier-bench beanstalkd-urgent SOCKET BACKLOG SHOTS SLOT_MS\n");
        return CR_EXIT_USAGE;
    }
    beanstalk_t *client = beanstalk_connect(argv[0]);
    peer_enqueue(client, (unsigned)strtoul(argv[1], NULL, 10));
    measure(argv[0], client, count, strtol(argv[3], NULL, 10));
    beanstalk_close(&client);
    return CR_EXIT_OK;
}
