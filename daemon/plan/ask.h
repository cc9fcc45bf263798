/*
 * ask - one question to plan: its way from an API thread and back, and what plan keeps meanwhile
 *
 * A verb never waits. It answers, or sends something to the ledger or to dispatch together with the
 * step that goes on when the answer has come. A write that the ledger did not store ends the ask
 * with 503 before the step is reached, so a step is only ever about what is stored.
 *
 * Ownership  the message between client and plan owns the ask; when a socket is closed under it,
 *            the ask is destroyed with the message. Until it is answered it is plan's.
 * Threads    one holder at a time.
 * Limits     ASK_MAX outstanding; more are answered 503.
 */
#ifndef ASK_H
#define ASK_H

#include "../audience/outcome.h"
#include "broadcast.h"
#include "plan.h"
#include "reply_batch.h"

enum { ASK_MAX = 1024, ASK_ROUTE_MAX = 16, ASK_OUTCOMES_MAX = 16 };
#define ASK_ENDPOINT "inproc://plan"

typedef struct ask ask_t;
typedef struct import import_t;

/* `op` is the last of those that were sent, all stored; it is destroyed after the step. */
typedef void ask_start_fn(plan_t *plan, ask_t *ask);
typedef void ask_step_fn(plan_t *plan, ask_t *ask, ledger_op_t *op);
typedef void ask_heard_fn(plan_t *plan, ask_t *ask, dispatch_message_t *message);

struct ask {
    /* The question. */
    plan_verb_t verb;
    char *token, *idempotency_key, *body_hash;
    json_t *arguments;
    intake_t *intake;
    uint64_t number; /* of the client: tells a late answer from the one it waits for */

    plan_answer_t answer;

    /* On the wire: destroyed with the message. */
    bool in_flight;
    uint8_t route[ASK_ROUTE_MAX]; /* where the answer goes */
    size_t route_length;          /* 0: an errand of plan's own, nobody waits */

    /* While plan works on it. */
    char *who, *person;
    unsigned roles;
    bool key_held;       /* nobody else may begin under this idempotency key */
    bool key_claimed;    /* the answer is to be kept under it */
    bool keeping;        /* and is on its way to the ledger */
    size_t outstanding;  /* ops at the ledger */
    cr_err_t store_err;  /* the first failure among them */
    ask_start_fn *start; /* the verb, when the key is claimed */
    ask_step_fn *each;   /* for every op that succeeded; may be NULL */
    ask_step_fn *step;   /* when all have */
    ask_heard_fn *heard; /* when dispatch has answered */
    ask_start_fn *undo;  /* when something was not stored; may be NULL */

    /* What a verb keeps from step to step. */
    broadcast_t *broadcast; /* when it is moved, its `move` is this ask */
    dispatch_broadcast_t *starting;
    import_t *import;
    reply_batch_t *replies;
    json_t *kept;
    outcome_t outcomes[ASK_OUTCOMES_MAX]; /* of broadcasts that a selector is about */
    size_t outcome_count;
    ask_start_fn *next;   /* when they are read */
    ask_start_fn *loaded; /* when dispatch has an ended broadcast again */
};

ask_t *ask_new(plan_verb_t verb);
void ask_destroy(ask_t **self_p);
/* Over a raw ZeroMQ socket; a ROUTER's message begins with the route. CR_CLOSED: nobody is there,
 * the ask is destroyed. */
cr_err_t ask_send(void *socket, ask_t **self_p, bool to_client);
/* NULL: nothing there. */
ask_t *ask_receive(void *socket, bool from_client);

/* The end of an ask: `body` is taken over, the ask is not plan's afterwards. */
void ask_answer(plan_t *plan, ask_t *self, int http_status, json_t *body);
/* Status by the kind of failure; `extra` (taken over, may be NULL) are members of the problem. */
void ask_refuse(plan_t *plan, ask_t *self, const cr_fault_t *fault, json_t *extra);

/* A new op; its memory is small and asserted. */
ledger_op_t *ask_op(ledger_kind_t kind);
/* "who did what to which", for the audit; `detail` is taken over and may be NULL. */
json_t *ask_audit(const ask_t *self, const char *what, const char *object, json_t *detail);
/* Sends ops (several before the first returns is fine); when all are stored, `step`. */
void ask_store(plan_t *plan, ask_t *self, ledger_op_t *op, ask_step_fn *step);
void ask_tell(plan_t *plan, ask_t *self, dispatch_message_t *message, ask_heard_fn *heard);

broadcast_actor_t ask_actor(const ask_t *self);

#endif
