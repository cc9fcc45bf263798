#include "smsc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cr_clock.h"
#include "smsc_session.h"

#define ASK_US (30 * CR_US_PER_S)  /* without a word: the other side is asked */
#define LOST_US (90 * CR_US_PER_S) /* and then hung up on */

enum { CONNECTIONS_MAX = 256, EVENTS_MAX = 64, BACKLOG = 64, TICK_MS = 1000 };

static void
accept_all(smsc_t *self)
{
    static const int on = 1;
    int fd;
    while ((fd = accept4(self->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (self->count < CONNECTIONS_MAX)
            smsc_session_open(self, fd);
        else
            close(fd);
    }
}

static int
on_readable(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    smsc_t *self = context;
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(self->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        smsc_session_t *session = events[i].data.ptr;
        if (!session)
            accept_all(self);
        else if (session->fd >= 0) /* another one of this round may have ended it */
            smsc_session_ready(session);
    }
    smsc_session_reap(self);
    return 0;
}

static void
look_after(smsc_session_t *session, int64_t now_us)
{
    const smsc_protocol_t *protocol = session->house->options.protocol;
    bool is_known = session->may_submit || session->may_receive;
    int64_t silent_us = now_us - session->heard_us;
    if (silent_us > LOST_US) {
        smsc_session_hang_up(session);
    } else if (is_known && silent_us > ASK_US && now_us - session->asked_us > ASK_US) {
        session->asked_us = now_us;
        protocol->enquire(session, smsc_session_sequence(session));
    }
}

static int
on_tick(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    smsc_t *self = context;
    int64_t now_us = cr_clock_mono_us();
    for (smsc_session_t *at = self->first; at; at = at->next)
        if (at->fd >= 0)
            look_after(at, now_us);
    smsc_session_reap(self);
    return 0;
}

static cr_err_t
listen_on(smsc_t *self, cr_fault_t *fault)
{
    static const int on = 1;
    const smsc_options_t *options = &self->options;
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
    if (inet_pton(AF_INET, options->address, &where.sin_addr) != 1)
        return cr_fault_set(fault, CR_INVAL, "%s.address: \"%s\" is not an IPv4 address",
                            options->protocol->name, options->address);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    self->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->listen_fd < 0 || self->epoll_fd < 0 ||
        setsockopt(self->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(self->listen_fd, (struct sockaddr *)&where, sizeof where) != 0 ||
        listen(self->listen_fd, BACKLOG) != 0 ||
        epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->listen_fd, &event) != 0)
        return cr_fault_set(fault, CR_IO, "%s: cannot listen on %s:%d: %s", options->protocol->name,
                            options->address, (int)options->port, strerrordesc_np(errno));
    return CR_OK;
}

static cr_err_t
join_loop(smsc_t *self, cr_fault_t *fault)
{
    zmq_pollitem_t item = {.fd = self->epoll_fd, .events = ZMQ_POLLIN};
    self->tick = zloop_timer(self->options.loop, TICK_MS, 0, on_tick, self);
    if (self->tick < 0 || zloop_poller(self->options.loop, &item, on_readable, self) != 0)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    return CR_OK;
}

cr_err_t
smsc_start(const smsc_options_t *options, smsc_t **self_p, cr_fault_t *fault)
{
    smsc_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    self->options = *options;
    self->listen_fd = self->epoll_fd = self->tick = -1;
    cr_err_t err = listen_on(self, fault);
    if (err == CR_OK)
        err = join_loop(self, fault);
    if (err == CR_OK)
        *self_p = self;
    else
        smsc_stop(&self);
    return err;
}

static void
end_sessions(smsc_t *self)
{
    for (smsc_session_t *at = self->first; at; at = at->next)
        at->may_receive = false; /* what one returns goes to no other */
    for (smsc_session_t *at = self->first; at; at = at->next) {
        smsc_session_hang_up(at);
        at->timers = 0; /* the delay runs no more */
    }
    smsc_session_reap(self);
    smsc_post_free_all(self);
}

void
smsc_stop(smsc_t **self_p)
{
    smsc_t *self = *self_p;
    if (!self)
        return;
    end_sessions(self);
    if (self->tick >= 0)
        zloop_timer_end(self->options.loop, self->tick);
    if (self->epoll_fd >= 0) {
        zmq_pollitem_t item = {.fd = self->epoll_fd};
        zloop_poller_end(self->options.loop, &item);
        close(self->epoll_fd);
    }
    if (self->listen_fd >= 0)
        close(self->listen_fd);
    free(self);
    *self_p = NULL;
}

unsigned
smsc_port(const smsc_t *self)
{
    struct sockaddr_in where = {0};
    socklen_t length = sizeof where;
    if (getsockname(self->listen_fd, (struct sockaddr *)&where, &length) != 0)
        return 0;
    return ntohs(where.sin_port);
}
