#include "zap.h"

#include <string.h>
#include <sys/stat.h>

#include "cr_clock.h"
#include "cr_keys.h"
#include "cr_log.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

enum { KEY_BYTES = 32 };

typedef struct {
    const char *folder;
    struct timespec read_at; /* of the folder, when it was last read */
    zhash_t *names;          /* key as Z85 text -> name */
} zap_t;

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
    if (!name || name[0] == '\0')
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
        bool settled = cr_clock_wall_us() / CR_US_PER_S > status.st_mtim.tv_sec + 1;
        self->read_at = settled ? status.st_mtim : (struct timespec){0};
    }
    return zmq_z85_encode(text, key, KEY_BYTES) ? zhash_lookup(self->names, text) : NULL;
}

/* version, request id, domain, address, routing id, mechanism, credentials. */
static int
on_request(zloop_t *loop, zsock_t *socket, void *context)
{
    (void)loop;
    zap_t *self = context;
    zmsg_t *request = zmsg_recv(socket);
    if (!request)
        return 0;
    zframe_t *parts[7] = {0};
    zframe_t *part = zmsg_first(request);
    for (size_t i = 0; i < CR_COUNT(parts); i++, part = zmsg_next(request))
        parts[i] = part;
    bool sound = zmsg_size(request) == 7 && zframe_streq(parts[0], "1.0") &&
                 zframe_streq(parts[2], ZAP_DOMAIN) && zframe_streq(parts[5], "CURVE") &&
                 zframe_size(parts[6]) == KEY_BYTES;
    const char *name = sound ? name_of(self, zframe_data(parts[6])) : NULL;
    zmsg_t *answer = zmsg_new();
    zmsg_addstr(answer, "1.0");
    if (parts[1])
        zmsg_addmem(answer, zframe_data(parts[1]), zframe_size(parts[1]));
    else
        zmsg_addstr(answer, "");
    zmsg_addstr(answer, name ? "200" : "400");
    zmsg_addstr(answer, name ? "OK" : "no such key");
    zmsg_addstr(answer, name ? name : "");
    zmsg_addstr(answer, "");
    zmsg_send(&answer, socket);
    zmsg_destroy(&request);
    return 0;
}

static int
on_pipe(zloop_t *loop, zsock_t *pipe, void *context)
{
    (void)loop;
    (void)context;
    zmsg_t *message = zmsg_recv(pipe);
    zmsg_destroy(&message);
    return -1;
}

static void
thread_main(zsock_t *pipe, void *context)
{
    zap_t self = {.folder = context, .names = zhash_new()};
    zhash_autofree(self.names);
    zsock_t *socket = zsock_new(ZMQ_REP);
    int bound = zsock_bind(socket, ZAP_ENDPOINT);
    CR_ASSERT(bound == 0); /* without a handler nobody is let in; two of them are our mistake */
    zsock_signal(pipe, 0);
    zloop_t *loop = zloop_new();
    zloop_set_nonstop(loop, true);
    zloop_reader(loop, pipe, on_pipe, &self);
    zloop_reader(loop, socket, on_request, &self);
    zloop_start(loop);
    zloop_destroy(&loop);
    zsock_unbind(socket, ZAP_ENDPOINT); /* at once, and not when the closed socket is reaped */
    zsock_destroy(&socket);
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
