/*
 * shots - something urgent again and again, and how long each took to reach a worker
 *
 * The next shot is fired some milliseconds, never evenly spaced, after the last has arrived. One
 * that does not arrive within ten seconds ends the bench.
 */
#ifndef SHOTS_H
#define SHOTS_H

#include "stamp.h"
#include <stddef.h>

typedef struct {
    int stamps; /* where stamp_t records arrive */
    void (*fire)(void *context, uint64_t shot);
    void (*turn)(void *context); /* every millisecond or so, between shots and while one flies */
    void *context;
} shots_t;

/* Milliseconds of each of `count` shots, numbered from `first`. */
void shots_run(const shots_t *self, uint64_t first, double *ms, size_t count);
/* Sorts `ms`, takes `slot_ms` off each, prints p50, p99 and max. */
void shots_print(double *ms, size_t count, double slot_ms);

#endif
