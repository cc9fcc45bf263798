/*
 * fake_plan - plan as the API sees it, without ledger and dispatch: it answers by a few rules
 *
 * Tokens: "admin" and "planner" are users of that role, every other is refused with 401. Verbs that
 * are not named below are answered with what was asked: {"verb","arguments","key","hash"}.
 *
 *   RECIPIENT_IMPORT    {"rows"} of the intake          RECIPIENT_EXPORT  fake_plan_directory
 *   AUDIENCE_COUNT      a fault with column and suggestion
 *   BROADCAST_LIST      503    BROADCAST_SHOW  404      QUEUE  answered after 300 ms
 *   BROADCAST_SEND      as replayed                     READY  fake_plan_ready
 *
 * Threads    any may call.
 */
#ifndef FAKE_PLAN_H
#define FAKE_PLAN_H

#include <stdatomic.h>

#include "plan/plan.h"

extern atomic_bool fake_plan_ready;
extern directory_t *fake_plan_directory; /* set before the API is started */
extern atomic_uint fake_plan_calls[PLAN_VERB_COUNT];
extern atomic_int fake_plan_clients; /* not destroyed yet */

#endif
