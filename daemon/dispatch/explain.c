/* Why one person did or did not get it: the status byte, and the attempts from the trail. */
#include <stdlib.h>
#include <string.h>

#include "actor.h"
#include "story.h"

/* One question; it waits for the trails of its channels. */
typedef struct {
    dispatch_message_t *message;
    uint32_t rank;
    unsigned outstanding;
} question_t;

static bool
rank_of(const notice_t *notice, uint32_t ordinal, uint32_t *rank)
{
    const roaring_bitmap_t *audience = notice->spec->audience;
    if (!roaring_bitmap_contains(audience, ordinal))
        return false;
    *rank = (uint32_t)roaring_bitmap_rank(audience, ordinal) - 1;
    return true;
}

static json_t *
tell(const actor_t *self, const notice_t *notice, cr_channel_t channel, uint32_t rank)
{
    dispatch_counts_t counts = {.waits_for = ""};
    core_channel_t seen;
    uint32_t ordinal = 0;
    char until[CR_TIME_TEXT_MAX];
    roaring_bitmap_select(notice->spec->audience, rank, &ordinal);
    if (!core_channel(self->core, actor_now(), notice->spec->id, channel, &seen))
        return NULL;
    json_t *told = story_new(rank, seen.status[rank]);
    views_count(self, actor_now(), notice->spec->id, channel, &counts);
    if (seen.status[rank] <= CR_STATUS_RETRY_MAX && counts.waits_for[0] != '\0')
        json_object_set_new(told, "waits_for", json_string(counts.waits_for));
    if (seen.status[rank] <= CR_STATUS_RETRY_MAX && seen.waits == CORE_WAITS_HELD)
        json_object_set_new(told, "held_until",
                            json_string(cr_time_format(seen.held_until_us, until)));
    screening_explain(self, ordinal, seen.status[rank], told);
    return told;
}

static void
ask_trail(actor_t *self, question_t *question, cr_channel_t channel)
{
    ledger_op_t *op = ledger_op_new(LEDGER_TRAIL);
    CR_ASSERT(op);
    op->cookie = question;
    op->broadcast = question->message->id;
    op->channel = channel;
    op->first_rank = question->rank;
    question->outstanding++;
    store_send(self, op);
}

void
explain_begin(actor_t *self, dispatch_message_t **message_p)
{
    uint32_t rank;
    const notice_t *notice = actor_find(self, (*message_p)->id);
    if (!notice || !rank_of(notice, (*message_p)->ordinal, &rank)) {
        (*message_p)->err = CR_NOTFOUND;
        orders_answer(self, message_p);
        return;
    }
    question_t *question = malloc(sizeof *question);
    CR_ASSERT(question);
    *question = (question_t){.message = *message_p, .rank = rank};
    *message_p = NULL;
    question->message->json = json_object();
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        cr_channel_t kind = (cr_channel_t)i;
        json_t *told = tell(self, notice, kind, rank);
        if (!told)
            continue;
        json_object_set_new(question->message->json, cr_channel_name(kind), told);
        ask_trail(self, question, kind);
    }
    if (question->outstanding > 0)
        return;
    question->message->err = CR_NOTFOUND; /* it could not be started */
    orders_answer(self, &question->message);
    free(question);
}

void
explain_trail(actor_t *self, ledger_op_t *op)
{
    question_t *question = op->cookie;
    json_t *told = json_object_get(question->message->json, cr_channel_name(op->channel));
    if (op->err == CR_OK)
        story_add_trail(told, question->rank, &self->quiet, op->bytes, op->bytes_length);
    else
        question->message->err = CR_AGAIN;
    if (--question->outstanding > 0)
        return;
    orders_answer(self, &question->message);
    free(question);
}
