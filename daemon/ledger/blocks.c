/* Blocks of deliveries as one fenced call, between what the index of receipts learns and forgets. */
#include <inttypes.h>
#include <string.h>

#include "internal.h"
#include "receipt_index.h"

static cr_slice_t
fate_of_lease(const ledger_op_t *op)
{
    if (op->lease == 0 || (!op->lease_ends && op->lease_record_bytes == 0))
        return CR_SLICE("");
    return op->lease_ends ? CR_SLICE("end") : CR_SLICE("put");
}

/* One trail record as it is stored: behind its length. */
typedef struct {
    uint8_t bytes[sizeof((ledger_op_t *)0)->trail + 2];
} framed_t;

static cr_slice_t
frame_trail(const ledger_op_t *op, framed_t *framed)
{
    framed->bytes[0] = (uint8_t)(op->trail_bytes & 255);
    framed->bytes[1] = (uint8_t)(op->trail_bytes >> 8);
    memcpy(framed->bytes + 2, op->trail, op->trail_bytes);
    return (cr_slice_t){(const char *)framed->bytes, op->trail_bytes > 0 ? op->trail_bytes + 2 : 0};
}

size_t
ops_group(ledger_op_t *const *ops, size_t count)
{
    size_t size = 1;
    for (; size < count && size < OPS_GROUP_MAX; size++)
        if (ops[0]->kind != LEDGER_BLOCK || ops[size]->kind != LEDGER_BLOCK ||
            ops[size]->broadcast != ops[0]->broadcast || ops[size]->cursor != ops[0]->cursor + size)
            break;
    return size;
}

static void
append_blocks(ledger_t *self, ledger_op_t *const *ops, size_t count)
{
    framed_t framed[OPS_GROUP_MAX];
    redis_command_t command;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_blocks"));
    redis_argumentf(&command, "%zu", 1 + 3 * count);
    ledger_key(&command, ops[0]->broadcast, "fence");
    for (size_t i = 0; i < count; i++) {
        ledger_channel_key(&command, ops[i], 's');
        ledger_channel_key(&command, ops[i], 'l');
        ledger_channel_key(&command, ops[i], 't');
    }
    redis_argumentf(&command, "%" PRIu64, self->epoch);
    redis_argumentf(&command, "%" PRIu64, ops[count - 1]->cursor);
    for (size_t i = 0; i < count; i++) {
        const ledger_op_t *op = ops[i];
        CR_ASSERT(op->length <= sizeof op->status && op->trail_bytes <= sizeof op->trail);
        redis_argumentf(&command, "%u", op->first_rank % LEDGER_CHUNK);
        redis_argument(&command, (cr_slice_t){(const char *)op->status, op->length});
        redis_argumentf(&command, "%" PRIu64, op->lease);
        redis_argument(&command, fate_of_lease(op));
        redis_argument(&command,
                       (cr_slice_t){(const char *)op->lease_record, op->lease_record_bytes});
        redis_argument(&command, frame_trail(op, &framed[i]));
    }
    redis_append(self->redis, &command);
}

size_t
blocks_append(ledger_t *self, ledger_op_t *const *ops, size_t count)
{
    size_t replies = receipt_index_put(self->redis, ops, count);
    append_blocks(self, ops, count);
    return replies + 1 + receipt_index_forget(self->redis, ops, count);
}

size_t
blocks_append_one(ledger_t *self, ledger_op_t *op)
{
    return blocks_append(self, &op, 1);
}

size_t
blocks_append_find(ledger_t *self, ledger_op_t *op)
{
    return receipt_index_find(self->redis, op);
}

void
blocks_absorb_find(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    (void)index;
    receipt_index_absorb(op, reply);
}
