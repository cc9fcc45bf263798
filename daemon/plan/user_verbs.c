/* Who may call: users are added and revoked here, by users.h. */
#include <string.h>

#include "arguments.h"
#include "cr_clock.h"
#include "verbs.h"

void
verb_whoami(plan_t *self, ask_t *ask)
{
    ask_answer(self, ask, 200,
               json_pack("{s:s,s:s,s:o}", "user", ask->who, "person", ask->person, "roles",
                         users_roles(ask->roles)));
}

void
verb_user_list(plan_t *self, ask_t *ask)
{
    ask_answer_items(self, ask, users_list(self->users), NULL);
}

static void
store_user(plan_t *self, ask_t *ask, const user_t *user, const char *what, ask_step_fn *step)
{
    ledger_op_t *op = ask_op(LEDGER_DOCUMENT_PUT);
    op->collection = "users";
    op->key = strdup(user->name);
    op->document = users_document(user);
    op->audit = ask_audit(
        ask, what, user->name,
        json_pack("{s:s,s:o}", "person", user->person, "roles", users_roles(user->roles)));
    ask_store(self, ask, op, step);
}

/* ask->kept: the answer of an addition, or the document before a revocation. */
static void
undo_add(plan_t *self, ask_t *ask)
{
    users_remove(self->users, argument_text(ask->kept, "name"));
}

static void
on_added(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    (void)op;
    ask_answer(self, ask, 201, json_incref(ask->kept));
}

void
verb_user_add(plan_t *self, ask_t *ask)
{
    char token[USERS_TOKEN_TEXT], now[CR_TIME_TEXT_MAX];
    const user_t *user;
    cr_fault_t fault;
    users_new_token(token);
    if (users_add(self->users, ask->arguments, cr_time_format(cr_clock_wall_us(), now), token,
                  &user, &fault) != CR_OK) {
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    ask->kept = json_pack("{s:s,s:s,s:o,s:s}", "name", user->name, "person", user->person, "roles",
                          users_roles(user->roles), "token", token);
    ask->undo = undo_add;
    store_user(self, ask, user, "user_add", on_added);
}

static void
undo_revoke(plan_t *self, ask_t *ask)
{
    cr_err_t err = users_put(self->users, ask->kept, NULL);
    CR_ASSERT(err == CR_OK); /* it is our own document */
}

static void
on_revoked(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    (void)op;
    ask_answer(self, ask, 204, NULL);
}

void
verb_user_revoke(plan_t *self, ask_t *ask)
{
    char now[CR_TIME_TEXT_MAX];
    const char *name = argument_text(ask->arguments, "name");
    const user_t *user = users_find(self->users, name);
    cr_fault_t fault;
    ask->kept = user ? users_document(user) : NULL;
    if (users_revoke(self->users, name, cr_time_format(cr_clock_wall_us(), now), &user, &fault) !=
        CR_OK) {
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    ask->undo = undo_revoke;
    store_user(self, ask, user, "user_revoke", on_revoked);
}
