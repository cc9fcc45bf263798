/*
 * outbox - bytes on their way to a socket, counted from the beginning of the connection
 *
 * The count says of every frame whether its last byte was written.
 *
 * Limits     512 KiB.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include "cr_pdu.h"

enum { OUTBOX_BYTES = 512 * 1024 };

typedef struct {
    cr_pdu_buffer_t buffer; /* frames are appended here; outbox_note follows */
    size_t start;           /* bytes before it were written */
    uint64_t queued, sent;  /* of the connection */
    size_t noted;
    uint8_t bytes[OUTBOX_BYTES];
} outbox_t;

void outbox_init(outbox_t *self);
/* Counts what was appended to the buffer since the last time. */
void outbox_note(outbox_t *self);
/* CR_TOOBIG: nothing was appended. */
cr_err_t outbox_append(outbox_t *self, cr_slice_t bytes) CR_MUST_USE;
size_t outbox_room(const outbox_t *self);
cr_slice_t outbox_waiting(const outbox_t *self);
void outbox_sent(outbox_t *self, size_t bytes);

#endif
