/*
 * call - a message on its way: its octets, its parts, and what became of them
 *
 * The first part goes alone; the others follow when it was accepted, so that what is throttled or
 * refused was not sent at all, and may be tried again as a whole. A later part that is throttled is
 * submitted again by itself: the parts before it are with the resident already.
 *
 * Ownership  a call keeps its octets and what it needs of the message.
 * Threads    none; pure.
 * Limits     32 parts.
 */
#ifndef CALL_H
#define CALL_H

#include "runtime/gateway.h"
#include "session.h"

enum { CALL_PARTS_MAX = 32, CALL_ADDRESS_MAX = 20 };

/* The token of a piece. */
typedef struct {
    struct call *call;
    uint8_t number;
} call_part_t;

typedef struct call {
    struct call *next; /* in the list that it is in */
    gateway_done_fn *done;
    void *context;
    /* of the message */
    char address[CALL_ADDRESS_MAX + 1], reference[CR_REFERENCE_TEXT_MAX];
    size_t address_length, reference_length;
    cr_lane_t lane;
    int64_t expires_us;
    /* its parts */
    cr_sms_coding_t coding;
    uint8_t *octets;
    size_t length, capacity, room;
    uint16_t joined_by; /* the reference in their headers */
    uint8_t total;
    uint32_t todo; /* parts to be submitted, the first as bit 0 */
    unsigned in_flight, accepted;
    call_part_t parts[CALL_PARTS_MAX];
    /* what became of it */
    cr_status_t against; /* what stands against its acceptance; 0: nothing */
    bool lost;
    uint64_t handle; /* in parts.h */
    char id[SAID_ID_MAX];
    size_t id_length;
} call_t;

void call_init(call_t *self);
void call_fini(call_t *self);

/* CR_RANGE: the address is none; CR_TOOBIG: more parts than may be; CR_INVAL, CR_NOMEM. */
cr_err_t call_prepare(call_t *self, const contract_t *contract, const message_t *message,
                      uint16_t joined_by) CR_MUST_USE;

/* Whether a piece waits to be submitted. */
bool call_has_piece(const call_t *self);
/* Takes the next; returns its token. Borrowed from the call. */
call_part_t *call_next_piece(call_t *self, piece_t *piece);
/* The piece was not submitted after all. */
void call_put_back(call_t *self, const call_part_t *part);

/* MORE: other parts may go now; AGAIN: after a quiet; DONE: call_outcome. */
typedef enum { CALL_WAITS, CALL_MORE, CALL_AGAIN, CALL_DONE } call_next_t;
call_next_t call_learn(call_t *self, const call_part_t *part, const session_answer_t *answer);
/* No part of it will be submitted any more. */
call_next_t call_give_up(call_t *self);
outcome_t call_outcome(const call_t *self);

#endif
