/*
 * line - one connection of a gateway on the loop: its socket, its session, and coming back
 *
 * What is decided is decided in the session; here bytes are moved and time is passed on. A line
 * that broke is tried again after one second, then after twice as long each time, up to half a
 * minute; each wait is shortened at random, so that not all come back at once.
 *
 * Ownership  borrows peer and rules; the events' context must outlive it.
 * Threads    the loop's.
 */
#ifndef LINE_H
#define LINE_H

#include <czmq.h>

#include "runtime/peer.h"
#include "session.h"

typedef struct line line_t;

typedef struct {
    session_events_t session; /* with the same context */
    /* After everything that happened to the line: submit, write, sleep until the next is due. */
    void (*on_turn)(void *context);
} line_events_t;

typedef struct {
    zloop_t *loop;
    peer_t *peer;
    const char *gateway; /* its name, for logs */
    unsigned number;
} line_place_t;

line_t *line_new(const line_place_t *place, const session_rules_t *rules,
                 const line_events_t *events, void *context);
/* Says good-bye if the gateway still listens. */
void line_destroy(line_t **self_p);

session_t *line_session(line_t *self);
/* Whether it may come to take pieces by itself: it is up, or on its way there. */
bool line_is_coming(const line_t *self);
/* Changes with every connection: what was owed to an older one is owed to nobody. */
uint32_t line_generation(const line_t *self);
/* Writes what the session has for the gateway. */
void line_flush(line_t *self);
/* Returns when to call again. */
int64_t line_tick(line_t *self, int64_t now_us);

#endif
