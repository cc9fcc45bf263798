/*
 * selector - set algebra over the directory: `town:孔村镇 & (group:farmer | role:informant)`
 *
 * Grammar and words: docs/selectors.md. Parsing knows no directory; evaluation knows the names and
 * points at the column of an unknown one, with a suggestion. Terms about broadcasts (outcome.h) are
 * resolved by the caller.
 *
 * Ownership  selector_parse copies the text; the bitmap of an evaluation belongs to the caller.
 * Limits     text 4,096 bytes, nesting 64.
 */
#ifndef SELECTOR_H
#define SELECTOR_H

#include "directory.h"

typedef struct selector selector_t;

/* For a term the directory does not know; CR_NOTFOUND if neither do you. The fault of another
 * failure is shown at the value's place. */
typedef cr_err_t selector_resolve_fn(void *context, cr_slice_t key, cr_slice_t value,
                                     roaring_bitmap_t **members, cr_fault_t *fault);

cr_err_t selector_parse(const char *text, selector_t **self, cr_fault_t *fault) CR_MUST_USE;
void selector_destroy(selector_t **self_p);
cr_err_t selector_evaluate(const selector_t *self, const directory_t *directory,
                           selector_resolve_fn *resolve, void *context, roaring_bitmap_t **members,
                           cr_fault_t *fault) CR_MUST_USE;
/* Parse, evaluate, destroy. */
cr_err_t selector_select(const char *text, const directory_t *directory, roaring_bitmap_t **members,
                         cr_fault_t *fault) CR_MUST_USE;

#endif
