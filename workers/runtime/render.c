#include "render.h"

#include <stdlib.h>

#include "cr_fill.h"
#include "cr_text.h"

enum { PART_BYTES_MAX = 1 << 20 };

struct render {
    cr_str_t parts[BATCH_PARTS];
    cr_str_t fields[RENDER_FIELDS_MAX];
};

render_t *
render_new(void)
{
    render_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    for (size_t i = 0; i < BATCH_PARTS; i++)
        cr_str_init(&self->parts[i], PART_BYTES_MAX);
    for (size_t i = 0; i < RENDER_FIELDS_MAX; i++)
        cr_str_init(&self->fields[i], PART_BYTES_MAX);
    return self;
}

void
render_destroy(render_t **self_p)
{
    render_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < BATCH_PARTS; i++)
        cr_str_fini(&self->parts[i]);
    for (size_t i = 0; i < RENDER_FIELDS_MAX; i++)
        cr_str_fini(&self->fields[i]);
    free(self);
    *self_p = NULL;
}

static cr_err_t
fill(cr_str_t *filled, const batch_part_t *part, cr_fill_mode_t mode, size_t position,
     cr_slice_t *out)
{
    *out = part->text;
    if (part->plain || part->err != CR_OK)
        return part->err;
    cr_str_clear(filled);
    for (const batch_piece_t *piece = part->pieces; piece < part->pieces + part->count; piece++) {
        if (!piece->values)
            cr_str_append_slice(filled, piece->text);
        else if (mode == CR_FILL_HTML)
            cr_text_append_html(filled, piece->values[position]);
        else
            cr_str_append_slice(filled, piece->values[position]);
    }
    *out = cr_str_slice(filled);
    return cr_str_err(filled);
}

static cr_err_t
fill_parts(render_t *self, const batch_part_t *parts, size_t position, message_t *message)
{
    cr_slice_t *out[BATCH_PARTS] = {
        [BATCH_TEXT] = &message->text,
        [BATCH_SUBJECT] = &message->subject,
        [BATCH_HTML] = &message->html,
        [BATCH_URL] = &message->url,
    };
    for (size_t i = 0; i < BATCH_PARTS; i++) {
        cr_fill_mode_t mode = i == BATCH_HTML ? CR_FILL_HTML : CR_FILL_PLAIN;
        cr_err_t err = fill(&self->parts[i], &parts[i], mode, position, out[i]);
        if (err != CR_OK)
            return err;
    }
    return cr_text_has_line_break(message->subject) ? CR_INVAL : CR_OK;
}

static cr_err_t
fill_fields(render_t *self, const Crier__V1__Wording *wording, const batch_part_t *values,
            size_t position, message_t *message)
{
    if (wording->n_fields > RENDER_FIELDS_MAX)
        return CR_TOOBIG;
    message->field_count = wording->n_fields;
    for (size_t i = 0; i < wording->n_fields; i++) {
        message->fields[i].name = cr_slice_of(wording->fields[i]->name);
        cr_err_t err =
            fill(&self->fields[i], &values[i], CR_FILL_PLAIN, position, &message->fields[i].value);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

cr_err_t
render_message(render_t *self, const batch_t *batch, size_t position, message_t *message)
{
    const Crier__V1__Wording *wording = batch_wording(batch, position);
    const batch_part_t *parts = batch_parts(batch, position);
    batch_delivery(batch, position, &message->delivery);
    cr_reference_format(&message->delivery, message->reference);
    message->address = batch_address(batch, position);
    message->sender = cr_slice_of(batch->lease->sender);
    message->lane = (cr_lane_t)batch->lease->lane;
    message->expires_us = batch->lease->expires_us;
    message->template_id = cr_slice_of(wording->template_id);
    cr_err_t err = fill_parts(self, parts, position, message);
    return err == CR_OK ? fill_fields(self, wording, parts + BATCH_PARTS, position, message) : err;
}
