/* A gateway that takes a message at once and answers it null.delay_ms later. */
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cr_clock.h"
#include "gateways.h"

typedef struct {
    int64_t due_us;
    gateway_done_fn *done;
    void *context;
} flight_t;

typedef struct {
    zloop_t *loop;
    zmq_pollitem_t timer;
    int64_t delay_us;
    stamps_t stamps;
    size_t window, first, count; /* a ring: all wait equally long */
    flight_t *flights;
} slow_t;

static void
arm(const slow_t *self)
{
    int64_t due_us = self->flights[self->first].due_us;
    const struct itimerspec when = {
        .it_value = {.tv_sec = due_us / CR_US_PER_S, .tv_nsec = due_us % CR_US_PER_S * 1000}};
    timerfd_settime(self->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static int
on_timer(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    slow_t *self = context;
    const outcome_t handed = {.status = CR_STATUS_HANDED};
    uint64_t times;
    CR_ASSERT(read(item->fd, &times, sizeof times) == (ssize_t)sizeof times);
    while (self->count > 0 && self->flights[self->first].due_us <= cr_clock_mono_us()) {
        flight_t flight = self->flights[self->first];
        self->first = (self->first + 1) % self->window;
        self->count--;
        flight.done(flight.context, &handed);
    }
    if (self->count > 0)
        arm(self);
    return 0;
}

static void
slow_close(void **gateway_p)
{
    slow_t *self = *gateway_p;
    if (!self)
        return;
    if (self->timer.fd >= 0) {
        zloop_poller_end(self->loop, &self->timer);
        close(self->timer.fd);
    }
    stamps_close(&self->stamps);
    free(self->flights);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
fill(slow_t *self, const null_config_t *config, cr_fault_t *fault)
{
    self->timer =
        (zmq_pollitem_t){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), .events = ZMQ_POLLIN};
    self->delay_us = config->delay_ms * CR_US_PER_MS;
    self->flights = calloc(self->window, sizeof *self->flights);
    if (!self->flights || self->timer.fd < 0 ||
        zloop_poller(self->loop, &self->timer, on_timer, self) != 0)
        return cr_fault_set(fault, CR_NOMEM, "out of memory or file descriptors");
    return stamps_open(&self->stamps, config, fault);
}

static cr_err_t
slow_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    slow_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *self = (slow_t){.loop = port->loop, .window = port->window, .stamps.fd = -1};
    *gateway = self;
    cr_err_t err = fill(self, port->config, fault);
    if (err != CR_OK)
        slow_close(gateway);
    return err;
}

static cr_err_t
slow_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    slow_t *self = gateway;
    CR_ASSERT(self->count < self->window);
    stamps_note(&self->stamps, message);
    self->flights[(self->first + self->count++) % self->window] =
        (flight_t){cr_clock_mono_us() + self->delay_us, done, context};
    if (self->count == 1)
        arm(self);
    return CR_OK;
}

const gateway_kind_t gateway_slow = {
    .name = "slow",
    .idempotent = true,
    .open = slow_open,
    .close = slow_close,
    .submit = slow_submit,
};
