/*
 * What residents say back. A batch goes a long way before the worker is told that it is taken: was it
 * stored before? whose addresses are they? what follows from each reply? Then all of it is stored in
 * one call, and memory follows.
 *
 * The directory is searched piece by piece, a piece a tick, so that plan answers others meanwhile.
 */
#include "reply_batch.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cr_clock.h"
#include "internal.h"
#include "metrics.h"
#include "reply_record.h"

enum { PIECE = 1 << 18, SHARED_MAX = 1000, NAMED_MAX = 64 };

/* What follows from one reply. */
typedef struct {
    reply_verdict_t verdict;
    const roaring_bitmap_t *people; /* who have the address; NULL: nobody */
    roaring_bitmap_t *opted_out;    /* of them, now; NULL: nobody */
    consent_reason_t reason;
} outcome_of_reply_t;

struct reply_batch {
    replies_t *said;
    cr_slice_t addresses[REPLIES_MAX];
    holders_t *search;
    int64_t at_us;
    outcome_of_reply_t outcomes[REPLIES_MAX];
    roaring_bitmap_t *opted_out, *bad, *good; /* all together */
};

static reply_batch_t *
batch_new(const plan_t *self, replies_t **said_p)
{
    reply_batch_t *batch = calloc(1, sizeof *batch);
    CR_ASSERT(batch);
    batch->said = *said_p;
    *said_p = NULL;
    for (size_t i = 0; i < batch->said->count; i++)
        batch->addresses[i] = batch->said->items[i].address;
    batch->search =
        holders_new(self->directory, batch->said->channel, batch->addresses, batch->said->count);
    batch->opted_out = roaring_bitmap_create();
    batch->bad = roaring_bitmap_create();
    batch->good = roaring_bitmap_create();
    batch->at_us = cr_clock_wall_us();
    CR_ASSERT(batch->search && batch->opted_out && batch->bad && batch->good);
    return batch;
}

void
reply_batch_destroy(reply_batch_t **self_p)
{
    reply_batch_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->said->count; i++)
        if (self->outcomes[i].opted_out)
            roaring_bitmap_free(self->outcomes[i].opted_out);
    roaring_bitmap_free(self->opted_out);
    roaring_bitmap_free(self->bad);
    roaring_bitmap_free(self->good);
    holders_destroy(&self->search);
    replies_destroy(&self->said);
    free(self);
    *self_p = NULL;
}

/* -- the end of a batch ------------------------------------------------------------------------- */

static void
tell(plan_t *self, const reply_batch_t *batch, cr_err_t err)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_REPLIES);
    CR_ASSERT(message);
    memcpy(message->name, batch->said->worker, sizeof message->name);
    message->id = batch->said->batch;
    message->err = err;
    ports_tell(self, message);
}

static void
taken(plan_t *self, ask_t *ask)
{
    tell(self, ask->replies, CR_OK);
    ask_answer(self, ask, 200, NULL);
}

/* The worker repeats it. */
static void
put_off(plan_t *self, ask_t *ask)
{
    tell(self, ask->replies, CR_AGAIN);
}

/* -- what follows ------------------------------------------------------------------------------- */

/* Who did not want it before this reply keeps the reason that they have. */
static void
opt_out(const plan_t *self, reply_batch_t *batch, outcome_of_reply_t *outcome)
{
    outcome->opted_out = roaring_bitmap_andnot(
        outcome->people, self->marks[LEDGER_MARK_OPTOUT][batch->said->channel]);
    CR_ASSERT(outcome->opted_out);
    roaring_bitmap_andnot_inplace(outcome->opted_out, batch->opted_out);
    roaring_bitmap_or_inplace(batch->opted_out, outcome->opted_out);
    outcome->reason = consent_reason(batch->at_us, CONSENT_REPLY, outcome->verdict.word);
}

/* Of one who leaves and comes back the last holds. */
static void
leave(const plan_t *self, reply_batch_t *batch, outcome_of_reply_t *outcome)
{
    (void)self;
    roaring_bitmap_or_inplace(batch->bad, outcome->people);
    roaring_bitmap_andnot_inplace(batch->good, outcome->people);
}

static void
come(const plan_t *self, reply_batch_t *batch, outcome_of_reply_t *outcome)
{
    (void)self;
    roaring_bitmap_or_inplace(batch->good, outcome->people);
    roaring_bitmap_andnot_inplace(batch->bad, outcome->people);
}

static void (*const acts[REPLY_ACT_COUNT])(const plan_t *self, reply_batch_t *batch,
                                           outcome_of_reply_t *outcome) = {
    [REPLY_OPT_OUT] = opt_out, [REPLY_BAD] = leave, [REPLY_GOOD] = come};

/* A gateway that reaches no resident brings no resident's will; and an address that a thousand people
 * have is no household's, but a gap that somebody filled: a person has to look at that. */
static bool
is_believed(const reply_batch_t *batch, const outcome_of_reply_t *outcome)
{
    return !batch->said->drill && outcome->people &&
           roaring_bitmap_get_cardinality(outcome->people) <= SHARED_MAX;
}

static void
judge(const plan_t *self, reply_batch_t *batch)
{
    for (size_t i = 0; i < batch->said->count; i++) {
        const replies_item_t *item = &batch->said->items[i];
        outcome_of_reply_t *outcome = &batch->outcomes[i];
        outcome->people = holders_of(batch->search, i);
        outcome->verdict = reply_judge(item->kind, item->text, self->config.opt_out_words);
        if (!is_believed(batch, outcome))
            outcome->verdict.act = REPLY_KEEP;
        if (acts[outcome->verdict.act])
            acts[outcome->verdict.act](self, batch, outcome);
    }
}

/* -- what is stored ----------------------------------------------------------------------------- */

static json_t *
clean_json(cr_slice_t text)
{
    cr_str_t clean;
    cr_str_init(&clean, 4 * REPLIES_TEXT_MAX);
    reply_clean(text, &clean);
    json_t *value = json_stringn(cr_str_text(&clean), clean.length);
    cr_str_fini(&clean);
    CR_ASSERT(value);
    return value;
}

/* The ids of the first of them. */
static json_t *
ids_json(const plan_t *self, const roaring_bitmap_t *people)
{
    json_t *ids = json_array();
    uint32_t ordinals[NAMED_MAX];
    roaring_uint32_iterator_t at;
    if (!people)
        return ids;
    roaring_init_iterator(people, &at);
    uint32_t count = roaring_read_uint32_iterator(&at, ordinals, NAMED_MAX);
    for (uint32_t i = 0; i < count; i++) {
        recipient_t recipient;
        if (directory_get(self->directory, ordinals[i], &recipient))
            json_array_append_new(ids, json_stringn(recipient.id.text, recipient.id.length));
    }
    return ids;
}

static json_t *
record_json(const plan_t *self, const reply_batch_t *batch, size_t i)
{
    static const char *const kinds[] = {[CRIER__V1__REPLIES__KIND__TEXT] = "text",
                                        [CRIER__V1__REPLIES__KIND__LEFT] = "left",
                                        [CRIER__V1__REPLIES__KIND__CAME] = "came"};
    const replies_item_t *item = &batch->said->items[i];
    const outcome_of_reply_t *outcome = &batch->outcomes[i];
    uint64_t people = outcome->people ? roaring_bitmap_get_cardinality(outcome->people) : 0;
    json_t *record = json_pack(
        "{s:I,s:s,s:s,s:b,s:s,s:o,s:o,s:s,s:I,s:o}", "at", (json_int_t)batch->at_us, "channel",
        cr_channel_name(batch->said->channel), "worker", batch->said->worker, "drill",
        batch->said->drill, "kind", kinds[item->kind], "address", clean_json(item->address), "text",
        clean_json(item->text), "did", reply_act_name(outcome->verdict.act), "people",
        (json_int_t)people, "recipients", ids_json(self, outcome->people));
    CR_ASSERT(record);
    return record;
}

static void
add_record(const plan_t *self, const json_t *record, cr_str_t *records)
{
    cr_str_t sealed;
    cr_str_init(&sealed, LEDGER_REPLIES_BYTES_MAX);
    cr_err_t err = reply_record_seal(record, self->importer_config.seal_key, &sealed);
    CR_ASSERT(err == CR_OK);
    ledger_put_text(records, cr_str_slice(&sealed));
    cr_str_fini(&sealed);
}

typedef struct {
    cr_str_t *out;
    const char *reason; /* NULL: ordinals alone */
} listing_to_t;

static bool
add_person(uint32_t ordinal, void *context)
{
    const listing_to_t *to = context;
    ledger_put_number(to->out, ordinal);
    if (to->reason)
        ledger_put_text(to->out, cr_slice_of(to->reason));
    return true;
}

static void
add_people(const roaring_bitmap_t *people, cr_str_t *out, const consent_reason_t *reason)
{
    char text[CONSENT_TEXT_MAX];
    listing_to_t to = {out, reason ? consent_format(reason, text) : NULL};
    roaring_iterate(people, add_person, &to);
}

/* One line for the batch: it names everybody who opted out by it. */
static json_t *
audit_json(const plan_t *self, const reply_batch_t *batch)
{
    uint64_t count = roaring_bitmap_get_cardinality(batch->opted_out);
    if (count == 0)
        return NULL;
    json_t *ids = ids_json(self, batch->opted_out);
    json_t *line = json_pack("{s:s,s:s,s:s,s:O,s:{s:o,s:s,s:I,s:o}}", "who", "resident", "person",
                             "resident", "what", "opt_out", "object", json_array_get(ids, 0),
                             "detail", "channels", channels_json(1u << batch->said->channel),
                             "source", consent_source_name(CONSENT_REPLY), "people",
                             (json_int_t)count, "recipients", ids);
    CR_ASSERT(line);
    return line;
}

static ledger_op_t *
op_of(const plan_t *self, const reply_batch_t *batch)
{
    ledger_op_t *op = ask_op(LEDGER_REPLIES_PUT);
    op->channel = batch->said->channel;
    op->replies = ledger_replies_new(batch->said->worker, batch->said->batch);
    op->audit = audit_json(self, batch);
    for (size_t i = 0; i < batch->said->count; i++) {
        const outcome_of_reply_t *outcome = &batch->outcomes[i];
        json_t *record = record_json(self, batch, i);
        add_record(self, record, &op->replies->records);
        json_decref(record);
        if (outcome->opted_out)
            add_people(outcome->opted_out, &op->replies->opted_out, &outcome->reason);
    }
    add_people(batch->bad, &op->replies->bad, NULL);
    add_people(batch->good, &op->replies->good, NULL);
    return op;
}

/* -- it is stored: memory follows --------------------------------------------------------------- */

static void
count(const reply_batch_t *batch)
{
    size_t unknown = 0;
    for (size_t i = 0; i < batch->said->count; i++)
        unknown += !batch->outcomes[i].people;
    metrics_add(METRIC_REPLIES, (int64_t)batch->said->count);
    metrics_add(METRIC_REPLIES_UNKNOWN, (int64_t)unknown);
    metrics_add(METRIC_REPLIES_OPTED_OUT,
                (int64_t)roaring_bitmap_get_cardinality(batch->opted_out));
}

static void
on_stored(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    const reply_batch_t *batch = ask->replies;
    cr_channel_t channel = batch->said->channel;
    (void)op;
    for (size_t i = 0; i < batch->said->count; i++)
        if (batch->outcomes[i].opted_out)
            marks_withdrawn(self, channel, batch->outcomes[i].opted_out,
                            &batch->outcomes[i].reason);
    marks_set(self, LEDGER_MARK_BAD, channel, batch->bad, true);
    marks_set(self, LEDGER_MARK_BAD, channel, batch->good, false);
    count(batch);
    taken(self, ask);
}

/* -- the way ------------------------------------------------------------------------------------ */

static void
on_seen(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    if (op->cursor == ask->replies->said->batch)
        taken(self, ask);
    else
        zlist_append(self->replies, ask);
}

void
replies_heard(plan_t *self, dispatch_message_t *news)
{
    ask_t *ask = ask_errand(self, NULL);
    ask->replies = batch_new(self, &news->replies);
    ask->undo = put_off;
    ledger_op_t *op = ask_op(LEDGER_REPLIES_SEEN);
    op->key = strdup(ask->replies->said->worker);
    CR_ASSERT(op->key);
    ask_store(self, ask, op, on_seen);
}

void
replies_tick(plan_t *self)
{
    ask_t *ask = zlist_first(self->replies);
    bool done = false;
    if (!ask)
        return;
    cr_err_t err = holders_step(ask->replies->search, PIECE, &done);
    CR_ASSERT(err == CR_OK); /* a bitmap of a household */
    if (!done)
        return;
    zlist_pop(self->replies);
    judge(self, ask->replies);
    ask_store(self, ask, op_of(self, ask->replies), on_stored);
}
