/*
 * Why one person did or did not get it. Dispatch tells of what it holds; of a broadcast that ended
 * before the last start the stored audience, byte and trail are read.
 */
#include "../dispatch/story.h"
#include "arguments.h"
#include "verbs.h"

static void
refuse(plan_t *self, ask_t *ask, cr_err_t err, const char *text)
{
    cr_fault_t fault;
    cr_fault_set(&fault, err, "%s", text);
    ask_refuse(self, ask, &fault, NULL);
}

/* `channels` (borrowed) is empty when the recipient is not in the audience. */
static void
answer(plan_t *self, ask_t *ask, json_t *channels)
{
    recipient_t recipient;
    char id[CR_ID_TEXT_MAX], masked[80];
    const char *name;
    json_t *told, *rank = NULL;
    if (!ask_recipient(self, ask, "recipient", &recipient))
        return;
    json_object_foreach(channels, name, told)
    {
        cr_channel_t channel;
        if (cr_channel_parse(name, &channel) != CR_OK)
            continue;
        rank = json_object_get(told, "rank");
        json_object_set_new(
            told, "address",
            json_string(recipient_masked(self, recipient.ordinal, channel, masked)));
    }
    json_t *body = json_pack("{s:s,s:O,s:b,s:O}", "broadcast", cr_id_format(ask->broadcast->id, id),
                             "recipient", json_object_get(ask->arguments, "recipient"),
                             "in_audience", rank != NULL, "channels", channels);
    json_object_set(body, "rank", rank ? rank : json_null());
    ask_answer(self, ask, 200, body);
}

/* -- from the store ------------------------------------------------------------------------------ */

static uint32_t
rank_of(const json_t *kept)
{
    return (uint32_t)json_integer_value(json_object_get(kept, "rank"));
}

/* Each op of the question as it comes: the byte first, then the trail. */
static void
on_piece(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    json_t *channels = json_object_get(ask->kept, "channels");
    const char *name = cr_channel_name(op->channel);
    (void)self;
    if (op->kind == LEDGER_TRAIL)
        story_add_trail(json_object_get(channels, name), op->first_rank, op->bytes,
                        op->bytes_length);
    else if (cr_status_is_known(op->status[0]))
        json_object_set_new(channels, name, story_new(op->first_rank, op->status[0]));
}

static void
on_all_read(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    (void)op;
    answer(self, ask, json_object_get(ask->kept, "channels"));
}

static void
read_piece(plan_t *self, ask_t *ask, ledger_kind_t kind, cr_channel_t channel)
{
    ledger_op_t *op = ask_op(kind);
    op->broadcast = ask->broadcast->id;
    op->channel = channel;
    op->first_rank = rank_of(ask->kept);
    ask_store(self, ask, op, on_all_read);
}

static void
read_channels(plan_t *self, ask_t *ask)
{
    ask->each = on_piece;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        if (!(ask->broadcast->channels & (1u << channel)))
            continue;
        read_piece(self, ask, LEDGER_STATUS_GET, (cr_channel_t)channel);
        read_piece(self, ask, LEDGER_TRAIL, (cr_channel_t)channel);
    }
}

static void
on_audience(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    recipient_t recipient;
    roaring_bitmap_t *audience =
        roaring_bitmap_portable_deserialize_safe((const char *)op->bytes, op->bytes_length);
    if (!audience) {
        refuse(self, ask, CR_CORRUPT, "the stored audience is damaged");
        return;
    }
    if (!ask_recipient(self, ask, "recipient", &recipient)) {
        roaring_bitmap_free(audience);
        return;
    }
    bool is_meant = roaring_bitmap_contains(audience, recipient.ordinal);
    uint64_t upto = roaring_bitmap_rank(audience, recipient.ordinal);
    roaring_bitmap_free(audience);
    ask->kept = json_pack("{s:I,s:{}}", "rank", (json_int_t)upto - 1, "channels");
    if (is_meant)
        read_channels(self, ask);
    else
        on_all_read(self, ask, NULL);
}

/* -- from dispatch ------------------------------------------------------------------------------- */

static void
on_told(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    json_t *nothing = json_object();
    if (message->err == CR_NOTFOUND && ask->broadcast->settled) {
        ledger_op_t *op = ask_op(LEDGER_AUDIENCE_GET);
        op->broadcast = ask->broadcast->id;
        ask_store(self, ask, op, on_audience);
    } else if (message->err != CR_OK && message->err != CR_NOTFOUND) {
        refuse(self, ask, message->err, cr_err_text(message->err));
    } else {
        answer(self, ask, message->json ? message->json : nothing);
    }
    json_decref(nothing);
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
