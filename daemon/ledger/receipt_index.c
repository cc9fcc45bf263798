#include "receipt_index.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"

enum { SHARDS = 4, BUCKETS = 0x1000, IDS_MAX = 64, PLACE_BYTES = 5, PLACES_ARGUMENT = 5 };

/* One function call about ids of one shard. */
typedef struct {
    redis_command_t command;
    char places[IDS_MAX * PLACE_BYTES]; /* of each id: bucket in hex, position in the op */
    size_t count;
} call_t;

typedef struct {
    redis_t *redis;
    const char *function;
    size_t replies;
    call_t calls[SHARDS];
} collector_t;

static void
begin(collector_t *self, redis_t *redis, const char *function)
{
    self->redis = redis;
    self->function = function;
    self->replies = 0;
    for (size_t i = 0; i < SHARDS; i++)
        self->calls[i].count = 0;
}

static void
flush(collector_t *self, call_t *call)
{
    if (call->count == 0)
        return;
    call->command.argument[PLACES_ARGUMENT] = (cr_slice_t){call->places, call->count * PLACE_BYTES};
    redis_append(self->redis, &call->command);
    call->count = 0;
    self->replies++;
}

static size_t
end(collector_t *self)
{
    for (size_t i = 0; i < SHARDS; i++)
        flush(self, &self->calls[i]);
    return self->replies;
}

/* FNV-1a. */
static uint32_t
hash_of(cr_slice_t id)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < id.length; i++)
        hash = (hash ^ (unsigned char)id.text[i]) * 16777619u;
    return hash ^ hash >> 16;
}

static void
set_place(char place[PLACE_BYTES], uint32_t bucket, size_t position)
{
    static const char digits[] = "0123456789abcdef";
    place[0] = digits[bucket >> 8];
    place[1] = digits[bucket >> 4 & 15];
    place[2] = digits[bucket & 15];
    place[3] = (char)(position >> 8);
    place[4] = (char)position;
}

/* The call that is to carry this id, which is already in it; what else it needs is appended. */
static redis_command_t *
add(collector_t *self, cr_slice_t id, size_t position)
{
    uint32_t hash = hash_of(id), shard = hash % SHARDS, bucket = hash / SHARDS % BUCKETS;
    call_t *call = &self->calls[shard];
    if (call->count == IDS_MAX)
        flush(self, call);
    if (call->count == 0) {
        redis_command(&call->command, "FCALL");
        redis_argument(&call->command, cr_slice_of(self->function));
        redis_argument(&call->command, CR_SLICE("1"));
        redis_argumentf(&call->command, "{r:%" PRIu32 "}", shard);
        redis_argumentf(&call->command, "%" PRId64, cr_clock_wall_us() / (86400 * CR_US_PER_S));
        redis_argument(&call->command, CR_SLICE("")); /* the places, when all are known */
    }
    set_place(call->places + PLACE_BYTES * call->count++, bucket, position);
    redis_argument(&call->command, id);
    return &call->command;
}

static bool
line_take(cr_slice_t *rest, char end_of_piece, cr_slice_t *piece)
{
    const char *at = rest->length > 0 ? memchr(rest->text, end_of_piece, rest->length) : NULL;
    if (!at)
        return false;
    size_t length = (size_t)(at - rest->text);
    *piece = (cr_slice_t){rest->text, length};
    *rest = (cr_slice_t){at + 1, rest->length - length - 1};
    return true;
}

static void
put(collector_t *self, const ledger_op_t *op)
{
    cr_slice_t rest = cr_str_slice(op->gateway_ids), rank, attempt, id;
    while (line_take(&rest, '\t', &rank) && line_take(&rest, '\t', &attempt) &&
           line_take(&rest, '\n', &id))
        redis_argumentf(add(self, id, 0), "%" PRIu64 ".%d.%.*s.%.*s", op->broadcast,
                        (int)op->channel, (int)rank.length, rank.text, (int)attempt.length,
                        attempt.text);
}

size_t
receipt_index_put(redis_t *redis, ledger_op_t *const *ops, size_t count)
{
    collector_t collector;
    begin(&collector, redis, "crier_receipts_put");
    for (size_t i = 0; i < count; i++)
        if (ops[i]->gateway_ids)
            put(&collector, ops[i]);
    return end(&collector);
}

size_t
receipt_index_forget(redis_t *redis, ledger_op_t *const *ops, size_t count)
{
    collector_t collector;
    begin(&collector, redis, "crier_receipts_forget");
    for (size_t i = 0; i < count; i++) {
        cr_slice_t rest = {NULL, 0}, id;
        if (ops[i]->forget_ids)
            rest = cr_str_slice(ops[i]->forget_ids);
        while (line_take(&rest, '\n', &id))
            add(&collector, id, 0);
    }
    return end(&collector);
}

size_t
receipt_index_find(redis_t *redis, const ledger_op_t *op)
{
    collector_t collector;
    begin(&collector, redis, "crier_receipts_find");
    for (size_t i = 0; i < op->find_count; i++)
        add(&collector, cr_slice_of(op->find[i]), i);
    return end(&collector);
}

/* A decimal number and the `stop` behind it; `stop` is NUL for the last one. */
static bool
number_take(const char **at, char stop, uint64_t max, uint64_t *number)
{
    char *behind;
    if (**at < '0' || **at > '9')
        return false;
    *number = strtoull(*at, &behind, 10);
    if (*behind != stop || *number > max)
        return false;
    *at = behind + 1;
    return true;
}

static void
absorb_one(cr_delivery_t *found, cr_slice_t value)
{
    const char *at = value.text; /* hiredis ends texts with NUL */
    uint64_t broadcast, channel, rank, attempt;
    if (number_take(&at, '.', CR_BROADCAST_MAX, &broadcast) &&
        number_take(&at, '.', CR_CHANNEL_COUNT - 1, &channel) &&
        number_take(&at, '.', UINT32_MAX, &rank) && number_take(&at, '\0', UINT32_MAX, &attempt))
        *found =
            (cr_delivery_t){broadcast, (cr_channel_t)channel, (uint32_t)rank, (uint32_t)attempt};
}

/* Of what was found: position and value, one after the other. */
void
receipt_index_absorb(ledger_op_t *op, const redis_reply_t *reply)
{
    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        size_t position = (size_t)redis_reply_integer(redis_reply_item(reply, i));
        if (position < op->find_count)
            absorb_one(&op->found[position], redis_reply_text(redis_reply_item(reply, i + 1)));
    }
}
