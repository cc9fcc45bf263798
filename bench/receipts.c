/*
 * A worker that has nothing to do but pass receipts on, as fast as they are acknowledged, as many
 * batches at a time as ours (workers/runtime/news.h): of all deliveries of some broadcasts, shuffled,
 * every tenth of them twice. Those of a broadcast that is still to be sent go first; they are early.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cr_clock.h"
#include "cr_id.h"
#include "cr_keys.h"
#include "cr_status.h"
#include "cr_wire.h"
#include "gateway_id.h"

enum { BATCH = 1024, OUTSTANDING = 32, DOUBLED_EACH = 10, REPEAT_MS = 1000, DEADLINE_MS = 120000 };

typedef struct {
    uint64_t broadcast;
    uint32_t rank;
} due_t;

typedef struct {
    due_t *due;
    size_t count, batches, next, acknowledged;
    uint64_t first_number;
    int64_t *sent_us; /* of each batch; 0: not yet, INT64_MAX: acknowledged */
    cr_wire_pool_t references, ids;
    void *socket;
} pusher_t;

/* -- which -------------------------------------------------------------------------------------- */

static void
shuffle(due_t *due, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)random() % i;
        due_t kept = due[i - 1];
        due[i - 1] = due[other];
        due[other] = kept;
    }
}

/* The deliveries of `count` ranks, and every tenth again. */
static void
add(pusher_t *self, uint64_t broadcast, uint32_t count)
{
    size_t room = self->count + count + count / DOUBLED_EACH;
    due_t *grown = realloc(self->due, room * sizeof *grown);
    CR_ASSERT(grown);
    self->due = grown;
    for (uint32_t rank = 0; rank < count; rank++)
        self->due[self->count++] = (due_t){broadcast, rank};
    for (uint32_t i = 0; i < count / DOUBLED_EACH; i++)
        self->due[self->count++] = (due_t){broadcast, i * DOUBLED_EACH};
}

/* ID:COUNT each. The first stays apart from the others. */
static void
read_broadcasts(pusher_t *self, char **words, int word_count, bool in_order)
{
    size_t first = 0;
    for (int i = 0; i < word_count; i++) {
        char *colon = strchr(words[i], ':');
        uint64_t id;
        CR_ASSERT(colon);
        *colon = '\0';
        cr_err_t err = cr_id_parse(words[i], &id);
        CR_ASSERT(err == CR_OK);
        add(self, id, (uint32_t)strtoul(colon + 1, NULL, 10));
        first = i == 0 ? self->count : first;
    }
    if (!in_order) {
        shuffle(self->due, first);
        shuffle(self->due + first, self->count - first);
    }
    self->batches = (self->count + BATCH - 1) / BATCH;
    self->sent_us = calloc(self->batches, sizeof *self->sent_us);
    CR_ASSERT(self->sent_us);
}

/* -- the wire ----------------------------------------------------------------------------------- */

static void
send_frame(const pusher_t *self, Crier__V1__Frame *frame)
{
    zmq_msg_t message;
    cr_err_t err = cr_wire_pack(frame, &message);
    CR_ASSERT(err == CR_OK);
    int sent = zmq_msg_send(&message, self->socket, 0);
    CR_ASSERT(sent >= 0);
}

static void
say_hello(const pusher_t *self, char *name)
{
    Crier__V1__Gateway gateway = CRIER__V1__GATEWAY__INIT;
    Crier__V1__Hello hello = CRIER__V1__HELLO__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    gateway.name = (char[]){"null"};
    gateway.drill = gateway.gives_receipts = true;
    gateway.window = 1;
    hello.worker = name;
    hello.channel = CR_CHANNEL_SMS;
    hello.gateway = &gateway;
    hello.version = (char[]){"bench"};
    frame.body_case = CRIER__V1__FRAME__BODY_HELLO;
    frame.hello = &hello;
    send_frame(self, &frame);
}

static void
send_batch(pusher_t *self, size_t batch)
{
    static uint8_t outcomes[BATCH];
    char id[GATEWAY_ID_BYTES + 1];
    Crier__V1__Receipts receipts = CRIER__V1__RECEIPTS__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    size_t first = batch * BATCH;
    size_t count = self->count - first < BATCH ? self->count - first : BATCH;
    memset(outcomes, CR_STATUS_DELIVERED, sizeof outcomes);
    cr_wire_pool_reset(&self->references);
    cr_wire_pool_reset(&self->ids);
    for (const due_t *due = self->due + first; due < self->due + first + count; due++) {
        gateway_id_of(due->broadcast, due->rank, id);
        cr_wire_pool_add(&self->references, CR_SLICE(""));
        cr_wire_pool_add(&self->ids, (cr_slice_t){id, GATEWAY_ID_BYTES});
    }
    receipts.batch = self->first_number + batch;
    receipts.references = cr_wire_pool_message(&self->references);
    receipts.gateway_ids = cr_wire_pool_message(&self->ids);
    receipts.outcomes = (ProtobufCBinaryData){count, outcomes};
    frame.body_case = CRIER__V1__FRAME__BODY_RECEIPTS;
    frame.receipts = &receipts;
    send_frame(self, &frame);
    self->sent_us[batch] = cr_clock_mono_us();
}

static void
on_frame(pusher_t *self, const Crier__V1__Frame *frame)
{
    if (frame->body_case == CRIER__V1__FRAME__BODY_REFUSAL) {
        fprintf(stderr, "refused: %s\n", frame->refusal->text);
        exit(CR_EXIT_FAILED);
    }
    if (frame->body_case != CRIER__V1__FRAME__BODY_RECEIPTS_ACK)
        return; /* a Ping is answered by the next batch */
    size_t batch = (size_t)(frame->receipts_ack->batch - self->first_number);
    CR_ASSERT(batch < self->next);
    self->acknowledged += self->sent_us[batch] != INT64_MAX;
    self->sent_us[batch] = INT64_MAX;
}

static void
take(pusher_t *self)
{
    zmq_pollitem_t item = {.socket = self->socket, .events = ZMQ_POLLIN};
    zmq_msg_t message;
    Crier__V1__Frame *frame;
    if (zmq_poll(&item, 1, REPEAT_MS / 10) <= 0)
        return;
    zmq_msg_init(&message);
    while (zmq_msg_recv(&message, self->socket, ZMQ_DONTWAIT) >= 0) {
        cr_err_t err = cr_wire_unpack(zmq_msg_data(&message), zmq_msg_size(&message), &frame);
        CR_ASSERT(err == CR_OK);
        on_frame(self, frame);
        cr_wire_free(&frame);
    }
    zmq_msg_close(&message);
}

/* -- pushing ------------------------------------------------------------------------------------ */

static void
repeat(pusher_t *self)
{
    int64_t before = cr_clock_mono_us() - REPEAT_MS * CR_US_PER_MS;
    for (size_t batch = 0; batch < self->next; batch++)
        if (self->sent_us[batch] < before)
            send_batch(self, batch);
}

/* Receipts a second, from the first that is sent until the last is acknowledged. */
static double
push(pusher_t *self)
{
    int64_t start = cr_clock_mono_us();
    while (self->acknowledged < self->batches) {
        while (self->next < self->batches && self->next - self->acknowledged < OUTSTANDING)
            send_batch(self, self->next++);
        take(self);
        repeat(self);
        CR_ASSERT(cr_clock_mono_us() - start < DEADLINE_MS * CR_US_PER_MS);
    }
    return (double)self->count * 1e6 / (double)(cr_clock_mono_us() - start);
}

static zsock_t *
connect_to(const char *endpoint, const char *keys, const char *name)
{
    char path[300];
    zcert_t *own, *server;
    cr_fault_t fault;
    snprintf(path, sizeof path, "%s/%s_secret", keys, name);
    cr_err_t err = cr_keys_load_curve(path, &own, &fault);
    CR_ASSERT(err == CR_OK);
    snprintf(path, sizeof path, "%s/crierd", keys);
    err = cr_keys_load_public(path, &server, &fault);
    CR_ASSERT(err == CR_OK);
    zsock_t *dealer = zsock_new(ZMQ_DEALER);
    zsock_set_linger(dealer, 0);
    zsock_set_identity(dealer, name);
    zcert_apply(own, dealer);
    zsock_set_curve_serverkey(dealer, zcert_public_txt(server));
    int connected = zsock_connect(dealer, "%s", endpoint);
    CR_ASSERT(connected == 0);
    zcert_destroy(&own);
    zcert_destroy(&server);
    return dealer;
}

int
bench_receipts(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: crier-bench receipts ENDPOINT KEYS WORKER shuffled|ordered "
                        "BROADCAST:COUNT...\n");
        return CR_EXIT_USAGE;
    }
    zsys_handler_set(NULL);
    zsock_t *dealer = connect_to(argv[0], argv[1], argv[2]);
    pusher_t self = {.socket = zsock_resolve(dealer), .first_number = (uint64_t)cr_clock_wall_us()};
    cr_wire_pool_init(&self.references);
    cr_wire_pool_init(&self.ids);
    read_broadcasts(&self, argv + 4, argc - 4, strcmp(argv[3], "ordered") == 0);
    say_hello(&self, argv[2]);
    bench_print("receipts", "receipts_per_s", push(&self), "1/s", 1);
    cr_wire_pool_fini(&self.references);
    cr_wire_pool_fini(&self.ids);
    free(self.due);
    free(self.sent_us);
    zsock_destroy(&dealer);
    return CR_EXIT_OK;
}
