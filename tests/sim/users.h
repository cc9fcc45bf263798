/*
 * users - people who start, pause, resume and cancel broadcasts, and recipients who opt out
 */
#ifndef USERS_H
#define USERS_H

#include "sim.h"

/* A new broadcast, if there is room for one more. */
void users_start(sim_t *self);
void users_pause(sim_t *self); /* or resumes */
void users_hold(sim_t *self);
void users_drain(sim_t *self);
void users_cancel(sim_t *self);
/* What has been over for long is let go of. */
void users_forget(sim_t *self);
/* What is unknown is sent again, or taken as sent. */
void users_order(sim_t *self);
void users_opt_out(sim_t *self);
/* Priority, weight, quota or pause of a gateway. */
void users_rule(sim_t *self);
/* Nothing is paused, held, drained or at the end of its quota any more. */
void users_resume_all(sim_t *self);
/* To a new daemon, what plan knows of. */
void users_tell_again(sim_t *self);

#endif
