/*
 * A POST that is repeated under the same Idempotency-Key is answered the same again.
 *
 * The key is claimed at the ledger before the verb begins and holds the answer afterwards. A claim
 * that no ask of ours holds is from a daemon that died on the way: it is taken again, so that a
 * client can repeat what it never heard the answer to. A token of a new user is shown once and not
 * kept; an answer of the kind "try later" is not kept either.
 */
#include <string.h>

#include "internal.h"

static ledger_op_t *
key_op(ledger_kind_t kind, const ask_t *ask)
{
    ledger_op_t *op = ask_op(kind);
    op->key = zsys_sprintf("%s:%s", ask->who, ask->idempotency_key);
    CR_ASSERT(op->key);
    return op;
}

static bool
is_in_progress(const plan_t *self, const ask_t *ask)
{
    for (const ask_t *other = zlistx_first(self->open); other; other = zlistx_next(self->open))
        if (other != ask && other->key_held && strcmp(other->who, ask->who) == 0 &&
            strcmp(other->idempotency_key, ask->idempotency_key) == 0)
            return true;
    return false;
}

static void
refuse(plan_t *self, ask_t *ask, cr_err_t err, int http_status, const char *text)
{
    cr_fault_t fault;
    ask->answer.http_status = http_status;
    cr_fault_set(&fault, err, "%s", text);
    ask_refuse(self, ask, &fault, NULL);
}

/* Kept answers of both kinds: a result, or a problem with its fault. */
static void
replay(plan_t *self, ask_t *ask, const json_t *record)
{
    const json_t *fault = json_object_get(record, "fault");
    plan_answer_t *answer = &ask->answer;
    answer->replayed = true;
    answer->http_status = (int)json_integer_value(json_object_get(record, "status"));
    answer->body = json_incref(json_object_get(record, "body"));
    if (fault) {
        answer->err = (cr_err_t)json_integer_value(json_object_get(fault, "code"));
        cr_fault_set_at(&answer->fault, answer->err,
                        (size_t)json_integer_value(json_object_get(fault, "line")),
                        (size_t)json_integer_value(json_object_get(fault, "column")), "%s",
                        json_string_value(json_object_get(fault, "text")));
    }
    ask_deliver(self, ask);
}

static void
on_claimed(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    const char *hash = json_string_value(json_object_get(op->document, "hash"));
    if (hash && strcmp(hash, ask->body_hash) != 0) {
        refuse(self, ask, CR_INVAL, 422, "the Idempotency-Key was used for another request");
    } else if (json_object_get(op->document, "status")) {
        replay(self, ask, op->document);
    } else {
        ask->key_claimed = true;
        ask->start(self, ask);
    }
}

void
idempotency_begin(plan_t *self, ask_t *ask, ask_start_fn *start)
{
    if (is_in_progress(self, ask)) {
        refuse(self, ask, CR_CONFLICT, 409, "a request with this Idempotency-Key is under way");
        return;
    }
    ask->start = start;
    ask->key_held = true;
    ledger_op_t *op = key_op(LEDGER_IDEMPOTENCY_BEGIN, ask);
    op->document = json_pack("{s:s}", "hash", ask->body_hash);
    ask_store(self, ask, op, on_claimed);
}

static json_t *
record_of(const ask_t *ask)
{
    const plan_answer_t *answer = &ask->answer;
    json_t *record = json_pack("{s:s,s:i}", "hash", ask->body_hash, "status", answer->http_status);
    if (answer->body) {
        json_object_set_new(record, "body", json_copy(answer->body));
        json_object_del(json_object_get(record, "body"), "token");
    }
    if (answer->err != CR_OK)
        json_object_set_new(record, "fault",
                            json_pack("{s:i,s:i,s:i,s:s}", "code", (int)answer->err, "line",
                                      (int)answer->fault.line, "column", (int)answer->fault.column,
                                      "text", answer->fault.text));
    return record;
}

static void
on_kept(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    (void)op;
    ask_deliver(self, ask);
}

bool
idempotency_end(plan_t *self, ask_t *ask)
{
    if (!ask->key_claimed)
        return false;
    ask->store_err = CR_OK;
    ask->keeping = true;
    ledger_op_t *op = key_op(LEDGER_IDEMPOTENCY_END, ask);
    if (ask->answer.http_status < 500)
        op->document = record_of(ask);
    ask_store(self, ask, op, on_kept);
    return true;
}
