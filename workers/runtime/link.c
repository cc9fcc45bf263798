#include "link.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_keys.h"
#include "cr_log.h"

enum { QUEUE_MAX = 1000, RECONNECT_MS = 100, RECONNECT_MAX_MS = 500, FRAMES_A_TURN = 64 };
enum { HEARTBEAT_MS = 1000, SILENCE_MS = 10000 }; /* until a Welcome says otherwise */
enum { ENDPOINT_MAX = 256, SILENT_HEARTBEATS = 3 };
static const int64_t hello_every_us = CR_US_PER_S, full_wait_us = 30 * CR_US_PER_S;
static const int64_t try_us = CR_US_PER_S; /* at one of several daemons */
static const uint32_t reopen_jitter_us = 500000, next_jitter_us = 200000;
static const uint32_t full_jitter_us = 10000000;

struct link_line {
    zloop_t *loop;
    link_config_t config;
    link_events_t events;
    void *context;
    zcert_t *own, *daemon;
    size_t endpoints, at; /* how many there are; the one we are at */
    zsock_t *socket;      /* NULL while it waits to be opened again */
    void *raw, *monitor;
    unsigned opened; /* sockets so far: a closed monitor's name is free only some time later */
    bool up;         /* welcomed since the socket was opened */
    int64_t hello_us, reopen_us;      /* when to do it */
    int64_t leave_us;                 /* for the next daemon, unless this one welcomes us */
    int64_t heard_us, said_us;        /* last traffic */
    int64_t heartbeat_us, silence_us; /* as the daemon wants them */
    cr_log_limit_t silent_limit, refused_limit;
};

/* ---- sending -------------------------------------------------------------------------------- */

static bool
send_frame(link_t *self, Crier__V1__Frame *frame)
{
    zmq_msg_t message;
    if (!self->socket || cr_wire_pack(frame, &message) != CR_OK)
        return false;
    if (zmq_msg_send(&message, self->raw, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&message);
        return false;
    }
    self->said_us = cr_clock_mono_us();
    return true;
}

bool
link_send(link_t *self, Crier__V1__Frame *frame)
{
    return self->up && send_frame(self, frame);
}

static void
say_hello(link_t *self, int64_t now_us)
{
    Crier__V1__Hello hello = CRIER__V1__HELLO__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_HELLO;
    frame.hello = &hello;
    hello.worker = (char *)(uintptr_t)self->config.worker;
    self->events.on_hello(self->context, &hello);
    send_frame(self, &frame);
    self->hello_us = now_us + hello_every_us;
}

/* Where there is another daemon, this one has so long to welcome us. */
static void
expect_welcome(link_t *self, int64_t now_us)
{
    self->up = false;
    self->leave_us = self->endpoints > 1 ? now_us + try_us : INT64_MAX;
}

static void
say_ping(link_t *self, int64_t now_us)
{
    Crier__V1__Ping ping = CRIER__V1__PING__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_PING;
    frame.ping = &ping;
    ping.stamp = (uint64_t)now_us;
    send_frame(self, &frame);
    self->said_us = now_us; /* also when it could not be sent: not again at once */
}

static void
close_socket(link_t *self)
{
    self->up = false;
    if (self->monitor) {
        zmq_pollitem_t item = {.socket = self->monitor};
        zloop_poller_end(self->loop, &item);
        zmq_socket_monitor(self->raw, NULL, 0);
        zmq_close(self->monitor);
        self->monitor = NULL;
    }
    if (self->socket)
        zloop_reader_end(self->loop, self->socket);
    zsock_destroy(&self->socket);
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void
take_welcome(link_t *self, const Crier__V1__Welcome *welcome)
{
    self->up = true;
    if (welcome->heartbeat_ms > 0)
        self->heartbeat_us = welcome->heartbeat_ms * CR_US_PER_MS;
    if (welcome->lease_ms > 0)
        self->silence_us = welcome->lease_ms * CR_US_PER_MS;
    cr_log(CR_LOG_INFO, "welcomed", "epoch=%llu dropped=%zu", (unsigned long long)welcome->epoch,
           welcome->n_dropped);
    self->events.on_welcome(self->context, welcome);
}

static void
take_ping(link_t *self, const Crier__V1__Ping *ping)
{
    Crier__V1__Pong pong = CRIER__V1__PONG__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_PONG;
    frame.pong = &pong;
    pong.stamp = ping->stamp;
    send_frame(self, &frame);
}

static void
log_refusal(link_t *self, const Crier__V1__Refusal *refusal)
{
    uint64_t suppressed;
    char text[160];
    if (cr_log_limit(&self->refused_limit, cr_clock_mono_us(), 1000, &suppressed))
        cr_log(CR_LOG_WARN, "refused", "reason=%d lease=%llu text=%s suppressed=%llu",
               (int)refusal->reason, (unsigned long long)refusal->lease,
               cr_log_value(cr_slice_of(refusal->text), text), (unsigned long long)suppressed);
}

/* True when the refusal is about the line itself and not about a lease. */
static bool
take_refusal(link_t *self, const Crier__V1__Refusal *refusal)
{
    int64_t now_us = cr_clock_mono_us();
    switch (refusal->reason) {
    case CRIER__V1__REFUSAL__REASON__UNKNOWN_WORKER:
        expect_welcome(self, now_us);
        if (self->hello_us - now_us < hello_every_us * 9 / 10) /* not one for each refusal */
            say_hello(self, now_us);
        return true;
    case CRIER__V1__REFUSAL__REASON__FULL:
        log_refusal(self, refusal);
        close_socket(self);
        self->reopen_us = now_us + full_wait_us + (int64_t)randombytes_uniform(full_jitter_us);
        return true;
    case CRIER__V1__REFUSAL__REASON__WRONG_NAME:
    case CRIER__V1__REFUSAL__REASON__BAD_VERSION:
        log_refusal(self, refusal);
        self->events.on_rejected(self->context, refusal->text);
        return true;
    default:
        log_refusal(self, refusal);
        return refusal->lease == 0;
    }
}

/* Takes the frame. */
static void
take_frame(link_t *self, Crier__V1__Frame *frame)
{
    bool done = true;
    switch (frame->body_case) {
    case CRIER__V1__FRAME__BODY_WELCOME:
        take_welcome(self, frame->welcome);
        break;
    case CRIER__V1__FRAME__BODY_PING:
        take_ping(self, frame->ping);
        break;
    case CRIER__V1__FRAME__BODY_PONG:
        break;
    case CRIER__V1__FRAME__BODY_REFUSAL:
        done = take_refusal(self, frame->refusal);
        break;
    default:
        done = false;
    }
    if (done)
        cr_wire_free(&frame);
    else
        self->events.on_frame(self->context, frame);
}

/* False when nothing is waiting. */
static bool
receive(link_t *self)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    bool received = zmq_msg_recv(&message, self->raw, ZMQ_DONTWAIT) >= 0;
    Crier__V1__Frame *frame = NULL;
    cr_err_t err = CR_OK;
    if (received) {
        self->heard_us = cr_clock_mono_us();
        err = cr_wire_unpack(zmq_msg_data(&message), zmq_msg_size(&message), &frame);
    }
    zmq_msg_close(&message);
    if (err != CR_OK)
        cr_log(CR_LOG_WARN, "garbage", "from=daemon reason=%s", cr_err_name(err));
    if (frame)
        take_frame(self, frame);
    return received;
}

static int
on_socket(zloop_t *loop, zsock_t *socket, void *context)
{
    (void)loop;
    link_t *self = context;
    for (int i = 0; i < FRAMES_A_TURN && self->socket == socket && receive(self); i++)
        ;
    self->events.on_turn(self->context);
    return 0;
}

/* ---- the socket ----------------------------------------------------------------------------- */

/* Event frame: 16-bit event, 32-bit value; then a frame with the address. Whatever is no handshake is
 * a line that ended, or one that a daemon refused because it is not the active one. */
static int
on_monitor(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    link_t *self = context;
    uint8_t event[6];
    char address[256];
    if (zmq_recv(self->monitor, event, sizeof event, ZMQ_DONTWAIT) < (int)sizeof event)
        return 0;
    zmq_recv(self->monitor, address, sizeof address, ZMQ_DONTWAIT);
    uint16_t kind;
    memcpy(&kind, event, sizeof kind);
    int64_t now_us = cr_clock_mono_us();
    expect_welcome(self, now_us);
    if (kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        say_hello(self, now_us);
    else if (self->endpoints > 1)
        self->leave_us = now_us;
    return 0;
}

/* Between one and two times as long. */
static int
jitter(int ms)
{
    return ms + (int)randombytes_uniform((uint32_t)ms);
}

static void
set_options(link_t *self)
{
    zsock_set_identity(self->socket, self->config.worker);
    zsock_set_linger(self->socket, 0);
    zsock_set_sndhwm(self->socket, QUEUE_MAX);
    zsock_set_rcvhwm(self->socket, QUEUE_MAX);
    zsock_set_maxmsgsize(self->socket, CR_WIRE_FRAME_MAX);
    zsock_set_immediate(self->socket, 1); /* queue only for a line that stands */
    /* libzmq's own jitter is one interval; with the same one everywhere all would come at once. */
    zsock_set_reconnect_ivl(self->socket, jitter(RECONNECT_MS));
    zsock_set_reconnect_ivl_max(self->socket, jitter(RECONNECT_MAX_MS));
    zsock_set_handshake_ivl(self->socket, 5000);
    /* No heartbeats of ZMTP: a broken connection whose input is held back makes libzmq 4.3.4 abort
     * when their timer runs. Silence is noticed by our own pings. */
    zcert_apply(self->own, self->socket);
    zsock_set_curve_serverkey(self->socket, zcert_public_txt(self->daemon));
}

static bool
open_monitor(link_t *self)
{
    char where[64];
    snprintf(where, sizeof where, "inproc://link-%p-%u", (void *)self, self->opened++);
    if (zmq_socket_monitor(self->raw, where,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                               ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) != 0)
        return false;
    self->monitor = zmq_socket(zsys_init(), ZMQ_PAIR);
    int linger = 0;
    if (!self->monitor || zmq_setsockopt(self->monitor, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_connect(self->monitor, where) != 0)
        return false;
    zmq_pollitem_t item = {.socket = self->monitor, .events = ZMQ_POLLIN};
    return zloop_poller(self->loop, &item, on_monitor, self) == 0;
}

/* Number `index` of the list; false when there are not so many, or it is too long. */
static bool
endpoint_at(const char *list, size_t index, char out[ENDPOINT_MAX])
{
    for (; index > 0 && list; index--)
        list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL;
    if (!list)
        return false;
    list += strspn(list, " ");
    size_t length = strcspn(list, ", ");
    return snprintf(out, ENDPOINT_MAX, "%.*s", (int)length, list) < ENDPOINT_MAX;
}

static cr_err_t
open_socket(link_t *self, int64_t now_us)
{
    char endpoint[ENDPOINT_MAX];
    if (!endpoint_at(self->config.endpoint, self->at, endpoint))
        return CR_INVAL;
    self->socket = zsock_new(ZMQ_DEALER);
    if (!self->socket)
        return CR_NOMEM;
    self->raw = zsock_resolve(self->socket);
    set_options(self);
    self->heard_us = now_us;
    self->hello_us = INT64_MAX; /* said after the handshake */
    expect_welcome(self, now_us);
    if (!open_monitor(self) || zloop_reader(self->loop, self->socket, on_socket, self) != 0)
        return CR_NOMEM;
    return zsock_connect(self->socket, "%s", endpoint) == 0 ? CR_OK : CR_INVAL;
}

static void
reopen_later(link_t *self, int64_t now_us)
{
    uint64_t suppressed;
    if (cr_log_limit(&self->silent_limit, now_us, 60000, &suppressed))
        cr_log(CR_LOG_WARN, "daemon_silent", "silence_ms=%lld suppressed=%llu",
               (long long)((now_us - self->heard_us) / CR_US_PER_MS),
               (unsigned long long)suppressed);
    close_socket(self);
    self->at = (self->at + 1) % self->endpoints;
    self->reopen_us = now_us + (int64_t)randombytes_uniform(self->endpoints > 1 ? next_jitter_us
                                                                                : reopen_jitter_us);
}

/* With another daemon to turn to, a line is given up sooner. */
static int64_t
silent_at(const link_t *self)
{
    int64_t soon_us = SILENT_HEARTBEATS * self->heartbeat_us;
    bool sooner = self->endpoints > 1 && soon_us < self->silence_us;
    return self->heard_us + (sooner ? soon_us : self->silence_us);
}

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t
link_tick(link_t *self, int64_t now_us)
{
    bool refused = !self->up && now_us >= self->leave_us;
    if (self->socket && (refused || now_us >= silent_at(self)))
        reopen_later(self, now_us);
    if (!self->socket && now_us >= self->reopen_us && open_socket(self, now_us) != CR_OK)
        reopen_later(self, now_us);
    if (!self->socket)
        return self->reopen_us;
    if (!self->up && now_us >= self->hello_us)
        say_hello(self, now_us);
    if (self->up && now_us >= self->said_us + self->heartbeat_us)
        say_ping(self, now_us);
    int64_t next_us =
        self->up ? self->said_us + self->heartbeat_us : earlier(self->hello_us, self->leave_us);
    return earlier(next_us, silent_at(self));
}

bool
link_is_up(const link_t *self)
{
    return self->up;
}

/* Each of the list is tried, so that a wrong one is found now and not at a failover. */
static cr_err_t
open_first(link_t *self, cr_fault_t *fault)
{
    char endpoint[ENDPOINT_MAX];
    for (self->endpoints = 1; endpoint_at(self->config.endpoint, self->endpoints, endpoint);)
        self->endpoints++;
    for (self->at = self->endpoints; self->at-- > 0;) {
        if (open_socket(self, cr_clock_mono_us()) != CR_OK)
            return cr_fault_set(fault, CR_INVAL, "daemon.endpoint: cannot connect to \"%s\"",
                                self->config.endpoint);
        if (self->at == 0)
            break;
        close_socket(self);
    }
    return CR_OK;
}

link_t *
link_new(zloop_t *loop, const link_config_t *config, const link_events_t *events, void *context,
         cr_fault_t *fault)
{
    link_t *self = calloc(1, sizeof *self);
    if (!self) {
        cr_fault_set(fault, CR_NOMEM, "out of memory");
        return NULL;
    }
    *self = (link_t){.loop = loop, .config = *config, .events = *events, .context = context};
    self->heartbeat_us = HEARTBEAT_MS * CR_US_PER_MS;
    self->silence_us = SILENCE_MS * CR_US_PER_MS;
    if (cr_keys_load_curve(config->secret_key_file, &self->own, fault) != CR_OK ||
        cr_keys_load_public(config->public_key_file, &self->daemon, fault) != CR_OK)
        goto fail;
    if (open_first(self, fault) != CR_OK)
        goto fail;
    return self;

fail:
    link_destroy(&self);
    return NULL;
}

void
link_destroy(link_t **self_p)
{
    link_t *self = *self_p;
    if (!self)
        return;
    close_socket(self);
    zcert_destroy(&self->own);
    zcert_destroy(&self->daemon);
    free(self);
    *self_p = NULL;
}
