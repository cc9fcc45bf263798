#include "parts.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDS_PER_TEXT = 4, EARLY = 4096, HALVES = 2 };

/* The place of an id; hash 0 is free. A hash stands for its id: two of 64 bits do not meet. */
typedef struct {
    uint64_t hash;
    uint32_t text;
    bool had_receipt;
} place_t;

typedef struct {
    char name[PARTS_NAME_MAX];
    uint8_t total, delivered;
    cr_status_t failed; /* 0: none yet */
    bool told;
} text_t;

typedef struct {
    uint32_t generation;
    size_t texts_used, places_used, due;
    text_t *texts;
    place_t *places;
} half_t;

typedef struct {
    uint64_t hash;
    cr_status_t outcome;
} early_t;

struct parts {
    uint8_t key[PARTS_KEY_BYTES];
    size_t text_count, place_count; /* of a half; places are a power of two */
    half_t halves[HALVES];
    unsigned young;
    early_t early[EARLY];
};

static size_t
power_above(size_t count)
{
    size_t power = 1;
    while (power < count)
        power *= 2;
    return power;
}

parts_t *
parts_new(size_t texts, const uint8_t key[PARTS_KEY_BYTES])
{
    CR_ASSERT(texts > 0);
    parts_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    memcpy(self->key, key, PARTS_KEY_BYTES);
    self->text_count = texts;
    self->place_count = power_above(texts * IDS_PER_TEXT * 2);
    for (unsigned i = 0; i < HALVES; i++) {
        half_t *half = &self->halves[i];
        half->generation = i + 1;
        half->texts = calloc(self->text_count, sizeof *half->texts);
        half->places = calloc(self->place_count, sizeof *half->places);
        if (!half->texts || !half->places) {
            parts_destroy(&self);
            return NULL;
        }
    }
    return self;
}

void
parts_destroy(parts_t **self_p)
{
    parts_t *self = *self_p;
    if (!self)
        return;
    for (unsigned i = 0; i < HALVES; i++) {
        free(self->halves[i].texts);
        free(self->halves[i].places);
    }
    free(self);
    *self_p = NULL;
}

static uint64_t
hash_of(const parts_t *self, cr_slice_t id)
{
    uint64_t hash;
    uint8_t bytes[crypto_shorthash_BYTES];
    crypto_shorthash(bytes, (const uint8_t *)id.text, id.length, self->key);
    memcpy(&hash, bytes, sizeof hash);
    return hash ? hash : 1;
}

static place_t *
find_place(const parts_t *self, const half_t *half, uint64_t hash)
{
    size_t at = hash & (self->place_count - 1);
    while (half->places[at].hash != 0 && half->places[at].hash != hash)
        at = (at + 1) & (self->place_count - 1);
    return &half->places[at];
}

static bool
is_full(const parts_t *self, const half_t *half)
{
    return half->texts_used == self->text_count || half->places_used >= self->place_count / 2;
}

/* The old half is forgotten and becomes the young one. */
static void
turn(parts_t *self)
{
    self->young = (self->young + 1) % HALVES;
    half_t *half = &self->halves[self->young];
    memset(half->places, 0, self->place_count * sizeof *half->places);
    half->texts_used = half->places_used = half->due = 0;
    half->generation += HALVES;
}

static uint64_t
handle_of(const half_t *half, uint32_t text)
{
    return (uint64_t)half->generation << 32 | text;
}

static half_t *
half_of(const parts_t *self, uint64_t handle)
{
    for (unsigned i = 0; i < HALVES; i++)
        if (self->halves[i].generation == handle >> 32)
            return (half_t *)&self->halves[i];
    return NULL;
}

/* Whether the text now has something to tell; at most once. */
static bool
judge(half_t *half, text_t *text, parts_news_t *news)
{
    bool whole = text->delivered == text->total;
    if (text->told || !(whole || text->failed))
        return false;
    text->told = true;
    half->due--;
    *news = (parts_news_t){cr_slice_of(text->name), whole ? CR_STATUS_DELIVERED : text->failed};
    return true;
}

static void
count_receipt(text_t *text, cr_status_t outcome)
{
    if (outcome == CR_STATUS_DELIVERED)
        text->delivered++;
    else
        text->failed = outcome;
}

uint64_t
parts_open(parts_t *self, uint8_t total, cr_slice_t first_id)
{
    if (is_full(self, &self->halves[self->young]))
        turn(self);
    half_t *half = &self->halves[self->young];
    uint32_t index = (uint32_t)half->texts_used++;
    text_t *text = &half->texts[index];
    *text = (text_t){.total = total};
    snprintf(text->name, sizeof text->name, "%.*s+%u", (int)first_id.length, first_id.text,
             (unsigned)total);
    half->due++;
    uint64_t handle = handle_of(half, index);
    parts_accept(self, handle, first_id);
    return handle;
}

cr_slice_t
parts_name(const parts_t *self, uint64_t handle)
{
    const half_t *half = half_of(self, handle);
    return half ? cr_slice_of(half->texts[(uint32_t)handle].name) : CR_SLICE("");
}

/* A receipt that came before; it is forgotten here. */
static bool
take_early(parts_t *self, uint64_t hash, cr_status_t *outcome)
{
    early_t *early = &self->early[hash % EARLY];
    if (early->hash != hash)
        return false;
    *outcome = early->outcome;
    early->hash = 0;
    return true;
}

void
parts_accept(parts_t *self, uint64_t handle, cr_slice_t id)
{
    half_t *half = half_of(self, handle);
    if (!half || half->places_used >= self->place_count - 1)
        return;
    uint64_t hash = hash_of(self, id);
    place_t *place = find_place(self, half, hash);
    if (place->hash !=
        0) /* the gateway gave an id twice: which of them a receipt means is unknown */
        return;
    half->places_used++;
    *place = (place_t){.hash = hash, .text = (uint32_t)handle};
    cr_status_t outcome;
    place->had_receipt = take_early(self, hash, &outcome);
    if (place->had_receipt)
        count_receipt(&half->texts[place->text], outcome);
}

bool
parts_early(parts_t *self, uint64_t handle, parts_news_t *news)
{
    half_t *half = half_of(self, handle);
    return half && judge(half, &half->texts[(uint32_t)handle], news);
}

parts_verdict_t
parts_receipt(parts_t *self, cr_slice_t id, cr_status_t outcome, parts_news_t *news)
{
    uint64_t hash = hash_of(self, id);
    for (unsigned i = 0; i < HALVES; i++) {
        half_t *half = &self->halves[i];
        place_t *place = find_place(self, half, hash);
        if (place->hash == 0)
            continue;
        text_t *text = &half->texts[place->text];
        if (!place->had_receipt)
            count_receipt(text, outcome);
        place->had_receipt = true;
        return judge(half, text, news) ? PARTS_NEWS : PARTS_HELD;
    }
    self->early[hash % EARLY] = (early_t){hash, outcome};
    return PARTS_NOT;
}

void
parts_untell(parts_t *self, cr_slice_t id)
{
    uint64_t hash = hash_of(self, id);
    for (unsigned i = 0; i < HALVES; i++) {
        half_t *half = &self->halves[i];
        const place_t *place = find_place(self, half, hash);
        if (place->hash == 0 || !half->texts[place->text].told)
            continue;
        half->texts[place->text].told = false;
        half->due++;
    }
}

size_t
parts_count(const parts_t *self)
{
    return self->halves[0].due + self->halves[1].due;
}
