/*
 * lifecycle - the states of a broadcast and the moves between them
 *
 * The one table that says what may follow what (docs/http-api.md shows it as a picture). Plan asks
 * it before every move; the checks a move needs are named here and decided by plan, which knows the
 * clock, the audience and the caller.
 */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

#include "cr_base.h"

/* Names are in stored documents and answers: never change one. */
#define LIFECYCLE_STATE_LIST(X)                                                                    \
    X(DRAFT, "draft")                                                                              \
    X(SUBMITTED, "submitted")                                                                      \
    X(APPROVED, "approved")                                                                        \
    X(REJECTED, "rejected")                                                                        \
    X(SCHEDULED, "scheduled")                                                                      \
    X(SENDING, "sending")                                                                          \
    X(PAUSED, "paused")                                                                            \
    X(FINISHED, "finished")                                                                        \
    X(CANCELLED, "cancelled")                                                                      \
    X(EXPIRED, "expired")

/* What plan must find true before it makes a move that the table allows. */
enum {
    LIFECYCLE_OTHER_PERSON = 1, /* lifecycle_may_approve */
    LIFECYCLE_SAME_HASH = 2,    /* what is approved, or sent, is what was submitted */
    LIFECYCLE_DUE = 4,          /* no `at`, or it has come */
    LIFECYCLE_UNEXPIRED = 8,    /* before `expires` */
    LIFECYCLE_ALL_FINAL = 16,   /* every delivery has a final status */
    LIFECYCLE_PAST_EXPIRY = 32  /* `expires` has come */
};

/* move, name, whether a person asks for it (else the clock or dispatch does), checks */
#define LIFECYCLE_MOVE_LIST(X)                                                                     \
    X(SUBMIT, "submit", true, LIFECYCLE_UNEXPIRED)                                                 \
    X(APPROVE, "approve", true,                                                                    \
      LIFECYCLE_OTHER_PERSON | LIFECYCLE_SAME_HASH | LIFECYCLE_UNEXPIRED)                          \
    X(REJECT, "reject", true, 0)                                                                   \
    X(SCHEDULE, "schedule", false, LIFECYCLE_UNEXPIRED)                                            \
    X(SEND, "send", true, LIFECYCLE_SAME_HASH | LIFECYCLE_DUE | LIFECYCLE_UNEXPIRED)               \
    X(PAUSE, "pause", true, 0)                                                                     \
    X(RESUME, "resume", true, 0)                                                                   \
    X(CANCEL, "cancel", true, 0)                                                                   \
    X(FINISH, "finish", false, LIFECYCLE_ALL_FINAL)                                                \
    X(EXPIRE, "expire", false, LIFECYCLE_PAST_EXPIRY)

typedef enum {
#define X(name, text) LIFECYCLE_##name,
    LIFECYCLE_STATE_LIST(X)
#undef X
        LIFECYCLE_STATE_COUNT
} lifecycle_state_t;

typedef enum {
#define X(name, text, person, checks) LIFECYCLE_MOVE_##name,
    LIFECYCLE_MOVE_LIST(X)
#undef X
        LIFECYCLE_MOVE_COUNT
} lifecycle_move_t;

/* The state after the move. CR_CONFLICT: not from here; the fault says what is possible now. */
cr_err_t lifecycle_next(lifecycle_state_t from, lifecycle_move_t move, lifecycle_state_t *to,
                        cr_fault_t *fault) CR_MUST_USE;
unsigned lifecycle_checks(lifecycle_move_t move);
/* No move leads out of it. */
bool lifecycle_is_end(lifecycle_state_t state);

/* Nobody approves what the same person wrote or submitted. `submitter` may be NULL: the author. */
bool lifecycle_may_approve(const char *author, const char *submitter, const char *approver);

const char *lifecycle_state_name(lifecycle_state_t state);
cr_err_t lifecycle_state_parse(const char *text, lifecycle_state_t *state) CR_MUST_USE;
const char *lifecycle_move_name(lifecycle_move_t move);

#endif
