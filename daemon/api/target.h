/*
 * target - the request target: path segments and query parameters, percent-decoded and checked
 *
 * Decoding happens after splitting, so that an encoded '/' or '&' never changes the shape of a
 * request. What comes out is UTF-8 in normalisation form C without NUL, controls or invisible
 * characters.
 *
 * Source     RFC 3986 sections 2.1 and 3.3; WHATWG URL, application/x-www-form-urlencoded ('+').
 * Ownership  slices point into the target.
 * Threads    none; pure.
 * Limits     a name in a path 256 bytes, a query parameter 8 KiB.
 */
#ifndef TARGET_H
#define TARGET_H

#include "cr_str.h"

enum { TARGET_NAME_BYTES_MAX = 256, TARGET_VALUE_BYTES_MAX = 8192 };

/* The next segment of the path, without its '/'; false at the end or at '?'. */
bool target_next_segment(const char **at, cr_slice_t *segment);
/* What follows '?', or "". */
const char *target_query(const char *target);
/* The next `name=value`; a name alone has an empty value. False at the end. */
bool target_next_parameter(const char **at, cr_slice_t *name, cr_slice_t *value);

/* Appends the decoded name or value. CR_INVAL, CR_TOOBIG. */
cr_err_t target_decode_name(cr_slice_t raw, cr_str_t *out, cr_fault_t *fault) CR_MUST_USE;
cr_err_t target_decode_value(cr_slice_t raw, cr_str_t *out, cr_fault_t *fault) CR_MUST_USE;

#endif
