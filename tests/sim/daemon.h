/*
 * daemon - the core's life: what it is told, what becomes of what it says, its crashes and returns
 *
 * The thin edge of crierd, played: it delivers events, ticks when the core asks for it (or late),
 * puts actions on the wire and into the store, and starts a new core from the store alone.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "sim.h"

/* The core begins with what the store has. */
void daemon_start(sim_t *self);
/* The user's new broadcast. */
void daemon_begin(sim_t *self, broadcast_t *broadcast);
/* Kill -9, or an end in good order, in which all that is under way is stored. */
void daemon_crash(sim_t *self, bool in_order);
/* After the core was told something: what must hold is checked, and it will be ticked. */
void daemon_stepped(sim_t *self);
/* It hangs: the event will come again. */
bool daemon_is_late(sim_t *self, const event_t *event);
/* Events. */
void daemon_on_frame(sim_t *self, const event_t *event);
void daemon_on_tick(sim_t *self, const event_t *event);

#endif
