#include "api.h"

#include <arpa/inet.h>
#include <czmq.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../metrics.h"
#include "cr_clock.h"
#include "cr_log.h"
#include "request.h"

enum {
    IDLE_TIMEOUT_S = 30,
    CONNECTIONS_MAX = 512,
    CONNECTIONS_MIN = 4,
    FILES_OWN = 56, /* open while nobody is connected, and a few workers */
    CONNECTION_BYTES = 32 * 1024,
    DRAIN_TIMEOUT_MS = 10 * 1000,
    DRAIN_POLL_MS = 5
};

struct api {
    api_config_t config;
    struct MHD_Daemon *daemon;
    pthread_key_t plan_client; /* one a thread of the pool, freed when the thread ends */
    bool has_key;
    _Atomic(const char *) state; /* "starting", "standby"; NULL: it serves */
    atomic_int running;          /* requests between their head and the end of their answer */
};

static void
on_thread_end(void *value)
{
    plan_client_t *client = value;
    plan_client_destroy(&client);
}

static plan_client_t *
thread_client(api_t *self)
{
    plan_client_t *client = pthread_getspecific(self->plan_client);
    if (client)
        return client;
    client = plan_client_new();
    if (client && pthread_setspecific(self->plan_client, client) != 0)
        plan_client_destroy(&client);
    return client;
}

static void *
on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)connection;
    api_t *self = context;
    request_t *request = request_new(&self->config, atomic_load(&self->state), target);
    if (request)
        metrics_set(METRIC_HTTP_RUNNING, atomic_fetch_add(&self->running, 1) + 1);
    return request;
}

/* The library's signature, all eight parameters of it. */
static enum MHD_Result // NOLINTNEXTLINE(readability-function-size)
on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
           const char *version, const char *bytes, size_t *length, void **slot)
{
    (void)url;
    (void)version;
    api_t *self = context;
    request_t *request = *slot;
    if (!request)
        return MHD_NO;
    if (!request_has_begun(request)) {
        plan_client_t *client = thread_client(self);
        return client ? request_begin(request, connection, method, client) : MHD_NO;
    }
    if (*length == 0)
        return request_finish(request, connection);
    enum MHD_Result taken = request_feed(request, bytes, *length);
    *length = 0;
    return taken;
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **slot,
             enum MHD_RequestTerminationCode why)
{
    (void)connection;
    (void)why;
    api_t *self = context;
    request_t *request = *slot;
    if (!request)
        return;
    request_account(request);
    request_destroy(&request);
    *slot = NULL;
    metrics_set(METRIC_HTTP_RUNNING, atomic_fetch_sub(&self->running, 1) - 1);
}

static void
on_connection(void *context, struct MHD_Connection *connection, void **slot,
              enum MHD_ConnectionNotificationCode what)
{
    (void)context;
    (void)connection;
    (void)slot;
    metrics_add(METRIC_HTTP_CONNECTIONS, what == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1);
}

static void on_library_log(void *context, const char *format, va_list arguments) CR_PRINTF(2, 0);

/* What clients do wrong below HTTP is the library's to say, and of no interest by day. */
static void
on_library_log(void *context, const char *format, va_list arguments)
{
    (void)context;
    char text[256], quoted[160];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    cr_log(CR_LOG_DEBUG, "http_library", "text=%s", cr_log_value(cr_slice_of(text), quoted));
}

typedef union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} address_t;

static cr_err_t
read_address(const api_config_t *config, address_t *address, cr_fault_t *fault)
{
    in_port_t port = htons((uint16_t)config->port);
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, config->address, &address->four.sin_addr) == 1) {
        address->four.sin_family = AF_INET;
        address->four.sin_port = port;
    } else if (inet_pton(AF_INET6, config->address, &address->six.sin6_addr) == 1) {
        address->six.sin6_family = AF_INET6;
        address->six.sin6_port = port;
    } else {
        return cr_fault_set(fault, CR_INVAL, "http.address: \"%s\" is not an IP address",
                            config->address);
    }
    return CR_OK;
}

/* Of the files that may be open, workers and the ledger need theirs too: clients get half of what
 * crierd does not need for itself. */
static unsigned
connections_max(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > FILES_OWN + 2 * CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    rlim_t spare = files.rlim_cur > FILES_OWN ? (files.rlim_cur - FILES_OWN) / 2 : 0;
    unsigned max = spare > CONNECTIONS_MIN ? (unsigned)spare : CONNECTIONS_MIN;
    cr_log(CR_LOG_WARN, "http_connections_limited", "connections=%u files=%llu", max,
           (unsigned long long)files.rlim_cur);
    return max;
}

static struct MHD_Daemon *
start_daemon(api_t *self, const address_t *address)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    if (address->any.sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, self, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
        MHD_OPTION_SOCK_ADDR, &address->any, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)self->config.threads, MHD_OPTION_URI_LOG_CALLBACK, on_target, self,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, self, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, NULL, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
        MHD_OPTION_CONNECTION_LIMIT, connections_max(), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static cr_err_t
listen_on(api_t *self, int *port, cr_fault_t *fault)
{
    address_t address;
    cr_err_t err = read_address(&self->config, &address, fault);
    if (err != CR_OK)
        return err;
    errno = 0;
    self->daemon = start_daemon(self, &address);
    if (!self->daemon)
        return cr_fault_set(fault, errno == EADDRINUSE ? CR_AGAIN : CR_INVAL,
                            "http.address %s, http.port %lld: %s", self->config.address,
                            (long long)self->config.port, strerrordesc_np(errno));
    const union MHD_DaemonInfo *bound =
        MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_BIND_PORT);
    *port = bound ? bound->port : (int)self->config.port;
    return CR_OK;
}

cr_err_t
api_start(const api_config_t *config, api_t **self_p, int *port, cr_fault_t *fault)
{
    CR_ASSERT(sodium_init() >= 0);
    api_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    self->config = *config;
    api_wait(self, "starting");
    self->has_key = pthread_key_create(&self->plan_client, on_thread_end) == 0;
    cr_err_t err = self->has_key ? listen_on(self, port, fault)
                                 : cr_fault_set(fault, CR_NOMEM, "no thread key is left");
    if (err != CR_OK) {
        api_destroy(&self);
        return err;
    }
    *self_p = self;
    return CR_OK;
}

void
api_wait(api_t *self, const char *state)
{
    atomic_store(&self->state, state);
}

void
api_serve(api_t *self)
{
    atomic_store(&self->state, NULL);
}

static void
wait_for_running(api_t *self)
{
    int64_t end_us = cr_clock_mono_us() + DRAIN_TIMEOUT_MS * CR_US_PER_MS;
    while (atomic_load(&self->running) > 0 && cr_clock_mono_us() < end_us)
        zclock_sleep(DRAIN_POLL_MS);
}

void
api_destroy(api_t **self_p)
{
    api_t *self = *self_p;
    if (!self)
        return;
    if (self->daemon) {
        MHD_socket listening = MHD_quiesce_daemon(self->daemon);
        wait_for_running(self);
        MHD_stop_daemon(self->daemon);
        if (listening != MHD_INVALID_SOCKET)
            close(listening);
    }
    if (self->has_key)
        pthread_key_delete(self->plan_client);
    free(self);
    *self_p = NULL;
}
