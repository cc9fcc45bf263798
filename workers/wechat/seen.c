#include "seen.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 1 << 16 };

struct seen {
    uint8_t key[crypto_shorthash_KEYBYTES]; /* so that nobody outside can choose the places */
    struct {
        uint64_t hash;
        int64_t at_s;
    } places[PLACES];
};

seen_t *
seen_new(void)
{
    seen_t *self = calloc(1, sizeof *self);
    if (self)
        randombytes_buf(self->key, sizeof self->key);
    return self;
}

void
seen_destroy(seen_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static uint64_t
hash_of(const seen_t *self, cr_slice_t text)
{
    uint64_t hash = 0;
    crypto_shorthash((uint8_t *)&hash, (const uint8_t *)text.text, text.length, self->key);
    return hash;
}

bool
seen_has(const seen_t *self, cr_slice_t text, int64_t now_s, int64_t for_s)
{
    uint64_t hash = hash_of(self, text);
    size_t at = hash % PLACES;
    return self->places[at].hash == hash && now_s - self->places[at].at_s < for_s;
}

void
seen_add(seen_t *self, cr_slice_t text, int64_t now_s)
{
    uint64_t hash = hash_of(self, text);
    self->places[hash % PLACES].hash = hash;
    self->places[hash % PLACES].at_s = now_s;
}
