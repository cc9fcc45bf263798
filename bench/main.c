/* crier-bench: the measurements that need C. scripts/bench runs it; see docs/benchmarks.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cr_base.h"
#include "cr_version.h"
#include "peers/peers.h"

static const struct {
    const char *name, *usage;
    int (*run)(int argc, char **argv);
} benches[] = {
    {"select", "FILE.csv DIVISIONS.csv SELECTOR   a selector over the people of a file",
     bench_select},
    {"raw", "SECONDS   256-delivery messages over CURVE with credit 2, nothing else", bench_raw},
    {"county", "PEOPLE   a CSV of people who can be reached on every channel", bench_county},
    {"preempt",
     "SOCKET KEYS PEOPLE STAMPS WORKERS SHOTS SLOT_MS   one urgent message at a time, in a "
     "campaign",
     bench_preempt},
    {"receipts", "ENDPOINT KEYS WORKER shuffled|ordered BROADCAST:COUNT...   pushes receipts",
     bench_receipts},
    {"smsc", "smpp|cmpp receipts|none ANSWER_MS   a bare message centre, until it is ended",
     bench_smsc},
    {"smpp-client", "PORT WINDOW COUNT   a bare client against another message centre",
     bench_smpp_client},
    {"smsc-limit", "smpp|cmpp WINDOW COUNT   a bare client against it", bench_smsc_limit},
    {"streams", "SOCKET JOBS   drains a Redis Stream", peer_streams},
    {"beanstalkd", "SOCKET JOBS   drains a tube", peer_beanstalkd},
    {"beanstalkd-urgent",
     "SOCKET BACKLOG SHOTS SLOT_MS   an urgent job at a time, before a backlog",
     peer_beanstalkd_urgent},
};

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double
bench_median(double *values, size_t count)
{
    CR_ASSERT(count > 0);
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

void
bench_print(const char *bench, const char *metric, double value, const char *unit, size_t runs)
{
    printf("{\"bench\":\"%s\",\"metric\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"runs\":%zu}\n",
           bench, metric, value, unit, runs);
}

static int
usage(FILE *out, int exit_code)
{
    fprintf(out, "usage: crier-bench BENCH ...\n");
    for (size_t i = 0; i < CR_COUNT(benches); i++)
        fprintf(out, "  %s %s\n", benches[i].name, benches[i].usage);
    return exit_code;
}

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0)
        return usage(stdout, CR_EXIT_OK);
    if (strcmp(name, "--version") == 0) {
        printf("crier-bench %s\n", CR_VERSION);
        return CR_EXIT_OK;
    }
    for (size_t i = 0; i < CR_COUNT(benches); i++)
        if (strcmp(name, benches[i].name) == 0)
            return benches[i].run(argc - 2, argv + 2);
    return usage(stderr, CR_EXIT_USAGE);
}
