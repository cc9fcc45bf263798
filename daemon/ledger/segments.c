/* The directory's sealed segments: any number of puts, then one write of the manifest shows them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cr_log.h"
#include "internal.h"

enum { SEGMENTS_PIPELINE = 32, SEGMENTS_MAX = 1 << 16, REPLICAS_MS = 1000 };

/*
 * Manifest: the generation of each segment, 4 bytes little-endian. A segment lies under
 * "{d:SEGMENT}:GENERATION". "{d}:pending" names what was put since the last commit, so that an
 * import that died is cleaned up by the next.
 */
struct ledger_segments {
    redis_t *redis;
    char epoch_text[24];
    uint32_t generation; /* begun; 0: none */
    uint32_t *manifest;
    size_t count, capacity;
    uint32_t *replaced; /* pairs: segment, generation */
    size_t replaced_count;
    size_t in_flight; /* puts whose replies are due */
};

static const cr_slice_t pending_key = {"{d}:pending", 11};
static const cr_slice_t manifest_key = {"{d}:manifest", 12};
static const cr_slice_t fence_key = {"{d}:fence", 9};

static void
segment_key(redis_command_t *command, uint32_t segment, uint32_t generation)
{
    redis_argumentf(command, "{d:%" PRIu32 "}:%" PRIu32, segment, generation);
}

static cr_err_t
call_simple(redis_t *redis, const char *name, cr_slice_t key, redis_reply_t **reply,
            cr_fault_t *fault)
{
    redis_command_t command;
    redis_command(&command, name);
    redis_argument(&command, key);
    return redis_call(redis, &command, reply, fault);
}

/* The fence of the directory: the daemon of an older epoch is refused (CR_CONFLICT). */
static cr_err_t
take_fence(ledger_segments_t *self, cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_take"));
    redis_argument(&command, CR_SLICE("1"));
    redis_argument(&command, fence_key);
    redis_argument(&command, cr_slice_of(self->epoch_text));
    cr_err_t err = redis_call(self->redis, &command, &reply, fault);
    if (err == CR_OK)
        redis_reply_free(&reply);
    return err;
}

static bool
manifest_grow(ledger_segments_t *self, size_t count)
{
    if (count <= self->capacity)
        return true;
    uint32_t *grown = realloc(self->manifest, count * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + self->capacity, 0, (count - self->capacity) * sizeof *grown);
    self->manifest = grown;
    self->capacity = count;
    return true;
}

static cr_err_t
manifest_read(ledger_segments_t *self, cr_fault_t *fault)
{
    redis_reply_t *reply;
    cr_err_t err = call_simple(self->redis, "GET", manifest_key, &reply, fault);
    if (err != CR_OK)
        return err;
    cr_slice_t text = redis_reply_text(reply);
    size_t count = text.length / 4;
    if (text.length % 4 != 0 || count > SEGMENTS_MAX)
        err = cr_fault_set(fault, CR_CORRUPT, "redis: the directory's manifest is damaged");
    else if (!manifest_grow(self, count))
        err = cr_fault_set(fault, CR_NOMEM, "out of memory");
    self->count = err == CR_OK ? count : 0;
    const unsigned char *bytes = (const unsigned char *)text.text;
    for (size_t i = 0; i < self->count; i++, bytes += 4)
        self->manifest[i] = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
                            (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    redis_reply_free(&reply);
    return err;
}

cr_err_t
ledger_segments_open(const ledger_config_t *config, uint64_t epoch, ledger_segments_t **self_p,
                     cr_fault_t *fault)
{
    ledger_segments_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    snprintf(self->epoch_text, sizeof self->epoch_text, "%" PRIu64, epoch);
    cr_err_t err = redis_open(config, &self->redis, fault);
    if (err == CR_OK)
        err = take_fence(self, fault);
    if (err == CR_OK)
        err = manifest_read(self, fault);
    if (err != CR_OK) {
        ledger_segments_close(&self);
        return err;
    }
    *self_p = self;
    return CR_OK;
}

void
ledger_segments_close(ledger_segments_t **self_p)
{
    ledger_segments_t *self = *self_p;
    if (!self)
        return;
    redis_close(&self->redis);
    free(self->manifest);
    free(self->replaced);
    free(self);
    *self_p = NULL;
}

cr_err_t
ledger_segments_load(ledger_segments_t *self, ledger_segment_fn *callback, void *context,
                     cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    for (size_t first = 0; err == CR_OK && first < self->count; first += SEGMENTS_PIPELINE) {
        size_t end =
            first + SEGMENTS_PIPELINE < self->count ? first + SEGMENTS_PIPELINE : self->count;
        for (size_t i = first; i < end; i++) {
            redis_command_t command;
            redis_command(&command, "GET");
            segment_key(&command, (uint32_t)i, self->manifest[i]);
            redis_append(self->redis, &command);
        }
        for (size_t i = first; err == CR_OK && i < end; i++) {
            redis_reply_t *reply;
            err = redis_next(self->redis, &reply, fault);
            if (err != CR_OK)
                break;
            cr_slice_t blob = redis_reply_text(reply);
            err = redis_reply_is_nil(reply)
                      ? cr_fault_set(fault, CR_CORRUPT, "redis: segment %zu is missing", i)
                      : callback(context, (uint32_t)i, self->manifest[i],
                                 (const uint8_t *)blob.text, blob.length);
            redis_reply_free(&reply);
        }
    }
    return err;
}

/* Whether the manifest points at "{d:SEGMENT}:GENERATION". */
static bool
is_shown(const ledger_segments_t *self, cr_slice_t key)
{
    for (size_t i = 0; i < self->count; i++) {
        redis_command_t shown;
        redis_command(&shown, "");
        segment_key(&shown, (uint32_t)i, self->manifest[i]);
        if (cr_slice_equal(shown.argument[1], key))
            return true;
    }
    return false;
}

/* A daemon that was taken over in the midst of this must not touch the segments of the newer one. */
static bool
is_older(const ledger_segments_t *self, cr_slice_t key)
{
    const char *colon = memrchr(key.text, ':', key.length);
    return colon && strtoul(colon + 1, NULL, 10) < self->generation;
}

/* Deletes what an import that died has left, except what its commit did show. */
static cr_err_t
delete_pending(ledger_segments_t *self, cr_fault_t *fault)
{
    redis_reply_t *keys, *ignored;
    cr_err_t err = call_simple(self->redis, "SMEMBERS", pending_key, &keys, fault);
    if (err != CR_OK)
        return err;
    for (size_t i = 0; err == CR_OK && i < redis_reply_count(keys); i++) {
        cr_slice_t key = redis_reply_text(redis_reply_item(keys, i));
        if (is_shown(self, key) || !is_older(self, key))
            continue;
        err = call_simple(self->redis, "UNLINK", key, &ignored, fault);
        if (err == CR_OK)
            redis_reply_free(&ignored);
    }
    redis_reply_free(&keys);
    if (err == CR_OK)
        err = call_simple(self->redis, "DEL", pending_key, &ignored, fault);
    if (err == CR_OK)
        redis_reply_free(&ignored);
    return err;
}

cr_err_t
ledger_segments_begin(ledger_segments_t *self, uint32_t *generation, cr_fault_t *fault)
{
    redis_reply_t *reply;
    self->replaced_count = 0;
    cr_err_t err = take_fence(self, fault);
    if (err == CR_OK)
        err = manifest_read(self, fault);
    if (err == CR_OK)
        err = call_simple(self->redis, "INCR", CR_SLICE("{d}:generation"), &reply, fault);
    if (err != CR_OK)
        return err;
    self->generation = (uint32_t)redis_reply_integer(reply);
    redis_reply_free(&reply);
    *generation = self->generation;
    return delete_pending(self, fault);
}

/* Takes the replies of all puts so far. */
static cr_err_t
drain(ledger_segments_t *self, cr_fault_t *fault)
{
    size_t count = self->in_flight;
    self->in_flight = 0;
    return redis_drain(self->redis, count, fault);
}

static bool
remember_replaced(ledger_segments_t *self, uint32_t segment)
{
    uint32_t *grown =
        realloc(self->replaced, (self->replaced_count + 1) * 2 * sizeof *self->replaced);
    if (!grown)
        return false;
    self->replaced = grown;
    grown[self->replaced_count * 2] = segment;
    grown[self->replaced_count * 2 + 1] = self->manifest[segment];
    self->replaced_count++;
    return true;
}

cr_err_t
ledger_segments_put(ledger_segments_t *self, uint32_t segment, const uint8_t *blob, size_t length,
                    cr_fault_t *fault)
{
    CR_ASSERT(self->generation > 0);
    if (segment >= SEGMENTS_MAX)
        return cr_fault_set(fault, CR_TOOBIG, "the directory is over its limit");
    if (!manifest_grow(self, segment + 1) || !remember_replaced(self, segment))
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    redis_command_t command;
    redis_command(&command, "SADD");
    redis_argument(&command, pending_key);
    segment_key(&command, segment, self->generation);
    redis_append(self->redis, &command);
    redis_command(&command, "SET");
    segment_key(&command, segment, self->generation);
    redis_argument(&command, (cr_slice_t){(const char *)blob, length});
    redis_append(self->redis, &command);
    self->in_flight += 2;
    self->manifest[segment] = self->generation;
    return self->in_flight >= SEGMENTS_PIPELINE ? drain(self, fault) : CR_OK;
}

static cr_err_t
manifest_write(ledger_segments_t *self, size_t count, cr_fault_t *fault)
{
    unsigned char *bytes = malloc(count * 4 + 1);
    if (!bytes)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        for (unsigned byte = 0; byte < 4; byte++)
            bytes[i * 4 + byte] = (unsigned char)(self->manifest[i] >> (8 * byte));
    redis_command_t command;
    redis_reply_t *reply;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_put"));
    redis_argument(&command, CR_SLICE("2"));
    redis_argument(&command, fence_key);
    redis_argument(&command, manifest_key);
    redis_argument(&command, cr_slice_of(self->epoch_text));
    redis_argument(&command, (cr_slice_t){(const char *)bytes, count * 4});
    cr_err_t err = redis_call(self->redis, &command, &reply, fault);
    free(bytes);
    if (err == CR_OK)
        redis_reply_free(&reply);
    return err;
}

/* Segments are too large for the redo ring: those replicas that are there get them now. */
static void
wait_for_replicas(ledger_segments_t *self)
{
    redis_command_t command;
    redis_reply_t *reply;
    cr_fault_t fault;
    redis_command(&command, "ROLE");
    if (redis_call(self->redis, &command, &reply, &fault) != CR_OK)
        return;
    size_t replicas =
        redis_reply_count(reply) == 3 ? redis_reply_count(redis_reply_item(reply, 2)) : 0;
    redis_reply_free(&reply);
    redis_command(&command, "WAIT");
    redis_argumentf(&command, "%zu", replicas);
    redis_argumentf(&command, "%d", REPLICAS_MS);
    if (replicas > 0 && redis_call(self->redis, &command, &reply, &fault) == CR_OK)
        redis_reply_free(&reply);
}

cr_err_t
ledger_segments_commit(ledger_segments_t *self, uint32_t segment_count, cr_fault_t *fault)
{
    cr_err_t err = drain(self, fault);
    if (err == CR_OK && !manifest_grow(self, segment_count))
        err = cr_fault_set(fault, CR_NOMEM, "out of memory");
    if (err == CR_OK)
        err = manifest_write(self, segment_count, fault);
    if (err != CR_OK)
        return err;
    wait_for_replicas(self);
    self->count = segment_count;
    self->generation = 0;
    /* The import holds from here on; what is left over only takes room, and a failure to delete it
     * is no failure of the import. */
    for (size_t i = 0; i < self->replaced_count; i++) {
        if (self->replaced[i * 2 + 1] == 0)
            continue;
        redis_command_t command;
        redis_command(&command, "UNLINK");
        segment_key(&command, self->replaced[i * 2], self->replaced[i * 2 + 1]);
        redis_append(self->redis, &command);
        self->in_flight++;
    }
    redis_command_t command;
    redis_command(&command, "DEL");
    redis_argument(&command, pending_key);
    redis_append(self->redis, &command);
    self->in_flight++;
    cr_fault_t ignored;
    if (drain(self, &ignored) != CR_OK)
        cr_log(CR_LOG_WARN, "segments_left_over", "count=%zu", self->replaced_count);
    return CR_OK;
}
