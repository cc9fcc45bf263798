/* Frames from workers: checked, unpacked, handed to the core. Nothing here decides about deliveries. */
#include <inttypes.h>
#include <string.h>

#include "../metrics.h"
#include "actor.h"
#include "zap.h"

enum { FRAMES_MAX = 256, LOG_MS = 10000 };

void
inbound_offend(actor_t *self, const char *peer, offence_t offence, const char *reason)
{
    uint64_t suppressed;
    char quoted[160];
    int64_t now = cr_clock_mono_us();
    metrics_add(METRIC_WIRE_GARBAGE, offence == OFFENCE_LIE);
    if (offenders_note(&self->offenders, peer, offence, now)) {
        metrics_add(METRIC_WIRE_SHUT_OUT, 1);
        zap_shut_out(self->zap, peer);
        cr_log(CR_LOG_WARN, "worker_shut_out", "worker=%s seconds=%d", peer, ZAP_SHUT_OUT_S);
    }
    if (cr_log_limit(&self->garbage_log, now, LOG_MS, &suppressed))
        cr_log(CR_LOG_WARN, "wire_garbage", "worker=%s reason=%s suppressed=%" PRIu64, peer,
               cr_log_value(cr_slice_of(reason), quoted), suppressed);
}

static void
refuse_malformed(actor_t *self, const char *worker, uint64_t lease, const char *text)
{
    inbound_offend(self, worker, OFFENCE_LIE, "malformed");
    outbound_refuse(self, worker, CORE_MALFORMED, lease, text);
}

/* -- what each kind of frame means -------------------------------------------------------------- */

static void
on_hello(actor_t *self, const char *worker, const Crier__V1__Frame *frame)
{
    const Crier__V1__Hello *hello = frame->hello;
    if (strcmp(hello->worker, worker) != 0) {
        inbound_offend(self, worker, OFFENCE_LIE, "name");
        outbound_refuse(self, worker, CORE_WRONG_NAME, 0, "Hello.worker is another name");
        return;
    }
    const Crier__V1__Gateway *gateway = hello->gateway;
    if (!gateway || hello->channel >= CR_CHANNEL_COUNT || gateway->name[0] == '\0' ||
        strlen(gateway->name) >= CORE_NAME_MAX || gateway->window == 0 ||
        gateway->window > CORE_WINDOW_MAX) {
        refuse_malformed(self, worker, 0, "Hello: channel, gateway name or window");
        return;
    }
    core_hello_t said = {
        .worker = worker,
        .channel = (cr_channel_t)hello->channel,
        .gateway = {.drill = gateway->drill,
                    .gives_receipts = gateway->gives_receipts,
                    .idempotent = gateway->idempotent,
                    .window = gateway->window,
                    .per_second = gateway->per_second,
                    .price = gateway->price},
        .credit = hello->credit,
        .urgent_credit = hello->urgent_credit,
        .held = hello->held,
        .held_count = hello->n_held,
        .version = hello->version,
    };
    memcpy(said.gateway.name, gateway->name, strlen(gateway->name));
    core_hello(self->core, actor_now(), &said);
}

static void
on_report(actor_t *self, const char *worker, const Crier__V1__Frame *frame)
{
    const Crier__V1__Report *report = frame->report;
    size_t count = report->positions.len, accepted = 0;
    if (count > CORE_BLOCK || report->outcomes.len != count) {
        refuse_malformed(self, worker, report->lease, "Report: positions and outcomes differ");
        return;
    }
    for (size_t i = 0; i < count; i++)
        accepted += report->outcomes.data[i] == CR_STATUS_ACCEPTED;
    if (report->gateway_ids && !cr_wire_pool_is_sound(report->gateway_ids, accepted)) {
        refuse_malformed(self, worker, report->lease, "Report: gateway_ids");
        return;
    }
    if (report->parts.len > 0 && report->parts.len != count) {
        refuse_malformed(self, worker, report->lease, "Report: parts");
        return;
    }
    cr_slice_t ids[CORE_BLOCK];
    cr_wire_cursor_t cursor = {0};
    for (size_t i = 0; report->gateway_ids && i < accepted; i++)
        ids[i] = cr_wire_pool_next(report->gateway_ids, &cursor);
    core_report_t said = {
        .lease = report->lease,
        .sequence = report->sequence,
        .intent = report->intent,
        .positions = report->positions.data,
        .outcomes = report->outcomes.data,
        .count = count,
        .gateway_ids = ids,
        .gateway_id_count = report->gateway_ids ? accepted : 0,
        .retry_after_ms = report->retry_after_ms,
        .parts = report->parts.len > 0 ? report->parts.data : NULL,
        .last = report->last,
    };
    core_report(self->core, actor_now(), worker, &said);
}

/* One that names no delivery that we could have sent is kept and counted as any that is unknown. */
static core_receipt_t
read_receipt(cr_slice_t reference, cr_slice_t id, uint8_t outcome)
{
    static const cr_delivery_t none = {.broadcast = UINT64_MAX};
    core_receipt_t read = {.outcome = outcome};
    if (reference.length == 0 && id.length > 0 && id.length < CORE_GATEWAY_ID_MAX)
        read.gateway_id = id;
    else if (id.length > 0 || cr_reference_parse(reference, &read.delivery) != CR_OK)
        read.delivery = none;
    return read;
}

static void
on_receipts(actor_t *self, const char *worker, const Crier__V1__Frame *frame)
{
    const Crier__V1__Receipts *receipts = frame->receipts;
    static core_receipt_t read[CORE_RECEIPTS_MAX]; /* one thread; too large for its stack */
    size_t count = receipts->outcomes.len;
    if (count > CORE_RECEIPTS_MAX || !cr_wire_pool_is_sound(receipts->references, count) ||
        !cr_wire_pool_is_sound(receipts->gateway_ids, count)) {
        refuse_malformed(self, worker, 0, "Receipts: columns differ in length");
        return;
    }
    cr_wire_cursor_t references = {0}, ids = {0};
    for (size_t i = 0; i < count; i++) {
        cr_slice_t reference = cr_wire_pool_next(receipts->references, &references);
        cr_slice_t id = cr_wire_pool_next(receipts->gateway_ids, &ids);
        read[i] = read_receipt(reference, id, receipts->outcomes.data[i]);
    }
    core_receipts_t said = {.number = receipts->batch, .receipts = read, .count = count};
    core_receipts(self->core, actor_now(), worker, &said);
}

static void
on_replies(actor_t *self, const char *worker, const Crier__V1__Frame *frame)
{
    replies_t *replies;
    cr_err_t err = replies_read(frame->replies, &replies);
    if (err == CR_OK)
        residents_heard(self, worker, &replies);
    else if (err == CR_INVAL)
        refuse_malformed(self, worker, 0, "Replies: columns differ, or a value is too long");
}

static void
on_ping(actor_t *self, const char *worker, const Crier__V1__Frame *frame)
{
    Crier__V1__Pong pong = CRIER__V1__PONG__INIT;
    Crier__V1__Frame answer = CRIER__V1__FRAME__INIT;
    pong.stamp = frame->ping->stamp;
    answer.body_case = CRIER__V1__FRAME__BODY_PONG;
    answer.pong = &pong;
    outbound_send(self, worker, &answer);
}

static void
on_pong(actor_t *self, const char *worker, const Crier__V1__Frame *frame)
{
    (void)self;
    (void)worker;
    (void)frame; /* that it came is all it says */
}

static void
on_bye(actor_t *self, const char *worker, const Crier__V1__Frame *frame)
{
    (void)frame;
    core_bye(self->core, worker);
}

static void
on_credit(actor_t *self, const char *worker, const Crier__V1__Frame *frame)
{
    core_credit(self->core, worker, frame->credit->credit, frame->credit->urgent_credit);
}

static void (*const frames[])(actor_t *self, const char *worker, const Crier__V1__Frame *frame) = {
    [CRIER__V1__FRAME__BODY_HELLO] = on_hello,       [CRIER__V1__FRAME__BODY_REPORT] = on_report,
    [CRIER__V1__FRAME__BODY_RECEIPTS] = on_receipts, [CRIER__V1__FRAME__BODY_PING] = on_ping,
    [CRIER__V1__FRAME__BODY_PONG] = on_pong,         [CRIER__V1__FRAME__BODY_BYE] = on_bye,
    [CRIER__V1__FRAME__BODY_CREDIT] = on_credit,     [CRIER__V1__FRAME__BODY_REPLIES] = on_replies,
};

static void
understand(actor_t *self, const char *worker, zmq_msg_t *message)
{
    Crier__V1__Frame *frame;
    cr_err_t err = cr_wire_unpack(zmq_msg_data(message), zmq_msg_size(message), &frame);
    if (err == CR_CONFLICT) {
        inbound_offend(self, worker, OFFENCE_LIE, "version");
        outbound_refuse(self, worker, CORE_BAD_VERSION, 0, "version 1 is spoken here");
        return;
    }
    if (err != CR_OK) {
        inbound_offend(self, worker, OFFENCE_LIE, "unreadable");
        return;
    }
    size_t kind = (size_t)frame->body_case;
    if (kind >= CR_COUNT(frames) || !frames[kind])
        refuse_malformed(self, worker, 0, "only the daemon says this");
    else if (kind == CRIER__V1__FRAME__BODY_HELLO || core_heard(self->core, actor_now(), worker))
        frames[kind](self, worker, frame);
    cr_wire_free(&frame);
}

/* -- one message -------------------------------------------------------------------------------- */

/* The connection under this name is somebody else's now: no address may go out over it. */
static void
refuse_name(actor_t *self, const char *peer, const char *worker)
{
    inbound_offend(self, peer, OFFENCE_LIE, "name");
    core_unreachable(self->core, worker);
    outbound_refuse(self, worker, CORE_WRONG_NAME, 0, "the key belongs to another name");
}

/* Handover lets any authenticated peer take a routing id; the name bound to its key decides. */
static void
check(actor_t *self, const char *worker, zmq_msg_t *message)
{
    const char *peer = zmq_msg_gets(message, "User-Id");
    metrics_add(METRIC_WIRE_FRAMES, 1);
    if (!peer || offenders_is_shut(&self->offenders, peer, cr_clock_mono_us()))
        metrics_add(METRIC_WIRE_GARBAGE, 1);
    else if (strcmp(peer, worker) != 0)
        refuse_name(self, peer, worker);
    else if (zmq_msg_more(message))
        inbound_offend(self, worker, OFFENCE_LIE, "several_frames");
    else
        understand(self, worker, message);
}

/* A worker's name as a text; false for a routing id that no worker has. */
static bool
read_name(zmq_msg_t *routing_id, char out[CORE_NAME_MAX])
{
    size_t length = zmq_msg_size(routing_id);
    const char *bytes = zmq_msg_data(routing_id);
    if (length == 0 || length >= CORE_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (bytes[i] <= ' ' || bytes[i] > '~' || bytes[i] == '"' || bytes[i] == '\\')
            return false;
    memcpy(out, bytes, length);
    out[length] = '\0';
    return true;
}

static void
skip_rest(void *router, zmq_msg_t *message)
{
    while (zmq_msg_more(message))
        if (zmq_msg_recv(message, router, 0) < 0)
            return;
}

void
inbound_take(actor_t *self)
{
    void *router = zsock_resolve(self->router);
    for (int i = 0; i < FRAMES_MAX; i++) {
        char worker[CORE_NAME_MAX];
        zmq_msg_t routing_id, message;
        zmq_msg_init(&routing_id);
        if (zmq_msg_recv(&routing_id, router, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&routing_id);
            return;
        }
        zmq_msg_init(&message);
        bool whole = zmq_msg_more(&routing_id) && zmq_msg_recv(&message, router, 0) >= 0;
        if (whole && read_name(&routing_id, worker))
            check(self, worker, &message);
        else
            metrics_add(METRIC_WIRE_GARBAGE, 1);
        if (whole)
            skip_rest(router, &message);
        zmq_msg_close(&message);
        zmq_msg_close(&routing_id);
    }
}
