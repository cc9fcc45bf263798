#include "smtp_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cr_clock.h"
#include "reference.h"

enum {
    READ_BYTES = 16 * 1024, /* the longest TLS record: nothing is left inside GnuTLS unseen */
    READS_MAX = 16,         /* of one connection before the others have their turn */
};

typedef enum { IN_CLEAR, SHAKING_HANDS, IN_TLS } phase_t;

/* How a mail ends: with a reply, or with a closed connection. */
typedef struct {
    const char *reply; /* a literal; NULL: drop */
} verdict_t;

struct smtp_connection {
    smtp_house_t *house;
    smtp_connection_t *previous, *next;
    int fd; /* -1: hung up while its answer was under way */
    smtp_t *session;
    gnutls_session_t tls;
    phase_t phase;
    size_t sent; /* of the session's output */
    unsigned reads;
    int64_t mails;
    bool waiting; /* for the time of its verdict */
    verdict_t verdict;
    uint32_t watched;
    int64_t active_us;
};

static void
hang_up(smtp_connection_t *self)
{
    if (self->tls)
        gnutls_deinit(self->tls);
    self->tls = NULL;
    close(self->fd); /* which takes it out of the epoll set */
    self->fd = -1;
}

static void
connection_free(smtp_connection_t *self)
{
    if (self->fd >= 0)
        hang_up(self);
    if (self->previous)
        self->previous->next = self->next;
    else
        self->house->first = self->next;
    if (self->next)
        self->next->previous = self->previous;
    self->house->count--;
    smtp_destroy(&self->session);
    free(self);
}

static void
watch(smtp_connection_t *self, uint32_t events)
{
    if (self->watched == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = self};
    epoll_ctl(self->house->epoll_fd, EPOLL_CTL_MOD, self->fd, &event);
    self->watched = events;
}

/* Every step says whether there is more to do now; a step that freed its connection says no. */

static bool
stop_at(smtp_connection_t *self, uint32_t events)
{
    watch(self, events);
    return false;
}

static bool
close_now(smtp_connection_t *self)
{
    connection_free(self);
    return false;
}

static ssize_t
send_bytes(smtp_connection_t *self, const char *bytes, size_t length)
{
    if (self->phase == IN_TLS)
        return gnutls_record_send(self->tls, bytes, length);
    ssize_t sent = send(self->fd, bytes, length, MSG_NOSIGNAL);
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? GNUTLS_E_AGAIN : sent;
}

static ssize_t
receive_bytes(smtp_connection_t *self, char *bytes, size_t length)
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
flush(smtp_connection_t *self)
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
on_more(smtp_connection_t *self)
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
        if (gateway->bounces)
            bounce_consider(gateway->bounces, &gateway->faults, message.title, message.address);
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
settle(smtp_connection_t *self)
{
    if (!self->verdict.reply)
        return close_now(self);
    smtp_settle(self->session, self->verdict.reply);
    return true;
}

static void advance(smtp_connection_t *self);

static void
on_verdict_due(void *context)
{
    smtp_connection_t *self = context;
    self->waiting = false;
    if (self->fd < 0)
        connection_free(self);
    else if (settle(self))
        advance(self);
}

/* It has lived for as many mails as a connection may. */
static bool
is_old(const smtp_connection_t *self)
{
    int64_t most = self->house->gateway->faults.settings.hang_up_after;
    return most > 0 && self->mails >= most;
}

static bool
on_mail(smtp_connection_t *self)
{
    static const verdict_t old = {"421 4.3.2 closing, come again"};
    const smtp_house_t *house = self->house;
    self->verdict = is_old(self) ? old : judge(house->gateway, self->session);
    self->mails++;
    int64_t latency_us = gateway_latency_us(house->gateway);
    if (latency_us == 0 ||
        delay_until(house->delay, cr_clock_mono_us() + latency_us, on_verdict_due, self) != CR_OK)
        return settle(self);
    self->waiting = true;
    return stop_at(self, 0);
}

static bool
on_starttls(smtp_connection_t *self)
{
    if (gnutls_init(&self->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0)
        return close_now(self);
    gnutls_set_default_priority(self->tls);
    gnutls_credentials_set(self->tls, GNUTLS_CRD_CERTIFICATE, self->house->credentials);
    gnutls_transport_set_int(self->tls, self->fd);
    self->phase = SHAKING_HANDS;
    return true;
}

static bool
on_close(smtp_connection_t *self)
{
    if (self->phase == IN_TLS)
        gnutls_bye(self->tls, GNUTLS_SHUT_WR);
    return close_now(self);
}

static bool
shake_hands(smtp_connection_t *self)
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
step(smtp_connection_t *self)
{
    static bool (*const steps[])(smtp_connection_t *) = {[SMTP_MORE] = on_more,
                                                         [SMTP_MAIL] = on_mail,
                                                         [SMTP_STARTTLS] = on_starttls,
                                                         [SMTP_CLOSE] = on_close};
    if (self->phase == SHAKING_HANDS)
        return shake_hands(self);
    smtp_event_t event = smtp_next(self->session);
    return flush(self) && steps[event](self);
}

static void
advance(smtp_connection_t *self)
{
    self->reads = 0;
    while (step(self))
        continue;
}

void
smtp_connection_open(smtp_house_t *house, int fd)
{
    smtp_connection_t *self = calloc(1, sizeof *self);
    smtp_t *session = smtp_new(&house->rules);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};
    if (!self || !session || epoll_ctl(house->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        smtp_destroy(&session);
        free(self);
        close(fd);
        return;
    }
    *self = (smtp_connection_t){.house = house,
                                .next = house->first,
                                .fd = fd,
                                .session = session,
                                .watched = EPOLLIN,
                                .active_us = cr_clock_mono_us()};
    if (self->next)
        self->next->previous = self;
    house->first = self;
    house->count++;
    advance(self);
}

void
smtp_connection_ready(smtp_connection_t *self)
{
    if (self->waiting)
        hang_up(self); /* nothing else is reported of an unwatched socket */
    else
        advance(self);
}

void
smtp_house_close_idle(smtp_house_t *house, int64_t since_us)
{
    for (smtp_connection_t *at = house->first, *next; at; at = next) {
        next = at->next;
        if (!at->waiting && at->active_us < since_us)
            connection_free(at);
    }
}

void
smtp_house_close_all(smtp_house_t *house)
{
    for (smtp_connection_t *at = house->first, *next; at; at = next) {
        next = at->next;
        connection_free(at);
    }
}
