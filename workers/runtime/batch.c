#include "batch.h"

#include <stdlib.h>
#include <string.h>

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

static batch_part_t
part_of(const char *text)
{
    cr_slice_t slice = cr_slice_of(text);
    bool plain = !memchr(slice.text, '{', slice.length) && !memchr(slice.text, '}', slice.length);
    return (batch_part_t){slice, plain};
}

static batch_part_t *
parts_of(const Crier__V1__Wording *wording)
{
    batch_part_t *parts = calloc(BATCH_PARTS + wording->n_fields, sizeof *parts);
    if (!parts)
        return NULL;
    parts[BATCH_TEXT] = part_of(wording->text);
    parts[BATCH_SUBJECT] = part_of(wording->subject);
    parts[BATCH_HTML] = part_of(wording->html);
    parts[BATCH_URL] = part_of(wording->url);
    for (size_t i = 0; i < wording->n_fields; i++)
        parts[BATCH_PARTS + i] = part_of(wording->fields[i]->value);
    return parts;
}

static cr_err_t
take_apart(batch_t *self)
{
    self->parts = calloc(self->lease->n_wordings, sizeof(batch_part_t *));
    for (size_t i = 0; self->parts && i < self->lease->n_wordings; i++)
        if ((self->parts[i] = parts_of(self->lease->wordings[i])) == NULL)
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
        free(self->parts[i]);
    free(self->parts);
    cr_wire_free(&self->frame);
    free(self);
    *self_p = NULL;
}

cr_delivery_t
batch_delivery(const batch_t *self, size_t position)
{
    CR_ASSERT(position < self->count);
    return (cr_delivery_t){
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

bool
batch_value(const batch_t *self, size_t position, cr_slice_t name, cr_slice_t *value)
{
    CR_ASSERT(position < self->count);
    for (size_t i = 0; i < self->lease->n_columns; i++) {
        if (cr_slice_equal(cr_slice_of(self->lease->columns[i]->name), name)) {
            *value = self->values[(i + 1) * self->count + position];
            return true;
        }
    }
    return false;
}
