/*
 * hash - 64-bit hashes of short texts, and the dice of the faults
 *
 * Equal text and seed give the same value on every machine and in every run, so that the same
 * people fail in each drill. Not for secrets: whoever knows the seed can make collisions, and the
 * tables that use it compare the text itself or accept one wrong hit in 10^12.
 *
 * Source     FNV-1a (draft-eastlake-fnv), SplitMix64 (Steele, Lea, Flood 2014).
 */
#ifndef HASH_H
#define HASH_H

#include "cr_base.h"

/* Never 0, which the tables use for "no key". */
uint64_t hash_text(cr_slice_t text, uint64_t seed);
/* A hash of two numbers; never 0. */
uint64_t hash_pair(uint64_t a, uint64_t b);
/* The next number of a sequence that `state` alone decides. */
uint64_t hash_roll(uint64_t *state);

#endif
