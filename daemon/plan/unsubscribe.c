/*
 * Who follows the link in a mail opts out of mails. The token of the link names the delivery, and so
 * the person; everybody else whom a mail reaches at that address opts out, too, as with a reply, or
 * the next notice would go to the same mailbox. For that the directory is searched, piece by piece,
 * once for all who wait.
 */
#include "unsubscribe.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cr_clock.h"
#include "cr_token.h"
#include "metrics.h"
#include "verbs.h"

enum { PIECE = 1 << 18, LEAVERS_MAX = 64, SHARED_MAX = 1000, LINK_DAYS = 366 };

struct unsubscribe {
    zlist_t *waiting; /* asks for the next search; their `kept` is {ordinal, address} */
    holders_t *search;
    ask_t *asks[LEAVERS_MAX];
    cr_slice_t addresses[LEAVERS_MAX];
    size_t count;
};

unsubscribe_t *
unsubscribe_new(void)
{
    unsubscribe_t *self = calloc(1, sizeof *self);
    if (self)
        self->waiting = zlist_new();
    if (self && !self->waiting)
        unsubscribe_destroy(&self);
    return self;
}

void
unsubscribe_destroy(unsubscribe_t **self_p)
{
    unsubscribe_t *self = *self_p;
    if (!self)
        return;
    holders_destroy(&self->search);
    zlist_destroy(&self->waiting);
    free(self);
    *self_p = NULL;
}

static void
refuse(plan_t *self, ask_t *ask, cr_err_t err, const char *text)
{
    cr_fault_t fault;
    cr_fault_set(&fault, err, "%s", text);
    ask_refuse(self, ask, &fault, NULL);
}

/* -- the search --------------------------------------------------------------------------------- */

static void
on_opted_out(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    metrics_add(METRIC_UNSUBSCRIBED, (int64_t)op->ordinal_count);
    ask_answer(self, ask, 200, json_object());
}

/* Who did not want mails before keeps the reason that they have. */
static void
opt_out(plan_t *self, ask_t *ask, const roaring_bitmap_t *people)
{
    char id[CR_ID_TEXT_MAX];
    roaring_bitmap_t *leaving =
        roaring_bitmap_andnot(people, self->marks[LEDGER_MARK_OPTOUT][CR_CHANNEL_MAIL]);
    CR_ASSERT(leaving);
    cr_id_format(ask->broadcast->id, id);
    const withdrawal_t withdrawal = {
        .channel = CR_CHANNEL_MAIL,
        .people = leaving,
        .reason = consent_reason(cr_clock_wall_us(), CONSENT_UNSUBSCRIBE, id),
        .object = argument_text(ask->kept, "id"),
        .step = on_opted_out,
    };
    if (roaring_bitmap_is_empty(leaving))
        ask_answer(self, ask, 200, json_object());
    else
        marks_withdraw(self, ask, &withdrawal);
    roaring_bitmap_free(leaving);
}

/* An address that a thousand have is no household's: then it is the one person of the link. */
static void
leave(plan_t *self, ask_t *ask, const roaring_bitmap_t *holders)
{
    uint32_t own = (uint32_t)json_integer_value(json_object_get(ask->kept, "ordinal"));
    roaring_bitmap_t *people = roaring_bitmap_of(1, own);
    CR_ASSERT(people);
    if (holders && roaring_bitmap_get_cardinality(holders) < SHARED_MAX)
        roaring_bitmap_or_inplace(people, holders);
    opt_out(self, ask, people);
    roaring_bitmap_free(people);
}

static void
begin_search(plan_t *self, unsubscribe_t *state)
{
    state->count = 0;
    while (state->count < LEAVERS_MAX && zlist_size(state->waiting) > 0) {
        ask_t *ask = zlist_pop(state->waiting);
        state->addresses[state->count] = cr_slice_of(argument_text(ask->kept, "address"));
        state->asks[state->count++] = ask;
    }
    if (state->count == 0)
        return;
    state->search = holders_new(self->directory, CR_CHANNEL_MAIL, state->addresses, state->count);
    CR_ASSERT(state->search);
}

void
unsubscribe_tick(plan_t *self)
{
    unsubscribe_t *state = self->unsubscribe;
    bool done = false;
    if (!state->search)
        begin_search(self, state);
    if (!state->search)
        return;
    cr_err_t err = holders_step(state->search, PIECE, &done);
    CR_ASSERT(err == CR_OK); /* bitmaps of households */
    if (!done)
        return;
    for (size_t i = 0; i < state->count; i++)
        leave(self, state->asks[i], holders_of(state->search, i));
    holders_destroy(&state->search);
}

/* -- the question ------------------------------------------------------------------------------- */

static void
on_audience(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    uint32_t ordinal, rank = (uint32_t)json_integer_value(json_object_get(ask->kept, "rank"));
    recipient_t recipient;
    roaring_bitmap_t *audience =
        roaring_bitmap_portable_deserialize_safe((const char *)op->bytes, op->bytes_length);
    bool found = audience && roaring_bitmap_select(audience, rank, &ordinal) &&
                 directory_get(self->directory, ordinal, &recipient);
    if (audience)
        roaring_bitmap_free(audience);
    if (!found) {
        refuse(self, ask, CR_NOTFOUND, "the recipient of this mail is not known any more");
        return;
    }
    cr_slice_t address = directory_address(self->directory, ordinal, CR_CHANNEL_MAIL);
    json_decref(ask->kept);
    ask->kept =
        json_pack("{s:I,s:s%,s:s%}", "ordinal", (json_int_t)ordinal, "id", recipient.id.text,
                  recipient.id.length, "address", address.text, address.length);
    CR_ASSERT(ask->kept);
    zlist_append(self->unsubscribe->waiting, ask);
}

/* The delivery that the token is about: it has no attempt. */
static cr_err_t
read_token(const plan_t *self, const char *token, cr_delivery_t *delivery)
{
    cr_slice_t text;
    char reference[CR_REFERENCE_TEXT_MAX];
    if (!self->config.token_key_file[0])
        return CR_NOTFOUND;
    cr_err_t err = cr_token_check(cr_slice_of(token), self->token_key, CR_TOKEN_UNSUBSCRIBE, &text);
    if (err != CR_OK || text.length > sizeof reference - sizeof ".1")
        return CR_DENIED;
    snprintf(reference, sizeof reference, "%.*s.1", (int)text.length, text.text);
    return cr_reference_parse(cr_slice_of(reference), delivery);
}

static bool
is_too_old(const broadcast_t *broadcast)
{
    return cr_clock_wall_us() - broadcast->started_us > LINK_DAYS * INT64_C(86400) * CR_US_PER_S;
}

void
verb_unsubscribe(plan_t *self, ask_t *ask)
{
    cr_delivery_t delivery;
    if (read_token(self, argument_text(ask->arguments, "token"), &delivery) != CR_OK) {
        refuse(self, ask, CR_DENIED, "this link is none of ours");
        return;
    }
    ask->broadcast = broadcasts_find(self, delivery.broadcast);
    if (!ask->broadcast || ask->broadcast->drill || is_too_old(ask->broadcast)) {
        refuse(self, ask, CR_NOTFOUND, "this link is too old, or of a drill");
        return;
    }
    ask->who = strdup("resident");
    ask->person = strdup("resident");
    ask->kept = json_pack("{s:I}", "rank", (json_int_t)delivery.rank);
    CR_ASSERT(ask->who && ask->person && ask->kept);
    ledger_op_t *op = ask_op(LEDGER_AUDIENCE_GET);
    op->broadcast = delivery.broadcast;
    ask_store(self, ask, op, on_audience);
}
