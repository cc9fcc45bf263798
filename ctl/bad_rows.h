/*
 * bad_rows - the rows that an import skipped, as a CSV of their own: line, reason, row
 *
 * The row is one quoted field with the text as it stands in the file, so that the result is sound
 * CSV whatever was wrong with the row.
 *
 * Limits     a row of more than 256 KiB is cut.
 */
#ifndef BAD_ROWS_H
#define BAD_ROWS_H

#include <jansson.h>
#include <stdio.h>

#include "cr_base.h"

/* `rows` are the `bad_rows` of an import; `source` is the file they came from, read from its start.
 * CR_IO when `out` cannot be written. */
cr_err_t bad_rows_write(const json_t *rows, FILE *source, FILE *out) CR_MUST_USE;

#endif
