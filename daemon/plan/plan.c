/* The actor: what it is made of, its loop, how it starts and ends. */
#include "plan.h"

#include <pthread.h>
#include <stdlib.h>

#include "cr_clock.h"
#include "cr_handover.h"
#include "internal.h"

enum { DRAIN_MS = 5000 };

static cr_err_t
build(plan_t *self, cr_fault_t *fault)
{
    self->users = users_new();
    self->templates = shelf_new();
    self->history = zlist_new();
    self->open = zlistx_new();
    self->ops = zlist_new();
    self->replies = zlist_new();
    self->unsubscribe = unsubscribe_new();
    self->off_duty = json_object();
    self->gateways = json_object();
    bool complete = self->off_duty && self->gateways && self->users && self->templates &&
                    self->history && self->open && self->ops && self->replies && self->unsubscribe;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        self->unsaved[channel] = roaring_bitmap_create();
        self->pardoned[channel] = roaring_bitmap_create();
        complete = complete && self->unsaved[channel] && self->pardoned[channel];
        for (int mark = 0; mark < LEDGER_MARK_COUNT; mark++) {
            self->marks[mark][channel] = roaring_bitmap_create();
            complete = complete && self->marks[mark][channel];
        }
    }
    return complete ? CR_OK : cr_fault_set(fault, CR_NOMEM, "out of memory");
}

cr_err_t
plan_new(const plan_config_t *config, const ledger_config_t *ledger_config, ledger_t *ledger,
         plan_t **self_p, cr_fault_t *fault)
{
    plan_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    self->config = *config;
    self->ledger_config = *ledger_config;
    self->epoch = ledger_epoch(ledger);
    self->started_mono_us = cr_clock_mono_us();
    cr_err_t err = quiet_parse(&config->quiet, &self->quiet, fault);
    if (err == CR_OK)
        err = build(self, fault);
    if (err == CR_OK)
        err = plan_load(self, ledger, fault);
    if (err != CR_OK) {
        plan_destroy(&self);
        return err;
    }
    *self_p = self;
    return CR_OK;
}

static void
bitmap_free(roaring_bitmap_t *bitmap)
{
    if (bitmap)
        roaring_bitmap_free(bitmap);
}

void
plan_destroy(plan_t **self_p)
{
    plan_t *self = *self_p;
    if (!self)
        return;
    zactor_destroy(&self->actor);
    cr_take_over(self);
    for (size_t i = 0; i < self->broadcast_count; i++)
        broadcast_destroy(&self->broadcasts[i]);
    free(self->broadcasts);
    history_destroy(self);
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        bitmap_free(self->unsaved[channel]);
        bitmap_free(self->pardoned[channel]);
        consent_fini(&self->consent[channel]);
        for (int mark = 0; mark < LEDGER_MARK_COUNT; mark++)
            bitmap_free(self->marks[mark][channel]);
    }
    directory_unref(&self->directory);
    json_decref(self->off_duty);
    json_decref(self->gateways);
    users_destroy(&self->users);
    shelf_destroy(&self->templates);
    zlistx_destroy(&self->open);
    zlist_destroy(&self->ops);
    zlist_destroy(&self->replies);
    unsubscribe_destroy(&self->unsubscribe);
    free(self);
    *self_p = NULL;
}

/* -- the actor's thread ------------------------------------------------------------------------- */

static int
on_asks(zloop_t *loop, zsock_t *socket, void *plan)
{
    plan_t *self = plan;
    ask_t *ask = ask_receive(zsock_resolve(socket), true);
    (void)loop;
    if (ask) {
        zlistx_add_end(self->open, ask);
        verbs_admit(self, ask);
    }
    return 0;
}

/* The only message is the one that ends the actor. */
static int
on_pipe(zloop_t *loop, zsock_t *pipe, void *plan)
{
    plan_t *self = plan;
    zmsg_t *message = zmsg_recv(pipe);
    (void)loop;
    zmsg_destroy(&message);
    self->stopping = true;
    return -1;
}

static zsock_t *
pair_to(const char *endpoint)
{
    zsock_t *socket = zsock_new(ZMQ_PAIR);
    CR_ASSERT(socket);
    /* What goes over it is bounded by what we have out, and must never block us. */
    zsock_set_sndhwm(socket, 0);
    zsock_set_rcvhwm(socket, 0);
    int failed = zsock_connect(socket, "%s", endpoint);
    CR_ASSERT(failed == 0);
    return socket;
}

static cr_err_t
no_thread(cr_fault_t *fault)
{
    return cr_fault_set(fault, CR_NOMEM, "plan's thread could not be started");
}

static cr_err_t
open_sockets(plan_t *self, cr_fault_t *fault)
{
    self->asks = zsock_new(ZMQ_ROUTER);
    self->loop = zloop_new();
    self->importer = importer_start(&self->importer_config);
    if (!self->asks || !self->loop || !self->importer)
        return no_thread(fault);
    zsock_set_router_mandatory(self->asks, 1);
    zsock_set_sndhwm(self->asks, 0);
    zsock_set_rcvhwm(self->asks, 0);
    self->ledger = pair_to("inproc://ledger-plan");
    self->dispatch = pair_to("inproc://dispatch");
    return zsock_bind(self->asks, "%s", ASK_ENDPOINT) == 0 ? CR_OK : no_thread(fault);
}

/* The name is given back at once: closing a socket does that only some time later. */
static void
close_sockets(plan_t *self)
{
    zloop_destroy(&self->loop);
    zactor_destroy(&self->importer);
    cr_take_over(&self->importer_config);
    if (self->asks)
        zsock_unbind(self->asks, "%s", ASK_ENDPOINT);
    zsock_destroy(&self->asks);
    zsock_destroy(&self->ledger);
    zsock_destroy(&self->dispatch);
}

/* Dispatch begins with the directory and the marks; broadcasts come after them, and then workers. */
static void
tell_dispatch(plan_t *self)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_DIRECTORY);
    CR_ASSERT(message);
    message->directory = directory_ref(self->directory);
    ports_tell(self, message);
    marks_begin(self);
    workers_tell_drained(self);
    gateways_tell(self);
    sending_restart(self);
    message = dispatch_message_new(DISPATCH_SERVE);
    CR_ASSERT(message);
    ports_tell(self, message);
}

static void
run(plan_t *self, zsock_t *pipe)
{
    zloop_set_nonstop(self->loop, true);
    zloop_reader(self->loop, pipe, on_pipe, self);
    zloop_reader(self->loop, self->asks, on_asks, self);
    zloop_reader(self->loop, self->ledger, ports_on_ledger, self);
    zloop_reader(self->loop, self->dispatch, ports_on_dispatch, self);
    zloop_reader(self->loop, zactor_sock(self->importer), imports_on_importer, self);
    zloop_timer(self->loop, (size_t)self->config.tick_ms, 0, schedule_on_tick, self);
    zloop_start(self->loop);
}

static bool
is_stored(const plan_t *self)
{
    return self->ops_out == 0;
}

static bool
is_drained(const plan_t *self)
{
    return self->drained && self->ops_out == 0;
}

static void
take_until(plan_t *self, bool (*is_done)(const plan_t *self), int64_t end_us)
{
    while (!is_done(self) && cr_clock_mono_us() < end_us) {
        zmq_pollitem_t items[] = {
            {.socket = zsock_resolve(self->dispatch), .events = ZMQ_POLLIN},
            {.socket = zsock_resolve(self->ledger), .events = ZMQ_POLLIN},
        };
        zmq_poll(items, CR_COUNT(items), 100);
        ports_on_dispatch(NULL, self->dispatch, self);
        ports_on_ledger(NULL, self->ledger, self);
    }
}

/* No new asks. What is on its way to the ledger may still begin something at dispatch, so dispatch
 * is stopped after it. */
static void
drain(plan_t *self)
{
    int64_t end_us = cr_clock_mono_us() + DRAIN_MS * CR_US_PER_MS;
    take_until(self, is_stored, end_us);
    dispatch_message_t *message = dispatch_message_new(DISPATCH_STOP);
    CR_ASSERT(message);
    ports_tell(self, message);
    take_until(self, is_drained, end_us);
}

/* Those whose answer will not come any more. */
static void
drop_open(plan_t *self)
{
    ask_t *ask;
    ledger_op_t *op;
    while ((ask = zlistx_detach(self->open, NULL)))
        ask_destroy(&ask);
    while ((op = zlist_pop(self->ops)))
        ledger_op_destroy(&op);
}

/* Dispatch sends again before the history is read. */
static cr_err_t
begin(plan_t *self, cr_fault_t *fault)
{
    cr_err_t err = open_sockets(self, fault);
    if (err != CR_OK)
        return err;
    tell_dispatch(self);
    return history_read(self, fault);
}

static void
actor(zsock_t *pipe, void *context)
{
    plan_t *self = context;
    pthread_setname_np(pthread_self(), "plan"); /* as top and perf show it */
    cr_err_t started = begin(self, self->start_fault);
    self->started = started;
    cr_hand_over(self);
    zsock_signal(pipe, started == CR_OK ? 0 : 1);
    if (started == CR_OK) {
        run(self, pipe);
        drain(self);
    }
    close_sockets(self);
    drop_open(self);
    cr_hand_over(self);
}

cr_err_t
plan_start(plan_t *self, cr_fault_t *fault)
{
    self->start_fault = fault;
    self->actor = zactor_new(actor, self);
    if (!self->actor)
        return no_thread(fault);
    cr_take_over(self);
    cr_err_t err = self->started;
    if (err != CR_OK)
        zactor_destroy(&self->actor);
    return err;
}
