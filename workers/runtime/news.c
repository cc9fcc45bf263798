#include "news.h"

#include <stdlib.h>

struct news {
    bag_t *receipts, *replies;
    Crier__V1__Receipts receipts_message;
    Crier__V1__Replies replies_message;
};

static const bag_limits_t receipt_limits = {
    NEWS_RECEIPT_BATCHES, NEWS_RECEIPTS_MAX, {NEWS_ID_MAX, NEWS_ID_MAX}};
static const bag_limits_t reply_limits = {1, NEWS_REPLIES_MAX, {NEWS_ADDRESS_MAX, NEWS_TEXT_MAX}};

news_t *
news_new(uint64_t first_batch)
{
    news_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->receipts = bag_new(first_batch, &receipt_limits);
    self->replies = bag_new(first_batch, &reply_limits);
    if (!self->receipts || !self->replies)
        news_destroy(&self);
    return self;
}

void
news_destroy(news_t **self_p)
{
    news_t *self = *self_p;
    if (!self)
        return;
    bag_destroy(&self->receipts);
    bag_destroy(&self->replies);
    free(self);
    *self_p = NULL;
}

cr_err_t
news_receipt(news_t *self, const receipt_t *receipt)
{
    const cr_slice_t ids[] = {receipt->reference, receipt->gateway_id};
    return bag_add(self->receipts, ids, receipt->outcome);
}

cr_err_t
news_reply(news_t *self, const reply_t *reply)
{
    const cr_slice_t texts[] = {reply->address, reply->text};
    return bag_add(self->replies, texts, (uint8_t)reply->kind);
}

size_t
news_collecting(const news_t *self)
{
    return bag_collecting(self->receipts) + bag_collecting(self->replies);
}

cr_err_t
news_wait(news_t *self, uint64_t ticket)
{
    cr_err_t err = CR_OK;
    if (bag_collecting(self->receipts) > 0)
        err = bag_wait(self->receipts, ticket);
    if (err == CR_OK && bag_collecting(self->replies) > 0)
        err = bag_wait(self->replies, ticket);
    return err;
}

bool
news_due(news_t *self, int64_t now_us, Crier__V1__Frame *frame)
{
    bag_batch_t batch;
    crier__v1__frame__init(frame);
    if (bag_due(self->receipts, now_us, &batch)) {
        Crier__V1__Receipts *message = &self->receipts_message;
        crier__v1__receipts__init(message);
        message->batch = batch.number;
        message->references = batch.texts[0];
        message->gateway_ids = batch.texts[1];
        message->outcomes = batch.values;
        frame->body_case = CRIER__V1__FRAME__BODY_RECEIPTS;
        frame->receipts = message;
        return true;
    }
    if (bag_due(self->replies, now_us, &batch)) {
        Crier__V1__Replies *message = &self->replies_message;
        crier__v1__replies__init(message);
        message->batch = batch.number;
        message->addresses = batch.texts[0];
        message->texts = batch.texts[1];
        message->kinds = batch.values;
        frame->body_case = CRIER__V1__FRAME__BODY_REPLIES;
        frame->replies = message;
        return true;
    }
    return false;
}

int64_t
news_due_us(const news_t *self)
{
    int64_t receipts = bag_due_us(self->receipts), replies = bag_due_us(self->replies);
    return receipts < replies ? receipts : replies;
}

void
news_resend(news_t *self)
{
    bag_resend(self->receipts);
    bag_resend(self->replies);
}

/* A ticket may wait for both bags: it is released with the later of them. */
typedef struct {
    const bag_t *other;
    bag_release_fn *release;
    void *context;
} release_t;

static void
release_unless_held(void *context, uint64_t ticket)
{
    const release_t *self = context;
    if (!bag_holds(self->other, ticket))
        self->release(self->context, ticket);
}

void
news_receipts_taken(news_t *self, uint64_t batch, bag_release_fn *release, void *context)
{
    release_t both = {self->replies, release, context};
    bag_acknowledge(self->receipts, batch, release_unless_held, &both);
}

void
news_replies_taken(news_t *self, uint64_t batch, bag_release_fn *release, void *context)
{
    release_t both = {self->receipts, release, context};
    bag_acknowledge(self->replies, batch, release_unless_held, &both);
}

bool
news_is_empty(const news_t *self)
{
    return bag_is_empty(self->receipts) && bag_is_empty(self->replies);
}
