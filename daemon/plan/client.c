/* The API threads' side: an ask goes out by a DEALER, and its answer comes back or is too late. */
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "cr_clock.h"
#include "cr_handover.h"

struct plan_client {
    zsock_t *socket;
    uint64_t number;
};

/* The destructor of a message: of an ask that nobody took out of it. */
static void
message_gone(void *bytes, void *hint)
{
    (void)hint;
    ask_t *ask = bytes;
    cr_take_over(ask);
    if (ask->in_flight)
        ask_destroy(&ask);
}

static bool
send_route(void *socket, const ask_t *ask)
{
    return zmq_send(socket, ask->route, ask->route_length, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
}

cr_err_t
ask_send(void *socket, ask_t **self_p, bool to_client)
{
    ask_t *self = *self_p;
    zmq_msg_t message;
    *self_p = NULL;
    if (to_client && !send_route(socket, self)) {
        ask_destroy(&self);
        return CR_CLOSED;
    }
    self->in_flight = true;
    cr_hand_over(self);
    int failed = zmq_msg_init_data(&message, self, sizeof *self, message_gone, NULL);
    CR_ASSERT(failed == 0);
    if (zmq_msg_send(&message, socket, ZMQ_DONTWAIT) >= 0)
        return CR_OK;
    zmq_msg_close(&message); /* and with it the ask */
    return CR_CLOSED;
}

static bool
receive_route(void *socket, uint8_t route[ASK_ROUTE_MAX], size_t *length)
{
    int bytes = zmq_recv(socket, route, ASK_ROUTE_MAX, ZMQ_DONTWAIT);
    if (bytes < 0)
        return false;
    CR_ASSERT(bytes <= ASK_ROUTE_MAX);
    *length = (size_t)bytes;
    return true;
}

ask_t *
ask_receive(void *socket, bool from_client)
{
    uint8_t route[ASK_ROUTE_MAX];
    size_t route_length = 0;
    zmq_msg_t message;
    if (from_client && !receive_route(socket, route, &route_length))
        return NULL;
    zmq_msg_init(&message);
    ask_t *ask = NULL;
    if (zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) == (int)sizeof *ask) {
        ask = zmq_msg_data(&message);
        cr_take_over(ask);
        ask->in_flight = false;
        if (from_client) {
            memcpy(ask->route, route, route_length);
            ask->route_length = route_length;
        }
    }
    zmq_msg_close(&message);
    return ask;
}

plan_client_t *
plan_client_new(void)
{
    plan_client_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->socket = zsock_new(ZMQ_DEALER);
    if (!self->socket || zsock_connect(self->socket, "%s", ASK_ENDPOINT) != 0)
        plan_client_destroy(&self);
    return self;
}

void
plan_client_destroy(plan_client_t **self_p)
{
    plan_client_t *self = *self_p;
    if (!self)
        return;
    zsock_destroy(&self->socket);
    free(self);
    *self_p = NULL;
}

static char *
copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static ask_t *
question(plan_client_t *self, const plan_request_t *request)
{
    ask_t *ask = ask_new(request->verb);
    ask->token = copy(request->token);
    ask->idempotency_key = copy(request->idempotency_key);
    ask->body_hash = copy(request->body_hash);
    ask->arguments = request->arguments;
    ask->intake = request->intake;
    ask->number = ++self->number;
    return ask;
}

/* The answer to the newest question; answers to older ones came too late for their caller. */
static ask_t *
await(plan_client_t *self, int64_t deadline_us)
{
    void *socket = zsock_resolve(self->socket);
    for (;;) {
        int64_t left_us = deadline_us - cr_clock_mono_us();
        zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
        if (left_us <= 0 || zmq_poll(&item, 1, (long)(left_us / CR_US_PER_MS + 1)) < 0)
            return NULL;
        ask_t *ask = ask_receive(socket, false);
        if (ask && ask->number == self->number)
            return ask;
        ask_destroy(&ask);
    }
}

static void
say_timeout(plan_answer_t *answer)
{
    *answer = (plan_answer_t){.http_status = 503};
    answer->err =
        cr_fault_set(&answer->fault, CR_TIMEOUT, "no answer in time; repeat with the same key");
}

void
plan_call(plan_client_t *self, const plan_request_t *request, plan_answer_t *answer)
{
    int64_t deadline_us = cr_clock_mono_us() + request->timeout_ms * CR_US_PER_MS;
    ask_t *ask = question(self, request);
    if (ask_send(zsock_resolve(self->socket), &ask, false) == CR_OK)
        ask = await(self, deadline_us);
    if (!ask) {
        say_timeout(answer);
        return;
    }
    *answer = ask->answer;
    ask->answer = (plan_answer_t){0};
    ask_destroy(&ask);
}

void
plan_answer_fini(plan_answer_t *answer)
{
    json_decref(answer->body);
    listing_fini(&answer->listing);
    *answer = (plan_answer_t){0};
}
