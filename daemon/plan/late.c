/*
 * What changes after the end. Late receipts and orders still correct the bytes of a broadcast; for
 * that dispatch holds it, and is given it back when it has let it go. The counts in its record
 * follow the bytes, as often as the store can bear.
 */
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "audience.h"
#include "cr_clock.h"

enum { LATE_DAYS = 7, RECOUNT_MS = 2000 };

/* -- back to dispatch --------------------------------------------------------------------------- */

static dispatch_broadcast_t *
build(const broadcast_t *broadcast, outcome_t *outcome)
{
    dispatch_broadcast_t *out = calloc(1, sizeof *out);
    CR_ASSERT(out);
    *out = (dispatch_broadcast_t){.id = broadcast->id,
                                  .lane = broadcast->lane,
                                  .drill = broadcast->drill,
                                  .over = true,
                                  .channels = broadcast->channels,
                                  .started_us = broadcast->started_us,
                                  .expires_us = broadcast->expires_us,
                                  .audience = outcome->audience};
    memcpy(out->status, outcome->status, sizeof out->status);
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        broadcast_bill(broadcast, (cr_channel_t)channel, &out->bill[channel]);
    *outcome = (outcome_t){.broadcast = outcome->broadcast};
    return out;
}

static void
on_loaded(plan_t *self, ask_t *ask)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_START);
    CR_ASSERT(message);
    message->id = ask->broadcast->id;
    message->broadcast = build(ask->broadcast, &ask->outcomes[0]);
    ports_tell(self, message);
    ask->loaded(self, ask);
}

void
late_load(plan_t *self, ask_t *ask, broadcast_t *broadcast, ask_start_fn *next)
{
    cr_fault_t fault;
    move_hold(ask, broadcast);
    ask->loaded = next;
    cr_err_t err = audience_want(ask, broadcast, &fault);
    CR_ASSERT(err == CR_OK); /* something of it was sent, and it is the only one */
    audience_read(self, ask, on_loaded);
}

static void
on_back(plan_t *self, ask_t *ask)
{
    ask_answer(self, ask, 200, NULL);
}

static bool
is_late(const broadcast_t *broadcast)
{
    int64_t ended_us = json_integer_value(json_object_get(broadcast->document, "finished"));
    return broadcast->settled &&
           cr_clock_wall_us() - ended_us < LATE_DAYS * INT64_C(86400) * CR_US_PER_S;
}

/* A receipt that nobody believes any more brings nothing back. */
void
late_want(plan_t *self, uint64_t id)
{
    broadcast_t *broadcast = broadcasts_find(self, id);
    if (!broadcast || !is_late(broadcast) || broadcast->move)
        return;
    late_load(self, ask_errand(self, broadcast), broadcast, on_back);
}

/* -- the counts in the record ------------------------------------------------------------------- */

static void
on_recounted(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    broadcast_t *broadcast = ask->broadcast;
    move_adopt(ask, op);
    broadcast->rest_until_us = cr_clock_mono_us() + RECOUNT_MS * CR_US_PER_MS;
    ask_answer(self, ask, 200, NULL);
}

static void
store(plan_t *self, broadcast_t *broadcast, json_t *counts)
{
    ask_t *ask = ask_errand(self, broadcast);
    move_hold(ask, broadcast);
    ledger_op_t *op = ask_op(LEDGER_BROADCAST_PUT);
    op->broadcast = broadcast->id;
    op->document = json_deep_copy(broadcast->document);
    json_object_set(op->document, "counts", counts);
    ask_store(self, ask, op, on_recounted);
}

void
late_recount(plan_t *self, broadcast_t *broadcast)
{
    const json_t *before = json_object_get(broadcast->document, "counts");
    json_t *counts = broadcast_counts(broadcast);
    if (!json_equal(counts, before)) {
        store(self, broadcast, counts);
    } else {
        free(broadcast->counts);
        broadcast->counts = NULL;
    }
    json_decref(counts);
}

static void
on_counted(plan_t *self, ask_t *ask)
{
    broadcast_t *broadcast = ask->broadcast;
    dispatch_broadcast_t *read = build(broadcast, &ask->outcomes[0]);
    broadcast->counted = true;
    if (!broadcast->counts) /* else dispatch knows better */
        broadcast_count(broadcast, read);
    dispatch_broadcast_destroy(&read);
    ask_answer(self, ask, 200, NULL);
}

void
late_count(plan_t *self, broadcast_t *broadcast)
{
    cr_fault_t fault;
    broadcast->counted = !is_late(broadcast);
    if (broadcast->counted || self->counting)
        return;
    ask_t *ask = ask_errand(self, broadcast);
    self->counting = ask;
    cr_err_t err = audience_want(ask, broadcast, &fault);
    CR_ASSERT(err == CR_OK); /* something of it was sent, and it is the only one */
    audience_read(self, ask, on_counted);
}
