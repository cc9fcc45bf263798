/*
 * intake_csv - rows of a CSV as they stream in, with the line each begins on
 *
 * libcsv knows neither lines nor limits and takes an unterminated quote for a very long field; this
 * is the wall around it. Everything after the first failure is refused.
 *
 * Ownership  fields belong to the reader and live until the callback returns.
 * Limits     64 columns, 64 KiB a field, 256 KiB a row.
 * Source     RFC 4180 by libcsv in strict mode; a byte order mark is skipped, blank lines are not
 *            rows, spaces around a field that is not quoted are dropped.
 */
#ifndef INTAKE_CSV_H
#define INTAKE_CSV_H

#include "cr_base.h"

enum { CSV_COLUMNS_MAX = 64, CSV_FIELD_MAX = 64 << 10, CSV_ROW_MAX = 256 << 10 };

/* One row. `count` may be over CSV_COLUMNS_MAX: then only that many fields are there. A failure ends
 * the reading and must fill `fault`. */
typedef cr_err_t intake_csv_row_fn(void *context, size_t line, const cr_slice_t *fields,
                                   size_t count, cr_fault_t *fault);

typedef struct intake_csv intake_csv_t;
intake_csv_t *intake_csv_new(intake_csv_row_fn *on_row, void *context);
void intake_csv_destroy(intake_csv_t **self_p);
/* Any piece sizes. CR_INVAL with line and column, or what the callback said. */
cr_err_t intake_csv_feed(intake_csv_t *self, const void *bytes, size_t length,
                         cr_fault_t *fault) CR_MUST_USE;
/* The last row needs no newline. */
cr_err_t intake_csv_finish(intake_csv_t *self, cr_fault_t *fault) CR_MUST_USE;

#endif
