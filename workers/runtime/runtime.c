#include "runtime.h"

#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_log.h"
#include "cr_version.h"
#include "runtime/board.h"
#include "runtime/link.h"
#include "runtime/pace.h"

/* Two leases hide the round trip of the next; one more lets an emergency overtake at once. */
enum { CREDIT = 2, URGENT_CREDIT = 1 };
enum { NAME_BYTES = 32 };
static const int64_t tick_us = CR_US_PER_S / 2;
static const int64_t drain_submits_us = 7 * CR_US_PER_S, drain_all_us = 9 * CR_US_PER_S;
static const int64_t quiet_max_us = CR_US_PER_S; /* however long a gateway asks for quiet */

/* A submit under way. */
typedef struct flight {
    runtime_t *runtime;
    struct flight *next_free;
    bool busy;
    board_slot_t slot;
} flight_t;

struct runtime {
    cr_service_t *service;
    zloop_t *loop;
    const gateway_kind_t *kind;
    const runtime_config_t *config;
    char gateway_name[NAME_BYTES];
    void *gateway;
    board_t *board;
    pace_t pace;
    render_t *render;
    receipts_t *receipts;
    listener_t *listener; /* NULL: the kind gets no pushes */
    link_t *link;
    flight_t *flights, *free_flights;
    int timer; /* -1: none */
    int64_t timer_us;
    bool draining, ended;
    int64_t drain_us; /* when draining began */
    Crier__V1__Gateway hello_gateway;
    uint64_t held[CREDIT + URGENT_CREDIT];
    cr_log_limit_t account_limit, render_limit, class_limit;
};

static void advance(runtime_t *self);

/* ---- submitting ----------------------------------------------------------------------------- */

static flight_t *
flight_take(runtime_t *self)
{
    flight_t *flight = self->free_flights;
    CR_ASSERT(flight); /* as many as the window */
    self->free_flights = flight->next_free;
    flight->busy = true;
    return flight;
}

static void
settle(flight_t *flight, const outcome_t *outcome)
{
    runtime_t *self = flight->runtime;
    CR_ASSERT(flight->busy);
    pace_release(&self->pace);
    board_settle(self->board, &flight->slot, outcome, cr_clock_mono_us());
    flight->busy = false;
    flight->next_free = self->free_flights;
    self->free_flights = flight;
}

/* A gateway that names a time gets quiet for as long, within reason. */
static void
keep_quiet(runtime_t *self, uint32_t retry_after_ms)
{
    int64_t quiet_us = retry_after_ms * CR_US_PER_MS;
    if (quiet_us > 0)
        pace_quiet(&self->pace,
                   cr_clock_mono_us() + (quiet_us < quiet_max_us ? quiet_us : quiet_max_us));
}

static void
on_done(void *context, const outcome_t *outcome)
{
    flight_t *flight = context;
    runtime_t *self = flight->runtime;
    uint64_t suppressed;
    if (outcome->status == CR_STATUS_FAILED_ACCOUNT &&
        cr_log_limit(&self->account_limit, cr_clock_mono_us(), 60000, &suppressed))
        cr_log(CR_LOG_ERR, "account_refused", "gateway=%s suppressed=%llu", self->gateway_name,
               (unsigned long long)suppressed);
    keep_quiet(self, outcome->retry_after_ms);
    settle(flight, outcome);
    advance(self);
}

/* What the board gave cannot be submitted: our memory, or a wording that cannot be filled. */
static void
submit_failed(flight_t *flight, cr_err_t err)
{
    runtime_t *self = flight->runtime;
    uint64_t suppressed;
    if (cr_log_limit(&self->render_limit, cr_clock_mono_us(), 1000, &suppressed))
        cr_log(CR_LOG_ERR, "submit_failed", "lease=%llu position=%zu reason=%s suppressed=%llu",
               (unsigned long long)flight->slot.lease, flight->slot.position, cr_err_name(err),
               (unsigned long long)suppressed);
    outcome_t outcome = {
        .status = err == CR_NOMEM ? CR_STATUS_RETRY_1 : CR_STATUS_FAILED_CONTENT,
    };
    settle(flight, &outcome);
}

static void
submit(runtime_t *self, const board_slot_t *slot)
{
    flight_t *flight = flight_take(self);
    flight->slot = *slot;
    message_t message = {0};
    cr_err_t err = render_message(self->render, slot->batch, slot->position, &message);
    if (err == CR_OK)
        err = self->kind->submit(self->gateway, &message, on_done, flight);
    if (err != CR_OK)
        submit_failed(flight, err);
}

static void
submit_what_may(runtime_t *self, int64_t now_us)
{
    board_slot_t slot;
    while (pace_ready_us(&self->pace, now_us) <= now_us &&
           board_next(self->board, (board_time_t){now_us, cr_clock_wall_us()}, &slot)) {
        bool taken = pace_take(&self->pace, now_us);
        CR_ASSERT(taken);
        submit(self, &slot);
    }
}

/* ---- talking to the daemon ------------------------------------------------------------------ */

static bool
send_report(runtime_t *self, Crier__V1__Report *report)
{
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_REPORT;
    frame.report = report;
    return link_send(self->link, &frame);
}

static bool
send_receipts(runtime_t *self, Crier__V1__Receipts *receipts)
{
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_RECEIPTS;
    frame.receipts = receipts;
    return link_send(self->link, &frame);
}

/* What cannot be queued now counts as sent and is repeated when its second is over. */
static void
tell_what_is_due(runtime_t *self, int64_t now_us)
{
    Crier__V1__Report report;
    Crier__V1__Receipts receipts;
    while (link_is_up(self->link) && board_report(self->board, now_us, &report))
        if (!send_report(self, &report))
            break;
    if (link_is_up(self->link) && receipts_due(self->receipts, now_us, &receipts))
        send_receipts(self, &receipts);
}

static void
on_hello(void *context, Crier__V1__Hello *hello)
{
    runtime_t *self = context;
    hello->channel = (uint32_t)self->kind->channel;
    hello->gateway = &self->hello_gateway;
    hello->credit = CREDIT;
    hello->urgent_credit = URGENT_CREDIT;
    hello->held = self->held;
    hello->n_held = board_held(self->board, self->held, CR_COUNT(self->held));
    hello->version = CR_VERSION;
}

static void
say_bye(runtime_t *self)
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
    receipts_resend(self->receipts);
    if (self->draining)
        say_bye(self);
    advance(self);
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
    if (self->draining)
        board_stop_all(self->board);
}

static void
take_ack(runtime_t *self, Crier__V1__Frame **frame_p)
{
    const Crier__V1__Ack *ack = (*frame_p)->ack;
    board_acknowledge(self->board, ack->lease, ack->sequence, ack->intent);
}

static void
release_push(void *context, uint64_t ticket)
{
    runtime_t *self = context;
    listener_release(self->listener, ticket);
}

static void
take_receipts_ack(runtime_t *self, Crier__V1__Frame **frame_p)
{
    receipts_acknowledge(self->receipts, (*frame_p)->receipts_ack->batch, release_push, self);
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
    [CRIER__V1__FRAME__BODY_REVOKE] = take_revoke,
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
    advance(self);
}

/* ---- receipts ------------------------------------------------------------------------------- */

static push_verdict_t
on_push(void *context, const push_t *push)
{
    runtime_t *self = context;
    if (self->draining)
        return (push_verdict_t){{503, "text/plain", "leaving\n"}, false};
    size_t before = receipts_collecting(self->receipts);
    push_reply_t reply = self->kind->push(self->gateway, push, self->receipts);
    bool waits = reply.status == 200 && receipts_collecting(self->receipts) > before;
    if (waits && receipts_wait(self->receipts, push_ticket(push)) != CR_OK)
        return (push_verdict_t){{503, "text/plain", "busy\n"}, false};
    advance(self);
    return (push_verdict_t){reply, waits};
}

/* ---- draining and the timer ----------------------------------------------------------------- */

/* The gateway had its time: what has no answer is unknown. */
static void
give_up_submits(runtime_t *self)
{
    self->kind->close(&self->gateway);
    outcome_t outcome = {.status = CR_STATUS_UNKNOWN};
    for (int64_t i = 0; i < self->config->window; i++)
        if (self->flights[i].busy)
            settle(&self->flights[i], &outcome);
}

static void
drain_on(runtime_t *self, int64_t now_us)
{
    if (self->pace.in_flight > 0 && now_us >= self->drain_us + drain_submits_us)
        give_up_submits(self);
    bool done = board_count(self->board) == 0 && receipts_is_empty(self->receipts);
    bool late = now_us >= self->drain_us + drain_all_us;
    if (!done && !late)
        return;
    if (!done)
        cr_log(CR_LOG_WARN, "drain_incomplete", "leases=%zu", board_count(self->board));
    self->ended = true;
    cr_service_stop(self->service, CR_EXIT_OK);
}

void
runtime_drain(void *app)
{
    runtime_t *self = app;
    self->draining = true;
    self->drain_us = cr_clock_mono_us();
    board_stop_all(self->board);
    say_bye(self);
    advance(self);
}

static int
on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    runtime_t *self = context;
    self->timer = -1;
    advance(self);
    return 0;
}

/* A timer that is early only asks again. */
static void
arm(runtime_t *self, int64_t due_us, int64_t now_us)
{
    if (self->timer != -1 && self->timer_us <= due_us)
        return;
    if (self->timer != -1)
        zloop_timer_end(self->loop, self->timer);
    int64_t wait_ms = due_us > now_us ? (due_us - now_us + CR_US_PER_MS - 1) / CR_US_PER_MS : 1;
    self->timer = zloop_timer(self->loop, (size_t)wait_ms, 1, on_timer, self);
    self->timer_us = due_us;
}

static int64_t
earliest(const int64_t *times, size_t count)
{
    int64_t first = times[0];
    for (size_t i = 1; i < count; i++)
        if (times[i] < first)
            first = times[i];
    return first;
}

/* After everything that happens: submit, report, and sleep until the next is due. */
static void
advance(runtime_t *self)
{
    if (self->ended)
        return;
    int64_t now_us = cr_clock_mono_us();
    int64_t link_us = link_tick(self->link, now_us);
    submit_what_may(self, now_us);
    tell_what_is_due(self, now_us);
    if (self->listener)
        listener_tick(self->listener, now_us);
    if (self->draining)
        drain_on(self, now_us);
    bool up = link_is_up(self->link);
    int64_t pace_us = pace_ready_us(&self->pace, now_us);
    const int64_t due[] = {
        link_us,
        now_us + tick_us,
        up ? board_due_us(self->board) : INT64_MAX,
        up ? receipts_due_us(self->receipts) : INT64_MAX,
        pace_us > now_us ? pace_us : INT64_MAX,
    };
    arm(self, earliest(due, CR_COUNT(due)), now_us);
}

/* ---- start and end -------------------------------------------------------------------------- */

static cr_err_t
make_parts(runtime_t *self)
{
    const board_rules_t rules = {
        .window = (uint32_t)self->config->window,
        .drill = strcmp(self->config->gateway_class, "drill") == 0,
        .by_id = self->kind->by_id,
        .credit = CREDIT,
        .urgent_credit = URGENT_CREDIT,
    };
    self->board = board_new(&rules);
    self->render = render_new();
    self->receipts = receipts_new((uint64_t)cr_clock_wall_us());
    self->flights = calloc((size_t)self->config->window, sizeof *self->flights);
    if (!self->board || !self->render || !self->receipts || !self->flights)
        return CR_NOMEM;
    for (int64_t i = 0; i < self->config->window; i++) {
        self->flights[i] = (flight_t){.runtime = self, .next_free = self->free_flights};
        self->free_flights = &self->flights[i];
    }
    pace_init(&self->pace, rules.window, (uint32_t)self->config->per_second);
    snprintf(self->gateway_name, sizeof self->gateway_name, "%s%s", self->kind->name,
             rules.drill ? "-drill" : "");
    crier__v1__gateway__init(&self->hello_gateway);
    self->hello_gateway.name = self->gateway_name;
    self->hello_gateway.drill = rules.drill;
    self->hello_gateway.window = rules.window;
    self->hello_gateway.per_second = (uint32_t)self->config->per_second;
    self->hello_gateway.gives_receipts = self->kind->gives_receipts;
    self->hello_gateway.idempotent = self->kind->idempotent;
    return CR_OK;
}

static cr_err_t
open_link(runtime_t *self, cr_fault_t *fault)
{
    static const link_events_t events = {on_hello, on_welcome, on_frame, on_rejected};
    const link_config_t config = {
        .worker = self->config->worker,
        .endpoint = self->config->endpoint,
        .public_key_file = self->config->daemon_key_file,
        .secret_key_file = self->config->own_key_file,
    };
    self->link = link_new(self->loop, &config, &events, self, fault);
    return self->link ? CR_OK : CR_IO;
}

static void
say_ready(runtime_t *self, const runtime_listen_t *listen)
{
    if (self->listener)
        cr_service_ready(self->service, "worker=%s class=%s receipts=%s:%u", self->config->worker,
                         self->config->gateway_class, listen->address,
                         (unsigned)listener_port(self->listener));
    else
        cr_service_ready(self->service, "worker=%s class=%s", self->config->worker,
                         self->config->gateway_class);
}

cr_err_t
runtime_start(cr_service_t *service, const gateway_kind_t *kind, const void *config,
              const runtime_listen_t *listen, void **app, cr_fault_t *fault)
{
    runtime_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *app = self;
    *self = (runtime_t){.service = service, .kind = kind, .config = config, .timer = -1};
    self->loop = cr_service_loop(service);
    if (make_parts(self) != CR_OK)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    cr_err_t err =
        kind->open(self->loop, config, (uint32_t)self->config->window, &self->gateway, fault);
    if (err == CR_OK)
        err = open_link(self, fault);
    if (err != CR_OK)
        return err;
    if (listen) {
        self->listener = listener_open(self->loop, listen->address, (uint16_t)listen->port, on_push,
                                       self, fault);
        if (!self->listener) {
            cr_service_set_exit_code(service, CR_EXIT_UNAVAILABLE);
            return CR_IO;
        }
    }
    say_ready(self, listen);
    advance(self);
    return CR_OK;
}

void
runtime_dump(void *app)
{
    const runtime_t *self = app;
    cr_log(CR_LOG_INFO, "state", "up=%d leases=%zu in_flight=%u receipts_waiting=%d draining=%d",
           link_is_up(self->link), board_count(self->board), self->pace.in_flight,
           !receipts_is_empty(self->receipts), self->draining);
}

void
runtime_destroy(void **app_p)
{
    runtime_t *self = *app_p;
    if (!self)
        return;
    self->ended = true;
    listener_close(&self->listener);
    if (self->gateway)
        self->kind->close(&self->gateway);
    link_destroy(&self->link);
    if (self->timer != -1)
        zloop_timer_end(self->loop, self->timer);
    board_destroy(&self->board);
    receipts_destroy(&self->receipts);
    render_destroy(&self->render);
    free(self->flights);
    free(self);
    *app_p = NULL;
}
