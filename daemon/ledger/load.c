/* Taking the store over at start, and reading what is in it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { LOAD_PIPELINE = 256, REDO_BYTES = 16 << 20 };

static const char zero_hash[65] =
    "0000000000000000000000000000000000000000000000000000000000000000";

/* Number and hash of the newest audit line: the next one is chained to it. */
cr_err_t
load_audit_end(ledger_t *self, cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply;
    redis_command(&command, "XREVRANGE");
    static const char *const arguments[] = {"{p}:audit", "+", "-", "COUNT", "1"};
    for (size_t i = 0; i < CR_COUNT(arguments); i++)
        redis_argument(&command, cr_slice_of(arguments[i]));
    cr_err_t err = redis_call(self->redis, &command, &reply, fault);
    if (err != CR_OK)
        return err;
    self->audit_number = 0;
    memcpy(self->audit_hash, zero_hash, sizeof self->audit_hash);
    if (redis_reply_count(reply) == 1) {
        const redis_reply_t *entry = redis_reply_item(reply, 0);
        cr_slice_t number = redis_reply_text(redis_reply_item(entry, 0));
        cr_slice_t hash = redis_reply_text(redis_reply_item(redis_reply_item(entry, 1), 3));
        self->audit_number = strtoull(number.text, NULL, 10);
        if (hash.length == sizeof zero_hash - 1)
            memcpy(self->audit_hash, hash.text, hash.length);
    }
    redis_reply_free(&reply);
    return CR_OK;
}

static cr_err_t
call_text(redis_t *redis, const char *name, const char *key, redis_reply_t **reply,
          cr_fault_t *fault)
{
    redis_command_t command;
    redis_command(&command, name);
    redis_argument(&command, cr_slice_of(key));
    return redis_call(redis, &command, reply, fault);
}

static cr_err_t
load_newest_broadcast(ledger_t *self, cr_fault_t *fault)
{
    redis_reply_t *reply;
    cr_err_t err = call_text(self->redis, "GET", "{p}:broadcast", &reply, fault);
    if (err != CR_OK)
        return err;
    self->newest_broadcast = (uint64_t)redis_reply_integer(reply);
    redis_reply_free(&reply);
    return CR_OK;
}

cr_err_t
ledger_resume(ledger_t *self, cr_fault_t *fault)
{
    cr_err_t err = resume_connection(self, fault);
    return err == CR_OK ? load_audit_end(self, fault) : err;
}

cr_err_t
ledger_open(const ledger_config_t *config, ledger_t **self_p, cr_fault_t *fault)
{
    ledger_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    self->config = *config;
    cr_err_t err = redo_open(config->redo_file, REDO_BYTES, &self->redo, fault);
    if (err == CR_OK)
        err = redis_open(config, &self->redis, fault);
    if (err != CR_OK) {
        ledger_destroy(&self);
        return err == CR_CLOSED ? CR_AGAIN : err;
    }
    *self_p = self;
    return CR_OK;
}

cr_err_t
ledger_take(ledger_t *self, const char *name, cr_fault_t *fault)
{
    snprintf(self->name, sizeof self->name, "%s", name);
    cr_err_t err = resume_predecessor(self, fault);
    if (err == CR_OK)
        err = active_claim(self, fault);
    if (err == CR_OK) {
        redo_begin(self->redo, self->epoch);
        err = load_newest_broadcast(self, fault);
    }
    if (err == CR_OK)
        err = load_audit_end(self, fault);
    return err == CR_CLOSED ? CR_AGAIN : err;
}

uint64_t
ledger_epoch(const ledger_t *self)
{
    return self->epoch;
}

cr_err_t
ledger_load_documents(ledger_t *self, const char *collection, ledger_document_fn *callback,
                      void *context, cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply;
    redis_command(&command, "HGETALL");
    redis_argumentf(&command, "{p}:doc:%s", collection);
    cr_err_t err = redis_call(self->redis, &command, &reply, fault);
    if (err != CR_OK)
        return err;
    for (size_t i = 0; err == CR_OK && i + 1 < redis_reply_count(reply); i += 2) {
        cr_slice_t key = redis_reply_text(redis_reply_item(reply, i));
        cr_slice_t text = redis_reply_text(redis_reply_item(reply, i + 1));
        json_t *document = json_loadb(text.text, text.length, 0, NULL);
        err = document ? callback(context, key.text, document)
                       : cr_fault_set(fault, CR_CORRUPT, "redis: %s/%s is not JSON", collection,
                                      key.text);
        json_decref(document);
    }
    redis_reply_free(&reply);
    return err;
}

/* Fences the broadcast with our epoch and reads its document. */
static void
append_take(ledger_t *self, uint64_t id)
{
    redis_command_t command;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_take"));
    redis_argument(&command, CR_SLICE("1"));
    ledger_key(&command, id, "fence");
    redis_argument(&command, cr_slice_of(self->epoch_text));
    redis_append(self->redis, &command);
    redis_command(&command, "GET");
    ledger_key(&command, id, "doc");
    redis_append(self->redis, &command);
}

static cr_err_t
take_broadcast(ledger_t *self, uint64_t id, ledger_broadcast_fn *callback, void *context,
               cr_fault_t *fault)
{
    redis_reply_t *taken, *reply;
    cr_err_t err = redis_next(self->redis, &taken, fault);
    if (err != CR_OK)
        return err;
    redis_reply_free(&taken);
    err = redis_next(self->redis, &reply, fault);
    if (err != CR_OK)
        return err;
    err = callback(context, id, redis_reply_text(reply));
    redis_reply_free(&reply);
    return err;
}

cr_err_t
ledger_load_broadcasts(ledger_t *self, ledger_broadcast_fn *callback, void *context,
                       cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *ids;
    redis_command(&command, "ZRANGE");
    redis_argument(&command, CR_SLICE("{p}:broadcasts"));
    redis_argument(&command, CR_SLICE("0"));
    redis_argument(&command, CR_SLICE("-1"));
    cr_err_t err = redis_call(self->redis, &command, &ids, fault);
    if (err != CR_OK)
        return err;
    size_t count = redis_reply_count(ids);
    for (size_t first = 0; err == CR_OK && first < count; first += LOAD_PIPELINE) {
        size_t end = first + LOAD_PIPELINE < count ? first + LOAD_PIPELINE : count;
        for (size_t i = first; i < end; i++)
            append_take(self, (uint64_t)redis_reply_integer(redis_reply_item(ids, i)));
        for (size_t i = first; err == CR_OK && i < end; i++)
            err = take_broadcast(self, (uint64_t)redis_reply_integer(redis_reply_item(ids, i)),
                                 callback, context, fault);
    }
    redis_reply_free(&ids);
    return err;
}

/* A whole value as a copy that the caller frees; CR_NOTFOUND when the key does not exist. */
static cr_err_t
get_copy(redis_t *redis, const redis_command_t *command, uint8_t **bytes, size_t *length,
         cr_fault_t *fault)
{
    redis_reply_t *reply;
    cr_err_t err = redis_call(redis, command, &reply, fault);
    if (err != CR_OK)
        return err;
    cr_slice_t text = redis_reply_text(reply);
    uint8_t *copy = redis_reply_is_nil(reply) ? NULL : malloc(text.length + 1);
    if (copy) {
        memcpy(copy, text.text, text.length);
        *bytes = copy;
        *length = text.length;
    } else {
        err = redis_reply_is_nil(reply) ? cr_fault_set(fault, CR_NOTFOUND, "redis: nothing stored")
                                        : cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    redis_reply_free(&reply);
    return err;
}

cr_err_t
ledger_load_audience(ledger_t *self, uint64_t id, uint8_t **bytes, size_t *length,
                     cr_fault_t *fault)
{
    redis_command_t command;
    redis_command(&command, "GET");
    ledger_key(&command, id, "audience");
    return get_copy(self->redis, &command, bytes, length, fault);
}

cr_err_t
ledger_load_status(ledger_t *self, uint64_t id, cr_channel_t channel, cr_status_t *status,
                   size_t length, cr_fault_t *fault)
{
    for (size_t first = 0; first < length; first += LEDGER_CHUNK) {
        redis_command_t command;
        redis_reply_t *reply;
        ledger_op_t at = {.broadcast = id, .channel = channel, .first_rank = (uint32_t)first};
        size_t room = length - first < LEDGER_CHUNK ? length - first : LEDGER_CHUNK;
        redis_command(&command, "GET");
        ledger_channel_key(&command, &at, 's');
        cr_err_t err = redis_call(self->redis, &command, &reply, fault);
        if (err != CR_OK)
            return err;
        cr_slice_t text = redis_reply_text(reply);
        size_t stored = text.length < room ? text.length : room;
        memcpy(status + first, text.text, stored);
        memset(status + first + stored, CR_STATUS_WAITING, room - stored);
        redis_reply_free(&reply);
    }
    for (size_t i = 0; i < length; i++)
        if (!cr_status_is_known(status[i]))
            return cr_fault_set(fault, CR_CORRUPT,
                                "redis: broadcast %" PRIu64 " has the unknown status %u", id,
                                status[i]);
    return CR_OK;
}

static cr_err_t
load_channel_leases(ledger_t *self, const ledger_op_t *at, ledger_lease_fn *callback, void *context,
                    cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply;
    redis_command(&command, "HGETALL");
    ledger_channel_key(&command, at, 'l');
    cr_err_t err = redis_call(self->redis, &command, &reply, fault);
    if (err != CR_OK)
        return err;
    for (size_t i = 0; err == CR_OK && i + 1 < redis_reply_count(reply); i += 2) {
        uint64_t lease = (uint64_t)redis_reply_integer(redis_reply_item(reply, i));
        cr_slice_t record = redis_reply_text(redis_reply_item(reply, i + 1));
        err = callback(context, at->channel, lease, (const uint8_t *)record.text, record.length);
    }
    redis_reply_free(&reply);
    return err;
}

cr_err_t
ledger_load_leases(ledger_t *self, uint64_t id, ledger_lease_fn *callback, void *context,
                   cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    for (int channel = 0; err == CR_OK && channel < CR_CHANNEL_COUNT; channel++) {
        ledger_op_t at = {.broadcast = id, .channel = (cr_channel_t)channel};
        err = load_channel_leases(self, &at, callback, context, fault);
    }
    return err;
}

cr_err_t
ledger_load_bill(ledger_t *self, uint64_t id, cr_channel_t channel, cr_bill_t *bill,
                 cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply;
    redis_command(&command, "HMGET");
    ledger_key(&command, id, "bill");
    redis_argumentf(&command, "%s:parts", cr_channel_name(channel));
    redis_argumentf(&command, "%s:price", cr_channel_name(channel));
    cr_err_t err = redis_call(self->redis, &command, &reply, fault);
    if (err != CR_OK)
        return err;
    bill->parts = (uint64_t)redis_reply_integer(redis_reply_item(reply, 0));
    bill->price = (uint64_t)redis_reply_integer(redis_reply_item(reply, 1));
    redis_reply_free(&reply);
    return CR_OK;
}

cr_err_t
ledger_load_mark(ledger_t *self, ledger_mark_t mark, cr_channel_t channel, uint8_t **bytes,
                 size_t *length, cr_fault_t *fault)
{
    redis_command_t command;
    redis_command(&command, "GET");
    ledger_mark_key(&command, mark, channel);
    return get_copy(self->redis, &command, bytes, length, fault);
}

cr_err_t
ledger_load_reasons(ledger_t *self, cr_channel_t channel, ledger_reason_fn *callback, void *context,
                    cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply;
    redis_command(&command, "HGETALL");
    ledger_reason_key(&command, channel);
    cr_err_t err = redis_call(self->redis, &command, &reply, fault);
    if (err != CR_OK)
        return err;
    for (size_t i = 0; err == CR_OK && i + 1 < redis_reply_count(reply); i += 2)
        err = callback(context, (uint32_t)redis_reply_integer(redis_reply_item(reply, i)),
                       redis_reply_text(redis_reply_item(reply, i + 1)));
    redis_reply_free(&reply);
    return err;
}
