/*
 * selector_terms - who a single term means, or what was probably meant
 *
 * Ownership  the members are borrowed from the directory, or owned by the one who asks when `owned`
 * says so.
 */
#ifndef SELECTOR_TERMS_H
#define SELECTOR_TERMS_H

#include "selector_program.h"

typedef struct {
    roaring_bitmap_t *owned; /* NULL: `members` is borrowed */
    const roaring_bitmap_t *members;
} selector_set_t;

typedef struct {
    const directory_t *directory;
    selector_resolve_fn *resolve; /* may be NULL */
    void *context;
    cr_fault_t *fault;
} selector_scope_t;

/* CR_NOTFOUND with the column and, where one is near, `; did you mean "NAME"?` at the end. */
cr_err_t selector_resolve(const selector_scope_t *scope, const selector_step_t *term,
                          selector_set_t *set) CR_MUST_USE;

#endif
