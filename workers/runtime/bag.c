#include "bag.h"

#include <stdlib.h>

#include "cr_clock.h"

static const int64_t repeat_us = CR_US_PER_S;

typedef struct {
    size_t count, ticket_count;
    cr_wire_pool_t texts[2];
    uint8_t *values;
    uint64_t *tickets;
} bundle_t;

struct bag {
    bag_limits_t limits;
    bundle_t bundles[2], *open, *sent; /* collecting; on its way */
    uint64_t number;                   /* of `sent`, or of the next */
    bool outstanding;
    int64_t sent_us;
};

static cr_err_t
open_bundle(bundle_t *bundle, size_t items)
{
    for (size_t i = 0; i < CR_COUNT(bundle->texts); i++)
        cr_wire_pool_init(&bundle->texts[i]);
    bundle->values = calloc(items, sizeof *bundle->values);
    bundle->tickets = calloc(items, sizeof *bundle->tickets);
    return bundle->values && bundle->tickets ? CR_OK : CR_NOMEM;
}

static void
close_bundle(bundle_t *bundle)
{
    for (size_t i = 0; i < CR_COUNT(bundle->texts); i++)
        cr_wire_pool_fini(&bundle->texts[i]);
    free(bundle->values);
    free(bundle->tickets);
}

bag_t *
bag_new(uint64_t first_batch, const bag_limits_t *limits)
{
    bag_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (bag_t){.limits = *limits, .number = first_batch};
    self->open = &self->bundles[0];
    self->sent = &self->bundles[1];
    cr_err_t err = open_bundle(self->open, limits->items);
    if (open_bundle(self->sent, limits->items) != CR_OK || err != CR_OK)
        bag_destroy(&self);
    return self;
}

void
bag_destroy(bag_t **self_p)
{
    bag_t *self = *self_p;
    if (!self)
        return;
    close_bundle(self->open);
    close_bundle(self->sent);
    free(self);
    *self_p = NULL;
}

cr_err_t
bag_add(bag_t *self, const cr_slice_t texts[2], uint8_t value)
{
    bundle_t *open = self->open;
    for (size_t i = 0; i < CR_COUNT(open->texts); i++)
        if (texts[i].length > self->limits.text_bytes[i])
            return CR_INVAL;
    if (open->count == self->limits.items || open->texts[0].failed || open->texts[1].failed)
        return CR_TOOBIG;
    for (size_t i = 0; i < CR_COUNT(open->texts); i++)
        cr_wire_pool_add(&open->texts[i], texts[i]);
    if (open->texts[0].failed || open->texts[1].failed)
        return CR_NOMEM;
    open->values[open->count++] = value;
    return CR_OK;
}

size_t
bag_collecting(const bag_t *self)
{
    return self->open->count;
}

cr_err_t
bag_wait(bag_t *self, uint64_t ticket)
{
    if (self->open->ticket_count == self->limits.items)
        return CR_TOOBIG;
    self->open->tickets[self->open->ticket_count++] = ticket;
    return CR_OK;
}

int64_t
bag_due_us(const bag_t *self)
{
    if (self->outstanding)
        return self->sent_us + repeat_us;
    return self->open->count > 0 ? INT64_MIN : INT64_MAX;
}

static void
turn(bag_t *self)
{
    bundle_t *filled = self->open;
    self->open = self->sent;
    self->sent = filled;
    self->outstanding = true;
}

bool
bag_due(bag_t *self, int64_t now_us, bag_batch_t *out)
{
    if (bag_due_us(self) > now_us)
        return false;
    if (!self->outstanding)
        turn(self);
    self->sent_us = now_us;
    out->number = self->number;
    out->values = (ProtobufCBinaryData){self->sent->count, self->sent->values};
    for (size_t i = 0; i < CR_COUNT(out->texts); i++) {
        out->texts[i] = cr_wire_pool_message(&self->sent->texts[i]);
        /* A pool that lost its memory half-way may be one longer than the values. */
        out->texts[i]->n_lengths = self->sent->count;
    }
    return true;
}

void
bag_resend(bag_t *self)
{
    self->sent_us = INT64_MIN / 2;
}

void
bag_acknowledge(bag_t *self, uint64_t number, bag_release_fn *release, void *context)
{
    if (!self->outstanding || number != self->number)
        return;
    bundle_t *sent = self->sent;
    size_t tickets = sent->ticket_count;
    sent->count = sent->ticket_count = 0;
    for (size_t i = 0; i < CR_COUNT(sent->texts); i++)
        cr_wire_pool_reset(&sent->texts[i]);
    self->number++;
    self->outstanding = false;
    for (size_t i = 0; i < tickets; i++)
        release(context, sent->tickets[i]);
}

bool
bag_is_empty(const bag_t *self)
{
    return !self->outstanding && self->open->count == 0;
}

bool
bag_holds(const bag_t *self, uint64_t ticket)
{
    for (size_t b = 0; b < CR_COUNT(self->bundles); b++)
        for (size_t i = 0; i < self->bundles[b].ticket_count; i++)
            if (self->bundles[b].tickets[i] == ticket)
                return true;
    return false;
}
