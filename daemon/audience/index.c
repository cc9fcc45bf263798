#include "index.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 16 };

/* Eight bytes at a time, mixed by multiplication: ids are short and come by the million. */
uint32_t
index_hash(cr_slice_t name)
{
    const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t hash = name.length * odd, word;
    const char *at = name.text, *end = at + name.length;
    for (; end - at >= 8; at += 8) {
        memcpy(&word, at, 8);
        hash = (hash ^ word) * odd;
        hash ^= hash >> 29;
    }
    for (word = 0; at < end; at++)
        word = word << 8 | (unsigned char)*at;
    return (uint32_t)(((hash ^ word) * odd) >> 32);
}

uint32_t
index_find(const index_t *self, uint32_t hash, cr_slice_t name, index_is_fn *is,
           const void *context)
{
    if (self->capacity == 0)
        return INDEX_NONE;
    uint32_t mask = self->capacity - 1;
    for (uint32_t at = hash & mask; self->slots[at].value != INDEX_NONE; at = (at + 1) & mask)
        if (self->slots[at].hash == hash && is(context, self->slots[at].value, name))
            return self->slots[at].value;
    return INDEX_NONE;
}

static void
place(index_t *self, uint32_t hash, uint32_t value)
{
    uint32_t mask = self->capacity - 1, at = hash & mask;
    while (self->slots[at].value != INDEX_NONE)
        at = (at + 1) & mask;
    self->slots[at] = (struct index_slot){hash, value};
}

static cr_err_t
resize(index_t *self, uint32_t capacity)
{
    index_t larger = {.capacity = capacity, .count = self->count};
    larger.slots = malloc(capacity * sizeof *larger.slots);
    if (!larger.slots)
        return CR_NOMEM;
    memset(larger.slots, 0xFF, capacity * sizeof *larger.slots);
    for (uint32_t i = 0; i < self->capacity; i++)
        if (self->slots[i].value != INDEX_NONE)
            place(&larger, self->slots[i].hash, self->slots[i].value);
    index_fini(self);
    *self = larger;
    return CR_OK;
}

cr_err_t
index_reserve(index_t *self, uint32_t count)
{
    CR_ASSERT(count <= UINT32_MAX / 4);
    uint32_t capacity = self->capacity < CAPACITY_MIN ? CAPACITY_MIN : self->capacity;
    while (capacity - capacity / 4 < count) /* at most three quarters full */
        capacity *= 2;
    return capacity == self->capacity ? CR_OK : resize(self, capacity);
}

cr_err_t
index_add(index_t *self, uint32_t hash, uint32_t value)
{
    CR_ASSERT(value != INDEX_NONE);
    cr_err_t err = index_reserve(self, self->count + 1);
    if (err != CR_OK)
        return err;
    place(self, hash, value);
    self->count++;
    return CR_OK;
}

void
index_clear(index_t *self)
{
    if (self->capacity > 0)
        memset(self->slots, 0xFF, index_bytes(self));
    self->count = 0;
}

void
index_fini(index_t *self)
{
    free(self->slots);
    *self = (index_t){0};
}

size_t
index_bytes(const index_t *self)
{
    return self->capacity * sizeof *self->slots;
}
