/*
 * audience - who a selector means, now
 *
 * Terms about broadcasts need what is stored of these. So it goes in three steps: audience_prepare
 * checks the selector and notes the broadcasts in the ask, audience_read reads them, audience_select
 * gives the people. Without such terms nothing is read and the next step is taken at once.
 *
 * Limits     ASK_OUTCOMES_MAX broadcasts in one selector.
 */
#ifndef PLAN_AUDIENCE_H
#define PLAN_AUDIENCE_H

#include "internal.h"

/* CR_INVAL, CR_NOTFOUND with the column. */
cr_err_t audience_prepare(const plan_t *self, ask_t *ask, const char *select,
                          cr_fault_t *fault) CR_MUST_USE;
/* Notes one broadcast. CR_INVAL: nothing of it was sent, or there are too many. */
cr_err_t audience_want(ask_t *ask, const broadcast_t *broadcast, cr_fault_t *fault) CR_MUST_USE;
/* Reads what is noted, then `next`; 503 when the store is away. */
void audience_read(plan_t *self, ask_t *ask, ask_start_fn *next);
cr_err_t audience_select(const plan_t *self, ask_t *ask, const char *select,
                         roaring_bitmap_t **members, cr_fault_t *fault) CR_MUST_USE;
/* Evaluates the selector of a document and notes how many are meant; CR_INVAL when nobody is and
 * that is not allowed. */
cr_err_t audience_count(const plan_t *self, ask_t *ask, json_t *document,
                        cr_fault_t *fault) CR_MUST_USE;

#endif
