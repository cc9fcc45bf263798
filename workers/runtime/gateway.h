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
#include "runtime/outcome.h"
#include "runtime/receipts.h"
#include "runtime/render.h"

typedef void gateway_done_fn(void *context, const outcome_t *outcome);

typedef struct {
    const char *name; /* unique in the office, shown to people: "aliyun" */
    cr_channel_t channel;
    bool idempotent;     /* submitting the same reference twice delivers once */
    bool gives_receipts; /* ACCEPTED is followed by one */
    bool by_id;          /* and it carries the gateway's id instead of our reference */

    /* `config` is the program's struct. `window` bounds submits under way. */
    cr_err_t (*open)(zloop_t *loop, const void *config, uint32_t window, void **gateway,
                     cr_fault_t *fault);
    void (*close)(void **gateway_p);
    /* CR_NOMEM: nothing was submitted. Any other error is a refusal of the message itself. */
    cr_err_t (*submit)(void *gateway, const message_t *message, gateway_done_fn *done,
                       void *context);
    /* A request to the listener: receipts go to `receipts`; the reply is given when they are
     * acknowledged. NULL where the gateway pushes nothing. */
    push_reply_t (*push)(void *gateway, const push_t *push, receipts_t *receipts);
} gateway_kind_t;

#endif
