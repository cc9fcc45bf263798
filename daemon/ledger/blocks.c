/* Blocks of deliveries as one fenced call; which broadcasts have ids of gateways, and the ids. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "internal.h"

#define REGISTRY "{p}:receipts"

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

static int64_t
ids_until_s(ledger_op_t *const *ops, size_t count)
{
    int64_t until_s = 0;
    for (size_t i = 0; i < count; i++)
        if (ops[i]->ids_until_s > until_s)
            until_s = ops[i]->ids_until_s;
    return until_s;
}

/* "sms 3 135000", or nothing. */
static void
append_bill(redis_command_t *command, const ledger_op_t *op)
{
    if (op->bill.parts == 0)
        redis_argument(command, CR_SLICE(""));
    else
        redis_argumentf(command, "%s %" PRIu64 " %" PRIu64, cr_channel_name(op->channel),
                        op->bill.parts, op->bill.price);
}

static void
append_blocks(ledger_t *self, ledger_op_t *const *ops, size_t count)
{
    framed_t framed[OPS_GROUP_MAX];
    redis_command_t command;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_write"));
    redis_argumentf(&command, "%zu", 2 + 4 * count);
    ledger_key(&command, ops[0]->broadcast, "fence");
    ledger_key(&command, ops[0]->broadcast, "bill");
    for (size_t i = 0; i < count; i++) {
        ledger_channel_key(&command, ops[i], 's');
        ledger_channel_key(&command, ops[i], 'l');
        ledger_channel_key(&command, ops[i], 't');
        ledger_channel_key(&command, ops[i], 'g');
    }
    redis_argumentf(&command, "%" PRIu64, self->epoch);
    redis_argumentf(&command, "%" PRIu64, ops[count - 1]->cursor);
    redis_argumentf(&command, "%" PRId64, ids_until_s(ops, count));
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
        redis_argument(&command, (cr_slice_t){(const char *)op->bytes, op->bytes_length});
        append_bill(&command, op);
    }
    redis_append(self->redis, &command);
}

/* Before the ids: a broadcast that is not in this set is not looked at for any. */
static size_t
append_registry(ledger_t *self, ledger_op_t *const *ops, size_t count)
{
    redis_command_t command;
    int64_t until_s = 0;
    for (size_t i = 0; i < count; i++)
        until_s = ops[i]->announces ? ops[i]->ids_until_s : until_s;
    if (until_s == 0)
        return 0;
    redis_command(&command, "ZADD");
    redis_argument(&command, CR_SLICE(REGISTRY));
    redis_argument(&command, CR_SLICE("GT")); /* never less than a newer daemon said */
    redis_argumentf(&command, "%" PRId64, until_s);
    redis_argumentf(&command, "%" PRIu64, ops[0]->broadcast);
    redis_append(self->redis, &command);
    return 1;
}

size_t
blocks_append(ledger_t *self, ledger_op_t *const *ops, size_t count)
{
    size_t replies = append_registry(self, ops, count);
    append_blocks(self, ops, count);
    return replies + 1;
}

size_t
blocks_append_one(ledger_t *self, ledger_op_t *op)
{
    return blocks_append(self, &op, 1);
}

/* -- reading the ids back ----------------------------------------------------------------------- */

/* What is over is taken out on this occasion. */
size_t
blocks_append_registry_read(ledger_t *self, ledger_op_t *op)
{
    (void)op;
    redis_command_t command;
    int64_t now_s = cr_clock_wall_us() / CR_US_PER_S;
    redis_command(&command, "ZREMRANGEBYSCORE");
    redis_argument(&command, CR_SLICE(REGISTRY));
    redis_argument(&command, CR_SLICE("-inf"));
    redis_argumentf(&command, "%" PRId64, now_s);
    redis_append(self->redis, &command);
    redis_command(&command, "ZRANGE");
    redis_argument(&command, CR_SLICE(REGISTRY));
    redis_argument(&command, CR_SLICE("0"));
    redis_argument(&command, CR_SLICE("-1"));
    redis_argument(&command, CR_SLICE("WITHSCORES"));
    redis_append(self->redis, &command);
    return 2;
}

void
blocks_absorb_registry(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    size_t count = redis_reply_count(reply) / 2;
    if (index == 0)
        return;
    free(op->books);
    op->books = calloc(count + 1, sizeof *op->books);
    CR_ASSERT(op->books);
    op->book_count = count;
    for (size_t i = 0; i < count; i++)
        op->books[i] = (ledger_book_t){
            .broadcast = (uint64_t)redis_reply_integer(redis_reply_item(reply, 2 * i)),
            .until_s = redis_reply_integer(redis_reply_item(reply, 2 * i + 1)),
        };
}

/* A page of a chunk's ids; and whether anything was ever written about the chunk. */
size_t
blocks_append_ids_read(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "GETRANGE");
    ledger_channel_key(&command, op, 'g');
    redis_argumentf(&command, "%" PRIu64, op->cursor);
    redis_argumentf(&command, "%" PRIu64, op->cursor + LEDGER_IDS_PAGE * LEDGER_ID_BYTES - 1);
    redis_append(self->redis, &command);
    redis_command(&command, "EXISTS");
    ledger_channel_key(&command, op, 's');
    redis_append(self->redis, &command);
    return 2;
}

void
blocks_absorb_ids(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    if (index == 0)
        ops_absorb_bytes(op, index, reply);
    else
        op->on = redis_reply_integer(reply) > 0;
}
