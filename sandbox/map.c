#include "map.h"

#include <stdlib.h>

typedef struct {
    uint64_t key; /* 0: free */
    uint64_t value;
} slot_t;

struct map {
    slot_t *slots;
    size_t mask;
    size_t count, capacity;
};

map_t *
map_new(size_t capacity)
{
    size_t slots = 16;
    while (slots < capacity * 2)
        slots *= 2;
    map_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (map_t){calloc(slots, sizeof(slot_t)), slots - 1, 0, capacity};
    if (!self->slots)
        map_destroy(&self);
    return self;
}

void
map_destroy(map_t **self_p)
{
    if (*self_p)
        free((*self_p)->slots);
    free(*self_p);
    *self_p = NULL;
}

/* Where the key is, or the free slot where it would go: at most half of the slots are taken. */
static size_t
place_of(const map_t *self, uint64_t key)
{
    size_t at = key & self->mask;
    while (self->slots[at].key != 0 && self->slots[at].key != key)
        at = (at + 1) & self->mask;
    return at;
}

bool
map_find(const map_t *self, uint64_t key, uint64_t *value)
{
    const slot_t *slot = &self->slots[place_of(self, key)];
    if (slot->key == 0)
        return false;
    *value = slot->value;
    return true;
}

void
map_put(map_t *self, uint64_t key, uint64_t value)
{
    CR_ASSERT(key != 0);
    slot_t *slot = &self->slots[place_of(self, key)];
    if (slot->key == 0) {
        CR_ASSERT(self->count < self->capacity);
        self->count++;
    }
    *slot = (slot_t){key, value};
}

/* Later entries of the same run move up, so that no tombstones are needed (Knuth 6.4, R). */
void
map_remove(map_t *self, uint64_t key)
{
    size_t hole = place_of(self, key);
    if (self->slots[hole].key == 0)
        return;
    for (size_t at = (hole + 1) & self->mask; self->slots[at].key != 0;
         at = (at + 1) & self->mask) {
        size_t home = self->slots[at].key & self->mask;
        if (((at - home) & self->mask) < ((at - hole) & self->mask))
            continue;
        self->slots[hole] = self->slots[at];
        hole = at;
    }
    self->slots[hole] = (slot_t){0};
    self->count--;
}
