/*
 * batch - the deliveries of one lease, checked and ready to be picked one by one
 *
 * A lease comes as columns; the check, the offsets of every value and the placeholders of every
 * wording are made out once, when it arrives, so that a submit only puts pieces together.
 *
 * Ownership  a batch owns the frame it was made from; slices and pointers live as long as it.
 * Limits     1 to 256 deliveries; what breaks a rule of docs/protocol.md section 3 is refused.
 */
#ifndef BATCH_H
#define BATCH_H

#include "cr_id.h"
#include "cr_wire.h"

enum { BATCH_TEXT, BATCH_SUBJECT, BATCH_HTML, BATCH_URL, BATCH_PARTS };

/* Text as it is, or a placeholder. */
typedef struct {
    cr_slice_t text;          /* as it is */
    const cr_slice_t *values; /* of a placeholder by position, else NULL */
} batch_piece_t;

/* A part of a wording, or the value of one of its fields. */
typedef struct {
    cr_slice_t text;
    bool plain;   /* holds no brace: the same for everybody */
    cr_err_t err; /* CR_INVAL: a bad brace; CR_NOTFOUND: a placeholder without a column */
    size_t count;
    batch_piece_t *pieces; /* of one that is not plain */
} batch_part_t;

typedef struct {
    Crier__V1__Frame *frame;
    const Crier__V1__Lease *lease;
    size_t count;
    cr_slice_t *values;   /* `count` addresses, then `count` of each column */
    batch_part_t **parts; /* of each wording: its BATCH_PARTS, then its fields */
} batch_t;

/* Takes the frame in any case. CR_INVAL: not a lease, of another channel, or unsound. */
cr_err_t batch_new(Crier__V1__Frame **frame_p, cr_channel_t channel, batch_t **batch) CR_MUST_USE;
void batch_destroy(batch_t **self_p);

void batch_delivery(const batch_t *self, size_t position, cr_delivery_t *out);
cr_slice_t batch_address(const batch_t *self, size_t position);
const Crier__V1__Wording *batch_wording(const batch_t *self, size_t position);
/* BATCH_PARTS parts of its wording, and the wording's fields behind them. */
const batch_part_t *batch_parts(const batch_t *self, size_t position);

#endif
