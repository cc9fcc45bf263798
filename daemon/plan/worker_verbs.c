/*
 * The workers, and which of them get no leases: kept in the store by name, so that neither their
 * restart nor ours brings them back.
 */
#include <string.h>

#include "arguments.h"
#include "verbs.h"

static void
on_workers(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    ask_answer_items(self, ask, message->json ? json_incref(message->json) : json_array(), NULL);
}

void
verb_workers(plan_t *self, ask_t *ask)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_WORKERS);
    CR_ASSERT(message);
    ask_tell(self, ask, message, on_workers);
}

static json_t *
find(json_t *workers, const char *name)
{
    size_t index;
    json_t *worker;
    json_array_foreach(workers, index, worker)
    {
        if (strcmp(argument_text(worker, "name"), name) == 0)
            return worker;
    }
    return NULL;
}

static dispatch_message_t *
order_of(const char *name, bool on)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_DRAIN);
    CR_ASSERT(message && strlen(name) < sizeof message->name);
    memcpy(message->name, name, strlen(name));
    message->on = on;
    return message;
}

void
workers_tell_drained(plan_t *self)
{
    const char *name;
    json_t *drained;
    json_object_foreach(self->off_duty, name, drained) ports_tell(self, order_of(name, true));
}

static void
on_told(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    json_t *worker = find(message->json, message->name);
    if (worker)
        ask_answer(self, ask, 200, json_incref(worker));
    else
        ask_answer(self, ask, 200, json_pack("{s:s,s:b}", "name", message->name, "drain", 0));
}

static void
on_stored(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    if (op->document)
        json_object_set_new(self->off_duty, op->key, json_true());
    else
        json_object_del(self->off_duty, op->key);
    ask_tell(self, ask, order_of(op->key, op->document != NULL), on_told);
}

static void
store(plan_t *self, ask_t *ask, const char *name, bool on)
{
    ledger_op_t *op = ask_op(LEDGER_DOCUMENT_PUT);
    op->collection = "drained";
    op->key = strdup(name);
    CR_ASSERT(op->key);
    op->document = on ? json_pack("{s:s}", "by", ask->who) : NULL;
    op->audit = ask_audit(ask, on ? "worker_drain" : "worker_undrain", name, NULL);
    ask_store(self, ask, op, on_stored);
}

/* A slip of the pen must not drain nobody. */
static void
on_known(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    const char *name = argument_text(ask->arguments, "name");
    cr_fault_t fault;
    if (find(message->json, name) || json_object_get(self->off_duty, name)) {
        store(self, ask, name, argument_flag(ask->arguments, "drain"));
        return;
    }
    cr_fault_set(&fault, CR_NOTFOUND, "no such worker: %.64s", name);
    ask_refuse(self, ask, &fault, NULL);
}

void
verb_worker_drain(plan_t *self, ask_t *ask)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_WORKERS);
    CR_ASSERT(message);
    ask_tell(self, ask, message, on_known);
}
