#include "smsc_join.h"

#include <stdlib.h>
#include <string.h>

#include "map.h"

enum { OPEN_MAX = 4096 };

typedef struct {
    char *octets; /* NULL: not here yet */
    size_t length;
} piece_t;

typedef struct {
    uint64_t message; /* 0: free */
    size_t total, here;
    piece_t *pieces;
} open_t;

struct smsc_join {
    map_t *places; /* in `open`, by message */
    size_t next;
    open_t open[OPEN_MAX];
};

smsc_join_t *
smsc_join_new(void)
{
    smsc_join_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->places = map_new(OPEN_MAX);
    if (!self->places)
        smsc_join_destroy(&self);
    return self;
}

static void
open_free(smsc_join_t *self, open_t *open)
{
    if (open->message == 0)
        return;
    map_remove(self->places, open->message);
    for (size_t i = 0; i < open->total; i++)
        free(open->pieces[i].octets);
    free(open->pieces);
    *open = (open_t){0};
}

void
smsc_join_destroy(smsc_join_t **self_p)
{
    smsc_join_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; self->places && i < OPEN_MAX; i++)
        open_free(self, &self->open[i]);
    map_destroy(&self->places);
    free(self);
    *self_p = NULL;
}

/* NULL: memory. */
static open_t *
open_of(smsc_join_t *self, uint64_t message, size_t total)
{
    uint64_t place;
    if (map_find(self->places, message, &place))
        return &self->open[place];
    place = self->next++ % OPEN_MAX;
    open_t *open = &self->open[place];
    open_free(self, open);
    piece_t *pieces = calloc(total, sizeof *pieces);
    if (!pieces)
        return NULL;
    *open = (open_t){.message = message, .total = total, .pieces = pieces};
    map_put(self->places, message, place);
    return open;
}

static void
keep(open_t *open, size_t index, cr_slice_t octets)
{
    piece_t *piece = &open->pieces[index];
    if (piece->octets)
        return;
    piece->octets = malloc(octets.length + 1);
    if (!piece->octets)
        return;
    memcpy(piece->octets, octets.text, octets.length);
    piece->length = octets.length;
    open->here++;
}

bool
smsc_join_add(smsc_join_t *self, uint64_t message, const cr_sms_part_t *part, cr_slice_t octets,
              cr_str_t *whole)
{
    open_t *open = open_of(self, message, part->total);
    if (!open || part->number < 1 || part->number > open->total)
        return false;
    keep(open, part->number - 1u, octets);
    if (open->here < open->total)
        return false;
    for (size_t i = 0; i < open->total; i++)
        cr_str_append(whole, open->pieces[i].octets, open->pieces[i].length);
    open_free(self, open);
    return true;
}
