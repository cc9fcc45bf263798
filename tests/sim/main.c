/* crier-sim: the dispatch core through years of faults in minutes. docs/simulation.md */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "run.h"
#include "truth.h"

typedef struct {
    uint64_t seed, runs, steps;
    double seconds;
    bool has_seed, json, trace;
    const char *log, *seeds;
} options_t;

static const char usage[] =
    "usage: crier-sim [--seed N] [--runs N | --seconds S | --seeds FILE] [--steps N]\n"
    "                 [--trace] [--log FILE] [--json]\n"
    "  --seed N      the first seed; alone: one run. Without it the time of day\n"
    "  --runs N      so many runs, each with the next seed\n"
    "  --seconds S   as many runs as fit\n"
    "  --seeds FILE  the seeds that begin the lines of FILE\n"
    "  --steps N     ends each run after N steps\n"
    "  --trace       prints each event and action to standard error\n"
    "  --log FILE    writes them to FILE instead\n"
    "  --json        the report as one line of JSON\n";

static double
clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool
read_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

static bool
read_option(int option, options_t *out)
{
    char *end;
    switch (option) {
    case 's':
        return out->has_seed = read_number(optarg, &out->seed);
    case 'r':
        return read_number(optarg, &out->runs);
    case 'n':
        return read_number(optarg, &out->steps);
    case 't':
        out->seconds = strtod(optarg, &end);
        return *end == '\0' && out->seconds > 0;
    case 'f':
        out->seeds = optarg;
        return true;
    case 'l':
        out->log = optarg;
        return true;
    case 'v':
        return out->trace = true;
    case 'j':
        return out->json = true;
    default:
        return false;
    }
}

static bool
read_options(int argc, char **argv, options_t *out)
{
    static const struct option table[] = {
        {"seed", required_argument, NULL, 's'},
        {"runs", required_argument, NULL, 'r'},
        {"steps", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 't'},
        {"seeds", required_argument, NULL, 'f'},
        {"log", required_argument, NULL, 'l'},
        {"trace", no_argument, NULL, 'v'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", table, NULL)) != -1;)
        if (!read_option(option, out))
            return false;
    if (!out->has_seed)
        out->seed = (uint64_t)time(NULL) * 1000000;
    if (out->runs == 0 && out->seconds == 0 && !out->seeds)
        out->runs = 1;
    return optind == argc;
}

/* ---- the report ------------------------------------------------------------------------------- */

/* What went wrong, and how to see it again. */
static void
print_failure(const sim_t *sim)
{
    fprintf(stderr, "seed %" PRIu64 " step %" PRIu64 ": %s: %s\n  %s\n  faults on:", sim->seed,
            sim->steps, truth_rule_name(sim->broken), truth_rule_text(sim->broken), sim->detail);
    for (fault_t i = 0; i < FAULT_COUNT; i++)
        if (sim->drawn.rate[i] > 0)
            fprintf(stderr, " %s", fault_name(i));
    fprintf(stderr, "\n  replay: crier-sim --seed %" PRIu64 " --trace\n", sim->seed);
}

enum { ROWS = 13 };

typedef struct {
    const char *name;
    uint64_t value;
} row_t;

static void
fill_rows(const totals_t *totals, uint64_t seed, double seconds, row_t rows[ROWS])
{
    uint64_t faults = 0;
    for (fault_t i = 0; i < FAULT_COUNT; i++)
        faults += totals->faults[i];
    const row_t filled[ROWS] = {
        {"seed", seed},
        {"runs", totals->runs},
        {"steps", totals->steps},
        {"steps_per_s", (uint64_t)((double)totals->steps / (seconds > 0 ? seconds : 1e-9))},
        {"core_events", totals->core_events},
        {"submits", totals->submits},
        {"deliveries", totals->deliveries},
        {"states", totals->states},
        {"faults", faults},
        {"lost", totals->lost},
        {"sent_twice", totals->sent_twice},
        {"unknown", totals->unknown},
        {"violations", totals->violations},
    };
    memcpy(rows, filled, sizeof filled);
}

static void
print_text(const totals_t *totals, const row_t rows[ROWS])
{
    for (size_t i = 0; i < ROWS; i++)
        printf("%-20s %" PRIu64 "\n", rows[i].name, rows[i].value);
    printf("%-20s %016" PRIx64 "\n", "hash", totals->hash);
    for (fault_t i = 0; i < FAULT_COUNT; i++)
        printf("  %-18s %" PRIu64 "\n", fault_name(i), totals->faults[i]);
}

static void
print_json(const totals_t *totals, const row_t rows[ROWS])
{
    putchar('{');
    for (size_t i = 0; i < ROWS; i++)
        printf("\"%s\":%" PRIu64 ",", rows[i].name, rows[i].value);
    printf("\"hash\":\"%016" PRIx64 "\",\"faults_by_kind\":{", totals->hash);
    for (fault_t i = 0; i < FAULT_COUNT; i++)
        printf("%s\"%s\":%" PRIu64, i > 0 ? "," : "", fault_name(i), totals->faults[i]);
    puts("}}");
}

/* ---- runs ------------------------------------------------------------------------------------- */

static bool
run_one(sim_t *sim, uint64_t seed, const options_t *options)
{
    if (run(sim, seed, options->steps))
        return true;
    print_failure(sim);
    return false;
}

static bool
run_series(sim_t *sim, const options_t *options)
{
    double end_s = clock_s(CLOCK_MONOTONIC) + options->seconds;
    bool sound = true;
    for (uint64_t i = 0; sound; i++) {
        if (options->seconds > 0 ? clock_s(CLOCK_MONOTONIC) >= end_s : i >= options->runs)
            break;
        sound = run_one(sim, options->seed + i, options);
    }
    return sound;
}

/* All of them, whatever fails. */
static bool
run_file(sim_t *sim, const options_t *options)
{
    FILE *file = fopen(options->seeds, "re");
    if (!file) {
        fprintf(stderr, "crier-sim: cannot read %s\n", options->seeds);
        return false;
    }
    bool sound = true;
    for (char line[512]; fgets(line, sizeof line, file);) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end != line)
            sound &= run_one(sim, seed, options);
    }
    fclose(file);
    return sound;
}

int
main(int argc, char **argv)
{
    options_t options = {0};
    if (!read_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return CR_EXIT_USAGE;
    }
    sim_t *sim = calloc(1, sizeof *sim);
    totals_t *totals = calloc(1, sizeof *totals);
    FILE *log = options.log ? fopen(options.log, "we") : options.trace ? stderr : NULL;
    if (!sim || !totals || (options.log && !log)) {
        fputs("crier-sim: no memory, or no log\n", stderr);
        return CR_EXIT_CANTCREAT;
    }
    sim->totals = totals;
    sim->log = log;
    bool sound = options.seeds ? run_file(sim, &options) : run_series(sim, &options);
    row_t rows[ROWS];
    fill_rows(totals, options.seed, clock_s(CLOCK_PROCESS_CPUTIME_ID), rows);
    (options.json ? print_json : print_text)(totals, rows);
    if (options.log)
        fclose(log);
    free(sim);
    free(totals);
    return sound ? 0 : 1;
}
