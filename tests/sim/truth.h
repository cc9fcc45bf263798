/*
 * truth - the rules that hold whatever fails, and who broke one
 *
 * The first rule that breaks ends the run. Rules about one byte, lease or acknowledgement are
 * checked when it moves, at little cost; truth_check looks at everything and is called now and then
 * and at the end, in case the core forgot to say that something changed.
 */
#ifndef TRUTH_H
#define TRUTH_H

#include "sim.h"

enum { TRUTH_NO_RANK = UINT32_MAX };

/* `broadcast`: NULL where it concerns none. */
void truth_break(sim_t *self, rule_t rule, const broadcast_t *broadcast, int channel,
                 uint32_t rank);
const char *truth_rule_name(rule_t rule);
const char *truth_rule_text(rule_t rule);

/* What the core says has changed since the last call. */
void truth_follow(sim_t *self);
/* Everything. */
void truth_check(sim_t *self);
/* The core has decided on this lease; it leaves now or when it is stored. */
void truth_leased(sim_t *self, const worker_t *worker, const core_lease_t *lease);
/* It leaves. */
void truth_sent(sim_t *self, const grant_t *grant, const core_lease_t *lease);
void truth_acknowledged(sim_t *self, grant_t *grant, uint32_t sequence, uint32_t intent);
void truth_lost(sim_t *self, grant_t *grant, const core_loss_t *loss);
void truth_done(sim_t *self, broadcast_t *broadcast);
/* A gateway accepted one message. */
void truth_accepted(sim_t *self, const grant_t *grant, uint32_t rank);

#endif
