/*
 * pages - what the API answers without a token: metrics, health, its own description
 *
 * Threads    any.
 */
#ifndef PAGES_H
#define PAGES_H

#include "answer.h"
#include "routes.h"

/* Of a route whose page is not ROUTE_PLAN. */
void pages_answer(route_page_t page, plan_client_t *plan, answer_t *answer);

#endif
