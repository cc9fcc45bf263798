/*
 * bench - what the benches of crier-bench share
 *
 * Each bench prints one JSON line a metric, as scripts/bench hands them on:
 * {"bench":"select","metric":"three_term_ms","value":0.7,"unit":"ms","runs":101}
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>

/* Sorts `values`; the middle one. */
double bench_median(double *values, size_t count);
void bench_print(const char *bench, const char *metric, double value, const char *unit,
                 size_t runs);

/* Each takes the words after its name; an exit code. */
int bench_select(int argc, char **argv);
int bench_raw(int argc, char **argv);

#endif
