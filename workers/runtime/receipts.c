#include "receipts.h"

#include <stdlib.h>

#include "cr_clock.h"

static const int64_t repeat_us = CR_US_PER_S;

typedef struct {
    size_t count, ticket_count;
    cr_wire_pool_t references, gateway_ids;
    uint8_t outcomes[RECEIPTS_MAX];
    uint64_t tickets[RECEIPTS_MAX];
} bundle_t;

struct receipts {
    bundle_t bundles[2], *open, *sent; /* collecting; on its way */
    uint64_t batch;                    /* number of `sent`, or of the next */
    bool outstanding;
    int64_t sent_us;
};

receipts_t *
receipts_new(uint64_t first_batch)
{
    receipts_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->batch = first_batch;
    for (size_t i = 0; i < 2; i++) {
        cr_wire_pool_init(&self->bundles[i].references);
        cr_wire_pool_init(&self->bundles[i].gateway_ids);
    }
    self->open = &self->bundles[0];
    self->sent = &self->bundles[1];
    return self;
}

void
receipts_destroy(receipts_t **self_p)
{
    receipts_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < 2; i++) {
        cr_wire_pool_fini(&self->bundles[i].references);
        cr_wire_pool_fini(&self->bundles[i].gateway_ids);
    }
    free(self);
    *self_p = NULL;
}

cr_err_t
receipts_add(receipts_t *self, const receipt_t *receipt)
{
    bundle_t *open = self->open;
    if (receipt->reference.length > RECEIPTS_ID_MAX || receipt->gateway_id.length > RECEIPTS_ID_MAX)
        return CR_INVAL;
    if (open->count == RECEIPTS_MAX || open->references.failed || open->gateway_ids.failed)
        return CR_TOOBIG;
    cr_wire_pool_add(&open->references, receipt->reference);
    cr_wire_pool_add(&open->gateway_ids, receipt->gateway_id);
    if (open->references.failed || open->gateway_ids.failed)
        return CR_NOMEM;
    open->outcomes[open->count++] = receipt->outcome;
    return CR_OK;
}

size_t
receipts_collecting(const receipts_t *self)
{
    return self->open->count;
}

cr_err_t
receipts_wait(receipts_t *self, uint64_t ticket)
{
    if (self->open->ticket_count == RECEIPTS_MAX)
        return CR_TOOBIG;
    self->open->tickets[self->open->ticket_count++] = ticket;
    return CR_OK;
}

int64_t
receipts_due_us(const receipts_t *self)
{
    if (self->outstanding)
        return self->sent_us + repeat_us;
    return self->open->count > 0 ? INT64_MIN : INT64_MAX;
}

static void
turn(receipts_t *self)
{
    bundle_t *filled = self->open;
    self->open = self->sent;
    self->sent = filled;
    self->outstanding = true;
}

bool
receipts_due(receipts_t *self, int64_t now_us, Crier__V1__Receipts *message)
{
    if (receipts_due_us(self) > now_us)
        return false;
    if (!self->outstanding)
        turn(self);
    self->sent_us = now_us;
    crier__v1__receipts__init(message);
    message->batch = self->batch;
    message->references = cr_wire_pool_message(&self->sent->references);
    message->gateway_ids = cr_wire_pool_message(&self->sent->gateway_ids);
    /* A pool that lost its memory half-way may be one longer than the outcomes. */
    message->references->n_lengths = message->gateway_ids->n_lengths = self->sent->count;
    message->outcomes = (ProtobufCBinaryData){self->sent->count, self->sent->outcomes};
    return true;
}

void
receipts_resend(receipts_t *self)
{
    self->sent_us = INT64_MIN / 2;
}

void
receipts_acknowledge(receipts_t *self, uint64_t batch, receipts_release_fn *release, void *context)
{
    if (!self->outstanding || batch != self->batch)
        return;
    bundle_t *sent = self->sent;
    for (size_t i = 0; i < sent->ticket_count; i++)
        release(context, sent->tickets[i]);
    sent->count = sent->ticket_count = 0;
    cr_wire_pool_reset(&sent->references);
    cr_wire_pool_reset(&sent->gateway_ids);
    self->batch++;
    self->outstanding = false;
}

bool
receipts_is_empty(const receipts_t *self)
{
    return !self->outstanding && self->open->count == 0;
}
