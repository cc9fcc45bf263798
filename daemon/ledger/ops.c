/* How each kind of op becomes Redis commands, and what their replies mean. */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "internal.h"

enum {
    IDEMPOTENCY_S = 24 * 3600,
    AUDIT_PAGE = 100,
};

static const char channel_letters[CR_CHANNEL_COUNT] = {
#define X(value, name, text, letter) [value] = letter,
    CR_CHANNEL_LIST(X)
#undef X
};

ledger_op_t *
ledger_op_new(ledger_kind_t kind)
{
    ledger_op_t *op = calloc(1, sizeof *op);
    if (op)
        op->kind = kind;
    return op;
}

void
ledger_op_destroy(ledger_op_t **self_p)
{
    ledger_op_t *self = *self_p;
    if (!self)
        return;
    free(self->books);
    free(self->key);
    json_decref(self->document);
    json_decref(self->audit);
    free(self->bytes);
    free(self->ordinals);
    ledger_replies_destroy(&self->replies);
    free(self->commands);
    free(self->audit_line);
    free(self);
    *self_p = NULL;
}

void
ledger_key(redis_command_t *command, uint64_t broadcast, const char *part)
{
    redis_argumentf(command, "{b:%" PRIu64 "}:%s", broadcast, part);
}

void
ledger_channel_key(redis_command_t *command, const ledger_op_t *op, char part)
{
    char letter = channel_letters[op->channel];
    if (part == 'l')
        redis_argumentf(command, "{b:%" PRIu64 "}:l:%c", op->broadcast, letter);
    else
        redis_argumentf(command, "{b:%" PRIu64 "}:%c:%c:%u", op->broadcast, part, letter,
                        op->first_rank / LEDGER_CHUNK);
}

static size_t
append_trail(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "GET");
    ledger_channel_key(&command, op, 't');
    redis_append(self->redis, &command);
    return 1;
}

void
ops_absorb_bytes(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    (void)index;
    cr_slice_t text = redis_reply_text(reply);
    free(op->bytes);
    op->bytes = malloc(text.length + 1);
    CR_ASSERT(op->bytes);
    memcpy(op->bytes, text.text, text.length);
    op->bytes_length = text.length;
}

/* Packs `document` once; the text lives with the op, since the command borrows it. */
static cr_slice_t
document_text(ledger_op_t *op, const json_t *document)
{
    free(op->commands);
    op->commands = document ? json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    return cr_slice_of(op->commands);
}

static size_t
append_put(ledger_t *self, ledger_op_t *op, const char *part, cr_slice_t value)
{
    redis_command_t command;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_put"));
    redis_argument(&command, CR_SLICE("2"));
    ledger_key(&command, op->broadcast, "fence");
    ledger_key(&command, op->broadcast, part);
    redis_argumentf(&command, "%" PRIu64, self->epoch);
    redis_argument(&command, value);
    redis_append(self->redis, &command);
    return 1;
}

static size_t
append_broadcast(ledger_t *self, ledger_op_t *op)
{
    append_put(self, op, "doc", document_text(op, op->document));
    redis_command_t command;
    redis_command(&command, "ZADD");
    redis_argument(&command, CR_SLICE("{p}:broadcasts"));
    redis_argumentf(&command, "%" PRIu64, op->broadcast);
    redis_argumentf(&command, "%" PRIu64, op->broadcast);
    redis_append(self->redis, &command);
    return 2;
}

/* Its number was taken from memory; Redis must not fall behind it. */
static size_t
append_new_broadcast(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_number"));
    redis_argument(&command, CR_SLICE("2"));
    redis_argument(&command, CR_SLICE("{p}:epoch"));
    redis_argument(&command, CR_SLICE("{p}:broadcast"));
    redis_argument(&command, cr_slice_of(self->epoch_text));
    redis_argumentf(&command, "%" PRIu64, op->broadcast);
    redis_append(self->redis, &command);
    return 1 + append_broadcast(self, op);
}

static size_t
append_audience(ledger_t *self, ledger_op_t *op)
{
    return append_put(self, op, "audience",
                      (cr_slice_t){(const char *)op->bytes, op->bytes_length});
}

static size_t
append_audience_get(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "GET");
    ledger_key(&command, op->broadcast, "audience");
    redis_append(self->redis, &command);
    return 1;
}

static size_t
append_status_get(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "GETRANGE");
    ledger_channel_key(&command, op, 's');
    redis_argumentf(&command, "%u", op->first_rank % LEDGER_CHUNK);
    redis_argumentf(&command, "%u", op->first_rank % LEDGER_CHUNK);
    redis_append(self->redis, &command);
    return 1;
}

/* A byte that was never written is waiting. */
static void
absorb_status(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    cr_slice_t text = redis_reply_text(reply);
    (void)index;
    op->status[0] = text.length > 0 ? (cr_status_t)text.text[0] : CR_STATUS_WAITING;
}

/* What was never written is waiting. */
static size_t
append_status_read(ledger_t *self, ledger_op_t *op)
{
    size_t chunks = 0;
    ledger_op_t at = {.broadcast = op->broadcast, .channel = op->channel};
    free(op->bytes);
    op->bytes = calloc(op->bytes_length + 1, 1);
    CR_ASSERT(op->bytes);
    for (; chunks * LEDGER_CHUNK < op->bytes_length; chunks++) {
        redis_command_t command;
        at.first_rank = (uint32_t)(chunks * LEDGER_CHUNK);
        redis_command(&command, "GET");
        ledger_channel_key(&command, &at, 's');
        redis_append(self->redis, &command);
    }
    return chunks;
}

static void
absorb_chunk(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    cr_slice_t text = redis_reply_text(reply);
    size_t first = index * LEDGER_CHUNK, room = op->bytes_length - first;
    memcpy(op->bytes + first, text.text, text.length < room ? text.length : room);
}

static size_t
append_document(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_document"));
    redis_argument(&command, CR_SLICE("2"));
    redis_argument(&command, CR_SLICE("{p}:epoch"));
    redis_argumentf(&command, "{p}:doc:%s", op->collection);
    redis_argument(&command, cr_slice_of(self->epoch_text));
    redis_argument(&command, cr_slice_of(op->key));
    redis_argument(&command, document_text(op, op->document));
    redis_append(self->redis, &command);
    return 1;
}

void
ledger_mark_key(redis_command_t *command, ledger_mark_t mark, cr_channel_t channel)
{
    static const char *const names[LEDGER_MARK_COUNT] = {
#define X(name, text) [LEDGER_MARK_##name] = text,
        LEDGER_MARK_LIST(X)
#undef X
    };
    redis_argumentf(command, "{d}:%s:%s", names[mark], cr_channel_name(channel));
}

void
ledger_reason_key(redis_command_t *command, cr_channel_t channel)
{
    redis_argumentf(command, "{d}:why:%s", cr_channel_name(channel));
}

static size_t
append_reason(ledger_t *self, const ledger_op_t *op, uint32_t ordinal)
{
    redis_command_t command;
    redis_command(&command, "HSET");
    ledger_reason_key(&command, op->channel);
    redis_argumentf(&command, "%u", ordinal);
    redis_argument(&command, cr_slice_of(op->reason));
    redis_append(self->redis, &command);
    return 1;
}

static size_t
append_mark(ledger_t *self, ledger_op_t *op)
{
    size_t replies = op->ordinal_count;
    for (size_t i = 0; i < op->ordinal_count; i++) {
        redis_command_t command;
        redis_command(&command, "SETBIT");
        ledger_mark_key(&command, op->mark, op->channel);
        redis_argumentf(&command, "%u", op->ordinals[i]);
        redis_argument(&command, op->on ? CR_SLICE("1") : CR_SLICE("0"));
        redis_append(self->redis, &command);
        if (op->reason[0] != '\0')
            replies += append_reason(self, op, op->ordinals[i]);
    }
    return replies;
}

static void
idempotency_key(redis_command_t *command, const ledger_op_t *op)
{
    redis_argumentf(command, "{p}:idem:%.*s", 512, op->key);
}

static size_t
append_idempotency_begin(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "SET");
    idempotency_key(&command, op);
    redis_argument(&command, document_text(op, op->document));
    redis_argument(&command, CR_SLICE("NX"));
    redis_argument(&command, CR_SLICE("GET"));
    redis_argument(&command, CR_SLICE("EX"));
    redis_argumentf(&command, "%d", IDEMPOTENCY_S);
    redis_append(self->redis, &command);
    return 1;
}

static void
absorb_idempotency(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    (void)index;
    json_decref(op->document);
    cr_slice_t text = redis_reply_text(reply);
    op->document = json_loadb(text.text, text.length, 0, NULL); /* NULL: claimed just now */
}

static size_t
append_idempotency_end(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, op->document ? "SET" : "DEL");
    idempotency_key(&command, op);
    if (op->document) {
        redis_argument(&command, document_text(op, op->document));
        redis_argument(&command, CR_SLICE("EX"));
        redis_argumentf(&command, "%d", IDEMPOTENCY_S);
    }
    redis_append(self->redis, &command);
    return 1;
}

static size_t
append_nothing(ledger_t *self, ledger_op_t *op)
{
    (void)self;
    (void)op;
    return 0;
}

static size_t
append_audit_read(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "XREVRANGE");
    redis_argument(&command, CR_SLICE("{p}:audit"));
    if (op->cursor > 0)
        redis_argumentf(&command, "(%" PRIu64 "-0", op->cursor);
    else
        redis_argument(&command, CR_SLICE("+"));
    redis_argument(&command, CR_SLICE("-"));
    redis_argument(&command, CR_SLICE("COUNT"));
    redis_argumentf(&command, "%d", AUDIT_PAGE);
    redis_append(self->redis, &command);
    return 1;
}

static void
absorb_audit(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    (void)index;
    json_decref(op->document);
    op->document = json_array();
    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        const redis_reply_t *fields = redis_reply_item(redis_reply_item(reply, i), 1);
        if (redis_reply_count(fields) != 4)
            continue;
        cr_slice_t line = redis_reply_text(redis_reply_item(fields, 1));
        cr_slice_t hash = redis_reply_text(redis_reply_item(fields, 3));
        json_t *entry = json_loadb(line.text, line.length, 0, NULL);
        json_object_set_new(entry, "hash", json_stringn(hash.text, hash.length));
        json_array_append_new(op->document, entry);
    }
}

static const struct {
    size_t (*append)(ledger_t *self, ledger_op_t *op);
    void (*absorb)(ledger_op_t *op, size_t index, const redis_reply_t *reply); /* NULL: no result */
    bool must_be_stored, only_reads;
} kinds[LEDGER_OP_COUNT] = {
    [LEDGER_BLOCK] = {blocks_append_one, NULL, true},
    [LEDGER_BOOKS_READ] = {blocks_append_registry_read, blocks_absorb_registry, true},
    [LEDGER_IDS_READ] = {blocks_append_ids_read, blocks_absorb_ids, true, true},
    [LEDGER_TRAIL] = {append_trail, ops_absorb_bytes, false, true},
    [LEDGER_BROADCAST_NEW] = {append_new_broadcast, NULL, false},
    [LEDGER_BROADCAST_PUT] = {append_broadcast, NULL, false},
    [LEDGER_AUDIENCE_PUT] = {append_audience, NULL, false},
    [LEDGER_AUDIENCE_GET] = {append_audience_get, ops_absorb_bytes, false, true},
    [LEDGER_STATUS_GET] = {append_status_get, absorb_status, false, true},
    [LEDGER_STATUS_READ] = {append_status_read, absorb_chunk, false, true},
    [LEDGER_DOCUMENT_PUT] = {append_document, NULL, false},
    [LEDGER_MARK_PUT] = {append_mark, NULL, false},
    [LEDGER_REPLIES_SEEN] = {replies_append_seen, replies_absorb_seen, false, true},
    [LEDGER_REPLIES_PUT] = {replies_append_put, NULL, false},
    [LEDGER_REPLIES_READ] = {replies_append_read, replies_absorb_read, false, true},
    [LEDGER_IDEMPOTENCY_BEGIN] = {append_idempotency_begin, absorb_idempotency, false},
    [LEDGER_IDEMPOTENCY_END] = {append_idempotency_end, NULL, false},
    [LEDGER_AUDIT_PUT] = {append_nothing, NULL, false},
    [LEDGER_AUDIT_READ] = {append_audit_read, absorb_audit, false, true},
};

void
ops_number_audit(ledger_t *self, ledger_op_t *op)
{
    char time[CR_TIME_TEXT_MAX];
    json_object_set_new(op->audit, "n", json_integer((json_int_t)++self->audit_number));
    json_object_set_new(op->audit, "at", json_string(cr_time_format(cr_clock_wall_us(), time)));
    json_object_set_new(op->audit, "previous", json_string(self->audit_hash));
    char *line = json_dumps(op->audit, JSON_COMPACT | JSON_SORT_KEYS);
    CR_ASSERT(line);
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const uint8_t *)line, strlen(line));
    sodium_bin2hex(self->audit_hash, sizeof self->audit_hash, hash, sizeof hash);
    free(op->audit_line);
    op->audit_line = line;
    memcpy(op->audit_hash, self->audit_hash, sizeof op->audit_hash);
}

static size_t
append_audit(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_audit"));
    redis_argument(&command, CR_SLICE("2"));
    redis_argument(&command, CR_SLICE("{p}:epoch"));
    redis_argument(&command, CR_SLICE("{p}:audit"));
    redis_argument(&command, cr_slice_of(self->epoch_text));
    redis_argumentf(&command, "%" JSON_INTEGER_FORMAT,
                    json_integer_value(json_object_get(op->audit, "n")));
    redis_argument(&command, cr_slice_of(op->audit_line));
    redis_argument(&command, cr_slice_of(op->audit_hash));
    redis_append(self->redis, &command);
    return 1;
}

size_t
ops_append(ledger_t *self, ledger_op_t *const *ops, size_t count)
{
    if (count > 1)
        return blocks_append(self, ops, count);
    size_t replies = kinds[ops[0]->kind].append(self, ops[0]);
    return replies + (ops[0]->audit_line ? append_audit(self, ops[0]) : 0);
}

void
ops_absorb(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    if (kinds[op->kind].absorb)
        kinds[op->kind].absorb(op, index, reply);
}

bool
ops_must_be_stored(const ledger_op_t *op)
{
    return kinds[op->kind].must_be_stored;
}

bool
ops_only_reads(const ledger_op_t *op)
{
    return kinds[op->kind].only_reads;
}
