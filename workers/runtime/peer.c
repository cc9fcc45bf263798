#include "peer.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cr_clock.h"

enum { HOST_MAX = 256, PORT_MAX = 6 };
static const int64_t fresh_us = 10 * CR_US_PER_S;

/* What a name means: asked by a thread of its own, and of whichever of the two is the last to look. */
typedef enum { QUESTION_ASKED, QUESTION_ANSWERED, QUESTION_LEFT } question_state_t;
typedef struct {
    char host[HOST_MAX], port[PORT_MAX];
    atomic_int state;
    int failed;
    struct addrinfo *addresses;
} question_t;

struct peer {
    char host[HOST_MAX], port[PORT_MAX];
    bool secure;
    struct addrinfo *addresses, *next; /* NULL: none is known */
    int64_t resolved_us;
    question_t *question;                         /* under way; NULL: none */
    gnutls_certificate_credentials_t authorities; /* NULL without TLS */
};

struct peer_link {
    const peer_t *peer;
    int fd;
    bool connected, failed;
    bool blocked;         /* a record of TLS waits in the library */
    gnutls_session_t tls; /* NULL without TLS */
    const char *reason;
};

/* ---- where ---------------------------------------------------------------------------------- */

static const struct {
    const char *scheme, *port;
} ports[] = {{"smpp", "2775"},  {"smpps", "3550"}, {"cmpp", "7890"},
             {"cmpps", "7890"}, {"smtp", "587"},   {"smtps", "465"}};

static const char *
default_port(const char *scheme, size_t length)
{
    for (size_t i = 0; i < CR_COUNT(ports); i++)
        if (strlen(ports[i].scheme) == length && memcmp(ports[i].scheme, scheme, length) == 0)
            return ports[i].port;
    return "";
}

/* HOST[:PORT]; an IPv6 address stands in brackets. */
static bool
read_place(peer_t *self, const char *place, const char *usual_port)
{
    const char *end = *place == '[' ? strchr(place, ']') : place + strcspn(place, ":/");
    const char *host = *place == '[' ? place + 1 : place;
    if (!end || end == host || (size_t)(end - host) >= HOST_MAX)
        return false;
    memcpy(self->host, host, (size_t)(end - host));
    end += *end == ']';
    const char *port = *end == ':' ? end + 1 : usual_port;
    size_t digits = strspn(port, "0123456789");
    if (digits == 0 || digits >= PORT_MAX || (*end != ':' && *end != '\0' && *end != '/'))
        return false;
    memcpy(self->port, port, digits);
    return port[digits] == '\0' || (port[digits] == '/' && port[digits + 1] == '\0');
}

static bool
read_url(peer_t *self, const char *scheme, const char *url)
{
    const char *mark = strstr(url, "://");
    size_t length = strlen(scheme);
    if (!mark || strncmp(url, scheme, length) != 0)
        return false;
    self->secure = url[length] == 's';
    size_t whole = (size_t)(mark - url);
    return whole == length + self->secure && read_place(self, mark + 3, default_port(url, whole));
}

static cr_err_t
load_authorities(peer_t *self, const char *ca_file, cr_fault_t *fault)
{
    if (gnutls_certificate_allocate_credentials(&self->authorities) != 0)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    int loaded = *ca_file ? gnutls_certificate_set_x509_trust_file(self->authorities, ca_file,
                                                                   GNUTLS_X509_FMT_PEM)
                          : gnutls_certificate_set_x509_system_trust(self->authorities);
    if (loaded > 0)
        return CR_OK;
    return cr_fault_set(fault, CR_IO, "%s: no certificate authorities in it",
                        *ca_file ? ca_file : "the system's store");
}

static const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};

static cr_err_t
resolve(peer_t *self, cr_fault_t *fault)
{
    int failed = getaddrinfo(self->host, self->port, &wanted, &self->addresses);
    self->resolved_us = cr_clock_mono_us();
    if (failed == 0 || failed == EAI_AGAIN)
        return CR_OK;
    return cr_fault_set(fault, CR_NOTFOUND, "gateway.url: %s: %s", self->host,
                        gai_strerror(failed));
}

static void
question_free(question_t *question)
{
    if (question->addresses)
        freeaddrinfo(question->addresses);
    free(question);
}

/* Asks beside everything else: resolving may take as long as it likes. (getaddrinfo_a would do the same
 * on a stack of 64 KiB, which resolvers and sanitizers outgrow.) */
static void *
answer(void *context)
{
    question_t *question = context;
    question->failed = getaddrinfo(question->host, question->port, &wanted, &question->addresses);
    if (atomic_exchange(&question->state, QUESTION_ANSWERED) == QUESTION_LEFT)
        question_free(question);
    return NULL;
}

static void
ask(peer_t *self)
{
    pthread_t thread;
    question_t *question = calloc(1, sizeof *question);
    if (!question)
        return;
    memcpy(question->host, self->host, sizeof question->host);
    memcpy(question->port, self->port, sizeof question->port);
    atomic_init(&question->state, QUESTION_ASKED);
    if (pthread_create(&thread, NULL, answer, question) != 0) {
        free(question);
        return;
    }
    pthread_detach(thread);
    self->question = question;
}

static void
take_addresses(peer_t *self, struct addrinfo *addresses)
{
    if (self->addresses)
        freeaddrinfo(self->addresses);
    self->addresses = addresses;
    self->next = NULL;
}

/* What came of the last question; or a new one, when it is time. */
static void
refresh(peer_t *self)
{
    question_t *question = self->question;
    if (!question) {
        if (!self->addresses || cr_clock_mono_us() - self->resolved_us > fresh_us)
            ask(self);
        return;
    }
    if (atomic_load(&question->state) != QUESTION_ANSWERED)
        return;
    if (question->failed == 0) {
        take_addresses(self, question->addresses);
        question->addresses = NULL;
    }
    self->resolved_us = cr_clock_mono_us();
    self->question = NULL;
    question_free(question);
}

/* Whoever comes last frees it. */
static void
forget_question(peer_t *self)
{
    question_t *question = self->question;
    if (question && atomic_exchange(&question->state, QUESTION_LEFT) == QUESTION_ANSWERED)
        question_free(question);
}

cr_err_t
peer_new(const peer_place_t *place, peer_t **peer, cr_fault_t *fault)
{
    peer_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    cr_err_t err = CR_OK;
    if (!read_url(self, place->scheme, place->url))
        err = cr_fault_set(fault, CR_INVAL, "gateway.url: \"%s\" is not %s[s]://HOST:PORT",
                           place->url, place->scheme);
    if (err == CR_OK && (self->secure || place->upgrades))
        err = load_authorities(self, place->ca_file, fault);
    if (err == CR_OK)
        err = resolve(self, fault);
    if (err == CR_OK)
        *peer = self;
    else
        peer_destroy(&self);
    return err;
}

void
peer_destroy(peer_t **self_p)
{
    peer_t *self = *self_p;
    if (!self)
        return;
    forget_question(self);
    if (self->addresses)
        freeaddrinfo(self->addresses);
    if (self->authorities)
        gnutls_certificate_free_credentials(self->authorities);
    free(self);
    *self_p = NULL;
}

/* ---- connecting ----------------------------------------------------------------------------- */

static bool
prepare_tls(peer_link_t *link)
{
    if (gnutls_init(&link->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK) != 0)
        return false;
    gnutls_transport_set_int(link->tls, link->fd);
    gnutls_session_set_verify_cert(link->tls, link->peer->host, 0);
    return gnutls_set_default_priority(link->tls) == 0 &&
           gnutls_server_name_set(link->tls, GNUTLS_NAME_DNS, link->peer->host,
                                  strlen(link->peer->host)) == 0 &&
           gnutls_credentials_set(link->tls, GNUTLS_CRD_CERTIFICATE, link->peer->authorities) == 0;
}

static bool
begin(peer_link_t *link, const struct addrinfo *to)
{
    static const int on = 1;
    link->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd == -1)
        return false;
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(link->fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS;
}

peer_link_t *
peer_connect(peer_t *self)
{
    refresh(self);
    peer_link_t *link = self->addresses ? calloc(1, sizeof *link) : NULL;
    if (!link)
        return NULL;
    *link = (peer_link_t){.peer = self, .fd = -1, .reason = ""};
    self->next = self->next ? self->next : self->addresses;
    bool begun = begin(link, self->next) && (!self->secure || prepare_tls(link));
    self->next = self->next->ai_next;
    if (!begun)
        peer_close(&link);
    return link;
}

void
peer_close(peer_link_t **link_p)
{
    peer_link_t *link = *link_p;
    if (!link)
        return;
    if (link->tls)
        gnutls_deinit(link->tls);
    if (link->fd != -1)
        close(link->fd);
    free(link);
    *link_p = NULL;
}

int
peer_socket(const peer_link_t *link)
{
    return link->fd;
}

const char *
peer_reason(const peer_link_t *link)
{
    return link->reason;
}

static peer_state_t
fail(peer_link_t *link, const char *reason)
{
    link->reason = reason;
    return PEER_FAILED;
}

static peer_state_t
shake_hands(peer_link_t *link)
{
    int result = gnutls_handshake(link->tls);
    if (result == 0)
        return PEER_OPEN;
    if (gnutls_error_is_fatal(result) == 0)
        return PEER_CONNECTING;
    return fail(link, gnutls_strerror_name(result));
}

void
peer_secure(peer_link_t *link)
{
    link->failed = !prepare_tls(link);
}

bool
peer_is_secure(const peer_link_t *link)
{
    return link->tls != NULL;
}

bool
peer_wants_to_write(const peer_link_t *link)
{
    return !link->connected || (link->tls && gnutls_record_get_direction(link->tls) == 1);
}

peer_state_t
peer_step(peer_link_t *link)
{
    int error = 0;
    socklen_t length = sizeof error;
    if (link->failed)
        return fail(link, "TLS cannot begin");
    if (!link->connected) {
        if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0)
            return fail(link, strerrorname_np(error));
        link->connected = true;
    }
    return link->tls ? shake_hands(link) : PEER_OPEN;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static ssize_t
outcome_of(ssize_t result)
{
    if (result > 0)
        return result;
    bool later = result < 0 && (errno == EAGAIN || errno == EINTR);
    return later ? 0 : -1;
}

static ssize_t
outcome_of_tls(ssize_t result)
{
    if (result > 0)
        return result;
    bool later = result < 0 && gnutls_error_is_fatal((int)result) == 0;
    return later ? 0 : -1;
}

ssize_t
peer_read(peer_link_t *link, void *bytes, size_t room)
{
    if (!link->tls)
        return outcome_of(read(link->fd, bytes, room));
    return outcome_of_tls(gnutls_record_recv(link->tls, bytes, room));
}

bool
peer_has_more(const peer_link_t *link)
{
    return link->tls && gnutls_record_check_pending(link->tls) > 0;
}

/* A record that could not be written whole is finished before another begins. */
ssize_t
peer_write(peer_link_t *link, const void *bytes, size_t length)
{
    if (!link->tls)
        return outcome_of(send(link->fd, bytes, length, MSG_NOSIGNAL));
    ssize_t result = link->blocked ? gnutls_record_send(link->tls, NULL, 0)
                                   : gnutls_record_send(link->tls, bytes, length);
    link->blocked = result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
    return outcome_of_tls(result);
}
