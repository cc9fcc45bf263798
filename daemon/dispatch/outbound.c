/* The core's actions towards workers, as frames. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../metrics.h"
#include "actor.h"

enum {
    LOG_MS = 10000,
    LEASE_BYTES_MAX = 3 * 1024 * 1024, /* of addresses and values: texts still fit the frame */
};

bool
outbound_send(actor_t *self, const char *worker, Crier__V1__Frame *frame)
{
    zmq_msg_t message;
    void *router = zsock_resolve(self->router);
    if (cr_wire_pack(frame, &message) != CR_OK) {
        metrics_add(METRIC_WIRE_UNSENT, 1);
        return false;
    }
    if (zmq_send(router, worker, strlen(worker), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(&message, router, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&message);
        metrics_add(METRIC_WIRE_UNSENT, 1);
        return false;
    }
    return true;
}

void
outbound_refuse(actor_t *self, const char *worker, core_refusal_t reason, uint64_t lease,
                const char *text)
{
    uint64_t suppressed;
    char quoted[160];
    metrics_add(METRIC_WIRE_REFUSED, 1);
    if (cr_log_limit(&self->refusal_log, cr_clock_mono_us(), LOG_MS, &suppressed))
        cr_log(CR_LOG_WARN, "wire_refused",
               "worker=%s reason=%d lease=%" PRIu64 " text=%s suppressed=%" PRIu64, worker,
               (int)reason, lease, cr_log_value(cr_slice_of(text), quoted), suppressed);
    Crier__V1__Refusal refusal = CRIER__V1__REFUSAL__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    refusal.reason = (Crier__V1__Refusal__Reason)reason;
    refusal.lease = lease;
    refusal.text = (char *)(uintptr_t)text; /* packing only reads it */
    frame.body_case = CRIER__V1__FRAME__BODY_REFUSAL;
    frame.refusal = &refusal;
    outbound_send(self, worker, &frame);
}

static void
act_tune(void *context, const char *worker, uint32_t per_second)
{
    Crier__V1__Tune tune = CRIER__V1__TUNE__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    tune.per_second = per_second;
    frame.body_case = CRIER__V1__FRAME__BODY_TUNE;
    frame.tune = &tune;
    outbound_send(context, worker, &frame);
}

static void
act_refuse(void *context, const char *worker, core_refusal_t reason, uint64_t lease,
           const char *text)
{
    static const offence_t offences[] = {[CORE_MALFORMED] = OFFENCE_LIE,
                                         [CORE_OUT_OF_LEASE] = OFFENCE_LIE,
                                         [CORE_UNKNOWN_LEASE] = OFFENCE_STRAY,
                                         [CORE_STALE] = OFFENCE_STRAY};
    if ((size_t)reason < CR_COUNT(offences) && offences[reason] != 0)
        inbound_offend(context, worker, offences[reason], text);
    outbound_refuse(context, worker, reason, lease, text);
}

static void
act_welcome(void *context, const char *worker, const uint64_t *dropped, size_t count)
{
    actor_t *self = context;
    Crier__V1__Welcome welcome = CRIER__V1__WELCOME__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    welcome.epoch = self->epoch;
    welcome.heartbeat_ms = (uint32_t)self->config.heartbeat_ms;
    welcome.lease_ms = (uint32_t)self->config.lease_ms;
    welcome.report_outcomes = (uint32_t)self->config.report_outcomes;
    welcome.report_ms = (uint32_t)self->config.report_ms;
    welcome.n_dropped = count;
    welcome.dropped = (uint64_t *)(uintptr_t)dropped;
    frame.body_case = CRIER__V1__FRAME__BODY_WELCOME;
    frame.welcome = &welcome;
    cr_log(CR_LOG_INFO, "worker_connected", "worker=%s dropped=%zu", worker, count);
    outbound_send(self, worker, &frame);
}

static void
act_ack(void *context, const char *worker, uint64_t lease, uint32_t sequence, uint32_t intent)
{
    Crier__V1__Ack ack = CRIER__V1__ACK__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    ack.lease = lease;
    ack.sequence = sequence;
    ack.intent = intent;
    frame.body_case = CRIER__V1__FRAME__BODY_ACK;
    frame.ack = &ack;
    outbound_send(context, worker, &frame);
}

static void
act_revoke(void *context, const char *worker, uint64_t lease, core_stop_t reason)
{
    Crier__V1__Revoke revoke = CRIER__V1__REVOKE__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    revoke.lease = lease;
    revoke.reason = (uint32_t)reason;
    frame.body_case = CRIER__V1__FRAME__BODY_REVOKE;
    frame.revoke = &revoke;
    outbound_send(context, worker, &frame);
}

static void
act_receipts_ack(void *context, const char *worker, uint64_t batch)
{
    Crier__V1__ReceiptsAck ack = CRIER__V1__RECEIPTS_ACK__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    ack.batch = batch;
    frame.body_case = CRIER__V1__FRAME__BODY_RECEIPTS_ACK;
    frame.receipts_ack = &ack;
    outbound_send(context, worker, &frame);
}

static void
act_lost(void *context, const core_loss_t *loss)
{
    (void)context;
    char id[CR_ID_TEXT_MAX];
    cr_log(CR_LOG_WARN, "lease_lost",
           "worker=%s lease=%" PRIu64 " broadcast=%s channel=%s first_rank=%u returned=%u "
           "unknown=%u resent=%u",
           loss->worker, loss->lease, cr_id_format(loss->broadcast, id),
           cr_channel_name(loss->channel), loss->first_rank, loss->returned, loss->unknown,
           loss->resent);
}

static void
act_gone(void *context, const char *worker)
{
    (void)context;
    cr_log(CR_LOG_WARN, "worker_gone", "worker=%s", worker);
}

static void
act_done(void *context, uint64_t broadcast)
{
    actor_t *self = context;
    notice_t *notice = actor_find(self, broadcast);
    CR_ASSERT(notice);
    notice->over = notice->done = true;
    self->has_done = true;
}

/* -- who may get it, and the lease -------------------------------------------------------------- */

static void
act_screen(void *context, const core_run_t *run, cr_status_t verdicts[CORE_BLOCK])
{
    screening_judge(context, run, verdicts);
}

static void
reserve_columns(actor_t *self, size_t count)
{
    if (count <= self->columns_capacity)
        return;
    self->columns = realloc(self->columns, count * sizeof *self->columns);
    CR_ASSERT(self->columns); /* a few pointers a placeholder */
    for (size_t i = self->columns_capacity; i < count; i++)
        cr_wire_pool_init(&self->columns[i]);
    self->columns_capacity = count;
}

static size_t
fill_addresses(actor_t *self, cr_channel_t channel, const uint32_t *ordinals, uint32_t count)
{
    cr_slice_t addresses[CORE_BLOCK];
    directory_addresses(self->directory, channel, ordinals, count, addresses);
    cr_wire_pool_reset(&self->addresses);
    for (uint32_t i = 0; i < count; i++)
        cr_wire_pool_add(&self->addresses, addresses[i]);
    return self->addresses.length;
}

static size_t
fill_column(actor_t *self, notice_content_t *content, size_t column, const uint32_t *ordinals,
            uint32_t count)
{
    cr_slice_t values[CORE_BLOCK];
    cr_wire_pool_t *pool = &self->columns[column];
    directory_values(self->directory, cr_slice_of(content->columns[column].name), ordinals, count,
                     values);
    cr_wire_pool_reset(pool);
    for (uint32_t i = 0; i < count; i++)
        cr_wire_pool_add(pool, values[i]);
    content->columns[column].values = cr_wire_pool_message(pool);
    return pool->length;
}

/* Addresses and values of the first `count` leased deliveries, in columns; their bytes. */
static size_t
fill_columns(actor_t *self, notice_content_t *content, cr_channel_t channel,
             const uint32_t *ordinals, uint32_t count)
{
    reserve_columns(self, content->column_count);
    size_t bytes = fill_addresses(self, channel, ordinals, count);
    for (size_t i = 0; i < content->column_count; i++)
        bytes += fill_column(self, content, i, ordinals, count);
    return bytes;
}

/* People of one segment share the very bytes of their language. */
static void
choose_wordings(const actor_t *self, const notice_content_t *content, const uint32_t *ordinals,
                uint32_t count, uint8_t wordings[CORE_BLOCK])
{
    cr_slice_t languages[CORE_BLOCK];
    directory_values(self->directory, CR_SLICE("language"), ordinals, count, languages);
    for (uint32_t i = 0; i < count; i++) {
        bool same = i > 0 && languages[i].text == languages[i - 1].text &&
                    languages[i].length == languages[i - 1].length;
        wordings[i] = same ? wordings[i - 1] : notice_wording(content, languages[i]);
    }
}

static ProtobufCBinaryData
binary(const uint8_t *bytes, size_t length)
{
    return (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)bytes};
}

static uint32_t
act_lease(void *context, const core_lease_t *lease)
{
    actor_t *self = context;
    notice_t *notice = actor_find(self, lease->broadcast);
    CR_ASSERT(notice);
    notice_content_t *content = &notice->content[lease->channel];
    const uint32_t *block = notice_ordinals(notice, lease->first_rank / CORE_BLOCK);
    uint32_t ordinals[CORE_BLOCK], count = lease->count;
    for (uint32_t i = 0; i < count; i++)
        ordinals[i] = block[lease->offsets[i]];
    while (fill_columns(self, content, lease->channel, ordinals, count) > LEASE_BYTES_MAX &&
           count > 1)
        count /= 2;
    uint8_t wordings[CORE_BLOCK];
    choose_wordings(self, content, ordinals, count, wordings);
    Crier__V1__Lease message = CRIER__V1__LEASE__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    message.lease = lease->lease;
    message.broadcast = lease->broadcast;
    message.channel = lease->channel;
    message.lane = lease->lane;
    message.drill = lease->drill;
    message.first_rank = lease->first_rank;
    message.offsets = binary(lease->offsets, count);
    message.attempts = binary(lease->attempts, count);
    message.expires_us = lease->expires_us;
    message.free_running = lease->free_running;
    message.intent = lease->intent < count ? lease->intent : count;
    if (notice->spec->sender)
        message.sender = notice->spec->sender;
    message.n_wordings = content->wording_count;
    message.wordings = content->wording_list;
    message.wording = binary(wordings, count);
    message.addresses = cr_wire_pool_message(&self->addresses);
    message.n_columns = content->column_count;
    message.columns = content->column_list;
    frame.body_case = CRIER__V1__FRAME__BODY_LEASE;
    frame.lease = &message;
    if (!outbound_send(self, lease->worker, &frame))
        return 0;
    screening_handed(self, notice, lease, count);
    return count;
}

void
outbound_actions(core_actions_t *actions)
{
    actions->screen = act_screen;
    actions->lease = act_lease;
    actions->welcome = act_welcome;
    actions->ack = act_ack;
    actions->tune = act_tune;
    actions->refuse = act_refuse;
    actions->revoke = act_revoke;
    actions->receipts_ack = act_receipts_ack;
    actions->lost = act_lost;
    actions->gone = act_gone;
    actions->done = act_done;
}

void
outbound_fini(actor_t *self)
{
    cr_wire_pool_fini(&self->addresses);
    for (size_t i = 0; i < self->columns_capacity; i++)
        cr_wire_pool_fini(&self->columns[i]);
    free(self->columns);
}
