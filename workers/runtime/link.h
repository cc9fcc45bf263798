/*
 * link - the worker's line to the daemon: a DEALER with CURVE that heals itself
 *
 * Says Hello after every handshake and until a Welcome comes, pings when idle, opens a new socket
 * when the daemon is silent, and waits a random while before that so that a thousand workers do not
 * come back at once. Of several daemons only the active one lets us in: it goes from one to the next
 * until it is welcomed. What must not be lost is repeated by whoever sends it: a message that cannot
 * be queued at once is dropped here.
 *
 * Ownership  on_frame owns the frame it gets.
 * Threads    none: one link belongs to one loop.
 * Source     docs/protocol.md sections 1, 2 and 7.
 * Limits     frames of 4 MiB; 1,000 messages queued each way.
 */
#ifndef LINK_H
#define LINK_H

#include <czmq.h>

#include "cr_wire.h"

typedef struct link_line link_t;

typedef struct {
    const char *worker;          /* name, routing id */
    const char *endpoint;        /* or several, with commas between them */
    const char *public_key_file; /* the daemon's certificate */
    const char *secret_key_file; /* ours */
} link_config_t;

typedef struct {
    /* Fills what only the worker knows; the lists must live until the call on_hello was made from
     * returns to the loop. */
    void (*on_hello)(void *context, Crier__V1__Hello *hello);
    void (*on_welcome)(void *context, const Crier__V1__Welcome *welcome);
    /* Lease, Ack, ReceiptsAck, Revoke, and refusals that concern a lease. */
    void (*on_frame)(void *context, Crier__V1__Frame *frame);
    /* All frames of this turn have been given. */
    void (*on_turn)(void *context);
    /* The daemon will not have us: wrong name or version. `text` says why. */
    void (*on_rejected)(void *context, const char *text);
} link_events_t;

/* NULL with a fault: a key cannot be used, the endpoint is none. */
link_t *link_new(zloop_t *loop, const link_config_t *config, const link_events_t *events,
                 void *context, cr_fault_t *fault);
void link_destroy(link_t **self_p);

/* False: not welcomed, or the queue is full; it is to be sent again later. */
bool link_send(link_t *self, Crier__V1__Frame *frame);
bool link_is_up(const link_t *self);
/* Heartbeats, Hello again, a new socket. Returns when to be called next. */
int64_t link_tick(link_t *self, int64_t now_us);

#endif
