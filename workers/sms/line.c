#include "line.h"

#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include "cr_clock.h"
#include "cr_log.h"

enum { READS_A_TURN = 8 };
static const int64_t wait_first_us = CR_US_PER_S, wait_max_us = 30 * CR_US_PER_S;
static const int64_t odd_every_ms = 10000;
static const int64_t beijing_s = 8 * 3600;

struct line {
    line_place_t place;
    session_rules_t rules;
    line_events_t events;
    void *context;
    session_t *session;
    peer_link_t *link; /* NULL: none */
    bool open;         /* it is connected */
    bool waits_to_write, was_up;
    uint32_t generation;
    int64_t wait_us, next_try_us, connecting_us;
    cr_log_limit_t down_limit, odd_limit;
    uint64_t odd; /* as of the last line about it */
};

/* ---- sockets -------------------------------------------------------------------------------- */

static int on_socket(zloop_t *loop, zmq_pollitem_t *item, void *context);

static void
watch(line_t *self, bool writable)
{
    zmq_pollitem_t item = {.fd = peer_socket(self->link),
                           .events = (short)(ZMQ_POLLIN | (writable ? ZMQ_POLLOUT : 0))};
    zloop_poller_end(self->place.loop, &item);
    zloop_poller(self->place.loop, &item, on_socket, self);
    zloop_poller_set_tolerant(self->place.loop, &item); /* reading shows the error itself */
    self->waits_to_write = writable;
}

static void
unwatch(line_t *self)
{
    zmq_pollitem_t item = {.fd = peer_socket(self->link)};
    zloop_poller_end(self->place.loop, &item);
}

/* Between half of it and all of it. */
static int64_t
shortened(int64_t wait_us)
{
    return wait_us / 2 + (int64_t)randombytes_uniform((uint32_t)(wait_us / 2));
}

static void
drop(line_t *self, const char *reason)
{
    uint64_t suppressed;
    int64_t now_us = cr_clock_mono_us();
    char shown[160];
    if (cr_log_limit(&self->down_limit, now_us, 10000, &suppressed))
        cr_log(CR_LOG_WARN, "line_down",
               "gateway=%s line=%u reason=%s in_flight=%u suppressed=%llu", self->place.gateway,
               self->place.number, cr_log_value(cr_slice_of(reason), shown),
               session_in_flight(self->session), (unsigned long long)suppressed);
    if (self->link)
        unwatch(self);
    peer_close(&self->link);
    self->wait_us = self->was_up || self->wait_us == 0 ? wait_first_us : self->wait_us * 2;
    if (self->wait_us > wait_max_us)
        self->wait_us = wait_max_us;
    self->next_try_us = now_us + shortened(self->wait_us);
    self->open = self->was_up = false;
    session_closed(self->session);
}

static void
connect_again(line_t *self, int64_t now_us)
{
    self->generation++;
    self->connecting_us = now_us;
    self->link = peer_connect(self->place.peer);
    if (self->link)
        watch(self, true);
    else
        drop(self, "cannot connect");
}

/* MMDDhhmmss of Beijing as a number, what CMPP's log-in proves itself with. */
static uint32_t
timestamp(void)
{
    time_t seconds = (time_t)(cr_clock_wall_us() / CR_US_PER_S + beijing_s);
    struct tm there;
    gmtime_r(&seconds, &there);
    return (uint32_t)((there.tm_mon + 1) * 100000000 + there.tm_mday * 1000000 +
                      there.tm_hour * 10000 + there.tm_min * 100 + there.tm_sec);
}

static void
go_on_connecting(line_t *self)
{
    peer_state_t state = peer_step(self->link);
    if (state == PEER_FAILED)
        drop(self, peer_reason(self->link));
    if (state != PEER_OPEN)
        return;
    self->open = true;
    session_connected(self->session, timestamp(), cr_clock_mono_us());
    watch(self, false);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static void
note_up(line_t *self)
{
    if (self->was_up || session_state(self->session) != SESSION_UP)
        return;
    self->was_up = true;
    self->wait_us = 0;
    cr_log(CR_LOG_INFO, "line_up", "gateway=%s line=%u", self->place.gateway, self->place.number);
}

/* What the gateway said that makes no sense: it is answered, and told here. */
static void
note_odd(line_t *self)
{
    const session_counts_t *counts = session_counts(self->session);
    uint64_t suppressed;
    uint64_t odd = counts->garbled + counts->late_answers + counts->unknown_commands;
    if (odd == self->odd ||
        !cr_log_limit(&self->odd_limit, cr_clock_mono_us(), odd_every_ms, &suppressed))
        return;
    self->odd = odd;
    cr_log(CR_LOG_WARN, "line_odd",
           "gateway=%s line=%u garbled_receipts=%llu answers_to_nothing=%llu unknown_requests=%llu",
           self->place.gateway, self->place.number, (unsigned long long)counts->garbled,
           (unsigned long long)counts->late_answers, (unsigned long long)counts->unknown_commands);
}

static void
read_what_came(line_t *self)
{
    for (int i = 0; i < READS_A_TURN || peer_has_more(self->link); i++) {
        size_t room;
        uint8_t *space = session_space(self->session, &room);
        ssize_t bytes = peer_read(self->link, space, room);
        if (bytes < 0)
            drop(self, "hung up");
        if (bytes <= 0)
            return;
        session_received(self->session, (size_t)bytes, cr_clock_mono_us());
        note_up(self);
        note_odd(self);
        bool all = (size_t)bytes < room && !peer_has_more(self->link);
        if (all || session_state(self->session) == SESSION_BROKEN)
            return;
    }
}

void
line_flush(line_t *self)
{
    while (self->open) {
        cr_slice_t output = session_output(self->session);
        if (output.length == 0)
            break;
        ssize_t bytes = peer_write(self->link, output.text, output.length);
        if (bytes < 0) {
            drop(self, "hung up");
            return;
        }
        session_sent(self->session, (size_t)bytes);
        if (bytes == 0) {
            if (!self->waits_to_write)
                watch(self, true);
            return;
        }
    }
    if (self->open && self->waits_to_write)
        watch(self, false);
}

/* A session that is through with its gateway; its last words may still go out. */
static void
end_if_broken(line_t *self)
{
    if (!self->open || session_state(self->session) != SESSION_BROKEN)
        return;
    line_flush(self);
    if (self->open)
        drop(self, session_reason(self->session));
}

static int
on_socket(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    line_t *self = context;
    if (!self->open)
        go_on_connecting(self);
    else if (item->revents & (ZMQ_POLLIN | ZMQ_POLLERR))
        read_what_came(self);
    end_if_broken(self);
    self->events.on_turn(self->context);
    return 0;
}

/* ---- the rest ------------------------------------------------------------------------------- */

line_t *
line_new(const line_place_t *place, const session_rules_t *rules, const line_events_t *events,
         void *context)
{
    line_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->place = *place;
    self->rules = *rules;
    self->events = *events;
    self->context = context;
    self->session = session_new(rules, &events->session, context);
    if (!self->session)
        line_destroy(&self);
    return self;
}

void
line_destroy(line_t **self_p)
{
    line_t *self = *self_p;
    if (!self)
        return;
    if (self->open) {
        session_leave(self->session, cr_clock_mono_us());
        cr_slice_t output = session_output(self->session);
        (void)peer_write(self->link, output.text, output.length);
    }
    if (self->link)
        unwatch(self);
    peer_close(&self->link);
    session_destroy(&self->session);
    free(self);
    *self_p = NULL;
}

session_t *
line_session(line_t *self)
{
    return self->session;
}

bool
line_is_coming(const line_t *self)
{
    return self->link != NULL;
}

uint32_t
line_generation(const line_t *self)
{
    return self->generation;
}

int64_t
line_tick(line_t *self, int64_t now_us)
{
    if (!self->link && now_us >= self->next_try_us)
        connect_again(self, now_us);
    if (!self->link)
        return self->next_try_us;
    if (!self->open) {
        if (now_us - self->connecting_us >= self->rules.answer_us)
            drop(self, "does not let us connect");
        return self->link ? self->connecting_us + self->rules.answer_us : self->next_try_us;
    }
    int64_t due_us = session_tick(self->session, now_us);
    end_if_broken(self);
    return self->open ? due_us : self->next_try_us;
}
