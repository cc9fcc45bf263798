/*
 * says - what the core says: judged, hashed, and put on the wire or into the store
 */
#ifndef SAYS_H
#define SAYS_H

#include "sim.h"

void says_actions(sim_t *self, core_actions_t *actions);
/* Puts a frame on its way to `event->worker`, if it is not lost. */
void says_frame(sim_t *self, const event_t *event);

#endif
