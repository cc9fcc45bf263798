/*
 * quiet - the hours in which nobody is disturbed, and whom they hold
 *
 * Held is not dropped: what quiet hours keep back goes out at their end, or expires. Emergencies are
 * never held, drills neither, as they reach nobody; a broadcast may be let through by its draft.
 *
 * Time       callers pass it; hours are those of the office's zone (cr_clock_set_zone).
 * Threads    none: values in, values out.
 */
#ifndef QUIET_H
#define QUIET_H

#include "cr_clock.h"
#include "cr_id.h"

typedef struct {
    const char *from, *until; /* "21:00"; both empty or NULL: there are none */
    bool urgent;              /* hold the lane urgent, too */
} quiet_config_t;

typedef struct {
    int from, until; /* minutes of the day; equal: there are none */
    bool urgent;
} quiet_t;

/* CR_INVAL names the option. */
cr_err_t quiet_parse(const quiet_config_t *config, quiet_t *self, cr_fault_t *fault) CR_MUST_USE;
/* When the quiet hours end that this moment lies in; 0: it lies in none. */
int64_t quiet_until(const quiet_t *self, int64_t wall_us);
/* Whether such a broadcast waits for their end. */
bool quiet_holds(const quiet_t *self, cr_lane_t lane, bool drill, bool let_through);

#endif
