/*
 * session - one connection to a gateway: log-in, window, tests, deadlines
 *
 * A state machine of bytes and times: what arrived goes in, what is to be written comes out, and
 * whoever holds it learns what became of each piece. It knows no socket and no protocol (dialect.h).
 *
 * Window     at most so many pieces without an answer; they are answered in any order.
 * Unanswered a piece whose answer does not come in time is UNKNOWN; its late answer is counted and
 *            passed over. It is never written again: that could deliver twice.
 * Lost       when the connection ends, a piece that was not written to its last byte is RETRY_1, for
 *            the gateway cannot have taken it; every other one is UNKNOWN.
 * Silence    is tested; after three tests without a word in return the connection is given up.
 *
 * Time       arguments, monotonic; nothing is read here.
 * Threads    none.
 * Limits     buffers are made at the start; nothing is allocated afterwards.
 */
#ifndef SESSION_H
#define SESSION_H

#include "dialect.h"

typedef struct session session_t;

typedef struct {
    const dialect_t *dialect;
    const contract_t *contract;
    role_t role;
    uint32_t window;
    int64_t answer_us; /* how long an answer is awaited */
    int64_t idle_us;   /* silence after which it is tested */
} session_rules_t;

/* DOWN: no connection. BROKEN: to be closed. */
typedef enum {
    SESSION_DOWN,
    SESSION_LOGGING_IN,
    SESSION_UP,
    SESSION_LEAVING,
    SESSION_BROKEN
} session_state_t;

typedef struct {
    cr_status_t status; /* ACCEPTED, RETRY_1, UNKNOWN, FAILED_* */
    cr_slice_t id;
    bool lost; /* the connection was */
} session_answer_t;

/* Called from session_received, session_tick and session_closed only. */
typedef struct {
    void (*on_answer)(void *context, void *piece, const session_answer_t *answer);
    /* A receipt or a reply. False: not now, the gateway shall say it again. */
    bool (*on_said)(void *context, const said_t *said);
    /* Answers to what was taken: they are to be given to session_write when that is stored. */
    void (*on_owed)(void *context, cr_slice_t answers);
} session_events_t;

typedef struct {
    uint64_t frames, garbage, garbled, late_answers, unknown_commands, unanswered;
} session_counts_t;

session_t *session_new(const session_rules_t *rules, const session_events_t *events, void *context);
void session_destroy(session_t **self_p);

/* The connection stands: the log-in is written. `timestamp` is MMDDhhmmss. */
void session_connected(session_t *self, uint32_t timestamp, int64_t now_us);
/* The connection ended: DOWN. */
void session_closed(session_t *self);
session_state_t session_state(const session_t *self);
/* Why it is BROKEN, or how it was refused; never NULL. */
const char *session_reason(const session_t *self);

/* Where arriving bytes are to be put, and how many there is room for: at least 1. */
uint8_t *session_space(session_t *self, size_t *room);
void session_received(session_t *self, size_t bytes, int64_t now_us);
/* What is to be written; session_sent says how much of it was. */
cr_slice_t session_output(const session_t *self);
void session_sent(session_t *self, size_t bytes);

/* Whether a piece can be submitted now. */
bool session_has_room(const session_t *self);
/* `token` comes back in on_answer. CR_INVAL: a field cannot hold what it should; on_answer is not called then. */
cr_err_t session_submit(session_t *self, const piece_t *piece, void *token,
                        int64_t now_us) CR_MUST_USE;
uint32_t session_in_flight(const session_t *self);
/* Bytes that on_owed gave. */
void session_write(session_t *self, cr_slice_t answers);
/* Says good-bye; nothing more is submitted. */
void session_leave(session_t *self, int64_t now_us);

/* What is due; returns when to call again. */
int64_t session_tick(session_t *self, int64_t now_us);

const session_counts_t *session_counts(const session_t *self);

#endif
