#include "prints.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { PRINT_BITS = 54, BROADCAST_BITS = 40, RANK_LOW_BITS = 24, FOUR_BITS = 4, FIRST_PLACES = 16 };

#define LOW(value, bits) ((value) & ((UINT64_C(1) << (bits)) - 1))

/* Broadcast 0: free. The table says what the upper bits of the print are. */
typedef struct {
    uint64_t print : PRINT_BITS, attempt : FOUR_BITS, channel : 2, rank_high : FOUR_BITS;
    uint64_t broadcast : BROADCAST_BITS, rank_low : RANK_LOW_BITS;
} entry_t;

typedef struct {
    entry_t *entries;
    uint32_t places, used;
} table_t;

struct prints {
    table_t tables[PRINTS_TABLES];
    uint32_t most; /* places of a table */
    uint32_t swept;
    size_t count;
};

prints_t *
prints_new(size_t most)
{
    prints_t *self = calloc(1, sizeof *self);
    if (self)
        self->most = (uint32_t)(most / PRINTS_TABLES);
    return self;
}

void
prints_destroy(prints_t **self_p)
{
    prints_t *self = *self_p;
    for (size_t i = 0; self && i < PRINTS_TABLES; i++)
        free(self->tables[i].entries);
    free(self);
    *self_p = NULL;
}

uint64_t
prints_of(cr_slice_t id)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES];
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t print = 0;
    crypto_shorthash(hash, (const unsigned char *)id.text, id.length, key);
    for (size_t i = 0; i < sizeof hash; i++)
        print |= (uint64_t)hash[i] << 8 * i;
    return print;
}

/* Where the print is, or the free place where it would be; there always is one. */
static entry_t *
place_of(const table_t *table, uint64_t low)
{
    uint32_t at = (uint32_t)(LOW(low, 32) * table->places >> 32);
    while (table->entries[at].broadcast != 0 && table->entries[at].print != low)
        at = at + 1 < table->places ? at + 1 : 0;
    return &table->entries[at];
}

/* Into new places, all of them (NULL) or those that are kept. False: no memory, nothing has changed. */
static bool
rebuild(table_t *table, uint32_t places, prints_is_kept_fn *is_kept, const void *context)
{
    CR_ASSERT(places > 0);
    table_t to = {.entries = calloc(places, sizeof *to.entries), .places = places};
    if (!to.entries)
        return false;
    for (uint32_t i = 0; i < table->places; i++) {
        const entry_t *entry = &table->entries[i];
        if (entry->broadcast == 0 || (is_kept && !is_kept(context, entry->broadcast)))
            continue;
        *place_of(&to, entry->print) = *entry;
        to.used++;
    }
    free(table->entries);
    *table = to;
    return true;
}

static bool
is_another(const void *context, uint64_t broadcast)
{
    return broadcast != *(const uint64_t *)context;
}

static uint64_t
oldest_of(const table_t *table)
{
    uint64_t oldest = UINT64_MAX;
    for (uint32_t i = 0; i < table->places; i++)
        if (table->entries[i].broadcast != 0 && table->entries[i].broadcast < oldest)
            oldest = table->entries[i].broadcast;
    return oldest;
}

/* The ids of the oldest broadcast make room for newer ones, never the other way round. */
static bool
displace(table_t *table, uint64_t by)
{
    uint64_t oldest = oldest_of(table);
    return oldest < by && rebuild(table, table->places, is_another, &oldest);
}

static bool
is_full(const table_t *table)
{
    return (table->used + 1) * UINT64_C(5) > table->places * UINT64_C(4);
}

static bool
grow(const prints_t *self, table_t *table)
{
    uint32_t places = table->places + table->places / 4 + FIRST_PLACES;
    if (places > self->most)
        places = self->most;
    return places > table->places && rebuild(table, places, NULL, NULL);
}

static void
put(table_t *table, uint64_t low, const cr_delivery_t *delivery)
{
    entry_t *entry = place_of(table, low);
    table->used += entry->broadcast == 0;
    *entry = (entry_t){
        .print = LOW(low, PRINT_BITS),
        .broadcast = LOW(delivery->broadcast, BROADCAST_BITS),
        .channel = delivery->channel,
        .attempt = LOW(delivery->attempt, FOUR_BITS),
        .rank_high = LOW(delivery->rank >> RANK_LOW_BITS, FOUR_BITS),
        .rank_low = LOW(delivery->rank, RANK_LOW_BITS),
    };
}

bool
prints_put(prints_t *self, uint64_t print, const cr_delivery_t *delivery)
{
    table_t *table = &self->tables[print >> PRINT_BITS];
    uint32_t before = table->used;
    bool complete = !is_full(table) || grow(self, table);
    if (complete || displace(table, delivery->broadcast))
        put(table, LOW(print, PRINT_BITS), delivery);
    self->count = self->count - before + table->used;
    return complete;
}

bool
prints_get(const prints_t *self, uint64_t print, cr_delivery_t *delivery)
{
    const table_t *table = &self->tables[print >> PRINT_BITS];
    const entry_t *entry = table->places > 0 ? place_of(table, LOW(print, PRINT_BITS)) : NULL;
    if (!entry || entry->broadcast == 0)
        return false;
    *delivery = (cr_delivery_t){
        .broadcast = entry->broadcast,
        .channel = (cr_channel_t)entry->channel,
        .rank = (uint32_t)entry->rank_high << RANK_LOW_BITS | (uint32_t)entry->rank_low,
        .attempt = entry->attempt,
    };
    return true;
}

size_t
prints_count(const prints_t *self)
{
    return self->count;
}

void
prints_sweep(prints_t *self, prints_is_kept_fn *is_kept, const void *context)
{
    table_t *table = &self->tables[self->swept];
    uint32_t kept = 0;
    self->swept = (self->swept + 1) % PRINTS_TABLES;
    for (uint32_t i = 0; i < table->places; i++)
        kept += table->entries[i].broadcast != 0 && is_kept(context, table->entries[i].broadcast);
    if (kept == table->used)
        return;
    self->count -= table->used;
    (void)rebuild(table, kept + kept / 2 + FIRST_PLACES, is_kept, context);
    self->count += table->used;
}
