#include "smtp_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cr_clock.h"
#include "cr_keys.h"
#include "cr_log.h"
#include "smtp_connection.h"

#define IDLE_US (300 * CR_US_PER_S)

enum {
    EVENTS_MAX = 64,
    BACKLOG = 256,
    TICK_MS = 1000,
    LOG_EVERY_MS = 10000,
};

struct smtp_server {
    smtp_server_options_t options;
    smtp_house_t house;
    int listen_fd, tick;
    bool accepting;
    cr_log_limit_t accept_failed;
};

static void
turn_away(int fd)
{
    static const char busy[] = "421 4.7.0 too many connections, come later\r\n";
    ssize_t ignored = send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    close(fd);
}

static void
accept_from(smtp_server_t *self, bool accepting)
{
    struct epoll_event event = {.events = accepting ? EPOLLIN : 0, .data.ptr = NULL};
    epoll_ctl(self->house.epoll_fd, EPOLL_CTL_MOD, self->listen_fd, &event);
    self->accepting = accepting;
}

/* Out of descriptors: the listening socket would stay readable and keep the loop busy, so it rests
 * until the next tick. */
static void
rest(smtp_server_t *self)
{
    uint64_t suppressed;
    if (cr_log_limit(&self->accept_failed, cr_clock_mono_us(), LOG_EVERY_MS, &suppressed))
        cr_log(CR_LOG_WARN, "accept_failed", "channel=mail error=\"%s\" suppressed=%zu",
               strerrordesc_np(errno), (size_t)suppressed);
    accept_from(self, false);
}

static void
accept_all(smtp_server_t *self)
{
    static const int on = 1;
    for (;;) {
        int fd = accept4(self->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == ECONNABORTED || errno == EINTR)
                continue;
            if (errno != EAGAIN)
                rest(self);
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (self->house.count < self->options.connections_max)
            smtp_connection_open(&self->house, fd);
        else
            turn_away(fd);
    }
}

static int
on_readable(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    smtp_server_t *self = context;
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(self->house.epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            smtp_connection_ready(events[i].data.ptr);
        else
            accept_all(self);
    }
    return 0;
}

static int
on_tick(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    smtp_server_t *self = context;
    smtp_house_close_idle(&self->house, cr_clock_mono_us() - IDLE_US);
    if (!self->accepting)
        accept_from(self, true);
    return 0;
}

static cr_err_t
load_keys(smtp_server_t *self, cr_fault_t *fault)
{
    const smtp_server_options_t *options = &self->options;
    char *first_line; /* read only because reading refuses a key that others can read */
    cr_err_t err = cr_keys_load_line(options->tls_key, &first_line, fault);
    if (err != CR_OK)
        return err;
    free(first_line);
    if (gnutls_certificate_allocate_credentials(&self->house.credentials) != 0)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    int result = gnutls_certificate_set_x509_key_file(self->house.credentials, options->tls_cert,
                                                      options->tls_key, GNUTLS_X509_FMT_PEM);
    if (result != 0)
        return cr_fault_set(fault, CR_INVAL, "smtp.tls_cert %s, smtp.tls_key %s: %s",
                            options->tls_cert, options->tls_key, gnutls_strerror(result));
    return CR_OK;
}

static cr_err_t
listen_on(smtp_server_t *self, cr_fault_t *fault)
{
    static const int on = 1;
    const smtp_server_options_t *options = &self->options;
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
    if (inet_pton(AF_INET, options->address, &where.sin_addr) != 1)
        return cr_fault_set(fault, CR_INVAL, "smtp.address: \"%s\" is not an IPv4 address",
                            options->address);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    self->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    self->house.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->listen_fd < 0 || self->house.epoll_fd < 0 ||
        setsockopt(self->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(self->listen_fd, (struct sockaddr *)&where, sizeof where) != 0 ||
        listen(self->listen_fd, BACKLOG) != 0 ||
        epoll_ctl(self->house.epoll_fd, EPOLL_CTL_ADD, self->listen_fd, &event) != 0)
        return cr_fault_set(fault, CR_IO, "smtp: cannot listen on %s:%d: %s", options->address,
                            (int)options->port, strerrordesc_np(errno));
    self->accepting = true;
    return CR_OK;
}

static cr_err_t
join_loop(smtp_server_t *self, cr_fault_t *fault)
{
    zmq_pollitem_t item = {.fd = self->house.epoll_fd, .events = ZMQ_POLLIN};
    self->tick = zloop_timer(self->options.loop, TICK_MS, 0, on_tick, self);
    if (self->tick < 0 || zloop_poller(self->options.loop, &item, on_readable, self) != 0)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    return CR_OK;
}

cr_err_t
smtp_server_start(const smtp_server_options_t *options, smtp_server_t **self_p, cr_fault_t *fault)
{
    smtp_server_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *self = (smtp_server_t){
        .options = *options,
        .house = {.gateway = options->gateway,
                  .delay = options->delay,
                  .rules = {options->domain, (size_t)options->size_max_bytes},
                  .epoll_fd = -1},
        .listen_fd = -1,
        .tick = -1,
    };
    cr_err_t err = load_keys(self, fault);
    if (err == CR_OK)
        err = listen_on(self, fault);
    if (err == CR_OK)
        err = join_loop(self, fault);
    if (err == CR_OK)
        *self_p = self;
    else
        smtp_server_stop(&self);
    return err;
}

void
smtp_server_stop(smtp_server_t **self_p)
{
    smtp_server_t *self = *self_p;
    if (!self)
        return;
    smtp_house_close_all(&self->house);
    if (self->tick >= 0)
        zloop_timer_end(self->options.loop, self->tick);
    if (self->house.epoll_fd >= 0) {
        zmq_pollitem_t item = {.fd = self->house.epoll_fd};
        zloop_poller_end(self->options.loop, &item);
        close(self->house.epoll_fd);
    }
    if (self->listen_fd >= 0)
        close(self->listen_fd);
    if (self->house.credentials)
        gnutls_certificate_free_credentials(self->house.credentials);
    free(self);
    *self_p = NULL;
}

unsigned
smtp_server_port(const smtp_server_t *self)
{
    struct sockaddr_in where = {0};
    socklen_t length = sizeof where;
    if (getsockname(self->listen_fd, (struct sockaddr *)&where, &length) != 0)
        return 0;
    return ntohs(where.sin_port);
}
