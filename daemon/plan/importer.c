#include "importer.h"

#include <pthread.h>
#include <stdlib.h>

#include "cr_clock.h"
#include "cr_handover.h"
#include "cr_log.h"

enum { READ_BACK_FIRST_MS = 100, READ_BACK_MAX_MS = 2000 };

typedef struct {
    const importer_config_t *config;
    zsock_t *pipe;
    ledger_segments_t *segments; /* of the import under way */
    uint32_t generation;
} importer_t;

import_t *
import_new(intake_t *intake, directory_t *base, bool skip_bad)
{
    import_t *self = calloc(1, sizeof *self);
    CR_ASSERT(self);
    self->intake = intake;
    self->base = base;
    self->skip_bad = skip_bad;
    self->began_mono_us = cr_clock_mono_us();
    return self;
}

void
import_destroy(import_t **self_p)
{
    import_t *self = *self_p;
    if (!self)
        return;
    intake_destroy(&self->intake);
    directory_unref(&self->base);
    directory_unref(&self->next);
    intake_result_fini(&self->result);
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        if (self->corrected[channel])
            roaring_bitmap_free(self->corrected[channel]);
    free(self);
    *self_p = NULL;
}

void
import_send(void *socket, import_t **self_p)
{
    cr_hand_over(*self_p);
    zmq_send(zsock_resolve(socket), self_p, sizeof *self_p, 0);
    *self_p = NULL;
}

import_t *
import_receive(void *socket)
{
    import_t *import;
    int length = zmq_recv(zsock_resolve(socket), &import, sizeof import, 0);
    if (length != (int)sizeof import)
        return NULL;
    cr_take_over(import);
    return import;
}

/* -- reading ------------------------------------------------------------------------------------ */

typedef struct {
    const importer_config_t *config;
    directory_t *directory;
    uint32_t newest; /* generation */
    cr_fault_t *fault;
} reader_t;

static cr_err_t
on_segment(void *context, uint32_t segment, uint32_t generation, const uint8_t *blob, size_t length)
{
    reader_t *self = context;
    if (generation > self->newest)
        self->newest = generation;
    cr_err_t err = directory_unseal(self->directory, segment, generation, self->config->seal_key,
                                    blob, length);
    if (err != CR_OK)
        return cr_fault_set(self->fault, err,
                            "directory: segment %u is damaged, or sealed with another key",
                            segment);
    return CR_OK;
}

static cr_err_t
fill(reader_t *reader, cr_fault_t *fault)
{
    ledger_segments_t *segments;
    const importer_config_t *config = reader->config;
    cr_err_t err = CR_OK;
    if (config->divisions_file[0] != '\0')
        err = directory_set_divisions(reader->directory, config->divisions_file, fault);
    if (err == CR_OK)
        err = ledger_segments_open(&config->ledger, config->epoch, &segments, fault);
    if (err != CR_OK)
        return err;
    err = ledger_segments_load(segments, on_segment, reader, fault);
    ledger_segments_close(&segments);
    if (err == CR_OK && directory_index(reader->directory) != CR_OK)
        err = cr_fault_set(fault, CR_CORRUPT, "directory: what is stored contradicts itself");
    return err;
}

static cr_err_t
read_stored(const importer_config_t *config, directory_t **directory, uint32_t *newest,
            cr_fault_t *fault)
{
    reader_t reader = {.config = config, .directory = directory_new(), .fault = fault};
    if (!reader.directory)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    cr_err_t err = fill(&reader, fault);
    if (err != CR_OK) {
        directory_unref(&reader.directory);
        return err;
    }
    *directory = reader.directory;
    *newest = reader.newest;
    return CR_OK;
}

cr_err_t
importer_load(const importer_config_t *config, directory_t **directory, cr_fault_t *fault)
{
    uint32_t newest = 0;
    return read_stored(config, directory, &newest, fault);
}

/* -- the two phases ----------------------------------------------------------------------------- */

static cr_err_t
put_segment(importer_t *self, const import_t *import, uint32_t segment, cr_fault_t *fault)
{
    uint8_t *blob;
    size_t length;
    cr_err_t err = directory_seal(import->next, segment, self->generation, self->config->seal_key,
                                  &blob, &length);
    if (err != CR_OK)
        return cr_fault_set(fault, err, "directory: segment %u cannot be sealed", segment);
    err = ledger_segments_put(self->segments, segment, blob, length, fault);
    free(blob);
    return err;
}

static cr_err_t
put_segments(importer_t *self, const import_t *import, cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    roaring_uint32_iterator_t *each = roaring_create_iterator(import->result.touched);
    for (; err == CR_OK && each->has_value; roaring_advance_uint32_iterator(each))
        err = put_segment(self, import, each->current_value, fault);
    roaring_free_uint32_iterator(each);
    return err;
}

static cr_err_t
prepare(importer_t *self, import_t *import)
{
    cr_fault_t *fault = &import->fault;
    cr_err_t err = intake_apply(import->intake, import->base, import->skip_bad, &import->next,
                                &import->result, fault);
    if (err == CR_OK)
        err = ledger_segments_open(&self->config->ledger, self->config->epoch, &self->segments,
                                   fault);
    if (err == CR_OK)
        err = ledger_segments_begin(self->segments, &self->generation, fault);
    if (err == CR_OK)
        err = put_segments(self, import, fault);
    return err;
}

/* Waits, but not when the actor is told to stop. */
static bool
rest(importer_t *self, int64_t ms)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, (long)ms) == 0;
}

/* The commit was lost on the way: what is stored decides. False: told to stop. */
static bool
read_back(importer_t *self, import_t *import)
{
    directory_t *stored = NULL;
    uint32_t newest = 0;
    cr_fault_t fault;
    int64_t ms = READ_BACK_FIRST_MS;
    while (read_stored(self->config, &stored, &newest, &fault) != CR_OK) {
        if (!rest(self, ms))
            return false;
        ms = ms < READ_BACK_MAX_MS / 2 ? ms * 2 : READ_BACK_MAX_MS;
    }
    cr_log(CR_LOG_WARN, "directory_read_back", "committed=%d", newest == self->generation);
    if (newest == self->generation)
        import->err = CR_OK;
    directory_unref(&import->next);
    import->next = stored;
    return true;
}

static void
commit(importer_t *self, import_t *import)
{
    import->err = ledger_segments_commit(self->segments, directory_segment_count(import->next),
                                         &import->fault);
    ledger_segments_close(&self->segments);
    if (import->err != CR_OK && !read_back(self, import)) {
        import_destroy(&import);
        return;
    }
    import->phase = IMPORT_COMMITTED;
    import_send(self->pipe, &import);
}

static void
begin(importer_t *self, import_t *import)
{
    import->err = prepare(self, import);
    if (import->err != CR_OK)
        ledger_segments_close(&self->segments);
    import->phase = IMPORT_PREPARED;
    import_send(self->pipe, &import);
}

static void
take(importer_t *self, import_t *import)
{
    switch (import->phase) {
    case IMPORT_PREPARE:
        begin(self, import);
        break;
    case IMPORT_COMMIT:
        commit(self, import);
        break;
    default:
        ledger_segments_close(&self->segments);
        import_destroy(&import);
    }
}

static void
actor(zsock_t *pipe, void *context)
{
    importer_t self = {.config = context, .pipe = pipe};
    import_t *import;
    pthread_setname_np(pthread_self(), "intake"); /* as top and perf show it */
    zsock_signal(pipe, 0);
    while ((import = import_receive(pipe)))
        take(&self, import);
    ledger_segments_close(&self.segments);
    cr_hand_over(context);
}

zactor_t *
importer_start(const importer_config_t *config)
{
    return zactor_new(actor, (void *)(uintptr_t)config);
}
