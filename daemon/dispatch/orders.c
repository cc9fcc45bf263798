/* What plan asks, and the news that it gets. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../metrics.h"
#include "actor.h"

enum { KEPT_S = 3600 };

/* An answer goes to whoever asked; an order without a cookie wants none, but for the last. */
void
orders_answer(actor_t *self, dispatch_message_t **message_p)
{
    if ((*message_p)->cookie || (*message_p)->kind == DISPATCH_STOP)
        dispatch_send(self->plan, message_p);
    else
        dispatch_message_destroy(message_p);
}

/* -- a broadcast begins, or is taken up again --------------------------------------------------- */

static core_broadcast_t
spec_of(const dispatch_broadcast_t *from)
{
    core_broadcast_t spec = {
        .id = from->id,
        .lane = from->lane,
        .drill = from->drill,
        .paused = from->paused,
        .over = from->over,
        .resend_unknown = from->resend_unknown,
        .channels = from->channels,
        .total = (uint32_t)roaring_bitmap_get_cardinality(from->audience),
        .expires_us = from->expires_us,
        .receipt_wait_us = from->receipt_wait_us,
    };
    memcpy(spec.bill, from->bill, sizeof spec.bill);
    return spec;
}

static void
restore_leases(actor_t *self, const dispatch_broadcast_t *from)
{
    for (size_t i = 0; i < from->lease_count; i++) {
        const struct dispatch_lease *lease = &from->leases[i];
        cr_delivery_t place = {.broadcast = from->id, .channel = lease->channel};
        cr_slice_t record = {(const char *)lease->record, lease->record_bytes};
        cr_err_t err = core_restore(self->core, actor_now(), &place, lease->lease, record);
        /* Without it people would get again what is out; to start once more loses nothing. */
        CR_ASSERT(err != CR_NOMEM);
        if (err != CR_OK)
            cr_log(CR_LOG_ERR, "lease_damaged", "lease=%" PRIu64, lease->lease);
    }
}

static cr_err_t
begin(actor_t *self, dispatch_broadcast_t **from_p)
{
    if (actor_find(self, (*from_p)->id))
        return CR_EXISTS;
    notice_t *notice = notice_new(from_p);
    if (!notice)
        return CR_NOMEM;
    dispatch_broadcast_t *spec = notice->spec;
    cr_status_t *status[CR_CHANNEL_COUNT];
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        status[i] = spec->status[i];
        spec->status[i] = NULL;
    }
    core_broadcast_t broadcast = spec_of(spec);
    notice_t *taken = notice;
    notice->over = spec->over;
    notice->used_us = cr_clock_mono_us();
    if (!spec->over)
        screening_begin(self, notice);
    cr_err_t err = actor_add(self, &notice);
    if (err != CR_OK) {
        for (int i = 0; i < CR_CHANNEL_COUNT; i++)
            free(status[i]);
        notice_destroy(&notice);
        return err;
    }
    err = core_start(self->core, actor_now(), &broadcast, status);
    if (err != CR_OK)
        return err;
    restore_leases(self, spec);
    screening_hold(self, taken, actor_now().wall_us);
    return CR_OK;
}

static void
on_start(actor_t *self, dispatch_message_t **message_p)
{
    dispatch_message_t *message = *message_p;
    char id[CR_ID_TEXT_MAX];
    message->err = begin(self, &message->broadcast);
    if (message->err != CR_OK && message->err != CR_EXISTS)
        cr_log(CR_LOG_ERR, "broadcast_not_started", "broadcast=%s reason=%s",
               cr_id_format(message->id, id), cr_err_name(message->err));
    orders_answer(self, message_p);
}

/* -- moves, people, directory ------------------------------------------------------------------- */

static void
on_pause(actor_t *self, dispatch_message_t **message_p)
{
    (*message_p)->err = core_pause(self->core, (*message_p)->id);
    orders_answer(self, message_p);
}

static void
on_resume(actor_t *self, dispatch_message_t **message_p)
{
    (*message_p)->err = core_resume(self->core, (*message_p)->id);
    orders_answer(self, message_p);
}

static void
on_cancel(actor_t *self, dispatch_message_t **message_p)
{
    (*message_p)->err = core_cancel(self->core, (*message_p)->id);
    orders_answer(self, message_p);
}

static void
on_order(actor_t *self, dispatch_message_t **message_p)
{
    dispatch_message_t *message = *message_p;
    message->err = core_order(self->core, actor_now(), message->id, message->channels, message->to);
    if (message->err != CR_OK) {
        orders_answer(self, message_p);
        return;
    }
    notice_t *notice = actor_find(self, message->id);
    CR_ASSERT(notice && !notice->order);
    notice->order = message;
    *message_p = NULL;
}

static void
act_ordered(void *context, uint64_t broadcast, uint32_t moved)
{
    actor_t *self = context;
    notice_t *notice = actor_find(self, broadcast);
    CR_ASSERT(notice && notice->order);
    notice->order->moved = moved;
    orders_answer(self, &notice->order);
}

static void
act_want(void *context, uint64_t broadcast)
{
    actor_t *self = context;
    dispatch_message_t *news = dispatch_message_new(DISPATCH_WANT);
    CR_ASSERT(news);
    news->id = broadcast;
    dispatch_send(self->plan, &news);
}

void
orders_actions(core_actions_t *actions)
{
    actions->want = act_want;
    actions->ordered = act_ordered;
}

static void
on_directory(actor_t *self, dispatch_message_t **message_p)
{
    screening_addresses(self, self->directory, (*message_p)->directory);
    directory_unref(&self->directory);
    self->directory = (*message_p)->directory;
    (*message_p)->directory = NULL;
    orders_answer(self, message_p);
}

static void
on_mark(actor_t *self, dispatch_message_t **message_p)
{
    const dispatch_message_t *message = *message_p;
    screening_mark(self, message->mark, message->channel, message->people, message->on);
    orders_answer(self, message_p);
}

static void
on_reached(actor_t *self, dispatch_message_t **message_p)
{
    const dispatch_message_t *message = *message_p;
    frequency_begin(self->frequency, message->id, message->started_us, message->people);
    orders_answer(self, message_p);
}

static void
on_serve(actor_t *self, dispatch_message_t **message_p)
{
    self->serves = true;
    orders_answer(self, message_p);
}

static void
on_explain(actor_t *self, dispatch_message_t **message_p)
{
    explain_begin(self, message_p);
}

static void
on_drain(actor_t *self, dispatch_message_t **message_p)
{
    dispatch_message_t *message = *message_p;
    message->err = core_drain(self->core, actor_now(), message->name, message->on);
    message->json = views_workers(self);
    orders_answer(self, message_p);
}

static void
on_rule(actor_t *self, dispatch_message_t **message_p)
{
    dispatch_message_t *message = *message_p;
    message->err = core_rule(self->core, actor_now(), message->name, &message->rule);
    if (message->used > 0)
        core_used(self->core, actor_now(), message->name, message->day, message->used);
    message->json = views_gateways(self);
    orders_answer(self, message_p);
}

static void
on_workers(actor_t *self, dispatch_message_t **message_p)
{
    (*message_p)->json = views_workers(self);
    orders_answer(self, message_p);
}

static void
on_gateways(actor_t *self, dispatch_message_t **message_p)
{
    (*message_p)->json = views_gateways(self);
    orders_answer(self, message_p);
}

static void
on_queue(actor_t *self, dispatch_message_t **message_p)
{
    (*message_p)->json = views_queue(self);
    orders_answer(self, message_p);
}

static void
on_stop(actor_t *self, dispatch_message_t **message_p)
{
    core_stop(self->core);
    dispatch_message_destroy(&self->stop);
    self->stop = *message_p;
    *message_p = NULL;
}

static void (*const orders[])(actor_t *self, dispatch_message_t **message_p) = {
    [DISPATCH_START] = on_start,
    [DISPATCH_PAUSE] = on_pause,
    [DISPATCH_RESUME] = on_resume,
    [DISPATCH_CANCEL] = on_cancel,
    [DISPATCH_DIRECTORY] = on_directory,
    [DISPATCH_MARK] = on_mark,
    [DISPATCH_REACHED] = on_reached,
    [DISPATCH_EXPLAIN] = on_explain,
    [DISPATCH_WORKERS] = on_workers,
    [DISPATCH_GATEWAYS] = on_gateways,
    [DISPATCH_QUEUE] = on_queue,
    [DISPATCH_STOP] = on_stop,
    [DISPATCH_ORDER] = on_order,
    [DISPATCH_DRAIN] = on_drain,
    [DISPATCH_SERVE] = on_serve,
    [DISPATCH_RULE] = on_rule,
    [DISPATCH_REPLIES] = residents_answered,
};

void
orders_take(actor_t *self)
{
    while (zsock_events(self->plan) & ZMQ_POLLIN) {
        dispatch_message_t *message = dispatch_receive(self->plan);
        if (!message)
            return;
        CR_ASSERT(message->kind < CR_COUNT(orders) && orders[message->kind]);
        orders[message->kind](self, &message);
    }
}

/* -- news --------------------------------------------------------------------------------------- */

static void
tell_counts(actor_t *self, const dispatch_broadcast_t *broadcast, dispatch_kind_t kind)
{
    dispatch_message_t *news = dispatch_message_new(kind);
    CR_ASSERT(news);
    news->id = broadcast->id;
    news->channels = broadcast->channels;
    news->counts = calloc(CR_CHANNEL_COUNT, sizeof *news->counts);
    CR_ASSERT(news->counts);
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        if (broadcast->channels & (1u << i))
            views_count(self, actor_now(), broadcast->id, (cr_channel_t)i, &news->counts[i]);
    dispatch_send(self->plan, &news);
}

void
orders_tell_done(actor_t *self)
{
    if (!self->has_done)
        return;
    self->has_done = false;
    for (size_t i = 0; i < self->notice_count; i++) {
        if (!self->notices[i]->done)
            continue;
        self->notices[i]->done = false;
        tell_counts(self, self->notices[i]->spec, DISPATCH_DONE);
    }
}

static void
tell_changed(void *context, const core_broadcast_t *broadcast, bool over)
{
    actor_t *self = context;
    notice_t *notice = actor_find(self, broadcast->id);
    (void)over;
    if (!notice)
        return;
    notice->used_us = cr_clock_mono_us();
    tell_counts(self, notice->spec, DISPATCH_COUNTS);
}

/* Lets go of what ended and was not looked at for long: one a time. */
static void
forget_idle(actor_t *self)
{
    int64_t before_us = cr_clock_mono_us() - KEPT_S * CR_US_PER_S;
    for (size_t i = 0; i < self->notice_count; i++) {
        const notice_t *notice = self->notices[i];
        if (!notice->over || notice->done || notice->order || notice->used_us > before_us)
            continue;
        if (core_forget(self->core, notice->spec->id) == CR_OK)
            actor_remove(self, i);
        return;
    }
}

static void
note_waits(actor_t *self)
{
    core_time_t now = actor_now();
    for (size_t i = 0; i < self->notice_count; i++) {
        notice_t *notice = self->notices[i];
        if (!notice->over && views_note_wait(self, now, notice))
            tell_counts(self, notice->spec, DISPATCH_COUNTS);
    }
}

void
orders_publish(actor_t *self)
{
    note_waits(self);
    forget_idle(self);
    core_each_changed(self->core, tell_changed, self);
    const core_stats_t stats = core_stats(self->core);
    int64_t sums[CR_STATUS_CLASS_COUNT];
    views_sum(self, actor_now(), sums);
    const struct {
        metric_t metric;
        uint64_t value;
    } shown[] = {
        {METRIC_WORKERS, stats.workers},
        {METRIC_LEASES_OUT, stats.leases_out},
        {METRIC_LEASES_GRANTED, stats.leases_granted},
        {METRIC_LEASES_LOST, stats.leases_lost},
        {METRIC_DISPATCH_WRITES, stats.writes_out},
        {METRIC_RECEIPT_BATCHES, stats.batches},
        {METRIC_OUTCOMES, stats.outcomes},
        {METRIC_RECEIPTS, stats.receipts},
        {METRIC_RECEIPTS_UNKNOWN, stats.receipts_unknown},
        {METRIC_DELIVERIES_SETTLED, stats.settled},
        {METRIC_BROADCASTS_HELD, self->notice_count},
        {METRIC_DELIVERIES_WAITING, (uint64_t)sums[CR_STATUS_CLASS_WAITING]},
        {METRIC_DELIVERIES_RETRY, (uint64_t)sums[CR_STATUS_CLASS_RETRY]},
        {METRIC_RECEIPTS_DUE, (uint64_t)sums[CR_STATUS_CLASS_ACCEPTED]},
        {METRIC_DELIVERIES_UNKNOWN, (uint64_t)sums[CR_STATUS_CLASS_UNKNOWN]},
    };
    for (size_t i = 0; i < CR_COUNT(shown); i++)
        metrics_set(shown[i].metric, (int64_t)shown[i].value);
}
