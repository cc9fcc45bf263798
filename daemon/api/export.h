/*
 * export - the directory as CSV that intake reads back, row by row
 *
 * Rows are written while the client takes them, so an export of any size needs one row of memory.
 * A cell that a spreadsheet would take for a formula (= + - @ TAB CR first) gets a ' before it.
 *
 * Source     RFC 4180; OWASP, CSV injection. Columns: docs/recipients-csv.md.
 * Ownership  the export owns its listing.
 * Threads    one at a time.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include <microhttpd.h>
#include <sys/types.h>

#include "../audience/listing.h"

typedef struct export export_t;

/* Takes the listing. NULL: memory; the listing is gone all the same. */
export_t *export_new(listing_t *listing);
void export_destroy(export_t **self_p);
/* The next bytes, at most `length`; 0 at the end. CR_TOOBIG, CR_NOMEM: the export cannot go on. */
cr_err_t export_read(export_t *self, char *bytes, size_t length, size_t *read) CR_MUST_USE;

/* A response that streams; takes the listing. NULL: memory. */
struct MHD_Response *export_response(listing_t *listing);

/* One cell, quoted where RFC 4180 or a spreadsheet wants it. */
void export_append_cell(cr_str_t *out, cr_slice_t cell);

#endif
