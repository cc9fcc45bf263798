/*
 * bench - what the benches of crier-bench share
 *
 * Each bench prints one JSON line a metric, as scripts/bench hands them on:
 * {"bench":"select","metric":"three_term_ms","value":0.7,"unit":"ms","runs":101}
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* Sorts `values`; the middle one. */
double bench_median(double *values, size_t count);
void bench_print(const char *bench, const char *metric, double value, const char *unit,
                 size_t runs);

/* A row of a CSV of recipients, with its end; the row's length. */
#define BENCH_PEOPLE_HEADER "id,name,phone,openid,email,division,groups,roles,language\n"
enum { BENCH_PERSON_MAX = 256 };
int bench_person(uint32_t number, char row[BENCH_PERSON_MAX]);

/* Numbers of broadcasts that are urgent and measured. */
#define BENCH_URGENT_FROM (UINT64_C(1) << 32)

/* Each takes the words after its name; an exit code. */
int bench_select(int argc, char **argv);
int bench_raw(int argc, char **argv);
int bench_county(int argc, char **argv);
int bench_preempt(int argc, char **argv);
int bench_smsc(int argc, char **argv);
int bench_smpp_client(int argc, char **argv);
int bench_smsc_limit(int argc, char **argv);
int bench_receipts(int argc, char **argv);

#endif
