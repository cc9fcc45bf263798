/* Why one person did or did not get it: the status byte, and the attempts from the trail. */
#include <stdlib.h>
#include <string.h>

#include "actor.h"
#include "trail.h"

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

static void
describe(json_t *channels, uint32_t rank, cr_channel_t kind, cr_status_t status)
{
    json_object_set_new(channels, cr_channel_name(kind),
                        json_pack("{s:i,s:s,s:s,s:s,s:[]}", "rank", (int)rank, "status",
                                  cr_status_name(status), "words", cr_status_words(status, false),
                                  "words_zh", cr_status_words(status, true), "attempts"));
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
        core_channel_t channel;
        cr_channel_t kind = (cr_channel_t)i;
        if (!core_channel(self->core, actor_now(), notice->spec->id, kind, &channel))
            continue;
        describe(question->message->json, rank, kind, channel.status[rank]);
        ask_trail(self, question, kind);
    }
}

static void
add_attempt(json_t *attempts, const trail_t *trail, uint32_t entry)
{
    char at[CR_TIME_TEXT_MAX];
    json_t *attempt = json_pack(
        "{s:s,s:s}", "at", cr_time_format(trail->at_us, at), "outcome",
        cr_status_is_known(trail->outcomes[entry]) ? cr_status_name(trail->outcomes[entry]) : "?");
    if (trail->attempts[entry] > 0)
        json_object_set_new(attempt, "attempt", json_integer(trail->attempts[entry]));
    if (trail->worker[0] != '\0')
        json_object_set_new(attempt, "worker", json_string(trail->worker));
    if (trail->gateway[0] != '\0')
        json_object_set_new(attempt, "gateway", json_string(trail->gateway));
    json_array_append_new(attempts, attempt);
}

/* Records of the block that name the rank; the ledger puts two bytes of length before each. */
static void
read_trail(json_t *attempts, uint32_t rank, const uint8_t *bytes, size_t length)
{
    static trail_t trail; /* one thread */
    for (size_t at = 0, size; at + 2 <= length; at += size) {
        size = (size_t)bytes[at] | (size_t)bytes[at + 1] << 8;
        at += 2;
        if (size > length - at)
            return;
        if (trail_decode(bytes + at, size, &trail) != CR_OK ||
            trail.first_rank != rank - rank % CORE_BLOCK)
            continue;
        for (uint32_t i = 0; i < trail.count; i++)
            if (trail.offsets[i] == rank % CORE_BLOCK)
                add_attempt(attempts, &trail, i);
    }
}

void
explain_trail(actor_t *self, ledger_op_t *op)
{
    question_t *question = op->cookie;
    json_t *told = json_object_get(question->message->json, cr_channel_name(op->channel));
    if (op->err == CR_OK)
        read_trail(json_object_get(told, "attempts"), question->rank, op->bytes, op->bytes_length);
    else
        question->message->err = CR_AGAIN;
    if (--question->outstanding > 0)
        return;
    orders_answer(self, &question->message);
    free(question);
}
