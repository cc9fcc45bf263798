/*
 * scenario - faults that change by themselves, as a file says
 *
 * A libconfig file with a list of steps; each waits for its submits (of its own gateway) and its
 * time, then changes faults, in the order of the file:
 *
 *   steps = ( { channel = "sms"; throttle_per_s = 100; },
 *             { channel = "all"; after_submits = 1000; hang_up_after = 50; },
 *             { channel = "sms"; after_ms = 60000; throttle_per_s = 0; } );
 *
 * Steps are taken when a submit comes, so that those without a time are the same in each run.
 *
 * Time       an argument.
 * Limits     1,000 steps.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "cr_id.h"
#include "faults.h"

typedef struct scenario scenario_t;

/* CR_INVAL: names the file, the line and the member; CR_NOMEM. */
cr_err_t scenario_load(const char *file, scenario_t **self, cr_fault_t *fault) CR_MUST_USE;
void scenario_destroy(scenario_t **self_p);

/* Takes the steps of a channel that have come, before submit number `submits` (from 1). */
void scenario_advance(scenario_t *self, cr_channel_t channel, int64_t submits, int64_t elapsed_us,
                      fault_settings_t *settings);

#endif
