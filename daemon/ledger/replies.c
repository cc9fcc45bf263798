#include "replies.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { PAGE = 256 };

ledger_replies_t *
ledger_replies_new(const char *worker, uint64_t batch)
{
    ledger_replies_t *self = calloc(1, sizeof *self);
    CR_ASSERT(self && strlen(worker) < sizeof self->worker);
    memcpy(self->worker, worker, strlen(worker));
    self->batch = batch;
    cr_str_t *lists[] = {&self->opted_out, &self->bad, &self->good, &self->records};
    for (size_t i = 0; i < CR_COUNT(lists); i++)
        cr_str_init(lists[i], LEDGER_REPLIES_BYTES_MAX);
    return self;
}

void
ledger_replies_destroy(ledger_replies_t **self_p)
{
    ledger_replies_t *self = *self_p;
    if (!self)
        return;
    cr_str_fini(&self->opted_out);
    cr_str_fini(&self->bad);
    cr_str_fini(&self->good);
    cr_str_fini(&self->records);
    free(self);
    *self_p = NULL;
}

void
ledger_put_number(cr_str_t *out, uint32_t number)
{
    const unsigned char bytes[] = {(unsigned char)number, (unsigned char)(number >> 8),
                                   (unsigned char)(number >> 16), (unsigned char)(number >> 24)};
    cr_str_append(out, bytes, sizeof bytes);
}

void
ledger_put_text(cr_str_t *out, cr_slice_t text)
{
    ledger_put_number(out, (uint32_t)text.length);
    cr_str_append_slice(out, text);
}

bool
ledger_next_text(cr_slice_t *list, cr_slice_t *text)
{
    const unsigned char *at = (const unsigned char *)list->text;
    if (list->length < 4)
        return false;
    size_t length = at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
    if (length > list->length - 4)
        return false;
    *text = (cr_slice_t){list->text + 4, length};
    *list = (cr_slice_t){text->text + length, list->length - 4 - length};
    return true;
}

/* -- commands ----------------------------------------------------------------------------------- */

size_t
replies_append_seen(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "HGET");
    redis_argument(&command, CR_SLICE("{d}:replies:taken"));
    redis_argument(&command, cr_slice_of(op->key));
    redis_append(self->redis, &command);
    return 1;
}

void
replies_absorb_seen(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    (void)index;
    op->cursor = strtoull(redis_reply_text(reply).text, NULL, 10);
}

size_t
replies_append_put(ledger_t *self, ledger_op_t *op)
{
    const ledger_replies_t *replies = op->replies;
    redis_command_t command;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_replies"));
    redis_argument(&command, CR_SLICE("6"));
    redis_argument(&command, CR_SLICE("{d}:fence"));
    redis_argument(&command, CR_SLICE("{d}:replies"));
    redis_argument(&command, CR_SLICE("{d}:replies:taken"));
    ledger_mark_key(&command, LEDGER_MARK_OPTOUT, op->channel);
    ledger_reason_key(&command, op->channel);
    ledger_mark_key(&command, LEDGER_MARK_BAD, op->channel);
    redis_argument(&command, cr_slice_of(self->epoch_text));
    redis_argument(&command, cr_slice_of(replies->worker));
    redis_argumentf(&command, "%" PRIu64, replies->batch);
    redis_argument(&command, cr_str_slice(&replies->opted_out));
    redis_argument(&command, cr_str_slice(&replies->bad));
    redis_argument(&command, cr_str_slice(&replies->good));
    redis_argument(&command, cr_str_slice(&replies->records));
    redis_append(self->redis, &command);
    return 1;
}

size_t
replies_append_read(ledger_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_command(&command, "XREVRANGE");
    redis_argument(&command, CR_SLICE("{d}:replies"));
    redis_argumentf(&command, "%s%s", op->key ? "(" : "+", op->key ? op->key : "");
    redis_argumentf(&command, "%" PRIu64 "-0", op->cursor);
    redis_argument(&command, CR_SLICE("COUNT"));
    redis_argumentf(&command, "%d", PAGE);
    redis_append(self->redis, &command);
    return 1;
}

/* Number and sealed record of each, as a list of texts. */
void
replies_absorb_read(ledger_op_t *op, size_t index, const redis_reply_t *reply)
{
    cr_str_t list;
    (void)index;
    cr_str_init(&list, LEDGER_REPLIES_BYTES_MAX);
    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        const redis_reply_t *entry = redis_reply_item(reply, i);
        const redis_reply_t *fields = redis_reply_item(entry, 1);
        if (redis_reply_count(fields) != 2)
            continue;
        ledger_put_text(&list, redis_reply_text(redis_reply_item(entry, 0)));
        ledger_put_text(&list, redis_reply_text(redis_reply_item(fields, 1)));
    }
    free(op->bytes);
    op->bytes_length = list.length;
    op->bytes = (uint8_t *)cr_str_take(&list);
    CR_ASSERT(op->bytes);
}
