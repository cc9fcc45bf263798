#include "courier.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cr_handover.h"

enum { CONNECT_TIMEOUT_MS = 5000 };

struct courier {
    const courier_config_t *config;
    atomic_bool stopping;
    zactor_t *actor;
};

/* ---- the thread ----------------------------------------------------------------------------- */

static size_t
on_read(char *out, size_t size, size_t count, void *context)
{
    parcel_t *parcel = context;
    size_t left = parcel->mail->len - parcel->sent;
    size_t length = size * count < left ? size * count : left;
    if (length > 0)
        memcpy(out, parcel->mail->data + parcel->sent, length);
    parcel->sent += length;
    return length;
}

/* libcurl hands over every reply line; the last one counts. */
static size_t
on_reply(char *line, size_t size, size_t count, void *context)
{
    parcel_t *parcel = context;
    size_t length = size * count;
    parcel->reply_length = length < sizeof parcel->reply ? length : sizeof parcel->reply;
    memcpy(parcel->reply, line, parcel->reply_length);
    return length;
}

/* libcurl asks at least once a second, also while it waits for a reply. */
static int
on_progress(void *context, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
    (void)down;
    (void)down_now;
    (void)up;
    (void)up_now;
    const courier_t *self = context;
    return atomic_load_explicit(&self->stopping, memory_order_relaxed);
}

static void
set_security(const courier_config_t *config, CURL *line)
{
    /* ALL: a server without STARTTLS gets no mail, never one in the clear. */
    curl_easy_setopt(line, CURLOPT_USE_SSL,
                     config->starttls ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
    if (config->ca_file[0])
        curl_easy_setopt(line, CURLOPT_CAINFO, config->ca_file);
    if (config->user[0]) {
        curl_easy_setopt(line, CURLOPT_USERNAME, config->user);
        curl_easy_setopt(line, CURLOPT_PASSWORD, config->password);
    }
}

static CURL *
open_line(courier_t *self)
{
    const courier_config_t *config = self->config;
    CURL *line = curl_easy_init();
    if (!line)
        return NULL;
    curl_easy_setopt(line, CURLOPT_URL, config->url);
    curl_easy_setopt(line, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(line, CURLOPT_PROXY, "");
    curl_easy_setopt(line, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(line, CURLOPT_TIMEOUT_MS, config->timeout_ms);
    curl_easy_setopt(line, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(line, CURLOPT_MAIL_FROM, config->from);
    curl_easy_setopt(line, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(line, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(line, CURLOPT_HEADERFUNCTION, on_reply);
    curl_easy_setopt(line, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(line, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(line, CURLOPT_XFERINFODATA, self);
    set_security(config, line);
    return line;
}

/* A refusal is an answer, although libcurl makes a failure of it. */
static void
deliver(CURL *line, parcel_t *parcel)
{
    struct curl_slist *recipient = curl_slist_append(NULL, parcel->recipient);
    if (!line || !recipient) {
        curl_slist_free_all(recipient);
        return; /* nothing was sent */
    }
    curl_easy_setopt(line, CURLOPT_MAIL_RCPT, recipient);
    curl_easy_setopt(line, CURLOPT_INFILESIZE_LARGE, (curl_off_t)parcel->mail->len);
    curl_easy_setopt(line, CURLOPT_READDATA, parcel);
    curl_easy_setopt(line, CURLOPT_HEADERDATA, parcel);
    CURLcode result = curl_easy_perform(line);
    curl_easy_getinfo(line, CURLINFO_RESPONSE_CODE, &parcel->status);
    parcel->answered = result == CURLE_OK || parcel->status >= 400;
    curl_easy_setopt(line, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(recipient);
}

/* The next parcel; NULL when the actor is to end ($TERM). */
static parcel_t *
take(zsock_t *pipe)
{
    parcel_t *parcel;
    char frame[sizeof(void *)];
    int length;
    do
        length = zmq_recv(zsock_resolve(pipe), frame, sizeof frame, 0);
    while (length < 0 && errno == EINTR);
    if (length != (int)sizeof frame)
        return NULL;
    memcpy(&parcel, frame, sizeof parcel);
    cr_take_over(parcel);
    return parcel;
}

static void
give(zsock_t *socket, parcel_t *parcel)
{
    cr_hand_over(parcel);
    int sent = zmq_send(zsock_resolve(socket), &parcel, sizeof parcel, 0);
    CR_ASSERT(sent == (int)sizeof parcel); /* one parcel at a time: there is room */
}

/* libcurl says QUIT and would wait minutes for the reply of a relay that hangs: there is none. */
static void
close_line(CURL *line)
{
    curl_socket_t socket = CURL_SOCKET_BAD;
    if (!line)
        return;
    if (curl_easy_getinfo(line, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK &&
        socket != CURL_SOCKET_BAD)
        shutdown(socket, SHUT_RD);
    curl_easy_cleanup(line);
}

static void
courier_thread(zsock_t *pipe, void *context)
{
    courier_t *self = context;
    CURL *line = open_line(self);
    zsock_signal(pipe, 0);
    for (parcel_t *parcel; (parcel = take(pipe)) != NULL;) {
        deliver(line, parcel);
        give(pipe, parcel);
    }
    close_line(line);
    cr_hand_over(self);
}

/* ---- the loop's side ------------------------------------------------------------------------ */

courier_t *
courier_new(const courier_config_t *config)
{
    courier_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->config = config;
    self->actor = zactor_new(courier_thread, self);
    if (!self->actor)
        courier_destroy(&self);
    return self;
}

void
courier_stop(courier_t *self)
{
    atomic_store_explicit(&self->stopping, true, memory_order_relaxed);
}

void
courier_destroy(courier_t **self_p)
{
    courier_t *self = *self_p;
    if (!self)
        return;
    courier_stop(self);
    zactor_destroy(&self->actor);
    cr_take_over(self);
    free(self);
    *self_p = NULL;
}

void
courier_send(courier_t *self, parcel_t *parcel)
{
    give(zactor_sock(self->actor), parcel);
}

zsock_t *
courier_socket(courier_t *self)
{
    return zactor_sock(self->actor);
}

parcel_t *
courier_receive(courier_t *self)
{
    parcel_t *parcel = NULL;
    if (zmq_recv(zsock_resolve(self->actor), &parcel, sizeof parcel, ZMQ_DONTWAIT) < 0)
        return NULL;
    cr_take_over(parcel);
    return parcel;
}
