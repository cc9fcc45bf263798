/*
 * dispatch_world - dispatch's real thread between a ledger and a plan that the test plays
 *
 * The world has a folder of keys for "sms-1" and "sms-2", three people (one without a phone), and a
 * worker_t is a raw DEALER with a key. Ops of dispatch are answered while the test waits for
 * something, unless `ledger_waits` holds them back.
 *
 * Waiting    each wait has a deadline of ten seconds and ends the test when it passes.
 */
#ifndef DISPATCH_WORLD_H
#define DISPATCH_WORLD_H

#include "cr_test.h"
#include "cr_wire.h"
#include "dispatch/dispatch.h"

typedef struct {
    char folder[64];
    zactor_t *dispatch;
    char *endpoint;
    zsock_t *ledger, *plan;
    bool ledger_waits;
    zlist_t *held;          /* ops that were not answered yet */
    cr_status_t bytes[256]; /* SMS of the first block, as stored */
    cr_str_t trail;         /* as the ledger keeps it: each record after its length */
    zlist_t *news;          /* messages from dispatch */
} world_t;

void world_open(world_t *self);
/* Opens it in two steps: workers are heard after the second. */
void world_prepare(world_t *self);
void world_serve(world_t *self);
void world_close(world_t *self);
/* Makes a key for `name` in the folder's `group`: "workers" are allowed in, "others" are not. */
void world_make_key(const world_t *self, const char *group, const char *name);

typedef struct {
    void *socket, *monitor;
} worker_t;
/* Connects under `name` with the key of `key` (a path in the world's folder). */
worker_t world_connect(const world_t *self, const char *name, const char *key);
void worker_close(worker_t *self);
void worker_send(const worker_t *self, Crier__V1__Frame *frame);
void worker_send_bytes(const worker_t *self, const void *bytes, size_t length, int flags);
void worker_hello(const worker_t *self, const char *name);
void worker_ping(const worker_t *self, uint64_t stamp);

/* The next frame of that kind, others are skipped; the caller frees it. */
Crier__V1__Frame *world_wait(world_t *self, const worker_t *worker,
                             Crier__V1__Frame__BodyCase kind);
/* Hello and its Welcome. */
void world_greet(world_t *self, const worker_t *worker, const char *name);
/* The connection came so far (ZMQ_EVENT_...). */
void world_wait_event(world_t *self, const worker_t *worker, uint16_t event);
void world_wait_metric(world_t *self, int metric, int64_t at_least);
/* Until dispatch has sent an op about a lease, which is held back. */
const ledger_op_t *world_wait_lease_op(world_t *self);
/* Answers what is held back. */
void world_answer(world_t *self);

/* A drill to all three people by SMS, wordings in Chinese and English. */
void world_start_broadcast(world_t *self, uint64_t id);
/* Asks as plan does; the caller destroys the answer. */
dispatch_message_t *world_ask(world_t *self, dispatch_message_t *question);
/* The next news of that kind; the caller destroys it. */
dispatch_message_t *world_wait_news(world_t *self, dispatch_kind_t kind);

#endif
