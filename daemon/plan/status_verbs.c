/* What operators look at: queue, the whole, the audit; and whether we are ready. */
#include <inttypes.h>

#include "arguments.h"
#include "cr_clock.h"
#include "cr_version.h"
#include "metrics.h"
#include "verbs.h"

enum { AUDIT_DEFAULT = 50, AUDIT_MAX = 100 };

/* Who paused it, and when, is in the record. */
static void
add_pause(const plan_t *self, json_t *row)
{
    uint64_t id;
    const broadcast_t *broadcast =
        cr_id_parse(argument_text(row, "id"), &id) == CR_OK ? broadcasts_find(self, id) : NULL;
    const json_t *moves = broadcast ? json_object_get(broadcast->document, "moves") : NULL;
    const json_t *last = json_array_get(moves, json_array_size(moves) - 1);
    if (!broadcast || !last || broadcast->state != LIFECYCLE_PAUSED)
        return;
    char since[CR_TIME_TEXT_MAX];
    int64_t at_us = json_integer_value(json_object_get(last, "at"));
    json_object_set(row, "paused_by", json_object_get(last, "by"));
    json_object_set_new(row, "since", json_string(cr_time_format(at_us, since)));
}

static void
on_queue(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    size_t index;
    json_t *row;
    json_array_foreach(message->json, index, row)
    {
        json_object_set_new(row, "paused_by", json_null());
        add_pause(self, row);
    }
    ask_answer_items(self, ask, json_incref(message->json), NULL);
}

void
verb_queue(plan_t *self, ask_t *ask)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_QUEUE);
    CR_ASSERT(message);
    ask_tell(self, ask, message, on_queue);
}

static json_t *
states_json(const plan_t *self)
{
    size_t counts[LIFECYCLE_STATE_COUNT] = {0};
    json_t *states = json_object();
    for (size_t i = 0; i < self->broadcast_count; i++)
        counts[self->broadcasts[i]->state]++;
    for (int state = 0; state < LIFECYCLE_STATE_COUNT; state++)
        json_object_set_new(states, lifecycle_state_name((lifecycle_state_t)state),
                            json_integer((json_int_t)counts[state]));
    return states;
}

static bool
is_redis_up(void)
{
    return metrics_get(METRIC_LEDGER_UP) == 1;
}

void
verb_status(plan_t *self, ask_t *ask)
{
    int64_t uptime_s = (cr_clock_mono_us() - self->started_mono_us) / CR_US_PER_S;
    ask_answer(self, ask, 200,
               json_pack("{s:s,s:I,s:i,s:s,s:o,s:I,s:I}", "version", CR_VERSION, "epoch",
                         (json_int_t)self->epoch, "recipients",
                         (int)directory_size(self->directory), "redis",
                         is_redis_up() ? "up" : "down", "broadcasts", states_json(self), "workers",
                         (json_int_t)metrics_get(METRIC_WORKERS), "uptime_s",
                         (json_int_t)uptime_s));
}

void
verb_ready(plan_t *self, ask_t *ask)
{
    cr_fault_t fault;
    if (is_redis_up()) {
        ask_answer(self, ask, 200, json_object());
        return;
    }
    cr_fault_set(&fault, CR_AGAIN, "Redis is away");
    ask_refuse(self, ask, &fault, NULL);
}

/* -- the audit ---------------------------------------------------------------------------------- */

static void
on_audit(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    char next[24] = "";
    size_t limit = (size_t)json_integer_value(ask->kept);
    size_t count = json_array_size(op->document);
    json_t *items = json_array();
    for (size_t i = 0; i < count && i < limit; i++)
        json_array_append(items, json_array_get(op->document, i));
    if (count > limit || count == AUDIT_MAX) {
        const json_t *last = json_array_get(items, json_array_size(items) - 1);
        snprintf(next, sizeof next, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_object_get(last, "n")));
    }
    ask_answer_items(self, ask, items, next[0] != '\0' ? next : NULL);
}

void
verb_audit(plan_t *self, ask_t *ask)
{
    uint64_t limit, cursor;
    cr_fault_t fault;
    if (argument_number(ask->arguments, "limit", AUDIT_MAX, AUDIT_DEFAULT, &limit, &fault) !=
            CR_OK ||
        argument_number(ask->arguments, "cursor", INT64_MAX, 0, &cursor, &fault) != CR_OK) {
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    ask->kept = json_integer((json_int_t)limit);
    ledger_op_t *op = ask_op(LEDGER_AUDIT_READ);
    op->cursor = cursor;
    ask_store(self, ask, op, on_audit);
}
