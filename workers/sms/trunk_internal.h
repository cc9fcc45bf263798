/*
 * trunk_internal - what the files of the kinds smpp and cmpp share: their state, and who calls whom
 *
 * trunk.c is the way of a message and back, trunk_open.c the beginning and the end.
 */
#ifndef TRUNK_INTERNAL_H
#define TRUNK_INTERNAL_H

#include "call_queue.h"
#include "line.h"
#include "parts.h"
#include "registry.h"
#include "trunk.h"

enum { LINES_MAX = 32, PROMISES = 512, PROMISE_BYTES = 4096 };

/* A line and what it needs to find its trunk. */
typedef struct {
    struct trunk *trunk;
    line_t *line;
    bool sends;
} lane_t;

/* Answers that are due to a gateway when the daemon has stored what it said. */
typedef struct promise {
    struct promise *next_free;
    lane_t *lane;
    uint32_t generation;
    size_t length;
    char bytes[PROMISE_BYTES];
} promise_t;

typedef struct trunk {
    gateway_port_t port;
    const dialect_t *dialect;
    contract_t contract;
    char *password;
    peer_t *peer;
    lane_t lanes[LINES_MAX];
    unsigned lane_count;
    parts_t *parts;
    registry_t *registry; /* NULL: nothing is checked */
    call_t *calls, *free_calls;
    call_queue_t queue; /* with pieces to be submitted */
    call_t *refused;    /* to be settled in the next turn */
    promise_t *promises, *free_promises;
    cr_str_t text; /* of a reply */
    uint16_t joined_by;
    int64_t quiet_until_us;
    int timer; /* -1: none */
    int64_t timer_us;
} trunk_t;

/* What the lines call; their context is a lane_t. */
extern const line_events_t trunk_events;
/* From the loop only: here calls may be settled. */
void trunk_turn(trunk_t *self);

cr_err_t trunk_smpp_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault) CR_MUST_USE;
cr_err_t trunk_cmpp_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault) CR_MUST_USE;
void trunk_close(void **gateway_p);

#endif
