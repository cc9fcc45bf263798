/*
 * plan_world - plan and ledger over a private Redis, with a dispatch that only does as it is told
 *
 * The world owns a temporary folder and a redis-server in it; plan and ledger can be ended and
 * begun again over the same Redis, as a restarted daemon would.
 *
 * Threads    the dispatch runs in an actor; what it saw is read as relaxed atomics.
 */
#ifndef PLAN_WORLD_H
#define PLAN_WORLD_H

#include <czmq.h>
#include <stdatomic.h>

#include "plan/plan.h"

#define WORLD_NAME "world" /* of the daemon */

typedef struct {
    atomic_int starts, restarts, cancels, optouts, directories;
    atomic_int restarts_served; /* how many there had been when workers were let speak */
    atomic_int last_total;      /* audience of the last START */
    atomic_bool finishes;       /* says DONE to every START and CANCEL */
    atomic_bool last_paused;    /* of the last START */
} world_dispatch_t;

typedef struct {
    char folder[64], socket[96], seal_key[96], admin_token[96], redis_url[128];
    pid_t redis;
    ledger_t *ledger;
    plan_t *plan;
    zactor_t *dispatch;
    plan_client_t *client;
    world_dispatch_t seen;
    char *tokens[8]; /* in the order of `world_users` */
    json_t *body;    /* of the last answer */
    bool replayed;
} world_t;

typedef enum {
    ADMIN,
    PLANNER,
    APPROVER,
    DUTY,
    DUTY_AS_APPROVER,
    OPERATOR,
    WORLD_USERS
} world_user_t;

/* Redis, daemon, users, a template "fzr" and three recipients. */
void world_open(world_t *self);
void world_close(world_t *self);
/* The daemon alone. */
void world_start(world_t *self);
void world_stop(world_t *self);

/* The HTTP status; `arguments` is JSON with ' for ". The body is the world's until the next call. */
int world_call(world_t *self, world_user_t user, plan_verb_t verb, const char *arguments);
int world_call_key(world_t *self, world_user_t user, plan_verb_t verb, const char *arguments,
                   const char *key);
int world_import(world_t *self, const char *csv);
const char *world_text(const world_t *self, const char *member);

/* Drafts and submits; the id, which the caller frees. */
char *world_submit(world_t *self, world_user_t author, const char *more);
int world_move(world_t *self, world_user_t user, plan_verb_t verb, const char *id);
/* Waits until the broadcast has that state; false when it never does. */
bool world_await(world_t *self, const char *id, const char *state);
/* Waits until the counter is at least `count`. */
bool world_await_count(const atomic_int *counter, int count);

#endif
