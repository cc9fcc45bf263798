#include "bag.h"

#include <stdlib.h>

#include "cr_clock.h"

static const int64_t repeat_us = CR_US_PER_S;

typedef struct {
    size_t count, ticket_count;
    cr_wire_pool_t texts[2];
    uint8_t *values;
    uint64_t *tickets;
    bool outstanding;
    int64_t sent_us;
} bundle_t;

/* A ring: `out` bundles from `first` on are on their way, the next one collects. */
struct bag {
    bag_limits_t limits;
    bundle_t *bundles;
    size_t first, out;
    uint64_t number; /* of the first */
};

static bundle_t *
bundle_at(const bag_t *self, size_t behind_first)
{
    return &self->bundles[(self->first + behind_first) % (self->limits.batches + 1)];
}

static bundle_t *
collecting(const bag_t *self)
{
    return bundle_at(self, self->out);
}

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
    self->bundles = calloc(limits->batches + 1, sizeof *self->bundles);
    cr_err_t err = self->bundles ? CR_OK : CR_NOMEM;
    for (size_t i = 0; err == CR_OK && i <= limits->batches; i++)
        err = open_bundle(&self->bundles[i], limits->items);
    if (err != CR_OK)
        bag_destroy(&self);
    return self;
}

void
bag_destroy(bag_t **self_p)
{
    bag_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; self->bundles && i <= self->limits.batches; i++)
        close_bundle(&self->bundles[i]);
    free(self->bundles);
    free(self);
    *self_p = NULL;
}

cr_err_t
bag_add(bag_t *self, const cr_slice_t texts[2], uint8_t value)
{
    bundle_t *open = collecting(self);
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
    return collecting(self)->count;
}

cr_err_t
bag_wait(bag_t *self, uint64_t ticket)
{
    bundle_t *open = collecting(self);
    if (open->ticket_count == self->limits.items)
        return CR_TOOBIG;
    open->tickets[open->ticket_count++] = ticket;
    return CR_OK;
}

static bool
may_leave(const bag_t *self)
{
    size_t count = collecting(self)->count;
    return count > 0 && (self->out == 0 || count == self->limits.items) &&
           self->out < self->limits.batches;
}

int64_t
bag_due_us(const bag_t *self)
{
    int64_t due_us = may_leave(self) ? INT64_MIN : INT64_MAX;
    for (size_t i = 0; i < self->out; i++) {
        const bundle_t *sent = bundle_at(self, i);
        if (sent->outstanding && sent->sent_us + repeat_us < due_us)
            due_us = sent->sent_us + repeat_us;
    }
    return due_us;
}

/* Where the batch is that is to be sent: a new one, or one that was not acknowledged for long. */
static bool
find_due(bag_t *self, int64_t now_us, size_t *behind_first)
{
    if (may_leave(self)) {
        collecting(self)->outstanding = true;
        *behind_first = self->out++;
        return true;
    }
    for (*behind_first = 0; *behind_first < self->out; ++*behind_first) {
        const bundle_t *sent = bundle_at(self, *behind_first);
        if (sent->outstanding && sent->sent_us + repeat_us <= now_us)
            return true;
    }
    return false;
}

bool
bag_due(bag_t *self, int64_t now_us, bag_batch_t *out)
{
    size_t behind_first;
    if (!find_due(self, now_us, &behind_first))
        return false;
    bundle_t *sent = bundle_at(self, behind_first);
    sent->sent_us = now_us;
    out->number = self->number + behind_first;
    out->values = (ProtobufCBinaryData){sent->count, sent->values};
    for (size_t i = 0; i < CR_COUNT(out->texts); i++) {
        out->texts[i] = cr_wire_pool_message(&sent->texts[i]);
        /* A pool that lost its memory half-way may be one longer than the values. */
        out->texts[i]->n_lengths = sent->count;
    }
    return true;
}

void
bag_resend(bag_t *self)
{
    for (size_t i = 0; i < self->out; i++)
        bundle_at(self, i)->sent_us = INT64_MIN / 2;
}

/* Batches are acknowledged in any order, and their places used again in theirs. */
static void
advance(bag_t *self)
{
    while (self->out > 0 && !bundle_at(self, 0)->outstanding) {
        self->first = (self->first + 1) % (self->limits.batches + 1);
        self->out--;
        self->number++;
    }
}

void
bag_acknowledge(bag_t *self, uint64_t number, bag_release_fn *release, void *context)
{
    if (number < self->number || number - self->number >= self->out)
        return;
    bundle_t *sent = bundle_at(self, number - self->number);
    size_t tickets = sent->ticket_count;
    sent->count = sent->ticket_count = 0;
    sent->outstanding = false;
    for (size_t i = 0; i < CR_COUNT(sent->texts); i++)
        cr_wire_pool_reset(&sent->texts[i]);
    advance(self);
    for (size_t i = 0; i < tickets; i++)
        release(context, sent->tickets[i]);
}

bool
bag_is_empty(const bag_t *self)
{
    return self->out == 0 && collecting(self)->count == 0;
}

bool
bag_holds(const bag_t *self, uint64_t ticket)
{
    for (size_t b = 0; b <= self->limits.batches; b++)
        for (size_t i = 0; i < self->bundles[b].ticket_count; i++)
            if (self->bundles[b].tickets[i] == ticket)
                return true;
    return false;
}
