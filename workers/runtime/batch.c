#include "batch.h"

#include <stdlib.h>
#include <string.h>

#include "cr_fill.h"

static bool
offsets_are_sound(const Crier__V1__Lease *lease)
{
    if (lease->first_rank % CR_WIRE_BLOCK != 0)
        return false;
    for (size_t i = 1; i < lease->offsets.len; i++)
        if (lease->offsets.data[i] <= lease->offsets.data[i - 1])
            return false;
    return true;
}

static bool
attempts_are_sound(const Crier__V1__Lease *lease)
{
    if (lease->attempts.len != lease->offsets.len)
        return false;
    return memchr(lease->attempts.data, 0, lease->attempts.len) == NULL;
}

static bool
wordings_are_sound(const Crier__V1__Lease *lease)
{
    if (lease->n_wordings == 0)
        return false;
    if (lease->wording.len == 0)
        return true;
    if (lease->wording.len != lease->offsets.len)
        return false;
    for (size_t i = 0; i < lease->wording.len; i++)
        if (lease->wording.data[i] >= lease->n_wordings)
            return false;
    return true;
}

static bool
columns_are_sound(const Crier__V1__Lease *lease)
{
    for (size_t i = 0; i < lease->n_columns; i++)
        if (!cr_wire_pool_is_sound(lease->columns[i]->values, lease->offsets.len))
            return false;
    return true;
}

static bool
is_sound(const Crier__V1__Lease *lease, cr_channel_t channel)
{
    size_t count = lease->offsets.len;
    return lease->channel == (uint32_t)channel && lease->lane < CR_LANE_COUNT &&
           lease->broadcast <= CR_BROADCAST_MAX && count > 0 && count <= CR_WIRE_BLOCK &&
           offsets_are_sound(lease) && attempts_are_sound(lease) && wordings_are_sound(lease) &&
           cr_wire_pool_is_sound(lease->addresses, count) && columns_are_sound(lease);
}

static void
spread(const Crier__V1__Pool *pool, size_t count, cr_slice_t *out)
{
    cr_wire_cursor_t cursor = {0};
    for (size_t i = 0; i < count; i++)
        out[i] = cr_wire_pool_next(pool, &cursor);
}

static void
parts_free(batch_part_t *parts, const Crier__V1__Wording *wording)
{
    for (size_t i = 0; parts && i < BATCH_PARTS + wording->n_fields; i++)
        free(parts[i].pieces);
    free(parts);
}

/* What the placeholder stands for, by position; NULL when the lease has no such column. */
static const cr_slice_t *
values_of(const batch_t *self, cr_slice_t name)
{
    for (size_t i = 0; i < self->lease->n_columns; i++)
        if (cr_slice_equal(cr_slice_of(self->lease->columns[i]->name), name))
            return self->values + (i + 1) * self->count;
    return NULL;
}

static size_t
count_pieces(cr_slice_t text)
{
    size_t count = 0;
    cr_fill_piece_t piece;
    for (size_t at = 0; cr_fill_next(text, &at, &piece);)
        count++;
    return count;
}

static cr_err_t
read_piece(const batch_t *self, const cr_fill_piece_t *from, batch_piece_t *piece)
{
    *piece = (batch_piece_t){.text = from->text};
    if (from->kind == CR_FILL_BAD)
        return CR_INVAL;
    if (from->kind == CR_FILL_NAME && !(piece->values = values_of(self, from->text)))
        return CR_NOTFOUND;
    return CR_OK;
}

/* A wording that cannot be filled fails its deliveries, not the lease. False: memory. */
static bool
read_part(const batch_t *self, const char *text, batch_part_t *part)
{
    cr_slice_t slice = cr_slice_of(text);
    *part = (batch_part_t){.text = slice};
    part->plain = !memchr(slice.text, '{', slice.length) && !memchr(slice.text, '}', slice.length);
    if (part->plain)
        return true;
    part->pieces = calloc(count_pieces(slice), sizeof *part->pieces);
    if (!part->pieces)
        return false;
    cr_fill_piece_t piece;
    for (size_t at = 0; part->err == CR_OK && cr_fill_next(slice, &at, &piece);)
        part->err = read_piece(self, &piece, &part->pieces[part->count++]);
    return true;
}

static batch_part_t *
parts_of(const batch_t *self, const Crier__V1__Wording *wording)
{
    const char *const texts[BATCH_PARTS] = {
        [BATCH_TEXT] = wording->text,
        [BATCH_SUBJECT] = wording->subject,
        [BATCH_HTML] = wording->html,
        [BATCH_URL] = wording->url,
    };
    batch_part_t *parts = calloc(BATCH_PARTS + wording->n_fields, sizeof *parts);
    bool whole = parts != NULL;
    for (size_t i = 0; whole && i < BATCH_PARTS + wording->n_fields; i++)
        whole = read_part(
            self, i < BATCH_PARTS ? texts[i] : wording->fields[i - BATCH_PARTS]->value, &parts[i]);
    if (whole)
        return parts;
    parts_free(parts, wording);
    return NULL;
}

static cr_err_t
take_apart(batch_t *self)
{
    self->parts = calloc(self->lease->n_wordings, sizeof(batch_part_t *));
    for (size_t i = 0; self->parts && i < self->lease->n_wordings; i++)
        if ((self->parts[i] = parts_of(self, self->lease->wordings[i])) == NULL)
            return CR_NOMEM;
    return self->parts ? CR_OK : CR_NOMEM;
}

static cr_err_t
fill(batch_t *self)
{
    self->count = self->lease->offsets.len;
    self->values = calloc(self->count * (1 + self->lease->n_columns), sizeof *self->values);
    if (!self->values)
        return CR_NOMEM;
    spread(self->lease->addresses, self->count, self->values);
    for (size_t i = 0; i < self->lease->n_columns; i++)
        spread(self->lease->columns[i]->values, self->count, self->values + (i + 1) * self->count);
    return take_apart(self);
}

cr_err_t
batch_new(Crier__V1__Frame **frame_p, cr_channel_t channel, batch_t **batch)
{
    batch_t *self = calloc(1, sizeof *self);
    if (!self) {
        cr_wire_free(frame_p);
        return CR_NOMEM;
    }
    self->frame = *frame_p;
    *frame_p = NULL;
    bool sound = self->frame->body_case == CRIER__V1__FRAME__BODY_LEASE &&
                 is_sound(self->frame->lease, channel);
    self->lease = sound ? self->frame->lease : NULL;
    cr_err_t err = sound ? fill(self) : CR_INVAL;
    if (err != CR_OK)
        batch_destroy(&self);
    else
        *batch = self;
    return err;
}

void
batch_destroy(batch_t **self_p)
{
    batch_t *self = *self_p;
    if (!self)
        return;
    free(self->values);
    for (size_t i = 0; self->parts && i < self->lease->n_wordings; i++)
        parts_free(self->parts[i], self->lease->wordings[i]);
    free(self->parts);
    cr_wire_free(&self->frame);
    free(self);
    *self_p = NULL;
}

void
batch_delivery(const batch_t *self, size_t position, cr_delivery_t *out)
{
    CR_ASSERT(position < self->count);
    *out = (cr_delivery_t){
        .broadcast = self->lease->broadcast,
        .channel = (cr_channel_t)self->lease->channel,
        .rank = self->lease->first_rank + self->lease->offsets.data[position],
        .attempt = self->lease->attempts.data[position],
    };
}

cr_slice_t
batch_address(const batch_t *self, size_t position)
{
    CR_ASSERT(position < self->count);
    return self->values[position];
}

static size_t
wording_of(const batch_t *self, size_t position)
{
    CR_ASSERT(position < self->count);
    return self->lease->wording.len > 0 ? self->lease->wording.data[position] : 0;
}

const Crier__V1__Wording *
batch_wording(const batch_t *self, size_t position)
{
    return self->lease->wordings[wording_of(self, position)];
}

const batch_part_t *
batch_parts(const batch_t *self, size_t position)
{
    return self->parts[wording_of(self, position)];
}
