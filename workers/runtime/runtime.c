#include "runtime.h"

#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "internal.h"

static const int64_t tick_us = CR_US_PER_S / 2;
static const int64_t drain_submits_us = 7 * CR_US_PER_S, drain_all_us = 9 * CR_US_PER_S;

static bool
send_report(runtime_t *self, Crier__V1__Report *report)
{
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
    frame.body_case = CRIER__V1__FRAME__BODY_REPORT;
    frame.report = report;
    return link_send(self->link, &frame);
}

/* What cannot be queued now counts as sent and is repeated when its second is over. */
static void
tell_what_is_due(runtime_t *self, int64_t now_us)
{
    Crier__V1__Report report;
    Crier__V1__Frame frame;
    while (link_is_up(self->link) && board_report(self->board, now_us, &report))
        if (!send_report(self, &report))
            break;
    while (link_is_up(self->link) && news_due(self->news, now_us, &frame))
        if (!link_send(self->link, &frame))
            break;
}

/* ---- news ----------------------------------------------------------------------------------- */

static push_verdict_t
on_push(void *context, const push_t *push)
{
    runtime_t *self = context;
    if (self->draining)
        return (push_verdict_t){{503, "text/plain", "leaving\n"}, false};
    size_t before = news_collecting(self->news);
    push_reply_t reply = self->kind->push(self->gateway, push);
    bool waits = reply.status == 200 && news_collecting(self->news) > before;
    if (waits && news_wait(self->news, push_ticket(push)) != CR_OK)
        return (push_verdict_t){{503, "text/plain", "busy\n"}, false};
    runtime_advance(self);
    return (push_verdict_t){reply, waits};
}

static void
on_news(void *context)
{
    runtime_wake(context);
}

static void
on_close_for(void *context, int64_t us)
{
    runtime_t *self = context;
    pace_close(&self->pace, cr_clock_mono_us() + us);
    board_stop_all(self->board);
    runtime_wake(self);
}

/* ---- draining and the timer ----------------------------------------------------------------- */

static void
drain_on(runtime_t *self, int64_t now_us)
{
    bool done = board_count(self->board) == 0 && news_is_empty(self->news);
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
    inbound_say_bye(self);
    runtime_advance(self);
}

static int
on_wake(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    runtime_t *self = context;
    self->woken = false;
    runtime_advance(self);
    return 0;
}

void
runtime_wake(runtime_t *self)
{
    if (self->woken || self->ended)
        return;
    self->now_us = cr_clock_mono_us();
    self->woken = zloop_timer(self->loop, 0, 1, on_wake, self) >= 0;
    if (!self->woken)
        runtime_advance(self);
}

static int
on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    runtime_t *self = context;
    self->timer = -1;
    /* Only here: everywhere else the gateway itself may have called us. */
    if (self->draining && self->pace.in_flight > 0 &&
        cr_clock_mono_us() >= self->drain_us + drain_submits_us)
        submit_give_up(self);
    runtime_advance(self);
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

void
runtime_advance(runtime_t *self)
{
    if (self->ended)
        return;
    int64_t now_us = self->now_us = cr_clock_mono_us();
    int64_t link_us = link_tick(self->link, now_us);
    submit_what_may(self, now_us);
    tell_what_is_due(self, now_us);
    inbound_say_credit(self, now_us);
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
        up ? news_due_us(self->news) : INT64_MAX,
        pace_us > now_us ? pace_us : INT64_MAX,
    };
    arm(self, earliest(due, CR_COUNT(due)), now_us);
}

/* ---- start and end -------------------------------------------------------------------------- */

static uint32_t
full_credit(int64_t window)
{
    int64_t credit = (2 * window + CR_WIRE_BLOCK - 1) / CR_WIRE_BLOCK;
    return (uint32_t)(credit < CREDIT_MIN ? CREDIT_MIN : credit > CREDIT_MAX ? CREDIT_MAX : credit);
}

static cr_err_t
make_parts(runtime_t *self)
{
    self->full_credit = full_credit(self->config->window);
    const board_rules_t rules = {
        .window = (uint32_t)self->config->window,
        .reserved = (uint32_t)self->config->reserved_window,
        .drill = strcmp(self->config->gateway_class, "drill") == 0,
        .by_id = self->kind->by_id,
        .credit = self->full_credit,
        .urgent_credit = URGENT_CREDIT,
    };
    self->board = board_new(&rules);
    self->render = render_new();
    self->news = news_new((uint64_t)cr_clock_wall_us());
    if (!self->board || !self->render || !self->news || submit_prepare(self) != CR_OK)
        return CR_NOMEM;
    const char *given = self->config->gateway_name;
    snprintf(self->gateway_name, sizeof self->gateway_name, "%s%s",
             *given ? given : self->kind->name, !*given && rules.drill ? "-drill" : "");
    crier__v1__gateway__init(&self->hello_gateway);
    self->hello_gateway.name = self->gateway_name;
    self->hello_gateway.drill = rules.drill;
    self->hello_gateway.window = rules.window;
    self->hello_gateway.price = (uint32_t)self->config->price;
    self->hello_gateway.per_second = (uint32_t)self->config->per_second;
    self->hello_gateway.gives_receipts = self->kind->gives_receipts;
    self->hello_gateway.idempotent = self->kind->idempotent;
    return CR_OK;
}

static cr_err_t
open_link(runtime_t *self, cr_fault_t *fault)
{
    const link_config_t config = {
        .worker = self->config->worker,
        .endpoint = self->config->endpoint,
        .public_key_file = self->config->daemon_key_file,
        .secret_key_file = self->config->own_key_file,
    };
    self->link = link_new(self->loop, &config, &inbound_events, self, fault);
    return self->link ? CR_OK : CR_IO;
}

static void
say_ready(runtime_t *self, const runtime_listen_t *listen)
{
    if (listen)
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
    if (self->config->reserved_window >= self->config->window)
        return cr_fault_set(fault, CR_INVAL, "gateway.reserved_window: less than gateway.window");
    if (make_parts(self) != CR_OK)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    self->port = (gateway_port_t){
        .loop = self->loop,
        .config = config,
        .window = (uint32_t)self->config->window,
        .news = self->news,
        .runtime = self,
        .wake = on_news,
        .close_for = on_close_for,
    };
    cr_err_t err = kind->open(&self->port, &self->gateway, fault);
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
    runtime_advance(self);
    return CR_OK;
}

void
runtime_dump(void *app)
{
    const runtime_t *self = app;
    cr_log(CR_LOG_INFO, "state", "up=%d leases=%zu in_flight=%u news_waiting=%d draining=%d",
           link_is_up(self->link), board_count(self->board), self->pace.in_flight,
           !news_is_empty(self->news), self->draining);
    if (self->kind->dump && self->gateway)
        self->kind->dump(self->gateway);
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
    news_destroy(&self->news);
    render_destroy(&self->render);
    free(self->flights);
    free(self);
    *app_p = NULL;
}
