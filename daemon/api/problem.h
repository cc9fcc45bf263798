/*
 * problem - why a request was refused, as RFC 9457 wants it told
 *
 * One place maps our errors to HTTP statuses and faults to members, so that two routes cannot
 * disagree. A text that ends with `; did you mean "X"?` also gives X as `suggestion`.
 *
 * Source     RFC 9457, application/problem+json.
 * Threads    none; pure.
 */
#ifndef PROBLEM_H
#define PROBLEM_H

#include <jansson.h>

#include "cr_base.h"

/* For an error that came without a status. */
unsigned problem_status(cr_err_t err);

/* `member` and `extra` (an object whose members are added) may be NULL. The caller owns the result;
 * NULL: memory. */
json_t *problem_new(unsigned status, const cr_fault_t *fault, const char *member,
                    const json_t *extra);

#endif
