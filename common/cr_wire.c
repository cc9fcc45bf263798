#include "cr_wire.h"

#include <stdlib.h>
#include <string.h>

cr_err_t
cr_wire_pack(Crier__V1__Frame *frame, zmq_msg_t *out)
{
    frame->version = CR_WIRE_VERSION;
    size_t length = crier__v1__frame__get_packed_size(frame);
    if (length > CR_WIRE_FRAME_MAX)
        return CR_TOOBIG;
    if (zmq_msg_init_size(out, length) != 0)
        return CR_NOMEM;
    crier__v1__frame__pack(frame, zmq_msg_data(out));
    return CR_OK;
}

cr_err_t
cr_wire_unpack(const void *bytes, size_t length, Crier__V1__Frame **frame)
{
    if (length > CR_WIRE_FRAME_MAX)
        return CR_TOOBIG;
    Crier__V1__Frame *read = crier__v1__frame__unpack(NULL, length, bytes);
    if (!read)
        return CR_INVAL;
    cr_err_t err = CR_OK;
    if (read->version != CR_WIRE_VERSION)
        err = CR_CONFLICT;
    else if (read->body_case == CRIER__V1__FRAME__BODY__NOT_SET)
        err = CR_INVAL;
    if (err != CR_OK)
        cr_wire_free(&read);
    else
        *frame = read;
    return err;
}

void
cr_wire_free(Crier__V1__Frame **frame_p)
{
    if (*frame_p)
        crier__v1__frame__free_unpacked(*frame_p, NULL);
    *frame_p = NULL;
}

bool
cr_wire_pool_is_sound(const Crier__V1__Pool *pool, size_t count)
{
    if (!pool)
        return count == 0;
    if (pool->n_lengths != count)
        return false;
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += pool->lengths[i];
    return total == pool->bytes.len;
}

cr_slice_t
cr_wire_pool_next(const Crier__V1__Pool *pool, cr_wire_cursor_t *cursor)
{
    CR_ASSERT(cursor->index < pool->n_lengths);
    size_t length = pool->lengths[cursor->index++];
    CR_ASSERT(length <= pool->bytes.len - cursor->offset);
    cr_slice_t value = {length > 0 ? (const char *)pool->bytes.data + cursor->offset : "", length};
    cursor->offset += length;
    return value;
}

void
cr_wire_pool_init(cr_wire_pool_t *self)
{
    *self = (cr_wire_pool_t){0};
    crier__v1__pool__init(&self->pool);
}

void
cr_wire_pool_fini(cr_wire_pool_t *self)
{
    free(self->lengths);
    free(self->bytes);
    cr_wire_pool_init(self);
}

void
cr_wire_pool_reset(cr_wire_pool_t *self)
{
    self->count = self->length = 0;
    self->failed = false;
}

/* Room for `needed` items of `size` bytes; grows to at least double. */
static bool
grow(void **memory, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return true;
    size_t wanted = *capacity * 2 > needed ? *capacity * 2 : needed < 64 ? 64 : needed;
    void *larger = realloc(*memory, wanted * size);
    if (!larger)
        return false;
    *memory = larger;
    *capacity = wanted;
    return true;
}

void
cr_wire_pool_add(cr_wire_pool_t *self, cr_slice_t value)
{
    void *lengths = self->lengths, *bytes = self->bytes;
    bool room = !self->failed && value.length <= CR_WIRE_FRAME_MAX &&
                grow(&lengths, &self->lengths_capacity, self->count + 1, sizeof *self->lengths);
    self->lengths = lengths;
    room = room && grow(&bytes, &self->bytes_capacity, self->length + value.length, 1);
    self->bytes = bytes;
    if (!room) {
        self->failed = true;
        return;
    }
    self->lengths[self->count++] = (uint32_t)value.length;
    if (value.length > 0)
        memcpy(self->bytes + self->length, value.text, value.length);
    self->length += value.length;
}

Crier__V1__Pool *
cr_wire_pool_message(cr_wire_pool_t *self)
{
    self->pool.n_lengths = self->count;
    self->pool.lengths = self->lengths;
    self->pool.bytes.data = self->bytes;
    self->pool.bytes.len = self->length;
    return &self->pool;
}
