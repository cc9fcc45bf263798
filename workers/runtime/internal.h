/*
 * internal - what the files of the runtime share: its state, and who calls whom
 *
 * runtime.c is the loop and its start and end, inbound.c what the daemon says, submit.c the way of a
 * delivery to its gateway and back.
 */
#ifndef RUNTIME_INTERNAL_H
#define RUNTIME_INTERNAL_H

#include "cr_log.h"
#include "runtime/board.h"
#include "runtime/link.h"
#include "runtime/pace.h"
#include "runtime/runtime.h"

/* Two leases hide the round trip of the next, a large window needs as many as fill it twice; one
 * more lets an emergency overtake at once. */
enum { CREDIT_MIN = 2, CREDIT_MAX = 32, URGENT_CREDIT = 1 };
enum { RUNTIME_NAME_BYTES = 32 };

/* A submit under way. */
typedef struct flight {
    runtime_t *runtime;
    struct flight *next_free;
    bool busy;
    board_slot_t slot;
    int64_t began_us;
} flight_t;

struct runtime {
    cr_service_t *service;
    zloop_t *loop;
    const gateway_kind_t *kind;
    const runtime_config_t *config;
    char gateway_name[RUNTIME_NAME_BYTES];
    void *gateway;
    board_t *board;
    pace_t pace;
    render_t *render;
    news_t *news;
    gateway_port_t port;
    listener_t *listener; /* NULL: the kind gets no pushes */
    link_t *link;
    flight_t *flights, *free_flights;
    int timer; /* -1: none */
    int64_t timer_us;
    bool draining, ended, woken;
    int64_t now_us;   /* of this turn of the loop */
    int64_t drain_us; /* when draining began */
    Crier__V1__Gateway hello_gateway;
    uint32_t credit; /* as the daemon was told */
    uint64_t held[CREDIT_MAX + URGENT_CREDIT];
    uint32_t full_credit; /* leases that keep the window full */
    cr_log_limit_t account_limit, render_limit, class_limit;
};

/* After everything that happens: submit, report, and sleep until the next is due. */
void runtime_advance(runtime_t *self);
/* The same, once for everything that happens in this turn of the loop. */
void runtime_wake(runtime_t *self);

/* What the link calls; its context is the runtime. */
extern const link_events_t inbound_events;
void inbound_say_bye(runtime_t *self);
/* When it has changed. */
void inbound_say_credit(runtime_t *self, int64_t now_us);

/* Makes as many flights as the window. CR_NOMEM. */
cr_err_t submit_prepare(runtime_t *self) CR_MUST_USE;
/* Everything that lanes, intents and pace allow now. */
void submit_what_may(runtime_t *self, int64_t now_us);
/* The gateway had its time: it is closed, and what has no answer is unknown. */
void submit_give_up(runtime_t *self);

#endif
