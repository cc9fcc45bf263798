/*
 * intake - a CSV of recipients, streamed in, checked, and applied as one
 *
 * Feeding parses and checks rows (columns of docs/recipients-csv.md) into a batch in memory;
 * nothing is visible before intake_apply built the next version of the directory. All or nothing
 * unless bad rows are to be skipped.
 *
 * Ownership  the batch belongs to the caller; apply leaves it intact. Threads: one.
 * Limits     one field 64 KiB, one row 256 KiB, 10,000 bad rows remembered (more end the intake
 *            with CR_TOOBIG).
 * Source     RFC 4180 by libcsv in strict mode; E.164 / China mobile numbers; RFC 5321 addresses
 *            (ASCII local part).
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "directory.h"

typedef struct intake intake_t;

typedef struct {
    size_t line;
    char reason[160]; /* names the column; never a whole address */
} intake_bad_row_t;

/* What an import does; an all-zero one may be given to intake_result_fini. */
typedef struct {
    size_t rows, added, updated, unchanged, bad;
    roaring_bitmap_t *touched; /* segments that differ from the version before */
    roaring_bitmap_t *opted_out[CR_CHANNEL_COUNT]; /* ordinals whose row asks for it */
} intake_result_t;

intake_t *intake_new(void);
void intake_destroy(intake_t **self_p);
/* Any piece sizes. A header that cannot be used, or broken CSV structure, is a failure for good,
 * with line and column. */
cr_err_t intake_feed(intake_t *self, const void *bytes, size_t length,
                     cr_fault_t *fault) CR_MUST_USE;
cr_err_t intake_finish(intake_t *self, cr_fault_t *fault) CR_MUST_USE;
size_t intake_rows(const intake_t *self);
size_t intake_bad_count(const intake_t *self);
const intake_bad_row_t *intake_bad_row(const intake_t *self, size_t index);

/*
 * The next version: rows with a known id update it (ordinal kept), others get new ordinals. Bad rows
 * and !skip_bad, or a guardian nobody knows: CR_INVAL with the line. The caller gives `next` and
 * `result` back with directory_unref and intake_result_fini.
 */
cr_err_t intake_apply(const intake_t *intake, directory_t *base, bool skip_bad, directory_t **next,
                      intake_result_t *result, cr_fault_t *fault) CR_MUST_USE;
void intake_result_fini(intake_result_t *self);

#endif
