/*
 * plan - the actor that owns what people decide: users, templates, broadcasts and their states, the
 * current directory
 *
 * The API's threads ask it by verbs (plan_call) and wait for the answer; everything it changes is
 * stored by the ledger before it is answered. It never blocks: an answer that needs Redis or
 * dispatch is given when theirs has come.
 *
 * Threads    plan_client_t belongs to one thread at a time; any number of clients.
 */
#ifndef PLAN_H
#define PLAN_H

#include <jansson.h>

#include "../audience/intake.h"
#include "../audience/listing.h"
#include "../dispatch/dispatch.h"

/* Roles: bits in plan_principal_t.roles. No one person may hold both planner and approver. */
#define PLAN_ROLE_LIST(X)                                                                          \
    X(PLANNER, "planner")                                                                          \
    X(APPROVER, "approver")                                                                        \
    X(DUTY, "duty")                                                                                \
    X(OPERATOR, "operator")                                                                        \
    X(AUDITOR, "auditor")                                                                          \
    X(ADMIN, "admin")

/*
 * verb, roles that may use it, whether it changes anything. Arguments and results are the JSON of
 * docs/http-api.md. Members that come from the path: `id` (of a broadcast or a recipient), `name`
 * (of a user or a template), `recipient` (BROADCAST_EXPLAIN), `opted_out` true or false
 * (RECIPIENT_OPTOUT: opt-out or opt-in). From the query, as strings: `select`, `state`, `limit`,
 * `cursor`, `skip_bad`, `since`.
 */
#define R(name) (1u << PLAN_ROLE_##name)
#define PLAN_ANYONE (~0u)
#define PLAN_VERB_LIST(X)                                                                          \
    X(WHOAMI, PLAN_ANYONE, false)                                                                  \
    X(USER_ADD, R(ADMIN), true)                                                                    \
    X(USER_LIST, R(ADMIN) | R(AUDITOR), false)                                                     \
    X(USER_REVOKE, R(ADMIN), true)                                                                 \
    X(RECIPIENT_IMPORT, R(ADMIN) | R(OPERATOR), true)                                              \
    X(RECIPIENT_SHOW, PLAN_ANYONE, false)                                                          \
    X(RECIPIENT_EXPORT, R(ADMIN), true)                                                            \
    X(RECIPIENT_OPTOUT, R(OPERATOR) | R(DUTY) | R(ADMIN), true)                                    \
    X(RECIPIENT_GOOD_ADDRESS, R(OPERATOR) | R(DUTY) | R(ADMIN), true)                              \
    X(AUDIENCE_COUNT, PLAN_ANYONE, false)                                                          \
    X(TEMPLATE_PUT, R(PLANNER) | R(DUTY), true)                                                    \
    X(TEMPLATE_LIST, PLAN_ANYONE, false)                                                           \
    X(TEMPLATE_SHOW, PLAN_ANYONE, false)                                                           \
    X(TEMPLATE_PREVIEW, PLAN_ANYONE, false)                                                        \
    X(BROADCAST_DRAFT, R(PLANNER) | R(DUTY), true)                                                 \
    X(BROADCAST_LIST, PLAN_ANYONE, false)                                                          \
    X(BROADCAST_SHOW, PLAN_ANYONE, false)                                                          \
    X(BROADCAST_SUBMIT, R(PLANNER) | R(DUTY), true)                                                \
    X(BROADCAST_APPROVE, R(APPROVER), true)                                                        \
    X(BROADCAST_REJECT, R(APPROVER), true)                                                         \
    X(BROADCAST_SEND, R(PLANNER) | R(DUTY) | R(OPERATOR), true)                                    \
    X(BROADCAST_PAUSE, R(OPERATOR) | R(DUTY), true)                                                \
    X(BROADCAST_RESUME, R(OPERATOR) | R(DUTY), true)                                               \
    X(BROADCAST_CANCEL, R(PLANNER) | R(OPERATOR) | R(DUTY), true)                                  \
    X(BROADCAST_EXPLAIN, R(OPERATOR) | R(DUTY) | R(AUDITOR) | R(ADMIN), false)                     \
    X(BROADCAST_UNKNOWN, PLAN_ANYONE, false)                                                       \
    X(BROADCAST_ORDER, R(OPERATOR), true)                                                          \
    X(QUEUE, PLAN_ANYONE, false)                                                                   \
    X(WORKERS, PLAN_ANYONE, false)                                                                 \
    X(WORKER_DRAIN, R(OPERATOR), true)                                                             \
    X(GATEWAYS, PLAN_ANYONE, false)                                                                \
    X(GATEWAY_SET, R(OPERATOR), true)                                                              \
    X(STATUS, PLAN_ANYONE, false)                                                                  \
    X(REPLIES, R(OPERATOR) | R(DUTY) | R(AUDITOR) | R(ADMIN), false)                               \
    X(AUDIT, R(AUDITOR) | R(ADMIN), false)                                                         \
    X(UNSUBSCRIBE, PLAN_ANYONE, true)                                                              \
    X(READY, PLAN_ANYONE, false)

typedef enum {
#define X(name, text) PLAN_ROLE_##name,
    PLAN_ROLE_LIST(X)
#undef X
        PLAN_ROLE_COUNT
} plan_role_t;

typedef enum {
#define X(name, roles, changes) PLAN_##name,
    PLAN_VERB_LIST(X)
#undef X
        PLAN_VERB_COUNT
} plan_verb_t;
#undef R

typedef struct {
    plan_verb_t verb;
    const char *token;           /* bearer token of the caller; NULL: nobody (READY, UNSUBSCRIBE) */
    const char *idempotency_key; /* NULL: none */
    const char *body_hash;       /* hex digest of verb, path and body, for the idempotency key */
    json_t *arguments; /* owned by the call afterwards; path and query parameters and body members
                          in one object */
    intake_t *intake;  /* RECIPIENT_IMPORT: ownership passes */
    int64_t timeout_ms;
} plan_request_t;

typedef struct {
    cr_err_t err; /* CR_OK, or why not */
    cr_fault_t fault;
    int http_status; /* 200, 201, 202 or the problem's status: 400 401 403 404 409 413 422 503 */
    json_t *body;    /* owned by the caller; result, or extra members of the problem; may be NULL */
    bool replayed;   /* answered from an idempotency record */
    listing_t listing; /* RECIPIENT_EXPORT: for the API thread to stream from */
} plan_answer_t;

typedef struct {
    int64_t tick_ms;
    const char *timezone;
    const char *seal_key_file;    /* key of the sealed segments */
    const char *divisions_file;   /* "" for none */
    const char *admin_token_file; /* bootstrap administrator; "" for none */
    int64_t receipt_wait_s;       /* default of broadcasts */
    int64_t expires_default_s;
    int64_t attempts_max;
    const char *sms_signature;  /* default sender */
    const char *token_key_file; /* of links in mails; "": no such link is taken */
    const char *opt_out_words;  /* further ones, separated by blanks */
    quiet_config_t quiet;
    frequency_config_t frequency;
} plan_config_t;

/* Loads all that matters now from the ledger (not started yet), then dispatch and ledger are started
 * by the caller, then plan_start, which returns when it has read what is over, too. */
typedef struct plan plan_t;
cr_err_t plan_new(const plan_config_t *config, const ledger_config_t *ledger_config,
                  ledger_t *ledger, plan_t **self, cr_fault_t *fault) CR_MUST_USE;
cr_err_t plan_start(plan_t *self, cr_fault_t *fault) CR_MUST_USE;
void plan_destroy(plan_t **self_p);

typedef struct plan_client plan_client_t;
plan_client_t *plan_client_new(void);
void plan_client_destroy(plan_client_t **self_p);
/* Blocks until answered; CR_TIMEOUT with 503 when plan did not answer in time. Always fills
 * `answer`. */
void plan_call(plan_client_t *self, const plan_request_t *request, plan_answer_t *answer);
void plan_answer_fini(plan_answer_t *answer);

#endif
