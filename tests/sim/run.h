/*
 * run - one life of the world: faults for some steps, then none, until everything has come to its end
 */
#ifndef RUN_H
#define RUN_H

#include "sim.h"

/* Ends after `step_limit` steps at the latest (0: none). False: a rule is broken. */
bool run(sim_t *self, uint64_t seed, uint64_t step_limit);

#endif
