#include "listener.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_str.h"

enum {
    CONNECTIONS_MAX = 256,
    CONNECTION_BYTES = 32 * 1024,
    BODY_BYTES_MAX = 1 << 20,
    REQUEST_TIMEOUT_S = 15,
    RUNS_MAX = 64
};
static const int64_t reply_deadline_us = 4 * CR_US_PER_S; /* WeChat gives up after 5 s */

/* One request, from its head to its answer. */
struct push {
    listener_t *listener;
    struct MHD_Connection *connection;
    push_t *previous, *next;   /* those who wait */
    const char *method, *path; /* of the request, while on_push runs */
    cr_str_t body;
    uint64_t ticket;
    int64_t deadline_us;
    push_reply_t reply;
    bool waiting, decided;
};

struct listener {
    zloop_t *loop;
    struct MHD_Daemon *daemon;
    int epoll_fd;
    int timer;
    listener_on_push_fn *on_push;
    void *context;
    uint64_t last_ticket;
    push_t *waiting;
};

static const push_reply_t try_again = {503, "text/plain", "try again\n"};
static const push_reply_t too_large = {413, "text/plain", "too large\n"};

static void
wait_link(push_t *push)
{
    listener_t *self = push->listener;
    push->waiting = true;
    push->previous = NULL;
    push->next = self->waiting;
    if (push->next)
        push->next->previous = push;
    self->waiting = push;
}

static void
wait_unlink(push_t *push)
{
    if (push->previous)
        push->previous->next = push->next;
    else
        push->listener->waiting = push->next;
    if (push->next)
        push->next->previous = push->previous;
    push->waiting = false;
}

static enum MHD_Result
answer(struct MHD_Connection *connection, const push_reply_t *reply)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(reply->body), (void *)(uintptr_t)reply->body, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    enum MHD_Result queued = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return queued;
}

static push_t *
push_new(listener_t *self, struct MHD_Connection *connection)
{
    push_t *push = calloc(1, sizeof *push);
    if (!push)
        return NULL;
    push->listener = self;
    push->connection = connection;
    push->ticket = ++self->last_ticket;
    cr_str_init(&push->body, BODY_BYTES_MAX);
    return push;
}

/* The request is whole: its verdict, and either an answer or sleep. */
static enum MHD_Result
decide(push_t *push)
{
    listener_t *self = push->listener;
    push_verdict_t verdict = {too_large, false};
    if (cr_str_err(&push->body) == CR_OK)
        verdict = self->on_push(self->context, push);
    push->decided = true;
    push->reply = verdict.reply;
    if (!verdict.waits)
        return answer(push->connection, &push->reply);
    push->deadline_us = cr_clock_mono_us() + reply_deadline_us;
    wait_link(push);
    MHD_suspend_connection(push->connection);
    return MHD_YES;
}

static enum MHD_Result // NOLINTNEXTLINE(readability-function-size): the signature of MHD
on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
           const char *version, const char *bytes, size_t *length, void **request)
{
    (void)version;
    push_t *push = *request;
    if (!push) {
        *request = push_new(context, connection);
        return *request ? MHD_YES : MHD_NO;
    }
    if (*length > 0) {
        cr_str_append(&push->body, bytes, *length);
        *length = 0;
        return MHD_YES;
    }
    if (push->decided)
        return answer(connection, &push->reply);
    push->method = method;
    push->path = path;
    return decide(push);
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **request,
             enum MHD_RequestTerminationCode why)
{
    (void)context;
    (void)connection;
    (void)why;
    push_t *push = *request;
    if (!push)
        return;
    if (push->waiting)
        wait_unlink(push);
    cr_str_fini(&push->body);
    free(push);
    *request = NULL;
}

/* ---- the loop ------------------------------------------------------------------------------- */

static int on_timer(zloop_t *loop, int timer, void *context);

static void
arm(listener_t *self, size_t wait_ms)
{
    if (self->timer != -1)
        zloop_timer_end(self->loop, self->timer);
    self->timer = zloop_timer(self->loop, wait_ms, 1, on_timer, self);
}

/* libmicrohttpd may have work that epoll does not show; it then asks for a run after 0 ms. */
static void
run(listener_t *self)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    bool timed = true;
    for (int i = 0; i < RUNS_MAX && timed && wait_ms == 0; i++) {
        MHD_run(self->daemon);
        timed = MHD_get_timeout(self->daemon, &wait_ms) == MHD_YES;
    }
    if (timed)
        arm(self, (size_t)wait_ms);
}

static int
on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    listener_t *self = context;
    self->timer = -1;
    run(self);
    return 0;
}

static int
on_readable(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    run(context);
    return 0;
}

static cr_err_t
start(listener_t *self, const struct sockaddr_in *address, cr_fault_t *fault)
{
    self->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, self,
        MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)address, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, self, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)REQUEST_TIMEOUT_S, MHD_OPTION_END);
    if (!self->daemon)
        return cr_fault_set(fault, CR_IO, "receipts.port: cannot listen on port %u",
                            (unsigned)ntohs(address->sin_port));
    self->epoll_fd = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    zmq_pollitem_t item = {.fd = self->epoll_fd, .events = ZMQ_POLLIN};
    CR_ASSERT(zloop_poller(self->loop, &item, on_readable, self) == 0);
    return CR_OK;
}

listener_t *
listener_open(zloop_t *loop, const char *address, uint16_t port, listener_on_push_fn *on_push,
              void *context, cr_fault_t *fault)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, address, &where.sin_addr) != 1) {
        cr_fault_set(fault, CR_INVAL, "receipts.address: \"%s\" is no IPv4 address", address);
        return NULL;
    }
    listener_t *self = calloc(1, sizeof *self);
    if (!self) {
        cr_fault_set(fault, CR_NOMEM, "out of memory");
        return NULL;
    }
    *self = (listener_t){.loop = loop, .timer = -1, .on_push = on_push, .context = context};
    if (start(self, &where, fault) != CR_OK)
        listener_close(&self);
    return self;
}

void
listener_close(listener_t **self_p)
{
    listener_t *self = *self_p;
    if (!self)
        return;
    if (self->daemon) {
        zmq_pollitem_t item = {.fd = self->epoll_fd};
        zloop_poller_end(self->loop, &item);
        listener_tick(self, INT64_MAX);
        MHD_stop_daemon(self->daemon);
    }
    if (self->timer != -1)
        zloop_timer_end(self->loop, self->timer);
    free(self);
    *self_p = NULL;
}

uint16_t
listener_port(const listener_t *self)
{
    return MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

/* ---- replies -------------------------------------------------------------------------------- */

/* Without a thread of its own libmicrohttpd does not notice a resumed connection by itself. */
static void
wake(push_t *push)
{
    wait_unlink(push);
    MHD_resume_connection(push->connection);
    arm(push->listener, 0);
}

void
listener_release(listener_t *self, uint64_t ticket)
{
    for (push_t *push = self->waiting; push; push = push->next) {
        if (push->ticket == ticket) {
            wake(push);
            return;
        }
    }
}

void
listener_tick(listener_t *self, int64_t now_us)
{
    for (push_t *push = self->waiting, *next; push; push = next) {
        next = push->next;
        if (push->deadline_us > now_us)
            continue;
        push->reply = try_again;
        wake(push);
    }
}

const char *
push_method(const push_t *push)
{
    return push->method;
}

const char *
push_path(const push_t *push)
{
    return push->path;
}

cr_slice_t
push_body(const push_t *push)
{
    return cr_str_slice(&push->body);
}

const char *
push_query(const push_t *push, const char *name)
{
    const char *value = MHD_lookup_connection_value(push->connection, MHD_GET_ARGUMENT_KIND, name);
    return value ? value : "";
}

uint64_t
push_ticket(const push_t *push)
{
    return push->ticket;
}
