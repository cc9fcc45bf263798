/* A selector over a directory loaded from a CSV file: time to parse and evaluate, memory a recipient. */
#include <stdio.h>
#include <stdlib.h>

#include "audience/intake.h"
#include "audience/selector.h"
#include "bench.h"
#include "cr_clock.h"

enum { RUNS = 101 };

static cr_err_t
feed_file(intake_t *intake, const char *path, cr_fault_t *fault)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return cr_fault_set(fault, CR_IO, "%s: cannot be read", path);
    static char piece[1 << 16];
    cr_err_t err = CR_OK;
    for (size_t length; err == CR_OK && (length = fread(piece, 1, sizeof piece, file)) > 0;)
        err = intake_feed(intake, piece, length, fault);
    fclose(file);
    return err == CR_OK ? intake_finish(intake, fault) : err;
}

static cr_err_t
load(const char *csv, const char *divisions, directory_t **directory, cr_fault_t *fault)
{
    intake_t *intake = intake_new();
    directory_t *base = directory_new();
    CR_ASSERT(intake && base);
    intake_result_t result = {0};
    cr_err_t err = directory_set_divisions(base, divisions, fault);
    if (err == CR_OK)
        err = feed_file(intake, csv, fault);
    if (err == CR_OK)
        err = intake_apply(intake, base, true, directory, &result, fault);
    intake_destroy(&intake);
    directory_unref(&base);
    intake_result_fini(&result);
    return err;
}

int
bench_select(int argc, char **argv)
{
    cr_fault_t fault = {.text = "usage: crier-bench select FILE.csv DIVISIONS.csv SELECTOR"};
    directory_t *directory = NULL;
    double ms[RUNS];
    if (argc != 3 || load(argv[0], argv[1], &directory, &fault) != CR_OK) {
        fprintf(stderr, "crier-bench: %s\n", fault.text);
        return argc != 3 ? CR_EXIT_USAGE : CR_EXIT_DATA;
    }
    for (size_t i = 0; i < RUNS; i++) {
        roaring_bitmap_t *members = NULL;
        int64_t start = cr_clock_mono_us();
        if (selector_select(argv[2], directory, &members, &fault) != CR_OK) {
            fprintf(stderr, "crier-bench: %s\n", fault.text);
            directory_unref(&directory);
            return CR_EXIT_DATA;
        }
        ms[i] = (double)(cr_clock_mono_us() - start) / 1000;
        roaring_bitmap_free(members);
    }
    double size = directory_size(directory);
    bench_print("select", "recipients", size, "1", 1);
    bench_print("select", "three_term_ms", bench_median(ms, RUNS), "ms", RUNS);
    bench_print("select", "directory_bytes_per_recipient",
                (double)directory_bytes(directory) / size, "B", 1);
    directory_unref(&directory);
    return CR_EXIT_OK;
}
