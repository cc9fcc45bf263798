/*
 * users - who may call, as which person, in which roles
 *
 * A user is an account; a person may have several. No person holds planner and approver over all
 * accounts that are not revoked, so that nobody can approve alone what they wrote.
 *
 * A change is made here first and stored afterwards, so that two changes on their way to the ledger
 * see each other; if storing fails, the caller undoes it (users_remove, users_put). The token of a
 * new user is told to nobody before its document is stored.
 *
 * Ownership  user_t pointers live until the next change. Times are RFC 3339 text of the caller.
 * Threads    none: one table belongs to one thread.
 * Limits     USERS_MAX accounts, revoked ones included: a name is never given again, so that the
 *            audit stays true.
 */
#ifndef USERS_H
#define USERS_H

#include <jansson.h>

#include "cr_base.h"

enum {
    USERS_MAX = 4096,
    USERS_NAME_MAX = 32,
    USERS_PERSON_MAX = 64, /* characters */
    USERS_TOKEN_TEXT = 65, /* 64 hex digits and NUL */
    USERS_HASH_BYTES = 32
};

typedef struct {
    char *name, *person;
    unsigned roles; /* bits 1 << plan_role_t */
    char *created;
    char *revoked; /* NULL: may call */
    uint8_t token_hash[USERS_HASH_BYTES];
    bool bootstrap; /* from the token file; not stored, not revocable */
} user_t;

typedef struct users users_t;

users_t *users_new(void);
void users_destroy(users_t **self_p);

/* A token nobody can guess. */
void users_new_token(char token[USERS_TOKEN_TEXT]);

/* The bootstrap administrator "admin", person "Administrator". CR_INVAL: not 64 hex digits. */
cr_err_t users_set_admin(users_t *self, const char *token, const char *created,
                         cr_fault_t *fault) CR_MUST_USE;

/* Adds the user of {"name","person","roles":[...]}; `user` is the new one. CR_INVAL with the
 * member's name, CR_EXISTS, CR_CONFLICT for planner and approver in one person, CR_TOOBIG. */
cr_err_t users_add(users_t *self, json_t *arguments, const char *created, const char *token,
                   const user_t **user, cr_fault_t *fault) CR_MUST_USE;
/* CR_NOTFOUND; CR_CONFLICT: revoked already, or the bootstrap administrator. */
cr_err_t users_revoke(users_t *self, const char *name, const char *revoked, const user_t **user,
                      cr_fault_t *fault) CR_MUST_USE;
/* Loads a stored document, in place of the user of that name. CR_CORRUPT. */
cr_err_t users_put(users_t *self, json_t *document, cr_fault_t *fault) CR_MUST_USE;
/* Forgets a user that could not be stored; nothing if there is none. */
void users_remove(users_t *self, const char *name);

/* The user whose token it is and who is not revoked, or NULL. */
const user_t *users_authenticate(const users_t *self, const char *token);
const user_t *users_find(const users_t *self, const char *name);

/* What is stored, what the API shows (no hash), and the list of all in the order of names. NULL:
 * memory. */
json_t *users_document(const user_t *user);
json_t *users_view(const user_t *user);
json_t *users_list(const users_t *self);
/* ["planner","duty"] */
json_t *users_roles(unsigned roles);

#endif
