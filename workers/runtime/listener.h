/*
 * listener - where gateways push their receipts: a small HTTP server on the worker's own loop
 *
 * A request with a body is handed over whole. A reply may wait until the receipts are safe; the
 * connection sleeps meanwhile, and after a deadline the gateway is told to push again (503).
 *
 * Source     libmicrohttpd in external epoll mode: no thread, so nothing is shared.
 * Limits     256 connections, bodies of 1 MiB (413 beyond), 4 s for a reply, 15 s for a request.
 *            Bound to loopback unless told otherwise; TLS is the reverse proxy's.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <czmq.h>

#include "cr_base.h"

typedef struct listener listener_t;
typedef struct push push_t;

typedef struct {
    unsigned status;
    const char *type; /* media type */
    const char *body; /* borrowed until the push is answered */
} push_reply_t;

typedef struct {
    push_reply_t reply;
    bool waits; /* keep it until listener_release */
} push_verdict_t;

typedef push_verdict_t listener_on_push_fn(void *context, const push_t *push);

/* `port` 0: the kernel chooses. */
listener_t *listener_open(zloop_t *loop, const char *address, uint16_t port,
                          listener_on_push_fn *on_push, void *context, cr_fault_t *fault);
void listener_close(listener_t **self_p);
uint16_t listener_port(const listener_t *self);
/* The reply that waits under this ticket is given; nothing happens when its time is over. */
void listener_release(listener_t *self, uint64_t ticket);
/* Tells those who waited too long to push again. Call at least every second. */
void listener_tick(listener_t *self, int64_t now_us);

const char *push_method(const push_t *push);
const char *push_path(const push_t *push);
cr_slice_t push_body(const push_t *push);
/* A parameter of the query; "" when absent. */
const char *push_query(const push_t *push, const char *name);
uint64_t push_ticket(const push_t *push);

#endif
