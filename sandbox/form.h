/*
 * form - one value out of an application/x-www-form-urlencoded text
 *
 * Source     WHATWG URL Standard, section 5.1: '+' is a space, %XX a byte.
 */
#ifndef FORM_H
#define FORM_H

#include "cr_str.h"

/* Appends the decoded value of the first field `name`. CR_NOTFOUND, CR_INVAL for a broken escape,
 * CR_TOOBIG, CR_NOMEM. */
cr_err_t form_value(cr_slice_t form, const char *name, cr_str_t *out) CR_MUST_USE;

#endif
