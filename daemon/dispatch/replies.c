#include "replies.h"

#include <stdlib.h>
#include <string.h>

#include "cr_wire.h"

static bool
is_sound(const Crier__V1__Replies *message)
{
    size_t count = message->kinds.len;
    if (count == 0 || count > REPLIES_MAX || !cr_wire_pool_is_sound(message->addresses, count) ||
        !cr_wire_pool_is_sound(message->texts, count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (message->kinds.data[i] > CRIER__V1__REPLIES__KIND__CAME ||
            message->addresses->lengths[i] == 0 ||
            message->addresses->lengths[i] > REPLIES_ADDRESS_MAX ||
            message->texts->lengths[i] > REPLIES_TEXT_MAX)
            return false;
    return true;
}

/* A copy of all values of the pool at `to`, which moves behind them. */
static const char *
copy_bytes(const Crier__V1__Pool *pool, char **to)
{
    char *at = *to;
    if (pool->bytes.len > 0)
        memcpy(at, pool->bytes.data, pool->bytes.len);
    *to += pool->bytes.len;
    return at;
}

cr_err_t
replies_read(const Crier__V1__Replies *message, replies_t **self_p)
{
    if (!is_sound(message))
        return CR_INVAL;
    size_t count = message->kinds.len, columns = sizeof(replies_item_t) * count;
    replies_t *self = calloc(1, sizeof *self + columns + message->addresses->bytes.len +
                                    message->texts->bytes.len + 1);
    if (!self)
        return CR_NOMEM;
    char *end = (char *)(self->items + count);
    const char *address = copy_bytes(message->addresses, &end);
    const char *text = copy_bytes(message->texts, &end);
    self->batch = message->batch;
    self->count = count;
    for (size_t i = 0; i < count; i++) {
        replies_item_t *item = &self->items[i];
        item->kind = (Crier__V1__Replies__Kind)message->kinds.data[i];
        item->address = (cr_slice_t){address, message->addresses->lengths[i]};
        item->text = (cr_slice_t){text, message->texts->lengths[i]};
        address += item->address.length;
        text += item->text.length;
    }
    *self_p = self;
    return CR_OK;
}

void
replies_destroy(replies_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}
