/* The thread: sockets, loop, and the order in which things end. */
#include "dispatch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../metrics.h"
#include "actor.h"
#include "zap.h"

#ifndef ZMQ_ZAP_ENFORCE_DOMAIN /* zmq.h hides it among the drafts; libzmq 4.3 knows it always */
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#define PLAN_ENDPOINT "inproc://dispatch"

enum {
    HANDSHAKE_MS = 5000, /* a thousand at once need some seconds of a busy machine */
    KEEPALIVE_S = 5,
    HIGH_WATER = 256, /* messages to or from one worker */
    PUBLISH_MS = 100,
    IDLE_MS = 1000,
};

core_time_t
actor_now(void)
{
    return (core_time_t){cr_clock_mono_us(), cr_clock_wall_us()};
}

/* Where the broadcast is or would be. */
static size_t
place_of(const actor_t *self, uint64_t id)
{
    size_t low = 0, high = self->notice_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (self->notices[middle]->spec->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

notice_t *
actor_find(const actor_t *self, uint64_t broadcast)
{
    size_t at = place_of(self, broadcast);
    bool here = at < self->notice_count && self->notices[at]->spec->id == broadcast;
    return here ? self->notices[at] : NULL;
}

cr_err_t
actor_add(actor_t *self, notice_t **notice_p)
{
    if (self->notice_count == self->notice_capacity) {
        size_t capacity = self->notice_capacity > 0 ? self->notice_capacity * 2 : 64;
        notice_t **grown = realloc(self->notices, capacity * sizeof *grown);
        if (!grown)
            return CR_NOMEM;
        self->notices = grown;
        self->notice_capacity = capacity;
    }
    size_t at = place_of(self, (*notice_p)->spec->id);
    memmove(self->notices + at + 1, self->notices + at,
            (self->notice_count - at) * sizeof *self->notices);
    self->notices[at] = *notice_p;
    self->notice_count++;
    *notice_p = NULL;
    return CR_OK;
}

void
actor_remove(actor_t *self, size_t at)
{
    notice_destroy(&self->notices[at]);
    self->notice_count--;
    memmove(self->notices + at, self->notices + at + 1,
            (self->notice_count - at) * sizeof *self->notices);
}

/* -- sockets ------------------------------------------------------------------------------------ */

static bool
set_options(zsock_t *router)
{
    const struct {
        int option, value;
    } options[] = {
        {ZMQ_ROUTER_MANDATORY, 1},
        {ZMQ_ROUTER_HANDOVER, 1},
        {ZMQ_CURVE_SERVER, 1},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_SNDHWM, HIGH_WATER},
        {ZMQ_RCVHWM, HIGH_WATER},
        {ZMQ_LINGER, 0},
        /* Not ZMTP's heartbeats: libzmq 4.3.4 aborts when their timer finds a connection that broke
         * while its input was held back, and any peer can bring that about. */
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_S},
        {ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_S},
        {ZMQ_TCP_KEEPALIVE_CNT, 3},
        {ZMQ_ZAP_ENFORCE_DOMAIN, 1},
    };
    const int64_t message_max = CR_WIRE_FRAME_MAX;
    void *raw = zsock_resolve(router);
    for (size_t i = 0; i < CR_COUNT(options); i++)
        if (zmq_setsockopt(raw, options[i].option, &options[i].value, sizeof options[i].value) != 0)
            return false;
    return zmq_setsockopt(raw, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max) == 0 &&
           zmq_setsockopt(raw, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN)) == 0;
}

static cr_err_t
open_router(actor_t *self, cr_fault_t *fault)
{
    zcert_t *cert;
    cr_err_t err = cr_keys_load_curve(self->config.secret_key_file, &cert, fault);
    if (err != CR_OK)
        return err;
    self->router = zsock_new(ZMQ_ROUTER);
    CR_ASSERT(self->router);
    zcert_apply(cert, self->router);
    zcert_destroy(&cert);
    if (!set_options(self->router))
        return cr_fault_set(fault, CR_CONFLICT, "wire: this libzmq lacks an option we rely on");
    if (zsock_bind(self->router, "%s", self->config.endpoint) < 0) {
        int why = errno;
        return cr_fault_set(fault, why == EADDRINUSE ? CR_AGAIN : CR_IO, "wire.endpoint %s: %s",
                            self->config.endpoint, zmq_strerror(why));
    }
    return CR_OK;
}

static cr_err_t
open_core(actor_t *self, cr_fault_t *fault)
{
    core_config_t config = {
        .epoch = self->epoch,
        .seed = (uint64_t)cr_clock_wall_us(),
        .lease_us = self->config.lease_ms * CR_US_PER_MS,
        .retry_first_us = self->config.retry_first_ms * CR_US_PER_MS,
        .retry_max_us = self->config.retry_max_ms * CR_US_PER_MS,
        .attempts_max = (unsigned)self->config.attempts_max,
        .zone_us = cr_clock_zone_us(cr_clock_wall_us()),
    };
    core_actions_t actions = {.context = self};
    cr_wire_pool_init(&self->addresses);
    outbound_actions(&actions);
    screening_actions(&actions);
    store_actions(&actions);
    orders_actions(&actions);
    self->core = core_new(&config, &actions);
    self->directory = directory_new();
    self->waiting = zlist_new();
    self->finds = store_finds(self);
    return self->core && self->directory && self->waiting && self->finds
               ? screening_open(self, fault)
               : cr_fault_set(fault, CR_NOMEM, "out of memory");
}

void
dispatch_close(dispatch_t **self_p)
{
    actor_t *self = *self_p;
    if (!self)
        return;
    if (self->router)
        zap_unwatch(self->router);
    zsock_destroy(&self->router);
    zactor_destroy(&self->zap);
    for (ledger_op_t *op; self->waiting && (op = zlist_pop(self->waiting)) != NULL;)
        ledger_op_destroy(&op);
    zlist_destroy(&self->waiting);
    core_destroy(&self->core);
    finds_destroy(&self->finds);
    for (size_t i = 0; i < self->notice_count; i++)
        notice_destroy(&self->notices[i]);
    free(self->notices);
    screening_close(self);
    directory_unref(&self->directory);
    dispatch_message_destroy(&self->stop);
    outbound_fini(self);
    free(self);
    *self_p = NULL;
}

/* -- the loop ----------------------------------------------------------------------------------- */

/* The answer to STOP is the last that plan hears. */
static void
publish(actor_t *self)
{
    int64_t now = cr_clock_mono_us();
    if (self->stopped)
        return;
    orders_tell_done(self);
    if (now >= self->publish_us) {
        self->publish_us = now + PUBLISH_MS * CR_US_PER_MS;
        screening_tick(self, cr_clock_wall_us());
        orders_publish(self);
        finds_tick(self->finds, actor_now());
        watch_tick(self, actor_now());
    }
    self->stopped = self->stop && store_is_idle(self);
    if (self->stopped)
        orders_answer(self, &self->stop);
}

static long
wait_ms(const actor_t *self, int64_t due_us)
{
    int64_t now = cr_clock_mono_us();
    int64_t next = self->stopped || due_us < self->publish_us ? due_us : self->publish_us;
    if (next <= now)
        return 0;
    int64_t ms = (next - now) / CR_US_PER_MS + 1;
    return ms < IDLE_MS ? (long)ms : IDLE_MS;
}

static void
serve(actor_t *self)
{
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->router)}, /* when it serves */
        {.socket = zsock_resolve(self->ledger), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->plan), .events = ZMQ_POLLIN},
    };
    int64_t due_us = 0;
    while (zmq_poll(items, CR_COUNT(items), wait_ms(self, due_us)) >= 0 || errno == EINTR) {
        if (items[0].revents & ZMQ_POLLIN)
            return;
        store_take(self);
        orders_take(self);
        if (self->serves)
            inbound_take(self);
        store_answer_finds(self);
        items[1].events = self->serves ? ZMQ_POLLIN : 0;
        due_us = core_tick(self->core, actor_now());
        if (finds_has_answers(self->finds))
            due_us = 0;
        publish(self);
    }
}

static void
thread_main(zsock_t *pipe, void *context)
{
    actor_t *self = context;
    self->pipe = pipe;
    pthread_setname_np(pthread_self(), "dispatch"); /* as top and perf show it */
    self->plan = zsock_new_pair("@" PLAN_ENDPOINT);
    self->ledger = zsock_new_pair(">inproc://ledger-dispatch");
    zsock_signal(pipe, 0);
    if (self->plan && self->ledger)
        serve(self);
    /* The name is given back at once: closing a socket does that only some time later. */
    if (self->plan)
        zsock_unbind(self->plan, PLAN_ENDPOINT);
    zsock_destroy(&self->plan);
    zsock_destroy(&self->ledger);
    dispatch_close(&self);
}

cr_err_t
dispatch_open(const dispatch_config_t *config, dispatch_t **self_p, char **endpoint,
              cr_fault_t *fault)
{
    actor_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    self->config = *config;
    cr_err_t err = zap_start(config->workers_dir, &self->zap, fault);
    if (err == CR_OK)
        err = open_router(self, fault);
    if (err != CR_OK) {
        dispatch_close(&self);
        return err;
    }
    *endpoint = zsock_last_endpoint(self->router);
    *self_p = self;
    return CR_OK;
}

cr_err_t
dispatch_let_in(dispatch_t *self, cr_fault_t *fault)
{
    if (!zap_watch(self->zap, self->router))
        return cr_fault_set(fault, CR_NOMEM, "wire: the port cannot be watched");
    zap_open(self->zap);
    return CR_OK;
}

cr_err_t
dispatch_start(dispatch_t **self_p, uint64_t epoch, zactor_t **actor, cr_fault_t *fault)
{
    actor_t *self = *self_p;
    self->epoch = epoch;
    cr_err_t err = open_core(self, fault);
    if (err != CR_OK)
        return err;
    *actor = zactor_new(thread_main, self);
    if (!*actor)
        return cr_fault_set(fault, CR_NOMEM, "dispatch could not be started");
    *self_p = NULL;
    return CR_OK;
}
