#include "cr_clock.h"
#include "cr_version.h"
#include "internal.h"

static void
on_hello(void *context, Crier__V1__Hello *hello)
{
    runtime_t *self = context;
    hello->channel = (uint32_t)self->kind->channel;
    hello->gateway = &self->hello_gateway;
    int64_t now_us = cr_clock_mono_us();
    self->credit = hello->credit = pace_credit(&self->pace, self->full_credit, now_us);
    hello->urgent_credit = pace_credit(&self->pace, URGENT_CREDIT, now_us);
    hello->held = self->held;
    hello->n_held = board_held(self->board, self->held, CR_COUNT(self->held));
    hello->version = CR_VERSION;
}

void
inbound_say_credit(runtime_t *self, int64_t now_us)
{
    Crier__V1__Credit credit = CRIER__V1__CREDIT__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_CREDIT;
    frame.credit = &credit;
    credit.credit = pace_credit(&self->pace, self->full_credit, now_us);
    credit.urgent_credit = pace_credit(&self->pace, URGENT_CREDIT, now_us);
    if (credit.credit != self->credit && link_send(self->link, &frame))
        self->credit = credit.credit;
}

void
inbound_say_bye(runtime_t *self)
{
    Crier__V1__Bye bye = CRIER__V1__BYE__INIT;
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_BYE;
    frame.bye = &bye;
    link_send(self->link, &frame);
}

static void
on_welcome(void *context, const Crier__V1__Welcome *welcome)
{
    runtime_t *self = context;
    board_welcome(self->board, welcome->report_outcomes, welcome->report_ms * CR_US_PER_MS);
    for (size_t i = 0; i < welcome->n_dropped; i++)
        board_lose(self->board, welcome->dropped[i]);
    news_resend(self->news);
    if (self->draining)
        inbound_say_bye(self);
    runtime_advance(self);
}

static void
on_rejected(void *context, const char *text)
{
    (void)text;
    runtime_t *self = context;
    self->ended = true;
    cr_service_stop(self->service, CR_EXIT_NOPERM);
}

/* Takes the frame. */
static void
take_lease(runtime_t *self, Crier__V1__Frame **frame_p)
{
    uint64_t number = (*frame_p)->lease->lease, suppressed;
    int64_t now_us = cr_clock_mono_us();
    batch_t *batch = NULL;
    cr_err_t err = batch_new(frame_p, self->kind->channel, &batch);
    if (err == CR_OK)
        err = board_add(self->board, &batch, now_us);
    if (err == CR_DENIED && cr_log_limit(&self->class_limit, now_us, 1000, &suppressed))
        cr_log(CR_LOG_ERR, "class_differs", "lease=%llu gateway_class=%s suppressed=%llu",
               (unsigned long long)number, self->config->gateway_class,
               (unsigned long long)suppressed);
    else if (err != CR_OK && err != CR_DENIED && err != CR_EXISTS)
        cr_log(CR_LOG_WARN, "lease_refused", "lease=%llu reason=%s", (unsigned long long)number,
               cr_err_name(err));
    if (self->draining || pace_credit(&self->pace, self->full_credit, now_us) == 0)
        board_stop_all(self->board);
}

static void
take_ack(runtime_t *self, Crier__V1__Frame **frame_p)
{
    const Crier__V1__Ack *ack = (*frame_p)->ack;
    board_acknowledge(self->board, ack->lease, ack->sequence, ack->intent);
}

/* Tickets of the listener and of the kind differ: a kind that waits itself has no listener. */
static void
release(void *context, uint64_t ticket)
{
    runtime_t *self = context;
    if (self->kind->taken)
        self->kind->taken(self->gateway, ticket);
    else
        listener_release(self->listener, ticket);
}

static void
take_receipts_ack(runtime_t *self, Crier__V1__Frame **frame_p)
{
    news_receipts_taken(self->news, (*frame_p)->receipts_ack->batch, release, self);
}

static void
take_replies_ack(runtime_t *self, Crier__V1__Frame **frame_p)
{
    news_replies_taken(self->news, (*frame_p)->replies_ack->batch, release, self);
}

static void
take_revoke(runtime_t *self, Crier__V1__Frame **frame_p)
{
    const Crier__V1__Revoke *revoke = (*frame_p)->revoke;
    cr_log(CR_LOG_INFO, "revoked", "lease=%llu reason=%u", (unsigned long long)revoke->lease,
           revoke->reason);
    if (revoke->reason == 0)
        board_lose(self->board, revoke->lease);
    else
        board_stop(self->board, revoke->lease);
}

static void
take_tune(runtime_t *self, Crier__V1__Frame **frame_p)
{
    uint32_t asked = (*frame_p)->tune->per_second;
    uint32_t rate = asked > 0 ? asked : (uint32_t)self->config->per_second;
    pace_rate(&self->pace, rate);
    cr_log(CR_LOG_INFO, "tuned", "gateway=%s per_second=%u", self->gateway_name, rate);
}

static void
take_refusal(runtime_t *self, Crier__V1__Frame **frame_p)
{
    board_refuse(self->board, (*frame_p)->refusal->lease);
}

/* A taker may keep the frame; it then sets the pointer to NULL. */
typedef void take_fn(runtime_t *self, Crier__V1__Frame **frame_p);

static take_fn *const takers[] = {
    [CRIER__V1__FRAME__BODY_LEASE] = take_lease,
    [CRIER__V1__FRAME__BODY_ACK] = take_ack,
    [CRIER__V1__FRAME__BODY_RECEIPTS_ACK] = take_receipts_ack,
    [CRIER__V1__FRAME__BODY_REPLIES_ACK] = take_replies_ack,
    [CRIER__V1__FRAME__BODY_REVOKE] = take_revoke,
    [CRIER__V1__FRAME__BODY_TUNE] = take_tune,
    [CRIER__V1__FRAME__BODY_REFUSAL] = take_refusal,
};

static void
on_frame(void *context, Crier__V1__Frame *frame)
{
    runtime_t *self = context;
    size_t kind = (size_t)frame->body_case;
    if (kind < CR_COUNT(takers) && takers[kind])
        takers[kind](self, &frame);
    else
        cr_log(CR_LOG_WARN, "garbage", "from=daemon reason=unexpected body=%zu", kind);
    cr_wire_free(&frame);
}

static void
on_turn(void *context)
{
    runtime_advance(context);
}

const link_events_t inbound_events = {on_hello, on_welcome, on_frame, on_turn, on_rejected};
