/*
 * random - the one generator of a run
 *
 * Source     SplitMix64 (Steele, Lea, Flood 2014).
 */
#ifndef RANDOM_H
#define RANDOM_H

#include "cr_base.h"

static inline uint64_t
random_next(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* 0 to `limit` - 1. */
static inline uint32_t
random_below(uint64_t *seed, uint32_t limit)
{
    return (uint32_t)((random_next(seed) >> 32) * limit >> 32);
}

/* `low` to `high`. */
static inline int64_t
random_between(uint64_t *seed, int64_t low, int64_t high)
{
    return low + (int64_t)(random_next(seed) % (uint64_t)(high - low + 1));
}

#endif
