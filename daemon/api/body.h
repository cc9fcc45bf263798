/*
 * body - the JSON body of a request: one object, within limits
 *
 * Depth is checked on the text, before a parser builds anything of it.
 *
 * Source     RFC 8259; doubled members are refused (jansson would keep the last).
 * Threads    none; pure.
 * Limits     nesting 32.
 */
#ifndef BODY_H
#define BODY_H

#include "routes.h"

/* An empty body is an empty object. CR_INVAL with line and column; `member` is the doubled one or
 * "". The caller owns the object. */
cr_err_t body_parse(cr_slice_t text, json_t **object, char member[ROUTE_MEMBER_MAX],
                    cr_fault_t *fault) CR_MUST_USE;

/* Moves the members of `body` into `arguments`. A member that the path gave already may only repeat
 * it: CR_INVAL, with the member. */
cr_err_t body_merge(json_t *arguments, json_t *body, char member[ROUTE_MEMBER_MAX],
                    cr_fault_t *fault) CR_MUST_USE;

#endif
