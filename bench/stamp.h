/* When somebody was handed something, as it goes through a pipe between the processes of a bench;
 * CLOCK_MONOTONIC is one clock for all of them. One record is one write. */
#ifndef STAMP_H
#define STAMP_H

#include <stdint.h>

typedef struct {
    uint64_t id; /* of the broadcast, or the number of the shot */
    int64_t mono_us;
} stamp_t;

#endif
