#include "outbox.h"

#include <string.h>

void
outbox_init(outbox_t *self)
{
    self->buffer = (cr_pdu_buffer_t){self->bytes, 0, OUTBOX_BYTES};
    self->start = self->noted = 0;
    self->queued = self->sent = 0;
}

void
outbox_note(outbox_t *self)
{
    self->queued += self->buffer.length - self->noted;
    self->noted = self->buffer.length;
}

cr_err_t
outbox_append(outbox_t *self, cr_slice_t bytes)
{
    if (outbox_room(self) < bytes.length)
        return CR_TOOBIG;
    memcpy(self->bytes + self->buffer.length, bytes.text, bytes.length);
    self->buffer.length += bytes.length;
    return CR_OK;
}

size_t
outbox_room(const outbox_t *self)
{
    return OUTBOX_BYTES - self->buffer.length;
}

cr_slice_t
outbox_waiting(const outbox_t *self)
{
    return (cr_slice_t){(const char *)self->bytes + self->start, self->buffer.length - self->start};
}

/* When half of it was written, the rest moves to the front. */
void
outbox_sent(outbox_t *self, size_t bytes)
{
    self->start += bytes;
    self->sent += bytes;
    if (self->start < self->buffer.length && self->start < OUTBOX_BYTES / 2)
        return;
    self->buffer.length -= self->start;
    memmove(self->bytes, self->bytes + self->start, self->buffer.length);
    self->start = 0;
    self->noted = self->buffer.length;
}
