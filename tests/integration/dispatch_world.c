#include "dispatch_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cr_clock.h"
#include "cr_keys.h"
#include "cr_log.h"
#include "metrics.h"
#include "people.h"

#define LEDGER_ENDPOINT "inproc://ledger-dispatch"

enum { DEADLINE_MS = 10000, POLL_MS = 5 };

static const char people[] = "id,name,phone,openid,email,division,groups,roles,language\n"
                             "A,张三,13800000001,,a@pingyin.test,370124100000,,,zh-CN\n"
                             "B,Bob,13800000002,,b@pingyin.test,370124100000,,,en-US\n"
                             "C,李四,,,c@pingyin.test,370124100000,,,zh-CN\n";

/* ---- the ledger ------------------------------------------------------------------------------- */

static void
store(world_t *self, const ledger_op_t *op)
{
    CU_ASSERT_FATAL(op->first_rank + op->length <= sizeof self->bytes);
    memcpy(self->bytes + op->first_rank, op->status, op->length);
    uint8_t length[2] = {(uint8_t)(op->trail_bytes & 255), (uint8_t)(op->trail_bytes >> 8)};
    if (op->trail_bytes == 0)
        return;
    cr_str_append(&self->trail, length, sizeof length);
    cr_str_append(&self->trail, op->trail, op->trail_bytes);
}

static void
give_trail(const world_t *self, ledger_op_t *op)
{
    op->bytes_length = self->trail.length;
    op->bytes = malloc(self->trail.length + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op->bytes);
    memcpy(op->bytes, cr_str_text(&self->trail), self->trail.length);
}

void
world_answer(world_t *self)
{
    for (ledger_op_t *op; (op = zlist_pop(self->held)) != NULL;) {
        if (op->kind == LEDGER_BLOCK)
            store(self, op);
        else if (op->kind == LEDGER_TRAIL)
            give_trail(self, op);
        ledger_send(self->ledger, &op);
    }
}

static void
take_what_is_there(world_t *self)
{
    while (zsock_events(self->ledger) & ZMQ_POLLIN)
        zlist_append(self->held, ledger_receive(self->ledger));
    while (zsock_events(self->plan) & ZMQ_POLLIN)
        zlist_append(self->news, dispatch_receive(self->plan));
}

/* One look at what dispatch has said. */
static void
turn(world_t *self)
{
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(self->ledger), .events = ZMQ_POLLIN},
                              {.socket = zsock_resolve(self->plan), .events = ZMQ_POLLIN}};
    CU_ASSERT_FATAL(zmq_poll(items, CR_COUNT(items), POLL_MS) >= 0);
    take_what_is_there(self);
    if (!self->ledger_waits)
        world_answer(self);
}

static int64_t
deadline(void)
{
    return cr_clock_mono_us() + DEADLINE_MS * CR_US_PER_MS;
}

const ledger_op_t *
world_wait_lease_op(world_t *self)
{
    for (int64_t end = deadline();; turn(self)) {
        const ledger_op_t *op = zlist_last(self->held);
        if (op && op->lease != 0)
            return op;
        CU_ASSERT_FATAL(cr_clock_mono_us() < end);
    }
}

void
world_wait_metric(world_t *self, int metric, int64_t at_least)
{
    for (int64_t end = deadline(); metrics_get((metric_t)metric) < at_least; turn(self))
        CU_ASSERT_FATAL(cr_clock_mono_us() < end);
}

/* ---- keys and the daemon ---------------------------------------------------------------------- */

static void
path_of(const world_t *self, const char *name, char out[160])
{
    snprintf(out, 160, "%s/%s", self->folder, name);
}

void
world_make_key(const world_t *self, const char *group, const char *name)
{
    char made[160], place[160], file[80];
    cr_fault_t fault;
    snprintf(file, sizeof file, "%s.%s", group, name);
    path_of(self, file, made);
    CU_ASSERT_EQUAL_FATAL(cr_keys_make_curve(made, name, &fault), CR_OK);
    snprintf(file, sizeof file, "%s/%s", group, name);
    path_of(self, file, place);
    /* The public half alone lies in the folder of the allowed. */
    zcert_t *cert;
    CU_ASSERT_EQUAL_FATAL(cr_keys_load_public(made, &cert, &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(zcert_save_public(cert, place), 0);
    zcert_destroy(&cert);
}

static void
make_folders(world_t *self)
{
    char path[160];
    snprintf(self->folder, sizeof self->folder, "/tmp/test_dispatch-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(self->folder));
    path_of(self, "workers", path);
    CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
    path_of(self, "others", path);
    CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
    world_make_key(self, "workers", "sms-1");
    world_make_key(self, "workers", "sms-2");
    world_make_key(self, "others", "crierd");
}

static void
tell_directory(world_t *self)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_DIRECTORY);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    message->directory = people_of(people);
    dispatch_send(self->plan, &message);
}

/* Before the first thread; those of a world that was closed may still end. */
static void
open_log(void)
{
    static bool opened;
    if (!opened)
        cr_log_open("test", CR_LOG_ERR);
    opened = true;
}

void
world_prepare(world_t *self)
{
    static char key[160], workers[160]; /* dispatch keeps what its configuration points at */
    *self = (world_t){.held = zlist_new(), .news = zlist_new()};
    open_log();
    zsys_handler_set(NULL);
    cr_str_init(&self->trail, 1 << 20);
    make_folders(self);
    path_of(self, "others.crierd_secret", key);
    path_of(self, "workers", workers);
    const dispatch_config_t config = {.endpoint = "tcp://127.0.0.1:*",
                                      .secret_key_file = key,
                                      .workers_dir = workers,
                                      .heartbeat_ms = 1000,
                                      .lease_ms = 30000,
                                      .report_outcomes = 32,
                                      .report_ms = 20,
                                      .retry_first_ms = 1000,
                                      .retry_max_ms = 60000,
                                      .attempts_max = 3};
    cr_fault_t fault;
    self->ledger = zsock_new_pair("@" LEDGER_ENDPOINT);
    dispatch_t *opened;
    CU_ASSERT_EQUAL_FATAL(dispatch_open(&config, &opened, &self->endpoint, &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(dispatch_let_in(opened, &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(dispatch_start(&opened, 1, &self->dispatch, &fault), CR_OK);
    self->plan = zsock_new_pair(">inproc://dispatch");
    tell_directory(self);
}

void
world_serve(world_t *self)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_SERVE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    dispatch_send(self->plan, &message);
}

void
world_open(world_t *self)
{
    world_prepare(self);
    world_serve(self);
}

static void
remove_folder(const world_t *self)
{
    zdir_t *folder = zdir_new(self->folder, NULL);
    zdir_remove(folder, true);
    zdir_destroy(&folder);
}

/* As the daemon does: nothing is on its way any more when it is answered. */
static void
stop(world_t *self)
{
    self->ledger_waits = false;
    dispatch_message_t *answer = world_ask(self, dispatch_message_new(DISPATCH_STOP));
    dispatch_message_destroy(&answer);
}

void
world_close(world_t *self)
{
    stop(self);
    zactor_destroy(&self->dispatch);
    for (ledger_op_t *op; (op = zlist_pop(self->held)) != NULL;)
        ledger_op_destroy(&op);
    for (dispatch_message_t *message; (message = zlist_pop(self->news)) != NULL;)
        dispatch_message_destroy(&message);
    zlist_destroy(&self->held);
    zlist_destroy(&self->news);
    zsock_destroy(&self->plan);
    zsock_unbind(self->ledger, LEDGER_ENDPOINT); /* the name is free at once */
    zsock_destroy(&self->ledger);
    zstr_free(&self->endpoint);
    cr_str_fini(&self->trail);
    remove_folder(self);
}

/* ---- workers ---------------------------------------------------------------------------------- */

static void
set_keys(const world_t *self, void *socket, const char *key)
{
    char path[160];
    zcert_t *own, *server;
    cr_fault_t fault;
    path_of(self, key, path);
    CU_ASSERT_EQUAL_FATAL(cr_keys_load_curve(path, &own, &fault), CR_OK);
    path_of(self, "others.crierd", path);
    CU_ASSERT_EQUAL_FATAL(cr_keys_load_public(path, &server, &fault), CR_OK);
    zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, zcert_public_key(server), 32);
    zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, zcert_public_key(own), 32);
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, zcert_secret_key(own), 32);
    zcert_destroy(&own);
    zcert_destroy(&server);
}

worker_t
world_connect(const world_t *self, const char *name, const char *key)
{
    static unsigned number;
    char monitor[64];
    int zero = 0;
    worker_t worker = {.socket = zmq_socket(zsys_init(), ZMQ_DEALER),
                       .monitor = zmq_socket(zsys_init(), ZMQ_PAIR)};
    CU_ASSERT_FATAL(worker.socket && worker.monitor);
    set_keys(self, worker.socket, key);
    zmq_setsockopt(worker.socket, ZMQ_ROUTING_ID, name, strlen(name));
    zmq_setsockopt(worker.socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(worker.monitor, ZMQ_LINGER, &zero, sizeof zero);
    snprintf(monitor, sizeof monitor, "inproc://monitor-%u", number++);
    CU_ASSERT_EQUAL_FATAL(zmq_socket_monitor(worker.socket, monitor, ZMQ_EVENT_ALL), 0);
    CU_ASSERT_EQUAL_FATAL(zmq_connect(worker.monitor, monitor), 0);
    CU_ASSERT_EQUAL_FATAL(zmq_connect(worker.socket, self->endpoint), 0);
    return worker;
}

void
worker_close(worker_t *self)
{
    zmq_close(self->socket);
    zmq_close(self->monitor);
    *self = (worker_t){0};
}

void
worker_send_bytes(const worker_t *self, const void *bytes, size_t length, int flags)
{
    CU_ASSERT_EQUAL_FATAL(zmq_send(self->socket, bytes, length, flags), (int)length);
}

void
worker_send(const worker_t *self, Crier__V1__Frame *frame)
{
    zmq_msg_t message;
    CU_ASSERT_EQUAL_FATAL(cr_wire_pack(frame, &message), CR_OK);
    CU_ASSERT_FATAL(zmq_msg_send(&message, self->socket, 0) >= 0);
}

void
worker_hello(const worker_t *self, const char *name)
{
    Crier__V1__Gateway gateway = CRIER__V1__GATEWAY__INIT;
    Crier__V1__Hello hello = CRIER__V1__HELLO__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    gateway.name = "sandbox";
    gateway.drill = true;
    gateway.window = 16;
    hello.worker = (char *)(uintptr_t)name;
    hello.channel = CR_CHANNEL_SMS;
    hello.gateway = &gateway;
    hello.credit = 2;
    hello.urgent_credit = 1;
    hello.version = "test";
    frame.body_case = CRIER__V1__FRAME__BODY_HELLO;
    frame.hello = &hello;
    worker_send(self, &frame);
}

void
worker_ping(const worker_t *self, uint64_t stamp)
{
    Crier__V1__Ping ping = CRIER__V1__PING__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    ping.stamp = stamp;
    frame.body_case = CRIER__V1__FRAME__BODY_PING;
    frame.ping = &ping;
    worker_send(self, &frame);
}

/* NULL: nothing there. */
static Crier__V1__Frame *
receive(const worker_t *worker)
{
    zmq_msg_t message;
    Crier__V1__Frame *frame = NULL;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, worker->socket, ZMQ_DONTWAIT) >= 0)
        CU_ASSERT_EQUAL_FATAL(
            cr_wire_unpack(zmq_msg_data(&message), zmq_msg_size(&message), &frame), CR_OK);
    zmq_msg_close(&message);
    return frame;
}

Crier__V1__Frame *
world_wait(world_t *self, const worker_t *worker, Crier__V1__Frame__BodyCase kind)
{
    for (int64_t end = deadline();;) {
        Crier__V1__Frame *frame = receive(worker);
        if (frame && frame->body_case == kind)
            return frame;
        cr_wire_free(&frame);
        CU_ASSERT_FATAL(cr_clock_mono_us() < end);
        turn(self);
    }
}

void
world_greet(world_t *self, const worker_t *worker, const char *name)
{
    worker_hello(worker, name);
    Crier__V1__Frame *frame = world_wait(self, worker, CRIER__V1__FRAME__BODY_WELCOME);
    cr_wire_free(&frame);
}

void
world_wait_event(world_t *self, const worker_t *worker, uint16_t event)
{
    for (int64_t end = deadline();;) {
        uint8_t bytes[16];
        int length = zmq_recv(worker->monitor, bytes, sizeof bytes, ZMQ_DONTWAIT);
        uint16_t seen = 0;
        if (length == 6) /* the event and its value; then the address, as a frame of its own */
            memcpy(&seen, bytes, sizeof seen);
        if (seen == event)
            return;
        CU_ASSERT_FATAL(cr_clock_mono_us() < end);
        if (length < 0)
            turn(self);
    }
}

/* ---- plan ------------------------------------------------------------------------------------- */

static char *
copy(const char *text)
{
    char *made = strdup(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(made);
    return made;
}

static dispatch_content_t *
content_of_drill(void)
{
    dispatch_content_t *content = calloc(1, sizeof *content);
    CU_ASSERT_PTR_NOT_NULL_FATAL(content);
    content->wording_count = 2;
    content->wordings = calloc(2, sizeof *content->wordings);
    content->column_count = 1;
    content->columns = calloc(1, sizeof *content->columns);
    CU_ASSERT_FATAL(content->wordings && content->columns);
    content->wordings[0].language = copy("zh-CN");
    content->wordings[0].text = copy("【演练】{name}您好");
    content->wordings[1].language = copy("en-US");
    content->wordings[1].text = copy("[drill] Hello {name}");
    content->columns[0] = copy("name");
    return content;
}

void
world_start_broadcast(world_t *self, uint64_t id)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_START);
    dispatch_broadcast_t *broadcast = calloc(1, sizeof *broadcast);
    CU_ASSERT_FATAL(message && broadcast);
    int64_t now = cr_clock_wall_us();
    *broadcast = (dispatch_broadcast_t){.id = id,
                                        .lane = CR_LANE_ROUTINE,
                                        .drill = true,
                                        .channels = 1u << CR_CHANNEL_SMS,
                                        .started_us = now,
                                        .expires_us = now + 3600 * CR_US_PER_S,
                                        .sender = copy("平阴科普"),
                                        .audience = roaring_bitmap_from_range(0, 3, 1)};
    broadcast->content[CR_CHANNEL_SMS] = content_of_drill();
    message->id = id;
    message->broadcast = broadcast;
    dispatch_send(self->plan, &message);
}

dispatch_message_t *
world_wait_news(world_t *self, dispatch_kind_t kind)
{
    for (int64_t end = deadline();; turn(self)) {
        for (dispatch_message_t *at = zlist_first(self->news); at; at = zlist_next(self->news)) {
            if (at->kind != kind)
                continue;
            zlist_remove(self->news, at);
            return at;
        }
        CU_ASSERT_FATAL(cr_clock_mono_us() < end);
    }
}

dispatch_message_t *
world_ask(world_t *self, dispatch_message_t *question)
{
    dispatch_kind_t kind = question->kind;
    question->cookie = self; /* whoever asks has one */
    dispatch_send(self->plan, &question);
    return world_wait_news(self, kind);
}
