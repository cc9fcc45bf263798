#include "smtp_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cr_clock.h"
#include "cr_keys.h"
#include "cr_log.h"
#include "reference.h"
#include "smtp.h"

#define IDLE_US (300 * CR_US_PER_S)

enum {
    EVENTS_MAX = 64,
    BACKLOG = 256,
    TICK_MS = 1000,
    READ_BYTES = 16 * 1024, /* the longest TLS record: nothing is left inside GnuTLS unseen */
    READS_MAX = 16,         /* of one connection before the others have their turn */
    LOG_EVERY_MS = 10000,
};

typedef enum { IN_CLEAR, SHAKING_HANDS, IN_TLS } phase_t;

/* How a mail ends: with a reply, or with a closed connection. */
typedef struct {
    const char *reply; /* a literal; NULL: drop */
} verdict_t;

typedef struct connection {
    smtp_server_t *server;
    struct connection *previous, *next;
    int fd; /* -1: hung up while its answer was under way */
    smtp_t *session;
    gnutls_session_t tls;
    phase_t phase;
    size_t sent; /* of the session's output */
    unsigned reads;
    bool waiting; /* for the time of its verdict */
    verdict_t verdict;
    uint32_t watched;
    int64_t active_us;
} connection_t;

struct smtp_server {
    smtp_server_options_t options;
    smtp_rules_t rules;
    gnutls_certificate_credentials_t credentials;
    int epoll_fd, listen_fd, tick;
    bool accepting;
    connection_t *connections;
    int64_t count;
    cr_log_limit_t accept_failed;
};

static void
hang_up(connection_t *self)
{
    if (self->tls)
        gnutls_deinit(self->tls);
    self->tls = NULL;
    close(self->fd); /* which takes it out of the epoll set */
    self->fd = -1;
}

static void
connection_free(connection_t *self)
{
    if (self->fd >= 0)
        hang_up(self);
    if (self->previous)
        self->previous->next = self->next;
    else
        self->server->connections = self->next;
    if (self->next)
        self->next->previous = self->previous;
    self->server->count--;
    smtp_destroy(&self->session);
    free(self);
}

static void
watch(connection_t *self, uint32_t events)
{
    if (self->watched == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = self};
    epoll_ctl(self->server->epoll_fd, EPOLL_CTL_MOD, self->fd, &event);
    self->watched = events;
}

/* Every step says whether there is more to do now; a step that freed its connection says no. */

static bool
stop_at(connection_t *self, uint32_t events)
{
    watch(self, events);
    return false;
}

static bool
close_now(connection_t *self)
{
    connection_free(self);
    return false;
}

static ssize_t
send_bytes(connection_t *self, const char *bytes, size_t length)
{
    if (self->phase == IN_TLS)
        return gnutls_record_send(self->tls, bytes, length);
    ssize_t sent = send(self->fd, bytes, length, MSG_NOSIGNAL);
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? GNUTLS_E_AGAIN : sent;
}

static ssize_t
receive_bytes(connection_t *self, char *bytes, size_t length)
{
    if (self->phase == IN_TLS)
        return gnutls_record_recv(self->tls, bytes, length);
    ssize_t received = recv(self->fd, bytes, length, 0);
    return received < 0 && (errno == EAGAIN || errno == EINTR) ? GNUTLS_E_AGAIN : received;
}

static bool
is_patience(ssize_t result)
{
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

/* True when all is out; else the connection waits, or is gone. */
static bool
flush(connection_t *self)
{
    cr_str_t *output = smtp_output(self->session);
    while (self->sent < output->length) {
        ssize_t sent = send_bytes(self, output->text + self->sent, output->length - self->sent);
        if (is_patience(sent))
            return stop_at(self, EPOLLOUT);
        if (sent <= 0)
            return close_now(self);
        self->sent += (size_t)sent;
    }
    cr_str_clear(output);
    self->sent = 0;
    return true;
}

static bool
on_more(connection_t *self)
{
    char bytes[READ_BYTES];
    if (self->reads++ == READS_MAX)
        return stop_at(self, EPOLLIN);
    ssize_t received = receive_bytes(self, bytes, sizeof bytes);
    if (is_patience(received))
        return stop_at(self, EPOLLIN);
    if (received <= 0)
        return close_now(self);
    self->active_us = cr_clock_mono_us();
    smtp_put(self->session, (cr_slice_t){bytes, (size_t)received});
    return true;
}

static bool
accept_mail(gateway_t *gateway, const smtp_t *session)
{
    store_message_t message = {
        .channel = CR_CHANNEL_MAIL,
        .time_us = cr_clock_wall_us(),
        .reference = reference_of_mail(smtp_mail(session)),
        .title = smtp_sender(session),
        .content = smtp_mail(session),
    };
    for (size_t i = 0; i < smtp_recipients(session); i++) {
        message.address = smtp_recipient(session, i);
        if (!gateway_accept(gateway, &message))
            return false;
    }
    return true;
}

static verdict_t
judge(gateway_t *gateway, const smtp_t *session)
{
    fault_t fault = gateway_arrive(gateway);
    bool takes = fault == FAULT_NONE || fault == FAULT_DROP_AFTER;
    bool taken = takes && accept_mail(gateway, session);
    if (fault == FAULT_DROP_BEFORE || fault == FAULT_DROP_AFTER)
        return (verdict_t){NULL};
    if (fault == FAULT_THROTTLE)
        return (verdict_t){"450 4.7.1 too many mails, try again later"};
    return (verdict_t){taken ? "250 2.0.0 taken" : "451 4.3.0 try again later"};
}

static bool
settle(connection_t *self)
{
    if (!self->verdict.reply)
        return close_now(self);
    smtp_settle(self->session, self->verdict.reply);
    return true;
}

static void advance(connection_t *self);

static void
on_verdict_due(void *context)
{
    connection_t *self = context;
    self->waiting = false;
    if (self->fd < 0)
        connection_free(self);
    else if (settle(self))
        advance(self);
}

static bool
on_mail(connection_t *self)
{
    const smtp_server_options_t *options = &self->server->options;
    self->verdict = judge(options->gateway, self->session);
    int64_t latency_us = gateway_latency_us(options->gateway);
    if (latency_us == 0 ||
        delay_until(options->delay, cr_clock_mono_us() + latency_us, on_verdict_due, self) != CR_OK)
        return settle(self);
    self->waiting = true;
    return stop_at(self, 0);
}

static bool
on_starttls(connection_t *self)
{
    if (gnutls_init(&self->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0)
        return close_now(self);
    gnutls_set_default_priority(self->tls);
    gnutls_credentials_set(self->tls, GNUTLS_CRD_CERTIFICATE, self->server->credentials);
    gnutls_transport_set_int(self->tls, self->fd);
    self->phase = SHAKING_HANDS;
    return true;
}

static bool
on_close(connection_t *self)
{
    if (self->phase == IN_TLS)
        gnutls_bye(self->tls, GNUTLS_SHUT_WR);
    return close_now(self);
}

static bool
shake_hands(connection_t *self)
{
    int result = gnutls_handshake(self->tls);
    if (is_patience(result))
        return stop_at(self, gnutls_record_get_direction(self->tls) ? EPOLLOUT : EPOLLIN);
    if (result < 0)
        return gnutls_error_is_fatal(result) ? close_now(self) : true;
    self->phase = IN_TLS;
    smtp_secured(self->session);
    return true;
}

static bool
step(connection_t *self)
{
    static bool (*const steps[])(connection_t *) = {[SMTP_MORE] = on_more,
                                                    [SMTP_MAIL] = on_mail,
                                                    [SMTP_STARTTLS] = on_starttls,
                                                    [SMTP_CLOSE] = on_close};
    if (self->phase == SHAKING_HANDS)
        return shake_hands(self);
    smtp_event_t event = smtp_next(self->session);
    return flush(self) && steps[event](self);
}

static void
advance(connection_t *self)
{
    self->reads = 0;
    while (step(self))
        continue;
}

static void
connection_open(smtp_server_t *server, int fd)
{
    connection_t *self = calloc(1, sizeof *self);
    smtp_t *session = smtp_new(&server->rules);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};
    if (!self || !session || epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        smtp_destroy(&session);
        free(self);
        close(fd);
        return;
    }
    *self = (connection_t){.server = server,
                           .next = server->connections,
                           .fd = fd,
                           .session = session,
                           .watched = EPOLLIN,
                           .active_us = cr_clock_mono_us()};
    if (self->next)
        self->next->previous = self;
    server->connections = self;
    server->count++;
    advance(self);
}

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
    epoll_ctl(self->epoll_fd, EPOLL_CTL_MOD, self->listen_fd, &event);
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
        if (self->count < self->options.connections_max)
            connection_open(self, fd);
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
    int count = epoll_wait(self->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        connection_t *connection = events[i].data.ptr;
        if (!connection)
            accept_all(self);
        else if (connection->waiting)
            hang_up(connection); /* nothing else is reported of an unwatched socket */
        else
            advance(connection);
    }
    return 0;
}

static int
on_tick(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    smtp_server_t *self = context;
    int64_t oldest_us = cr_clock_mono_us() - IDLE_US;
    for (connection_t *at = self->connections, *next; at; at = next) {
        next = at->next;
        if (!at->waiting && at->active_us < oldest_us)
            connection_free(at);
    }
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
    if (gnutls_certificate_allocate_credentials(&self->credentials) != 0)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    int result = gnutls_certificate_set_x509_key_file(self->credentials, options->tls_cert,
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
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->listen_fd < 0 || self->epoll_fd < 0 ||
        setsockopt(self->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(self->listen_fd, (struct sockaddr *)&where, sizeof where) != 0 ||
        listen(self->listen_fd, BACKLOG) != 0 ||
        epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->listen_fd, &event) != 0)
        return cr_fault_set(fault, CR_IO, "smtp: cannot listen on %s:%d: %s", options->address,
                            (int)options->port, strerrordesc_np(errno));
    self->accepting = true;
    return CR_OK;
}

static cr_err_t
join_loop(smtp_server_t *self, cr_fault_t *fault)
{
    zmq_pollitem_t item = {.fd = self->epoll_fd, .events = ZMQ_POLLIN};
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
    *self = (smtp_server_t){.options = *options, .epoll_fd = -1, .listen_fd = -1, .tick = -1};
    self->rules = (smtp_rules_t){options->domain, (size_t)options->size_max_bytes};
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
    while (self->connections)
        connection_free(self->connections);
    if (self->tick >= 0)
        zloop_timer_end(self->options.loop, self->tick);
    if (self->epoll_fd >= 0) {
        zmq_pollitem_t item = {.fd = self->epoll_fd};
        zloop_poller_end(self->options.loop, &item);
        close(self->epoll_fd);
    }
    if (self->listen_fd >= 0)
        close(self->listen_fd);
    if (self->credentials)
        gnutls_certificate_free_credentials(self->credentials);
    free(self);
    *self_p = NULL;
}

unsigned
smtp_server_port(const smtp_server_t *self)
{
    struct sockaddr_in where;
    socklen_t length = sizeof where;
    if (getsockname(self->listen_fd, (struct sockaddr *)&where, &length) != 0)
        return 0;
    return ntohs(where.sin_port);
}
