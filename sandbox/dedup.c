#include "dedup.h"

#include <stdlib.h>

#include "map.h"

typedef struct {
    uint64_t key, value;
    int64_t added_us;
} seen_t;

struct dedup {
    map_t *places; /* key -> number of the entry */
    seen_t *ring;
    size_t capacity;
    uint64_t first, next; /* numbers of the oldest entry and of the one to come */
    int64_t window_us;
};

dedup_t *
dedup_new(size_t capacity, int64_t window_us)
{
    dedup_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->places = map_new(capacity);
    self->ring = calloc(capacity, sizeof *self->ring);
    self->capacity = capacity;
    self->window_us = window_us;
    if (!self->places || !self->ring)
        dedup_destroy(&self);
    return self;
}

void
dedup_destroy(dedup_t **self_p)
{
    dedup_t *self = *self_p;
    if (!self)
        return;
    map_destroy(&self->places);
    free(self->ring);
    free(self);
    *self_p = NULL;
}

static void
forget_oldest(dedup_t *self)
{
    map_remove(self->places, self->ring[self->first % self->capacity].key);
    self->first++;
}

bool
dedup_find(dedup_t *self, uint64_t key, int64_t now_us, uint64_t *value)
{
    while (self->first < self->next &&
           self->ring[self->first % self->capacity].added_us + self->window_us <= now_us)
        forget_oldest(self);
    uint64_t place;
    if (!map_find(self->places, key, &place))
        return false;
    *value = self->ring[place % self->capacity].value;
    return true;
}

void
dedup_add(dedup_t *self, uint64_t key, uint64_t value, int64_t now_us)
{
    if (self->next - self->first == self->capacity)
        forget_oldest(self);
    self->ring[self->next % self->capacity] = (seen_t){key, value, now_us};
    map_put(self->places, key, self->next++);
}
