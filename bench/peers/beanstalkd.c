/* beanstalkd: a worker that keeps some reservations outstanding on its connection. */
#include <stdio.h>
#include <stdlib.h>

#include "../bench.h"
#include "beanstalk.h"
#include "cr_base.h"
#include "cr_clock.h"
#include "peers.h"

enum { ENQUEUE_BATCH = 1, DEPTH = 128, PRIORITY = 1000 };

void
peer_enqueue(beanstalk_t *client, unsigned count)
{
    char job[64];
    for (unsigned rank = 0, sent = 0; rank < count; sent = 0) {
        for (; sent < ENQUEUE_BATCH && rank < count; sent++, rank++) {
            int length = peer_job(rank, job);
            beanstalk_put(client, PRIORITY, job, (size_t)length);
        }
        while (sent-- > 0)
            beanstalk_answer(client);
    }
}

static double
drain(beanstalk_t *client, unsigned count)
{
    int64_t start = cr_clock_mono_us();
    unsigned reserved = 0;
    for (; reserved < DEPTH && reserved < count; reserved++)
        beanstalk_reserve(client);
    for (unsigned deleted = 0; deleted < count;) {
        beanstalk_answer_t answer = beanstalk_answer(client);
        if (!answer.job) {
            deleted++;
            continue;
        }
        beanstalk_delete(client, answer.id);
        if (reserved++ < count)
            beanstalk_reserve(client);
    }
    return count * 1e6 / (double)(cr_clock_mono_us() - start);
}

int
peer_beanstalkd(int argc, char **argv)
{
    unsigned count = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    if (count == 0) {
        fprintf(stderr, "usage: crier-bench beanstalkd SOCKET JOBS\n");
        return CR_EXIT_USAGE;
    }
    beanstalk_t *client = beanstalk_connect(argv[0]);
    peer_enqueue(client, count);
    bench_print("peer", "drain_per_s", drain(client, count), "1/s", 1);
    beanstalk_close(&client);
    return CR_EXIT_OK;
}
