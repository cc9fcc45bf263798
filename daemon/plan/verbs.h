/*
 * verbs - what plan can be asked, each a function that starts it
 *
 * The table (verbs.c) says which arguments a verb knows; plan.h says who may use it. A verb ends by
 * ask_answer or ask_refuse, now or in a later step.
 */
#ifndef VERBS_H
#define VERBS_H

#include "internal.h"

/* user_verbs.c */
void verb_whoami(plan_t *self, ask_t *ask);
void verb_user_add(plan_t *self, ask_t *ask);
void verb_user_list(plan_t *self, ask_t *ask);
void verb_user_revoke(plan_t *self, ask_t *ask);

/* imports.c */
void verb_import(plan_t *self, ask_t *ask);

/* recipients.c */
void verb_recipient_show(plan_t *self, ask_t *ask);
void verb_recipient_export(plan_t *self, ask_t *ask);
void verb_audience_count(plan_t *self, ask_t *ask);

/* marks.c */
void verb_recipient_optout(plan_t *self, ask_t *ask);
void verb_recipient_good_address(plan_t *self, ask_t *ask);

/* template_verbs.c */
void verb_template_put(plan_t *self, ask_t *ask);
void verb_template_list(plan_t *self, ask_t *ask);
void verb_template_show(plan_t *self, ask_t *ask);
void verb_template_preview(plan_t *self, ask_t *ask);

/* broadcasts.c */
void verb_broadcast_draft(plan_t *self, ask_t *ask);
void verb_broadcast_list(plan_t *self, ask_t *ask);
void verb_broadcast_show(plan_t *self, ask_t *ask);

/* explain.c */
void verb_broadcast_explain(plan_t *self, ask_t *ask);

/* moves.c */
void verb_broadcast_submit(plan_t *self, ask_t *ask);
void verb_broadcast_approve(plan_t *self, ask_t *ask);
void verb_broadcast_reject(plan_t *self, ask_t *ask);
void verb_broadcast_send(plan_t *self, ask_t *ask);
void verb_broadcast_pause(plan_t *self, ask_t *ask);
void verb_broadcast_resume(plan_t *self, ask_t *ask);
void verb_broadcast_cancel(plan_t *self, ask_t *ask);

/* unknown.c */
void verb_broadcast_unknown(plan_t *self, ask_t *ask);
void verb_broadcast_order(plan_t *self, ask_t *ask);

/* worker_verbs.c */
void verb_workers(plan_t *self, ask_t *ask);
void verb_worker_drain(plan_t *self, ask_t *ask);

/* gateway_verbs.c */
void verb_gateways(plan_t *self, ask_t *ask);
void verb_gateway_set(plan_t *self, ask_t *ask);

/* status_verbs.c */
void verb_queue(plan_t *self, ask_t *ask);
void verb_status(plan_t *self, ask_t *ask);
void verb_audit(plan_t *self, ask_t *ask);
void verb_ready(plan_t *self, ask_t *ask);

/* reply_verbs.c */
void verb_replies(plan_t *self, ask_t *ask);

/* unsubscribe.c */
void verb_unsubscribe(plan_t *self, ask_t *ask);

/* What several verbs need: the broadcast or recipient of the argument `id`; the ask is refused when
 * there is none. */
broadcast_t *ask_broadcast(plan_t *self, ask_t *ask);
bool ask_recipient(plan_t *self, ask_t *ask, const char *argument, recipient_t *recipient);
/* One page: `from` the first wanted item. */
void ask_answer_items(plan_t *self, ask_t *ask, json_t *items, const char *next);

/* recipients.c: as docs/http-api.md shows one, addresses masked. */
json_t *recipient_view(const plan_t *self, const recipient_t *recipient);
/* recipients.c: why the channel would not reach the recipient; NULL: it would. */
const char *recipient_suppressed(const plan_t *self, uint32_t ordinal, cr_channel_t channel);
/* A masked address, "" when there is none. */
const char *recipient_masked(const plan_t *self, uint32_t ordinal, cr_channel_t channel,
                             char out[80]);

const char *address_masked(cr_slice_t address, cr_channel_t channel, char out[80]);

#endif
