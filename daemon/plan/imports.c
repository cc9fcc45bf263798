/*
 * Plan's side of an import: one at a time, prepared by the importer, then the opt-outs of its rows
 * and the audit line are stored, then it is committed and published.
 */
#include <inttypes.h>

#include "arguments.h"
#include "cr_clock.h"
#include "cr_log.h"
#include "metrics.h"
#include "verbs.h"

static void
hand_over(plan_t *self, ask_t *ask, import_phase_t phase)
{
    ask->import->phase = phase;
    import_send(self->importer, &ask->import);
}

void
verb_import(plan_t *self, ask_t *ask)
{
    cr_fault_t fault;
    const char *skip_bad = argument_text(ask->arguments, "skip_bad");
    if (self->import || !ask->intake) {
        cr_fault_set(&fault, self->import ? CR_CONFLICT : CR_INVAL, "%s",
                     self->import ? "another import is under way" : "there are no rows");
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    self->import = ask;
    ask->import =
        import_new(ask->intake, directory_ref(self->directory), skip_bad && skip_bad[0] == '1');
    ask->intake = NULL;
    hand_over(self, ask, IMPORT_PREPARE);
}

static json_t *
bad_rows_json(const intake_t *intake)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < intake_bad_count(intake); i++) {
        const intake_bad_row_t *bad = intake_bad_row(intake, i);
        json_array_append_new(
            rows, json_pack("{s:I,s:s}", "line", (json_int_t)bad->line, "reason", bad->reason));
    }
    return rows;
}

static void
refuse(plan_t *self, ask_t *ask)
{
    const import_t *import = ask->import;
    json_t *extra = NULL;
    if (import->err == CR_INVAL) {
        ask->answer.http_status = 422;
        extra = json_pack("{s:o}", "bad_rows", bad_rows_json(import->intake));
    }
    cr_fault_t fault = import->fault;
    fault.code = import->err;
    ask_refuse(self, ask, &fault, extra);
}

static json_t *
result_json(const import_t *import)
{
    const intake_result_t *result = &import->result;
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "rows", (json_int_t)result->rows, "added",
                     (json_int_t)result->added, "updated", (json_int_t)result->updated, "unchanged",
                     (json_int_t)result->unchanged, "bad", (json_int_t)result->bad);
}

/* -- between the phases ------------------------------------------------------------------------- */

static void
on_audited(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    (void)op;
    hand_over(self, ask, IMPORT_COMMIT);
}

static void
audit(plan_t *self, ask_t *ask)
{
    ledger_op_t *op = ask_op(LEDGER_AUDIT_PUT);
    op->audit = ask_audit(ask, "recipient_import", "directory", result_json(ask->import));
    ask_store(self, ask, op, on_audited);
}

/*
 * What has to be changed at the ledger: rows ask for opt-outs; an import that was never committed
 * may have left opt-outs of ordinals that now become somebody else, and they are undone; a bad
 * address that became another one is not known to be bad.
 */
static roaring_bitmap_t *
new_optouts(const plan_t *self, const import_t *import, int channel)
{
    return roaring_bitmap_andnot(import->result.opted_out[channel],
                                 self->marks[LEDGER_MARK_OPTOUT][channel]);
}

static roaring_bitmap_t *
left_optouts(const plan_t *self, const import_t *import, int channel)
{
    uint32_t first = directory_size(import->base), end = directory_size(import->next);
    roaring_bitmap_t *left =
        first < end ? roaring_bitmap_from_range(first, end, 1) : roaring_bitmap_create();
    roaring_bitmap_and_inplace(left, self->marks[LEDGER_MARK_OPTOUT][channel]);
    roaring_bitmap_andnot_inplace(left, import->result.opted_out[channel]);
    return left;
}

static roaring_bitmap_t *
corrected_addresses(const plan_t *self, const import_t *import, int channel)
{
    return roaring_bitmap_and(import->corrected[channel], self->marks[LEDGER_MARK_BAD][channel]);
}

static const struct {
    ledger_mark_t mark;
    bool on;
    roaring_bitmap_t *(*people)(const plan_t *self, const import_t *import, int channel);
} changes[] = {
    {LEDGER_MARK_OPTOUT, true, new_optouts},
    {LEDGER_MARK_OPTOUT, false, left_optouts},
    {LEDGER_MARK_BAD, false, corrected_addresses},
};

/* NULL: there is nothing left to change on the channel. */
static ledger_op_t *
next_of_channel(const plan_t *self, const import_t *import, int channel,
                const consent_reason_t *reason)
{
    ledger_op_t *op = NULL;
    for (size_t i = 0; !op && i < CR_COUNT(changes); i++) {
        roaring_bitmap_t *people = changes[i].people(self, import, channel);
        if (!roaring_bitmap_is_empty(people))
            op = marks_op(changes[i].mark, (cr_channel_t)channel, people, changes[i].on);
        if (op && op->mark == LEDGER_MARK_OPTOUT && op->on)
            consent_format(reason, op->reason);
        roaring_bitmap_free(people);
    }
    return op;
}

static void on_run_stored(plan_t *self, ask_t *ask, ledger_op_t *op);

/* One run after the other, then the audit line. */
static void
store_next_run(plan_t *self, ask_t *ask)
{
    ledger_op_t *op = NULL;
    consent_reason_t reason = consent_reason(cr_clock_wall_us(), CONSENT_IMPORT, ask->who);
    for (int channel = 0; !op && channel < CR_CHANNEL_COUNT; channel++)
        op = next_of_channel(self, ask->import, channel, &reason);
    if (op)
        ask_store(self, ask, op, on_run_stored);
    else
        audit(self, ask);
}

static void
on_run_stored(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    marks_stored(self, op);
    store_next_run(self, ask);
}

static void
abandon(plan_t *self, ask_t *ask)
{
    hand_over(self, ask, IMPORT_ABANDON);
}

/* -- what the importer says --------------------------------------------------------------------- */

static void
prepared(plan_t *self, ask_t *ask)
{
    if (ask->import->err != CR_OK) {
        refuse(self, ask);
        return;
    }
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        ask->import->corrected[channel] =
            marks_corrected(self, ask->import->base, ask->import->next, (cr_channel_t)channel);
    ask->undo = abandon;
    store_next_run(self, ask);
}

static void
publish(plan_t *self, directory_t *next)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_DIRECTORY);
    CR_ASSERT(message);
    message->directory = directory_ref(next);
    ports_tell(self, message);
    directory_unref(&self->directory);
    self->directory = directory_ref(next);
    metrics_set(METRIC_RECIPIENTS, directory_size(next));
    metrics_set(METRIC_DIRECTORY_BYTES, (int64_t)directory_bytes(next));
}

static void
committed(plan_t *self, ask_t *ask)
{
    import_t *import = ask->import;
    publish(self, import->next);
    if (import->err != CR_OK) {
        refuse(self, ask);
        return;
    }
    int64_t took_ms = (cr_clock_mono_us() - import->began_mono_us) / CR_US_PER_MS;
    json_t *body = result_json(import);
    json_object_set_new(body, "bad_rows", bad_rows_json(import->intake));
    json_object_set_new(body, "recipients", json_integer(directory_size(import->next)));
    json_object_set_new(body, "duration_ms", json_integer(took_ms));
    cr_log(CR_LOG_INFO, "imported", "rows=%zu added=%zu updated=%zu bad=%zu duration_ms=%" PRId64,
           import->result.rows, import->result.added, import->result.updated, import->result.bad,
           took_ms);
    ask_answer(self, ask, 200, body);
}

int
imports_on_importer(zloop_t *loop, zsock_t *socket, void *plan)
{
    plan_t *self = plan;
    (void)loop;
    import_t *import = import_receive(socket);
    ask_t *ask = self->import;
    if (!import)
        return 0;
    CR_ASSERT(ask && !ask->import);
    ask->import = import;
    if (import->phase == IMPORT_PREPARED)
        prepared(self, ask);
    else
        committed(self, ask);
    return 0;
}
