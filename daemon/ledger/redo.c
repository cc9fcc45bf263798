#include "redo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Positions only grow; a record lies at its position modulo the room. One that would cross the end
 * begins at the start instead, and a filler takes what is left. The format is another one whenever a
 * function of crier.lua takes other arguments: what lies in the ring is calls of it. */
enum { ALIGN = 16, FORMAT = 0x32646572 /* "red2" */ };

typedef struct {
    _Atomic uint32_t format;
    uint32_t length; /* of the room behind */
    uint64_t epoch;
    _Atomic uint64_t oldest, newest; /* positions: the first record, the end of the last */
    uint64_t dropped;                /* the highest mark of which something is gone */
} head_t;

typedef struct {
    uint64_t mark; /* 0: void, or a filler */
    uint32_t span; /* to the next record */
    uint32_t length;
} record_t;

struct redo {
    head_t *head;
    uint8_t *room;
    size_t mapped;
    int file;
};

static record_t *
record_at(const redo_t *self, uint64_t position)
{
    return (record_t *)(void *)(self->room + position % self->head->length);
}

/* -- the mapping -------------------------------------------------------------------------------- */

static cr_err_t
open_file(redo_t *self, const char *file, cr_fault_t *fault)
{
    self->file = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->file < 0)
        return cr_fault_set(fault, CR_IO, "redis.redo_file %s: %s", file, strerrordesc_np(errno));
    if (flock(self->file, LOCK_EX | LOCK_NB) != 0)
        return cr_fault_set(fault, CR_AGAIN, "redis.redo_file %s: another daemon uses it", file);
    /* Room now, since a full disk would end us at a write that cannot fail. */
    int err = posix_fallocate(self->file, 0, (off_t)self->mapped);
    if (err != 0)
        return cr_fault_set(fault, CR_IO, "redis.redo_file %s: %s", file, strerrordesc_np(err));
    return CR_OK;
}

static bool
is_sound(const redo_t *self)
{
    const head_t *head = self->head;
    uint64_t oldest = atomic_load(&head->oldest), newest = atomic_load(&head->newest);
    return head->format == FORMAT && head->length == self->mapped - sizeof *head &&
           oldest <= newest && newest - oldest <= head->length;
}

cr_err_t
redo_open(const char *file, size_t bytes, redo_t **self_p, cr_fault_t *fault)
{
    redo_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    self->file = -1;
    self->mapped = sizeof *self->head + bytes / ALIGN * ALIGN;
    bool named = file && *file;
    cr_err_t err = named ? open_file(self, file, fault) : CR_OK;
    if (err == CR_OK) {
        int kind = named ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
        void *memory = mmap(NULL, self->mapped, PROT_READ | PROT_WRITE, kind, self->file, 0);
        self->head = memory == MAP_FAILED ? NULL : memory;
        err = self->head ? CR_OK : cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    if (!self->head) {
        redo_close(&self);
        return err;
    }
    self->room = (uint8_t *)(self->head + 1);
    if (!is_sound(self))
        redo_begin(self, 0);
    *self_p = self;
    return CR_OK;
}

void
redo_close(redo_t **self_p)
{
    redo_t *self = *self_p;
    if (!self)
        return;
    if (self->head)
        munmap(self->head, self->mapped);
    if (self->file >= 0)
        close(self->file);
    free(self);
    *self_p = NULL;
}

uint64_t
redo_epoch(const redo_t *self)
{
    return self->head->epoch;
}

/* Killed on the way it leaves a file of no kind. */
void
redo_begin(redo_t *self, uint64_t epoch)
{
    head_t *head = self->head;
    atomic_store(&head->format, 0);
    head->length = (uint32_t)(self->mapped - sizeof *head);
    head->epoch = epoch;
    head->dropped = 0;
    atomic_store(&head->oldest, 0);
    atomic_store(&head->newest, 0);
    atomic_store(&head->format, FORMAT);
}

/* -- writing ------------------------------------------------------------------------------------ */

uint64_t
redo_position(const redo_t *self)
{
    return atomic_load_explicit(&self->head->newest, memory_order_relaxed);
}

static void
drop_oldest(redo_t *self)
{
    uint64_t oldest = atomic_load_explicit(&self->head->oldest, memory_order_relaxed);
    const record_t *record = record_at(self, oldest);
    if (record->mark > self->head->dropped)
        self->head->dropped = record->mark;
    atomic_store_explicit(&self->head->oldest, oldest + record->span, memory_order_release);
}

/* A record counts when `newest` is behind it. */
static void
put(redo_t *self, record_t record, cr_slice_t bytes)
{
    uint64_t at = redo_position(self);
    while (at + record.span - atomic_load(&self->head->oldest) > self->head->length)
        drop_oldest(self);
    *record_at(self, at) = record;
    memcpy(record_at(self, at) + 1, bytes.text, bytes.length);
    atomic_store_explicit(&self->head->newest, at + record.span, memory_order_release);
}

void
redo_add(redo_t *self, uint64_t mark, cr_slice_t bytes)
{
    size_t length = self->head->length;
    size_t span = (sizeof(record_t) + bytes.length + ALIGN - 1) / ALIGN * ALIGN;
    if (span > length / 2) {
        self->head->dropped = mark;
        return;
    }
    size_t left = length - redo_position(self) % length;
    if (left < span)
        put(self, (record_t){.span = (uint32_t)left}, CR_SLICE(""));
    put(self, (record_t){mark, (uint32_t)span, (uint32_t)bytes.length}, bytes);
}

void
redo_void(redo_t *self, uint64_t from, uint64_t to)
{
    for (record_t *record; from < to; from += record->span) {
        record = record_at(self, from);
        record->mark = 0;
    }
}

void
redo_forget_after(redo_t *self, uint64_t mark)
{
    uint64_t end = redo_position(self), at = atomic_load(&self->head->oldest);
    while (at < end && record_at(self, at)->mark <= mark)
        at += record_at(self, at)->span;
    atomic_store_explicit(&self->head->newest, at, memory_order_release);
}

/* -- reading ------------------------------------------------------------------------------------ */

bool
redo_reaches(const redo_t *self, uint64_t mark)
{
    return self->head->dropped <= mark;
}

bool
redo_next(const redo_t *self, uint64_t after, uint64_t *position, cr_slice_t *bytes)
{
    uint64_t oldest = atomic_load(&self->head->oldest), end = redo_position(self);
    uint64_t at = *position < oldest ? oldest : *position;
    while (at < end && record_at(self, at)->mark <= after)
        at += record_at(self, at)->span;
    if (at >= end)
        return false;
    const record_t *record = record_at(self, at);
    *bytes = (cr_slice_t){(const char *)(record + 1), record->length};
    *position = at + record->span;
    return true;
}
