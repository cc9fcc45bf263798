/*
 * What is known of people beside the directory: opt-outs, which people decide, and bad addresses,
 * which dispatch learns from permanent refusals. A bad address is forgotten when an import gives the
 * person another one, or when an operator says that it is good. Such a word outweighs every refusal
 * that is older: dispatch forgets those it has not told yet, and what it told before it heard the
 * word is known by the number of words it had heard.
 */
#include <stdlib.h>

#include "arguments.h"
#include "cr_clock.h"
#include "metrics.h"
#include "verbs.h"

enum { RUN_MAX = 1024 };

static void
remember(plan_t *self, ledger_mark_t mark, cr_channel_t channel, const roaring_bitmap_t *people,
         bool on)
{
    if (on)
        roaring_bitmap_or_inplace(self->marks[mark][channel], people);
    else
        roaring_bitmap_andnot_inplace(self->marks[mark][channel], people);
    uint64_t bad = 0;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        bad += roaring_bitmap_get_cardinality(self->marks[LEDGER_MARK_BAD][i]);
    metrics_set(METRIC_BAD_ADDRESSES, (int64_t)bad);
}

static void
tell_dispatch(plan_t *self, ledger_mark_t mark, cr_channel_t channel,
              const roaring_bitmap_t *people, bool on)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_MARK);
    CR_ASSERT(message);
    message->mark = mark;
    message->channel = channel;
    message->people = roaring_bitmap_copy(people);
    message->on = on;
    CR_ASSERT(message->people);
    ports_tell(self, message);
}

void
marks_begin(plan_t *self)
{
    for (int mark = 0; mark < LEDGER_MARK_COUNT; mark++)
        for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
            tell_dispatch(self, (ledger_mark_t)mark, (cr_channel_t)channel,
                          self->marks[mark][channel], true);
}

ledger_op_t *
marks_op(ledger_mark_t mark, cr_channel_t channel, const roaring_bitmap_t *people, bool on)
{
    roaring_uint32_iterator_t at;
    ledger_op_t *op = ask_op(LEDGER_MARK_PUT);
    op->mark = mark;
    op->channel = channel;
    op->on = on;
    op->ordinals = malloc(RUN_MAX * sizeof *op->ordinals);
    CR_ASSERT(op->ordinals);
    roaring_init_iterator(people, &at);
    op->ordinal_count = roaring_read_uint32_iterator(&at, op->ordinals, RUN_MAX);
    return op;
}

static void
pardon(plan_t *self, cr_channel_t channel, const roaring_bitmap_t *people)
{
    self->pardons++;
    roaring_bitmap_or_inplace(self->pardoned[channel], people);
    roaring_bitmap_andnot_inplace(self->unsaved[channel], people);
}

void
marks_set(plan_t *self, ledger_mark_t mark, cr_channel_t channel, const roaring_bitmap_t *people,
          bool on)
{
    if (roaring_bitmap_is_empty(people))
        return;
    remember(self, mark, channel, people, on);
    if (mark == LEDGER_MARK_BAD && !on)
        pardon(self, channel, people);
    tell_dispatch(self, mark, channel, people, on);
}

typedef struct {
    consent_t *consent;
    const consent_reason_t *reason;
} noting_t;

static bool
note(uint32_t ordinal, void *context)
{
    const noting_t *self = context;
    cr_err_t err = consent_note(self->consent, ordinal, self->reason);
    CR_ASSERT(err == CR_OK);
    return true;
}

void
marks_withdrawn(plan_t *self, cr_channel_t channel, const roaring_bitmap_t *people,
                const consent_reason_t *reason)
{
    noting_t noting = {&self->consent[channel], reason};
    roaring_iterate(people, note, &noting);
    marks_set(self, LEDGER_MARK_OPTOUT, channel, people, true);
}

void
marks_stored(plan_t *self, const ledger_op_t *op)
{
    consent_reason_t reason;
    roaring_bitmap_t *people = roaring_bitmap_of_ptr(op->ordinal_count, op->ordinals);
    CR_ASSERT(people);
    if (consent_parse(cr_slice_of(op->reason), &reason) == CR_OK)
        marks_withdrawn(self, op->channel, people, &reason);
    else
        marks_set(self, op->mark, op->channel, people, op->on);
    roaring_bitmap_free(people);
}

json_t *
marks_reason(const plan_t *self, uint32_t ordinal, cr_channel_t channel)
{
    char at[CR_TIME_TEXT_MAX];
    const consent_reason_t *reason = consent_find(&self->consent[channel], ordinal);
    if (!reason || !roaring_bitmap_contains(self->marks[LEDGER_MARK_OPTOUT][channel], ordinal))
        return NULL;
    return json_pack("{s:s,s:s,s:s}", "at", cr_time_format(reason->at_us, at), "source",
                     consent_source_name(reason->source), "detail", reason->detail);
}

roaring_bitmap_t *
marks_barred(const plan_t *self, cr_channel_t channel)
{
    roaring_bitmap_t *barred = roaring_bitmap_or(self->marks[LEDGER_MARK_OPTOUT][channel],
                                                 self->marks[LEDGER_MARK_BAD][channel]);
    CR_ASSERT(barred);
    return barred;
}

/* -- bad addresses, as they are learned --------------------------------------------------------- */

/* Those that were pardoned after dispatch found them bad stay good. */
static void
spare_pardoned(plan_t *self, const dispatch_message_t *news)
{
    if (news->pardons < self->pardons) {
        roaring_bitmap_andnot_inplace(news->people, self->pardoned[news->channel]);
        return;
    }
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        roaring_bitmap_clear(self->pardoned[channel]);
}

void
marks_learned(plan_t *self, const dispatch_message_t *news)
{
    spare_pardoned(self, news);
    remember(self, LEDGER_MARK_BAD, news->channel, news->people, true);
    roaring_bitmap_or_inplace(self->unsaved[news->channel], news->people);
}

static void
save(plan_t *self, cr_channel_t channel, roaring_bitmap_t *people, bool on)
{
    CR_ASSERT(people);
    if (!roaring_bitmap_is_empty(people)) {
        ledger_op_t *op = marks_op(LEDGER_MARK_BAD, channel, people, on);
        for (size_t i = 0; i < op->ordinal_count; i++)
            roaring_bitmap_remove(self->unsaved[channel], op->ordinals[i]);
        ports_store(self, op);
    }
    roaring_bitmap_free(people);
}

void
marks_tick(plan_t *self)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        const roaring_bitmap_t *unsaved = self->unsaved[i], *bad = self->marks[LEDGER_MARK_BAD][i];
        if (roaring_bitmap_is_empty(unsaved))
            continue;
        save(self, (cr_channel_t)i, roaring_bitmap_andnot(unsaved, bad), false);
        save(self, (cr_channel_t)i, roaring_bitmap_and(unsaved, bad), true);
    }
}

/* Again at a later tick when the store was away, or when a person's word overtook it. */
void
marks_saved(plan_t *self, const ledger_op_t *op)
{
    const roaring_bitmap_t *bad = self->marks[op->mark][op->channel];
    for (size_t i = 0; i < op->ordinal_count; i++)
        if (op->err != CR_OK || roaring_bitmap_contains(bad, op->ordinals[i]) != op->on)
            roaring_bitmap_add(self->unsaved[op->channel], op->ordinals[i]);
}

roaring_bitmap_t *
marks_corrected(const plan_t *self, const directory_t *before, const directory_t *after,
                cr_channel_t channel)
{
    roaring_bitmap_t *corrected = roaring_bitmap_create();
    CR_ASSERT(corrected);
    roaring_uint32_iterator_t at;
    roaring_init_iterator(self->marks[LEDGER_MARK_BAD][channel], &at);
    for (; at.has_value; roaring_advance_uint32_iterator(&at))
        if (!cr_slice_equal(directory_address(before, at.current_value, channel),
                            directory_address(after, at.current_value, channel)))
            roaring_bitmap_add(corrected, at.current_value);
    return corrected;
}

/* -- what people say ---------------------------------------------------------------------------- */

static void
on_mark_stored(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    (void)ask;
    marks_stored(self, op);
}

static void
on_all_stored(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    recipient_t recipient;
    (void)op;
    if (ask_recipient(self, ask, "id", &recipient))
        ask_answer(self, ask, 200, recipient_view(self, &recipient));
}

void
marks_withdraw(plan_t *self, ask_t *ask, const withdrawal_t *withdrawal)
{
    ledger_op_t *op = marks_op(LEDGER_MARK_OPTOUT, withdrawal->channel, withdrawal->people, true);
    consent_format(&withdrawal->reason, op->reason);
    op->audit =
        ask_audit(ask, "opt_out", withdrawal->object,
                  json_pack("{s:o,s:s}", "channels", channels_json(1u << withdrawal->channel),
                            "source", consent_source_name(withdrawal->reason.source)));
    ask->each = on_mark_stored;
    ask_store(self, ask, op, withdrawal->step);
}

/* The audit line goes with the last op, which is stored after the others. */
static void
change(plan_t *self, ask_t *ask, ledger_mark_t mark, bool on, const char *what)
{
    recipient_t recipient;
    unsigned channels, all = (1u << CR_CHANNEL_COUNT) - 1;
    cr_fault_t fault;
    if (argument_channels(ask->arguments, "channels", all, &channels, &fault) != CR_OK) {
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    if (!ask_recipient(self, ask, "id", &recipient))
        return;
    roaring_bitmap_t *person = roaring_bitmap_of(1, recipient.ordinal);
    consent_reason_t reason = consent_reason(cr_clock_wall_us(), CONSENT_STAFF, ask->who);
    CR_ASSERT(person);
    ask->each = on_mark_stored;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        if (!(channels & (1u << channel)))
            continue;
        ledger_op_t *op = marks_op(mark, (cr_channel_t)channel, person, on);
        if (mark == LEDGER_MARK_OPTOUT && on)
            consent_format(&reason, op->reason);
        if (channels >> channel == 1)
            op->audit = ask_audit(ask, what, argument_text(ask->arguments, "id"),
                                  json_pack("{s:o}", "channels", channels_json(channels)));
        ask_store(self, ask, op, on_all_stored);
    }
    roaring_bitmap_free(person);
}

void
verb_recipient_optout(plan_t *self, ask_t *ask)
{
    bool on = argument_flag(ask->arguments, "opted_out");
    change(self, ask, LEDGER_MARK_OPTOUT, on, on ? "opt_out" : "opt_in");
}

void
verb_recipient_good_address(plan_t *self, ask_t *ask)
{
    change(self, ask, LEDGER_MARK_BAD, false, "good_address");
}
