/*
 * map - a fixed-size table from a 64-bit key to a 64-bit value
 *
 * The inbox and the duplicate checks look up hashes of addresses and references millions of times;
 * two machine words an entry in one block keep that cheap and its memory known beforehand.
 *
 * Keys       hashes: well mixed and never 0.
 * Limits     `capacity` entries as given to map_new; the caller removes before it adds more.
 */
#ifndef MAP_H
#define MAP_H

#include "cr_base.h"

typedef struct map map_t;

map_t *map_new(size_t capacity) CR_MUST_USE;
void map_destroy(map_t **self_p);

bool map_find(const map_t *self, uint64_t key, uint64_t *value);
/* Adds the key or changes its value. */
void map_put(map_t *self, uint64_t key, uint64_t value);
/* Does nothing when the key is absent. */
void map_remove(map_t *self, uint64_t key);

#endif
