/*
 * intake_value - what a value of a column must look like, and the form it is stored in
 *
 * Each check appends the stored form of `raw` to `out` and returns NULL, or says why the value is
 * refused: a constant text that never holds the value. An empty value is not asked about.
 *
 * Source     ITU-T E.164; GB mobile numbers (11 digits, 1 and 3 to 9); RFC 5321 section 4.1.2
 * without quoted and international local parts; RFC 5646 section 2.1.
 */
#ifndef INTAKE_VALUE_H
#define INTAKE_VALUE_H

#include "cr_str.h"

typedef const char *intake_value_fn(cr_slice_t raw, cr_str_t *out);

const char *intake_value_id(cr_slice_t raw, cr_str_t *out);
const char *intake_value_name(cr_slice_t raw, cr_str_t *out);
const char *intake_value_phone(cr_slice_t raw, cr_str_t *out);
const char *intake_value_openid(cr_slice_t raw, cr_str_t *out);
const char *intake_value_email(cr_slice_t raw, cr_str_t *out);
const char *intake_value_division(cr_slice_t raw, cr_str_t *out);
const char *intake_value_list(cr_slice_t raw, cr_str_t *out); /* groups, roles */
const char *intake_value_language(cr_slice_t raw, cr_str_t *out);
const char *intake_value_opt_out(cr_slice_t raw, cr_str_t *out);
const char *intake_value_attribute(cr_slice_t raw, cr_str_t *out);

#endif
