/*
 * person - whether two names mean the same person
 *
 * Accounts, authorship and approval are compared by person, so that a second account, another
 * letter case or a decomposed spelling does not make a second person.
 */
#ifndef PERSON_H
#define PERSON_H

#include "cr_str.h"

/* Appends the form that is compared: NFC, outer blanks cut, runs of blanks as one, ASCII letters in
 * lower case. CR_INVAL: not UTF-8, or nothing left. */
cr_err_t person_fold(cr_slice_t name, cr_str_t *out) CR_MUST_USE;

/* A name that cannot be folded is nobody's: it is the same as every other, so that doubt never
 * permits. */
bool person_is_same(const char *a, const char *b);

#endif
