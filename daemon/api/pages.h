/*
 * pages - what the API answers without a token: metrics, health, its own description
 *
 * Threads    any.
 */
#ifndef PAGES_H
#define PAGES_H

#include "answer.h"
#include "routes.h"

typedef struct {
    plan_client_t *plan;
    const char *state; /* what the daemon does instead of serving, or NULL */
} pages_source_t;

/* Of a route whose page is not ROUTE_PLAN. */
void pages_answer(route_page_t page, const pages_source_t *source, answer_t *answer);

#endif
