#include "web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"

enum {
    CONNECTIONS_MAX = 1024,
    HEADER_BYTES_MAX = 64 * 1024,
    BODY_BYTES_MAX = 1024 * 1024,
    ANSWER_BYTES_MAX = 64 * 1024 * 1024,
    IDLE_S = 60,
    ROUNDS_MAX = 64, /* of the HTTP library before the rest of the loop has its turn */
    TICK_MS = 250,   /* idle connections are closed on it */
};

struct web_request {
    web_t *web;
    struct MHD_Connection *connection;
    web_request_t *previous, *next; /* among the suspended ones */
    char *uri;                      /* as it came, cut at '?' */
    const char *query;
    const char *method;
    cr_str_t body;
    web_answer_t answer;
    bool answered, suspended;
};

struct web {
    zloop_t *loop;
    delay_t *delay;
    struct MHD_Daemon *daemon;
    const web_route_t *routes;
    web_request_t *suspended;
    int epoll_fd, tick;
    bool again; /* work is left for the next turn */
};

const char *
web_method(const web_request_t *request)
{
    return request->method;
}

const char *
web_path(const web_request_t *request)
{
    return request->uri;
}

cr_slice_t
web_query(const web_request_t *request)
{
    return cr_slice_of(request->query);
}

cr_slice_t
web_body(const web_request_t *request)
{
    return cr_str_slice(&request->body);
}

const char *
web_header(const web_request_t *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *
web_argument(const web_request_t *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* The signature of the SMS gateway covers the target as it was sent, so it is kept before the
 * library decodes it. */
static void *
on_target(void *context, const char *uri, struct MHD_Connection *connection)
{
    web_request_t *request = calloc(1, sizeof *request);
    char *copy = strdup(uri);
    if (!request || !copy) {
        free(request);
        free(copy);
        return NULL;
    }
    char *query = strchr(copy, '?');
    if (query)
        *query++ = '\0';
    *request = (web_request_t){.web = context, .connection = connection, .uri = copy};
    request->query = query ? query : "";
    request->answer = (web_answer_t){.status = MHD_HTTP_OK, .type = "application/json"};
    cr_str_init(&request->body, BODY_BYTES_MAX);
    cr_str_init(&request->answer.body, ANSWER_BYTES_MAX);
    return request;
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **state,
             enum MHD_RequestTerminationCode why)
{
    (void)context;
    (void)connection;
    (void)why;
    web_request_t *request = *state;
    if (!request)
        return;
    cr_str_fini(&request->body);
    cr_str_fini(&request->answer.body);
    free(request->uri);
    free(request);
    *state = NULL;
}

static void
refuse(web_answer_t *answer, unsigned status, const char *why)
{
    answer->status = status;
    answer->type = "text/plain; charset=utf-8";
    cr_str_append_text(&answer->body, why);
}

static void
dispatch(web_request_t *request)
{
    web_answer_t *answer = &request->answer;
    if (cr_str_err(&request->body) != CR_OK) {
        refuse(answer, MHD_HTTP_CONTENT_TOO_LARGE, "the body is over 1 MiB\n");
        return;
    }
    bool path_known = false;
    for (const web_route_t *route = request->web->routes; route->method; route++) {
        if (strcmp(route->path, request->uri) != 0)
            continue;
        path_known = true;
        if (strcmp(route->method, request->method) != 0)
            continue;
        route->answer(route->context, request, answer);
        return;
    }
    refuse(answer, path_known ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
           path_known ? "another method is needed here\n" : "there is nothing here\n");
}

static void
add_headers(struct MHD_Response *response, const web_answer_t *answer)
{
    char seconds[16];
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (answer->policy)
        MHD_add_response_header(response, "Content-Security-Policy", answer->policy);
    if (answer->retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%d", answer->retry_after_s);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
}

/* MHD_NO makes the library close the connection without a word, which is what a drop is. */
static enum MHD_Result
respond(web_request_t *request)
{
    web_answer_t *answer = &request->answer;
    if (answer->drop || cr_str_err(&answer->body) != CR_OK)
        return MHD_NO;
    size_t length = answer->body.length;
    char *bytes = cr_str_take(&answer->body);
    struct MHD_Response *response =
        bytes ? MHD_create_response_from_buffer(length, bytes, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!response) {
        free(bytes);
        return MHD_NO;
    }
    add_headers(response, answer);
    enum MHD_Result queued = MHD_queue_response(request->connection, answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

static void web_run(web_t *self);

static void
resume(web_request_t *request)
{
    web_t *self = request->web;
    if (request->previous)
        request->previous->next = request->next;
    else
        self->suspended = request->next;
    if (request->next)
        request->next->previous = request->previous;
    request->suspended = false;
    MHD_resume_connection(request->connection);
}

static void
on_due(void *context)
{
    web_request_t *request = context;
    web_t *self = request->web;
    resume(request);
    web_run(self);
}

/* Without a timer the answer goes out at once: a full queue must not lose a connection. */
static bool
suspend(web_request_t *request)
{
    web_t *self = request->web;
    int64_t due_us = cr_clock_mono_us() + request->answer.delay_us;
    if (delay_until(self->delay, due_us, on_due, request) != CR_OK)
        return false;
    request->suspended = true;
    request->next = self->suspended;
    if (self->suspended)
        self->suspended->previous = request;
    self->suspended = request;
    MHD_suspend_connection(request->connection);
    return true;
}

static enum MHD_Result // NOLINTNEXTLINE(readability-function-size): the signature of MHD
on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
           const char *version, const char *upload, size_t *upload_bytes, void **state)
{
    (void)context;
    (void)connection;
    (void)url;
    (void)version;
    web_request_t *request = *state;
    if (!request)
        return MHD_NO;
    if (!request->method) { /* the header is here, the body is not */
        request->method = method;
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        cr_str_append(&request->body, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (!request->answered) {
        request->answered = true;
        dispatch(request);
        if (request->answer.delay_us > 0 && suspend(request))
            return MHD_YES;
    }
    return respond(request);
}

static int
on_again(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    web_t *self = context;
    self->again = false;
    web_run(self);
    return 0;
}

/* The library's descriptor does not become readable for what it has read already: it says by a
 * time-out of zero that there is more. */
static void
web_run(web_t *self)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        MHD_run(self->daemon);
        if (MHD_get_timeout(self->daemon, &timeout_ms) != MHD_YES || timeout_ms > 0)
            return;
    }
    if (!self->again)
        self->again = zloop_timer(self->loop, 0, 1, on_again, self) >= 0;
}

static int
on_readable(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    web_run(context);
    return 0;
}

static int
on_tick(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    web_run(context);
    return 0;
}

static struct MHD_Daemon *
daemon_start(web_t *self, const struct sockaddr_in *where)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
                            self, MHD_OPTION_SOCK_ADDR, where, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)HEADER_BYTES_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)IDLE_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed, self,
                            MHD_OPTION_URI_LOG_CALLBACK, on_target, self, MHD_OPTION_END);
}

static bool
watch(web_t *self)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return false;
    self->epoll_fd = info->epoll_fd;
    zmq_pollitem_t item = {.fd = self->epoll_fd, .events = ZMQ_POLLIN};
    if (zloop_poller(self->loop, &item, on_readable, self) != 0)
        return false;
    self->tick = zloop_timer(self->loop, TICK_MS, 0, on_tick, self);
    return self->tick >= 0;
}

cr_err_t
web_start(zloop_t *loop, delay_t *delay, const web_options_t *options, web_t **self_p,
          cr_fault_t *fault)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
    if (inet_pton(AF_INET, options->address, &where.sin_addr) != 1)
        return cr_fault_set(fault, CR_INVAL, "http.address: \"%s\" is not an IPv4 address",
                            options->address);
    web_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *self = (web_t){
        .loop = loop, .delay = delay, .routes = options->routes, .epoll_fd = -1, .tick = -1};
    self->daemon = daemon_start(self, &where);
    if (!self->daemon || !watch(self)) {
        int reason = errno;
        web_stop(&self);
        return cr_fault_set(fault, CR_IO, "http: cannot listen on %s:%d: %s", options->address,
                            (int)options->port, strerrordesc_np(reason));
    }
    *self_p = self;
    return CR_OK;
}

void
web_stop(web_t **self_p)
{
    web_t *self = *self_p;
    if (!self)
        return;
    if (self->tick >= 0)
        zloop_timer_end(self->loop, self->tick);
    if (self->epoll_fd >= 0) {
        zmq_pollitem_t item = {.fd = self->epoll_fd};
        zloop_poller_end(self->loop, &item);
    }
    while (self->suspended) {
        self->suspended->answer.drop = true;
        resume(self->suspended);
    }
    if (self->daemon)
        MHD_stop_daemon(self->daemon);
    free(self);
    *self_p = NULL;
}

unsigned
web_port(const web_t *self)
{
    return MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}
