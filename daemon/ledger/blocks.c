/* Blocks of deliveries as one fenced call, and the index by which receipts find them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "internal.h"

enum {
    RECEIPT_SHARDS = 256,
    RECEIPT_DAYS = 4, /* how long a gateway may take to say how a submit ended */
};

/* FNV-1a: spreads gateway ids over the shards of the receipt index. */
static unsigned
shard_of(cr_slice_t id)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < id.length; i++)
        hash = (hash ^ (unsigned char)id.text[i]) * 16777619u;
    return (hash ^ hash >> 16) % RECEIPT_SHARDS;
}

static int64_t
today(void)
{
    return cr_clock_wall_us() / (86400 * CR_US_PER_S);
}

static void
receipt_key(redis_command_t *command, cr_slice_t id, int64_t day)
{
    redis_argumentf(command, "{r:%u}:%" PRId64, shard_of(id), day);
}

static bool
line_take(cr_slice_t *rest, char end, cr_slice_t *piece)
{
    const char *at = rest->length > 0 ? memchr(rest->text, end, rest->length) : NULL;
    if (!at)
        return false;
    size_t length = (size_t)(at - rest->text);
    *piece = (cr_slice_t){rest->text, length};
    *rest = (cr_slice_t){at + 1, rest->length - length - 1};
    return true;
}

/* Index entries: gateway id -> "channel rank attempt" under the broadcast. */
static size_t
index_receipts(redis_t *redis, const ledger_op_t *op)
{
    size_t count = 0;
    cr_slice_t rest = cr_str_slice(op->gateway_ids), rank, attempt, id;
    while (line_take(&rest, '\t', &rank) && line_take(&rest, '\t', &attempt) &&
           line_take(&rest, '\n', &id)) {
        redis_command_t command;
        redis_command(&command, "HSET");
        receipt_key(&command, id, today());
        redis_argument(&command, id);
        redis_argumentf(&command, "%" PRIu64 ".%d.%.*s.%.*s", op->broadcast, (int)op->channel,
                        (int)rank.length, rank.text, (int)attempt.length, attempt.text);
        redis_append(redis, &command);
        redis_command(&command, "EXPIRE");
        receipt_key(&command, id, today());
        redis_argumentf(&command, "%d", (RECEIPT_DAYS + 1) * 86400);
        redis_argument(&command, CR_SLICE("NX"));
        redis_append(redis, &command);
        count += 2;
    }
    return count;
}

static size_t
forget_receipts(redis_t *redis, const ledger_op_t *op)
{
    size_t count = 0;
    cr_slice_t rest = cr_str_slice(op->forget_ids), id;
    while (line_take(&rest, '\n', &id)) {
        for (int64_t day = 0; day < RECEIPT_DAYS; day++, count++) {
            redis_command_t command;
            redis_command(&command, "HDEL");
            receipt_key(&command, id, today() - day);
            redis_argument(&command, id);
            redis_append(redis, &command);
        }
    }
    return count;
}

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
        if (ops[0]->kind != LEDGER_BLOCK || ops[0]->gateway_ids || ops[0]->forget_ids ||
            ops[size]->kind != LEDGER_BLOCK || ops[size]->gateway_ids || ops[size]->forget_ids ||
            ops[size]->broadcast != ops[0]->broadcast || ops[size]->cursor != ops[0]->cursor + size)
            break;
    return size;
}

void
blocks_append(ledger_t *self, ledger_op_t *const *ops, size_t count)
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
blocks_append_one(ledger_t *self, ledger_op_t *op)
{
    size_t count = op->gateway_ids ? index_receipts(self->redis, op) : 0;
    blocks_append(self, &op, 1);
    return count + 1 + (op->forget_ids ? forget_receipts(self->redis, op) : 0);
}

size_t
blocks_append_find(ledger_t *self, ledger_op_t *op)
{
    for (size_t i = 0; i < op->find_count; i++) {
        cr_slice_t id = cr_slice_of(op->find[i]);
        for (int64_t day = 0; day < RECEIPT_DAYS; day++) {
            redis_command_t command;
            redis_command(&command, "HGET");
            receipt_key(&command, id, today() - day);
            redis_argument(&command, id);
            redis_append(self->redis, &command);
        }
    }
    return op->find_count * RECEIPT_DAYS;
}

/* A decimal number and the `end` behind it; `end` is NUL for the last one. */
static bool
number_take(const char **at, char end, uint64_t max, uint64_t *number)
{
    char *stop;
    if (**at < '0' || **at > '9')
        return false;
    *number = strtoull(*at, &stop, 10);
    if (*stop != end || *number > max)
        return false;
    *at = stop + 1;
    return true;
}

void
blocks_absorb_find(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    cr_delivery_t *found = &op->found[index / RECEIPT_DAYS];
    if (found->broadcast != 0)
        return;
    const char *at = redis_reply_text(reply).text; /* hiredis ends texts with NUL */
    uint64_t broadcast, channel, rank, attempt;
    if (number_take(&at, '.', CR_BROADCAST_MAX, &broadcast) &&
        number_take(&at, '.', CR_CHANNEL_COUNT - 1, &channel) &&
        number_take(&at, '.', UINT32_MAX, &rank) && number_take(&at, '\0', UINT32_MAX, &attempt))
        *found =
            (cr_delivery_t){broadcast, (cr_channel_t)channel, (uint32_t)rank, (uint32_t)attempt};
}
