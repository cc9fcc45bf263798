#include "zap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "../metrics.h"
#include "core.h"
#include "cr_clock.h"
#include "cr_keys.h"
#include "cr_log.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

enum { KEY_BYTES = 32, LOG_MS = 10000, FD_MAX = 65536 };
static const int64_t settled_us = CR_US_PER_S / 10; /* a kernel's clock of files is never coarser */

typedef struct {
    const char *folder;
    struct timespec read_at; /* of the folder, when it was last read */
    zhash_t *names;          /* key as Z85 text -> name */
    struct {
        char name[CORE_NAME_MAX];
        int64_t until_us;
    } shut_out[ZAP_SHUT_OUT_MAX]; /* a ring */
    size_t shut_out_next;
    zsock_t *pipe;
    zsock_t *requests; /* bound when we let people in */
    zsock_t *watch;
    uint8_t counted[FD_MAX / 8]; /* a bit for each open connection */
    cr_log_limit_t refused_log, accept_log;
} zap_t;

/* ---- who is known ----------------------------------------------------------------------------- */

static void
add_certificate(zap_t *self, const char *path)
{
    zcert_t *cert;
    cr_fault_t fault;
    char why[160];
    cr_err_t err = cr_keys_load_public(path, &cert, &fault);
    if (err != CR_OK) {
        cr_log(CR_LOG_WARN, "certificate_refused", "reason=%s",
               cr_log_value(cr_slice_of(fault.text), why));
        return;
    }
    const char *name = zcert_meta(cert, "name");
    if (!name || name[0] == '\0' || strlen(name) >= CORE_NAME_MAX)
        cr_log(CR_LOG_WARN, "certificate_refused", "file=%s reason=no_name",
               cr_log_value(cr_slice_of(path), why));
    else
        zhash_update(self->names, zcert_public_txt(cert), (void *)(uintptr_t)name);
    zcert_destroy(&cert);
}

static void
read_folder(zap_t *self)
{
    zdir_t *folder = zdir_new(self->folder, "-");
    zhash_destroy(&self->names);
    self->names = zhash_new();
    zhash_autofree(self->names);
    zlist_t *files = folder ? zdir_list(folder) : NULL;
    for (zfile_t *file = files ? zlist_first(files) : NULL; file; file = zlist_next(files))
        add_certificate(self, zfile_filename(file, NULL));
    zlist_destroy(&files);
    zdir_destroy(&folder);
}

static const char *
name_of(zap_t *self, const uint8_t key[KEY_BYTES])
{
    struct stat status;
    char text[41];
    if (stat(self->folder, &status) == 0 &&
        memcmp(&status.st_mtim, &self->read_at, sizeof self->read_at) != 0) {
        read_folder(self);
        /* One that changed just now may change again within the same tick of its clock. */
        int64_t changed_us = status.st_mtim.tv_sec * CR_US_PER_S + status.st_mtim.tv_nsec / 1000;
        bool settled = cr_clock_wall_us() > changed_us + settled_us;
        self->read_at = settled ? status.st_mtim : (struct timespec){0};
    }
    return zmq_z85_encode(text, key, KEY_BYTES) ? zhash_lookup(self->names, text) : NULL;
}

static bool
is_shut_out(const zap_t *self, const char *name)
{
    int64_t now_us = cr_clock_mono_us();
    for (size_t i = 0; i < ZAP_SHUT_OUT_MAX; i++)
        if (now_us < self->shut_out[i].until_us && strcmp(self->shut_out[i].name, name) == 0)
            return true;
    return false;
}

static void
shut_out(zap_t *self, const char *name)
{
    size_t at = self->shut_out_next++ % ZAP_SHUT_OUT_MAX;
    snprintf(self->shut_out[at].name, sizeof self->shut_out[at].name, "%s", name);
    self->shut_out[at].until_us = cr_clock_mono_us() + ZAP_SHUT_OUT_S * CR_US_PER_S;
}

static void
log_refused(zap_t *self, zframe_t *address, const char *reason)
{
    uint64_t suppressed;
    char from[64] = "";
    if (!cr_log_limit(&self->refused_log, cr_clock_mono_us(), LOG_MS, &suppressed))
        return;
    if (address)
        snprintf(from, sizeof from, "%.*s", (int)zframe_size(address),
                 (const char *)zframe_data(address));
    cr_log(CR_LOG_WARN, "key_refused", "from=%s reason=%s suppressed=%llu", from, reason,
           (unsigned long long)suppressed);
}

/* NULL: let in; else why not. */
static const char *
judge(zap_t *self, zmsg_t *request, zframe_t *parts[7], const char **name)
{
    bool sound = zmsg_size(request) == 7 && zframe_streq(parts[0], "1.0") &&
                 zframe_streq(parts[2], ZAP_DOMAIN) && zframe_streq(parts[5], "CURVE") &&
                 zframe_size(parts[6]) == KEY_BYTES;
    *name = sound ? name_of(self, zframe_data(parts[6])) : NULL;
    const char *refused = !*name ? "unknown" : is_shut_out(self, *name) ? "shut_out" : NULL;
    if (refused)
        log_refused(self, parts[3], refused);
    return refused;
}

/* version, request id, domain, address, routing id, mechanism, credentials. */
static int
on_request(zloop_t *loop, zsock_t *socket, void *context)
{
    (void)loop;
    zmsg_t *request = zmsg_recv(socket);
    if (!request)
        return 0;
    zframe_t *parts[7] = {0};
    zframe_t *part = zmsg_first(request);
    for (size_t i = 0; i < CR_COUNT(parts); i++, part = zmsg_next(request))
        parts[i] = part;
    const char *name = NULL;
    const char *refused = judge(context, request, parts, &name);
    zmsg_t *answer = zmsg_new();
    zmsg_addstr(answer, "1.0");
    if (parts[1])
        zmsg_addmem(answer, zframe_data(parts[1]), zframe_size(parts[1]));
    else
        zmsg_addstr(answer, "");
    zmsg_addstr(answer, refused ? "400" : "200");
    zmsg_addstr(answer, refused ? "refused" : "OK");
    zmsg_addstr(answer, refused ? "" : name);
    zmsg_addstr(answer, "");
    zmsg_send(&answer, socket);
    zmsg_destroy(&request);
    return 0;
}

/* ---- what comes and goes ---------------------------------------------------------------------- */

static void
log_not_accepted(zap_t *self, int number)
{
    uint64_t suppressed;
    char why[160];
    if (cr_log_limit(&self->accept_log, cr_clock_mono_us(), LOG_MS, &suppressed))
        cr_log(CR_LOG_ERR, "wire_accept_failed", "reason=%s suppressed=%llu",
               cr_log_value(cr_slice_of(strerrordesc_np(number)), why),
               (unsigned long long)suppressed);
}

/* One that came before the port was watched was never counted. */
static void
count_connection(zap_t *self, uint32_t fd, bool open)
{
    uint8_t bit = (uint8_t)(1u << fd % 8);
    if (fd >= FD_MAX || open == ((self->counted[fd / 8] & bit) != 0))
        return;
    self->counted[fd / 8] ^= bit;
    metrics_add(METRIC_WIRE_CONNECTIONS, open ? 1 : -1);
}

static void
take_event(zap_t *self, uint16_t event, uint32_t value)
{
    switch (event) {
    case ZMQ_EVENT_ACCEPTED:
    case ZMQ_EVENT_DISCONNECTED:
        count_connection(self, value, event == ZMQ_EVENT_ACCEPTED);
        break;
    case ZMQ_EVENT_ACCEPT_FAILED:
        metrics_add(METRIC_WIRE_ACCEPTS_FAILED, 1);
        log_not_accepted(self, (int)value);
        break;
    default:
        metrics_add(METRIC_WIRE_HANDSHAKES_FAILED, 1);
    }
}

/* Event frame: 16-bit event, 32-bit value; then a frame with the address. */
static int
on_watch(zloop_t *loop, zsock_t *watch, void *context)
{
    (void)loop;
    uint8_t bytes[6];
    uint16_t event;
    uint32_t value;
    char address[256];
    void *raw = zsock_resolve(watch);
    while (zmq_recv(raw, bytes, sizeof bytes, ZMQ_DONTWAIT) == (int)sizeof bytes) {
        zmq_recv(raw, address, sizeof address, 0);
        memcpy(&event, bytes, sizeof event);
        memcpy(&value, bytes + sizeof event, sizeof value);
        take_event(context, event, value);
    }
    return 0;
}

/* ---- the thread ------------------------------------------------------------------------------- */

/* What its owner tells the thread: a letter, then a name or an endpoint. Anything else ends it. */
enum { TELL_SHUT_OUT = '!', TELL_WATCH = '>', TELL_OPEN = '+' };

/* Before this libzmq ends every handshake at once, since the domain is enforced. (An answer "come
 * again later" leaves it hanging until its time is over, and so may a watched port.) */
static void
let_in(zap_t *self, zloop_t *loop)
{
    int bound = zsock_bind(self->requests, ZAP_ENDPOINT);
    CR_ASSERT(bound == 0); /* two of them are our mistake */
    zloop_reader(loop, self->requests, on_request, self);
    zsock_signal(self->pipe, 0);
}

static bool
obey(zap_t *self, zloop_t *loop, const char *word)
{
    if (word[0] == TELL_OPEN)
        let_in(self, loop);
    else if (word[0] == TELL_SHUT_OUT)
        shut_out(self, word + 1);
    else if (word[0] == TELL_WATCH && !self->watch && (self->watch = zsock_new_pair(word)) != NULL)
        zloop_reader(loop, self->watch, on_watch, self);
    return word[0] == TELL_OPEN || word[0] == TELL_SHUT_OUT || word[0] == TELL_WATCH;
}

static int
on_pipe(zloop_t *loop, zsock_t *pipe, void *context)
{
    char *word = zstr_recv(pipe);
    bool goes_on = word && obey(context, loop, word);
    zstr_free(&word);
    return goes_on ? 0 : -1;
}

void
zap_shut_out(zactor_t *actor, const char *name)
{
    zstr_sendf(actor, "%c%s", TELL_SHUT_OUT, name);
}

void
zap_open(zactor_t *actor)
{
    zstr_sendf(actor, "%c", TELL_OPEN);
    zsock_wait(actor);
}

/* A name is used once: that of a closed socket is given back only some time later. */
bool
zap_watch(zactor_t *actor, zsock_t *router)
{
    static atomic_uint used;
    char where[40];
    snprintf(where, sizeof where, "inproc://wire-watch-%u", atomic_fetch_add(&used, 1));
    metrics_set(METRIC_WIRE_CONNECTIONS, 0);
    return zmq_socket_monitor(zsock_resolve(router), where,
                              ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |
                                  ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) == 0 &&
           zstr_sendf(actor, "%c%s", TELL_WATCH, where) == 0;
}

void
zap_unwatch(zsock_t *router)
{
    zmq_socket_monitor(zsock_resolve(router), NULL, 0);
}

static void
thread_main(zsock_t *pipe, void *context)
{
    zap_t self = {
        .folder = context, .pipe = pipe, .names = zhash_new(), .requests = zsock_new(ZMQ_REP)};
    pthread_setname_np(pthread_self(), "zap"); /* as top and perf show it */
    zhash_autofree(self.names);
    zsock_signal(pipe, 0);
    zloop_t *loop = zloop_new();
    zloop_set_nonstop(loop, true);
    zloop_reader(loop, pipe, on_pipe, &self);
    zloop_start(loop);
    zloop_destroy(&loop);
    zsock_unbind(self.requests, ZAP_ENDPOINT); /* at once, and not when it is reaped */
    zsock_destroy(&self.requests);
    zsock_destroy(&self.watch);
    zhash_destroy(&self.names);
}

cr_err_t
zap_start(const char *folder, zactor_t **actor, cr_fault_t *fault)
{
    struct stat status;
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
        return cr_fault_set(fault, CR_NOTFOUND, "wire.workers_dir: %s is no folder", folder);
    zactor_t *started = zactor_new(thread_main, (void *)(uintptr_t)folder);
    if (!started)
        return cr_fault_set(fault, CR_NOMEM, "the key handler could not be started");
    *actor = started;
    return CR_OK;
}
