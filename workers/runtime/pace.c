#include "pace.h"

static const int64_t ns_per_s = 1000000000, ns_per_us = 1000, burst_share = 10;

void
pace_init(pace_t *self, uint32_t window, uint32_t per_second)
{
    CR_ASSERT(window > 0);
    *self = (pace_t){.window = window};
    if (per_second == 0)
        return;
    self->step_ns = ns_per_s / per_second;
    int64_t burst = per_second / burst_share;
    self->burst_ns = self->step_ns * (burst > 1 ? burst - 1 : 0);
}

int64_t
pace_ready_us(const pace_t *self, int64_t now_us)
{
    if (self->in_flight >= self->window)
        return INT64_MAX;
    int64_t ready_us = (self->full_ns - self->burst_ns + ns_per_us - 1) / ns_per_us;
    if (ready_us < self->quiet_until_us)
        ready_us = self->quiet_until_us;
    return ready_us > now_us ? ready_us : now_us;
}

bool
pace_take(pace_t *self, int64_t now_us)
{
    if (pace_ready_us(self, now_us) > now_us)
        return false;
    int64_t now_ns = now_us * ns_per_us;
    self->full_ns = (self->full_ns > now_ns ? self->full_ns : now_ns) + self->step_ns;
    self->in_flight++;
    return true;
}

void
pace_release(pace_t *self)
{
    CR_ASSERT(self->in_flight > 0);
    self->in_flight--;
}

void
pace_quiet(pace_t *self, int64_t until_us)
{
    if (until_us > self->quiet_until_us)
        self->quiet_until_us = until_us;
}
