/*
 * gateway - what a kind of gateway is to the runtime: a table of functions
 *
 * The runtime holds leases, pace, reports and receipts; a kind only turns one message into one
 * submit and an answer into an outcome. docs/new-gateway.md shows how a kind is added.
 *
 * Loop       everything is called from the loop's thread; `done` exactly once for each submit that
 *            returned CR_OK, from the loop and never from inside submit. An answer that does not
 *            come is the kind's own deadline: UNKNOWN, or RETRY if nothing left this host.
 * Ownership  a message lives until submit returns.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include <czmq.h>

#include "runtime/listener.h"
#include "runtime/news.h"
#include "runtime/outcome.h"
#include "runtime/render.h"

typedef void gateway_done_fn(void *context, const outcome_t *outcome);

/* What the runtime gives a gateway; lives longer than it. */
typedef struct {
    zloop_t *loop;
    const void *config; /* the program's struct */
    uint32_t window;    /* bounds submits under way */
    news_t *news;       /* for what the gateway says by itself */
    void *runtime;
    void (*wake)(void *runtime); /* after news that came by no push */
    /* For so long nothing is submitted and no lease is held: others of the channel may take them. */
    void (*close_for)(void *runtime, int64_t us);
} gateway_port_t;

typedef struct {
    const char *name; /* unique in the office, shown to people: "aliyun" */
    cr_channel_t channel;
    bool idempotent;     /* submitting the same reference twice delivers once */
    bool gives_receipts; /* ACCEPTED is followed by one */
    bool by_id;          /* and it carries the gateway's id instead of our reference */

    cr_err_t (*open)(const gateway_port_t *port, void **gateway, cr_fault_t *fault);
    void (*close)(void **gateway_p);
    /* CR_NOMEM: nothing was submitted. Any other error is a refusal of the message itself. */
    cr_err_t (*submit)(void *gateway, const message_t *message, gateway_done_fn *done,
                       void *context);
    /* After one submit or several in a row: what was only collected goes out now. NULL: nothing is. */
    void (*flush)(void *gateway);
    /* A request to the listener: what it says goes to the port's news; a reply of 200 is given when
     * that is acknowledged. NULL where the gateway pushes nothing. */
    push_reply_t (*push)(void *gateway, const push_t *push);
    /* What news_wait was told to wait for is acknowledged. NULL: the kind never waits itself. */
    void (*taken)(void *gateway, uint64_t ticket);
    /* Logs what the kind holds, for `event=state`. NULL: nothing. */
    void (*dump)(const void *gateway);
} gateway_kind_t;

#endif
