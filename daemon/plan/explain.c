/*
 * Why one person did or did not get it. Dispatch tells of what it holds; of a broadcast that ended
 * before the last start the stored audience, byte and trail are read. Whoever got nothing because
 * somebody else has the same address is told who, and what became of that.
 */
#include <string.h>

#include "../audience/duplicates.h"
#include "../dispatch/story.h"
#include "arguments.h"
#include "cr_clock.h"
#include "verbs.h"

static void
refuse(plan_t *self, ask_t *ask, cr_err_t err, const char *text)
{
    cr_fault_t fault;
    cr_fault_set(&fault, err, "%s", text);
    ask_refuse(self, ask, &fault, NULL);
}

static json_t *
channels_of(const ask_t *ask)
{
    return json_object_get(ask->kept, "channels");
}

static bool
has_status(const json_t *told, cr_status_t status)
{
    const char *name = argument_text(told, "status");
    return name && strcmp(name, cr_status_name(status)) == 0;
}

/* What plan knows of the delivery. */
static void
complete(const plan_t *self, const ask_t *ask, uint32_t ordinal, cr_channel_t channel, json_t *told)
{
    char text[80], at[CR_TIME_TEXT_MAX];
    json_object_set_new(told, "address",
                        json_string(recipient_masked(self, ordinal, channel, text)));
    if (has_status(told, CR_STATUS_SUPPRESSED_OPTOUT))
        json_object_set_new(told, "opt_out", marks_reason(self, ordinal, channel));
    if (has_status(told, CR_STATUS_EXPIRED))
        json_object_set_new(told, "expired",
                            json_string(cr_time_format(ask->broadcast->expires_us, at)));
}

/* The channels that are kept are none when the recipient is not in the audience. */
static void
answer(plan_t *self, ask_t *ask)
{
    recipient_t recipient;
    char id[CR_ID_TEXT_MAX];
    const char *name;
    json_t *told, *rank = NULL, *channels = channels_of(ask);
    if (!ask_recipient(self, ask, "recipient", &recipient))
        return;
    json_object_foreach(channels, name, told)
    {
        cr_channel_t channel;
        if (cr_channel_parse(name, &channel) != CR_OK)
            continue;
        rank = json_object_get(told, "rank");
        complete(self, ask, recipient.ordinal, channel, told);
    }
    json_t *body = json_pack("{s:s,s:O,s:b,s:O}", "broadcast", cr_id_format(ask->broadcast->id, id),
                             "recipient", json_object_get(ask->arguments, "recipient"),
                             "in_audience", rank != NULL, "channels", channels);
    json_object_set(body, "rank", rank ? rank : json_null());
    ask_answer(self, ask, 200, body);
}

static void
read_piece(plan_t *self, ask_t *ask, ledger_kind_t kind, const cr_delivery_t *delivery,
           ask_step_fn *step)
{
    ledger_op_t *op = ask_op(kind);
    op->broadcast = delivery->broadcast;
    op->channel = delivery->channel;
    op->first_rank = delivery->rank;
    ask_store(self, ask, op, step);
}

/* The byte first, then the trail. */
static void
read_delivery(plan_t *self, ask_t *ask, const cr_delivery_t *delivery, ask_step_fn *step)
{
    read_piece(self, ask, LEDGER_STATUS_GET, delivery, step);
    read_piece(self, ask, LEDGER_TRAIL, delivery, step);
}

static void
read_audience(plan_t *self, ask_t *ask, ask_step_fn *step)
{
    ledger_op_t *op = ask_op(LEDGER_AUDIENCE_GET);
    op->broadcast = ask->broadcast->id;
    ask_store(self, ask, op, step);
}

/* NULL, and the ask is refused, when it is damaged. */
static roaring_bitmap_t *
audience_of(plan_t *self, ask_t *ask, const ledger_op_t *op)
{
    roaring_bitmap_t *audience =
        roaring_bitmap_portable_deserialize_safe((const char *)op->bytes, op->bytes_length);
    if (!audience)
        refuse(self, ask, CR_CORRUPT, "the stored audience is damaged");
    return audience;
}

/* -- who got it instead ------------------------------------------------------------------------- */

static void
on_twin_piece(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    json_t *told = json_object_get(channels_of(ask), cr_channel_name(op->channel));
    json_t *twin = json_object_get(told, "same_as");
    if (op->kind == LEDGER_TRAIL) {
        story_add_trail(twin, op->first_rank, &self->quiet, op->bytes, op->bytes_length);
    } else if (twin && cr_status_is_known(op->status[0])) {
        json_t *story = story_new(op->first_rank, op->status[0]);
        json_object_update(twin, story);
        json_decref(story);
    }
}

static void
on_twins_read(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    (void)op;
    answer(self, ask);
}

static void
read_twin(plan_t *self, ask_t *ask, const duplicates_t *asked, json_t *told)
{
    recipient_t twin;
    const char *id = argument_text(ask->arguments, "recipient");
    uint32_t own = directory_find(self->directory, cr_slice_of(id));
    uint32_t first = duplicates_first(asked, own);
    if (first == own || !directory_get(self->directory, first, &twin))
        return; /* since then they have got other addresses */
    json_object_set_new(
        told, "same_as",
        json_pack("{s:o}", "recipient", json_stringn(twin.id.text, twin.id.length)));
    const cr_delivery_t delivery = {
        .broadcast = ask->broadcast->id,
        .channel = asked->channel,
        .rank = (uint32_t)roaring_bitmap_rank(asked->audience, first) - 1,
    };
    read_delivery(self, ask, &delivery, on_twins_read);
}

static void
on_twin_audience(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    const char *name;
    json_t *told;
    roaring_bitmap_t *audience = audience_of(self, ask, op);
    if (!audience)
        return;
    ask->each = on_twin_piece;
    json_object_foreach(channels_of(ask), name, told)
    {
        duplicates_t asked = {.directory = self->directory, .audience = audience};
        if (!has_status(told, CR_STATUS_SUPPRESSED_DUPLICATE) ||
            cr_channel_parse(name, &asked.channel) != CR_OK)
            continue;
        roaring_bitmap_t *barred = marks_barred(self, asked.channel);
        asked.barred = barred;
        read_twin(self, ask, &asked, told);
        roaring_bitmap_free(barred);
    }
    roaring_bitmap_free(audience);
    if (ask->outstanding == 0)
        answer(self, ask);
}

static void
conclude(plan_t *self, ask_t *ask)
{
    const char *name;
    json_t *told;
    bool doubled = false;
    json_object_foreach(channels_of(ask), name, told)
    {
        doubled |= has_status(told, CR_STATUS_SUPPRESSED_DUPLICATE);
    }
    ask->each = NULL;
    if (doubled)
        read_audience(self, ask, on_twin_audience);
    else
        answer(self, ask);
}

/* -- from the store ------------------------------------------------------------------------------ */

static void
on_piece(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    json_t *channels = channels_of(ask);
    const char *name = cr_channel_name(op->channel);
    if (op->kind == LEDGER_TRAIL)
        story_add_trail(json_object_get(channels, name), op->first_rank, &self->quiet, op->bytes,
                        op->bytes_length);
    else if (cr_status_is_known(op->status[0]))
        json_object_set_new(channels, name, story_new(op->first_rank, op->status[0]));
}

static void
on_all_read(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    (void)op;
    conclude(self, ask);
}

static void
read_channels(plan_t *self, ask_t *ask, uint32_t rank)
{
    ask->each = on_piece;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        const cr_delivery_t delivery = {
            .broadcast = ask->broadcast->id, .channel = (cr_channel_t)channel, .rank = rank};
        if (ask->broadcast->channels & (1u << channel))
            read_delivery(self, ask, &delivery, on_all_read);
    }
}

static void
on_audience(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    recipient_t recipient;
    roaring_bitmap_t *audience = audience_of(self, ask, op);
    if (!audience)
        return;
    if (!ask_recipient(self, ask, "recipient", &recipient)) {
        roaring_bitmap_free(audience);
        return;
    }
    bool is_meant = roaring_bitmap_contains(audience, recipient.ordinal);
    uint64_t upto = roaring_bitmap_rank(audience, recipient.ordinal);
    roaring_bitmap_free(audience);
    ask->kept = json_pack("{s:{}}", "channels");
    if (is_meant)
        read_channels(self, ask, (uint32_t)upto - 1);
    else
        answer(self, ask);
}

/* -- from dispatch ------------------------------------------------------------------------------- */

static void
on_told(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    if (message->err == CR_NOTFOUND && ask->broadcast->settled) {
        read_audience(self, ask, on_audience);
    } else if (message->err != CR_OK && message->err != CR_NOTFOUND) {
        refuse(self, ask, message->err, cr_err_text(message->err));
    } else {
        ask->kept = message->json ? json_pack("{s:O}", "channels", message->json)
                                  : json_pack("{s:{}}", "channels");
        conclude(self, ask);
    }
}

void
verb_broadcast_explain(plan_t *self, ask_t *ask)
{
    recipient_t recipient;
    ask->broadcast = ask_broadcast(self, ask);
    if (!ask->broadcast)
        return;
    if (ask->broadcast->started_us == 0) {
        refuse(self, ask, CR_CONFLICT, "nothing of it was ever sent");
        return;
    }
    if (!ask_recipient(self, ask, "recipient", &recipient))
        return;
    dispatch_message_t *message = dispatch_message_new(DISPATCH_EXPLAIN);
    CR_ASSERT(message);
    message->id = ask->broadcast->id;
    message->ordinal = recipient.ordinal;
    ask_tell(self, ask, message, on_told);
}
