/*
 * redo - the newest writes, kept until Redis can hardly have forgotten them
 *
 * A ring of command bytes, each under the mark of the pipeline it went out with. When Redis comes
 * back older than it was (a failover to a replica, the end of its log cut off), what it lacks is
 * sent again from here. The ring lies in a file mapped into memory, so that it survives this process
 * too; it need not survive the machine, and belongs on a tmpfs.
 *
 * Order      marks never fall. A record is complete before it counts; only one thread writes.
 * Limits     when the ring is full the oldest records are dropped; redo_reaches says whether what is
 *            asked for is still there. A record larger than half the ring is never kept.
 * Threads    none: one ledger owns it.
 */
#ifndef REDO_H
#define REDO_H

#include "cr_base.h"

typedef struct redo redo_t;

/* `file` "" or NULL: in memory only. CR_AGAIN: another process uses the file; CR_IO: it cannot be
 * made. A file of another size or kind is begun anew. */
cr_err_t redo_open(const char *file, size_t bytes, redo_t **self, cr_fault_t *fault) CR_MUST_USE;
void redo_close(redo_t **self_p);

/* Whose writes these are; 0: nobody's. */
uint64_t redo_epoch(const redo_t *self);
/* Empties it for another epoch. */
void redo_begin(redo_t *self, uint64_t epoch);

/* Where the next record comes. */
uint64_t redo_position(const redo_t *self);
void redo_add(redo_t *self, uint64_t mark, cr_slice_t bytes);
/* Redis refused what was added in [from, to): it must never be sent from here. */
void redo_void(redo_t *self, uint64_t from, uint64_t to);
/* Takes back everything after `mark`: it was not acknowledged and will be added again. */
void redo_forget_after(redo_t *self, uint64_t mark);

/* Whether every record after `mark` is still there. */
bool redo_reaches(const redo_t *self, uint64_t mark);
/* The first record at `*position` (0: from the oldest) or behind it whose mark is over `after`; moves
 * the position past it. The bytes live until the next change. */
bool redo_next(const redo_t *self, uint64_t after, uint64_t *position, cr_slice_t *bytes);

#endif
