/*
 * render - a delivery as the message its recipient reads
 *
 * Wording and columns of a lease become one filled message, by the rules that authoring and preview
 * use too (cr_fill.h).
 *
 * Ownership  a message borrows from the batch and from the renderer until its next call.
 * Limits     a part has at most 1 MiB, a WeChat template at most 32 fields.
 */
#ifndef RENDER_H
#define RENDER_H

#include "runtime/batch.h"

enum { RENDER_FIELDS_MAX = 32 };

typedef struct {
    cr_slice_t name, value;
} message_field_t;

typedef struct {
    cr_delivery_t delivery;
    char reference[CR_REFERENCE_TEXT_MAX];
    cr_slice_t address, sender;
    cr_lane_t lane;
    int64_t expires_us;                               /* wall clock; worth nothing after it */
    cr_slice_t text, subject, html, url, template_id; /* empty where the channel has none */
    size_t field_count;
    message_field_t fields[RENDER_FIELDS_MAX];
} message_t;

typedef struct render render_t;

render_t *render_new(void);
void render_destroy(render_t **self_p);
/* CR_INVAL: a broken wording or a subject with a line break; CR_NOTFOUND: a placeholder without a
 * column; CR_TOOBIG, CR_NOMEM. */
cr_err_t render_message(render_t *self, const batch_t *batch, size_t position,
                        message_t *message) CR_MUST_USE;

#endif
