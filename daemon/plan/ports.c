/* The sockets to ledger and dispatch: what goes out, and which ask goes on when it comes back. */
#include <inttypes.h>

#include "cr_clock.h"
#include "cr_log.h"
#include "internal.h"

static void
send_ops(plan_t *self)
{
    while (self->ops_out < PLAN_OPS_MAX && zlist_size(self->ops) > 0) {
        ledger_op_t *op = zlist_pop(self->ops);
        self->ops_out++;
        ledger_send(self->ledger, &op);
    }
}

void
ports_store(plan_t *self, ledger_op_t *op)
{
    zlist_append(self->ops, op);
    send_ops(self);
}

/* A newer daemon owns the store: nothing that we would still say is true. The program ends when it
 * hears of it from the ledger. */
static void
halt(plan_t *self)
{
    if (self->halted)
        return;
    self->halted = true;
    cr_log(CR_LOG_ERR, "plan_halted", "epoch=%" PRIu64 " reason=\"a newer daemon has taken over\"",
           self->epoch);
}

static void
fail(plan_t *self, ask_t *ask)
{
    cr_fault_t fault;
    if (ask->keeping) { /* what was asked is done; only the answer could not be kept */
        ask_deliver(self, ask);
        return;
    }
    if (ask->undo)
        ask->undo(self, ask);
    cr_fault_set(&fault, CR_AGAIN, "%s",
                 ask->store_err == CR_CONFLICT ? "another daemon has taken over"
                                               : "the store is away; nothing was changed");
    ask->answer.http_status = 503;
    ask_refuse(self, ask, &fault, NULL);
}

/* Nobody waits for an op without an ask: a mark that was learned, or a count that comes again. */
static void
absorb(plan_t *self, ledger_op_t *op)
{
    ask_t *ask = op->cookie;
    if (op->err == CR_CONFLICT)
        halt(self);
    if (!ask && op->kind == LEDGER_MARK_PUT)
        marks_saved(self, op);
    if (!ask)
        return;
    if (op->err != CR_OK && ask->store_err == CR_OK)
        ask->store_err = op->err;
    if (op->err == CR_OK && ask->each)
        ask->each(self, ask, op);
    if (--ask->outstanding > 0)
        return;
    if (ask->store_err == CR_OK)
        ask->step(self, ask, op);
    else
        fail(self, ask);
}

static bool
is_readable(zsock_t *socket)
{
    return (zsock_events(socket) & ZMQ_POLLIN) != 0;
}

int
ports_on_ledger(zloop_t *loop, zsock_t *socket, void *plan)
{
    plan_t *self = plan;
    (void)loop;
    while (is_readable(socket)) {
        ledger_op_t *op = ledger_receive(socket);
        if (!op)
            break;
        self->ops_out--;
        absorb(self, op);
        ledger_op_destroy(&op);
        send_ops(self);
    }
    return 0;
}

void
ports_tell(plan_t *self, dispatch_message_t *message)
{
    dispatch_send(self->dispatch, &message);
}

static void
hear(plan_t *self, dispatch_message_t *message)
{
    ask_t *ask = message->cookie;
    if (ask)
        ask->heard(self, ask, message);
    else if (message->kind == DISPATCH_COUNTS || message->kind == DISPATCH_DONE)
        sending_counts(self, message);
    else if (message->kind == DISPATCH_MARK)
        marks_learned(self, message);
    else if (message->kind == DISPATCH_USED)
        gateways_used(self, message);
    else if (message->kind == DISPATCH_REPLIES)
        replies_heard(self, message);
    else if (message->kind == DISPATCH_WANT)
        late_want(self, message->id);
    else if (message->kind == DISPATCH_STOP)
        self->drained = true;
}

int
ports_on_dispatch(zloop_t *loop, zsock_t *socket, void *plan)
{
    (void)loop;
    while (is_readable(socket)) {
        dispatch_message_t *message = dispatch_receive(socket);
        if (!message)
            break;
        hear(plan, message);
        dispatch_message_destroy(&message);
    }
    return 0;
}
