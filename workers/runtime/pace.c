#include "pace.h"

static const int64_t ns_per_s = 1000000000, ns_per_us = 1000, burst_share = 10;
static const int64_t wait_first_us = CR_US_PER_S, wait_max_us = 5 * CR_US_PER_S;
static const int64_t slow_lease_us = 10 * CR_US_PER_S, smoothing = 8;
enum { UNANSWERED_MIN = 8, LEASE = 256, REFUSED_MAX = 10 };

void
pace_init(pace_t *self, uint32_t window, uint32_t per_second)
{
    CR_ASSERT(window > 0);
    *self = (pace_t){.window = window};
    pace_rate(self, per_second);
}

void
pace_rate(pace_t *self, uint32_t per_second)
{
    self->step_ns = per_second > 0 ? ns_per_s / per_second : 0;
    int64_t burst = per_second / burst_share;
    self->burst_ns = self->step_ns * (burst > 1 ? burst - 1 : 0);
}

/* So many without an answer, in a row, open the breaker. */
static uint32_t
patience(const pace_t *self)
{
    return self->window > UNANSWERED_MIN ? self->window : UNANSWERED_MIN;
}

/* Those that went unanswered keep their places, so that no more than a window can end so before the
 * breaker opens. */
static uint32_t
places(const pace_t *self)
{
    uint32_t left = self->broken ? 1 : patience(self) - self->unanswered;
    return left < self->window ? left : self->window;
}

int64_t
pace_ready_us(const pace_t *self, int64_t now_us)
{
    if (self->in_flight >= places(self))
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
    self->probing = self->broken;
    return true;
}

void
pace_release(pace_t *self)
{
    CR_ASSERT(self->in_flight > 0);
    self->in_flight--;
}

/* 2, 4, 8 ... 1024 ms. */
static void
refused(pace_t *self, int64_t now_us)
{
    if (self->refused < REFUSED_MAX)
        self->refused++;
    pace_quiet(self, now_us + (CR_US_PER_MS << self->refused));
}

static pace_change_t
answered(pace_t *self, int64_t took_us)
{
    bool was_broken = self->broken;
    self->answer_us += (took_us - self->answer_us) / (self->answer_us > 0 ? smoothing : 1);
    self->unanswered = 0;
    self->broken = self->probing = false;
    self->wait_us = 0;
    return was_broken ? PACE_MENDED : PACE_SAME;
}

/* What was under way when the breaker opened proves nothing new. */
pace_change_t
pace_learn(pace_t *self, pace_answer_t answer, int64_t took_us, int64_t now_us)
{
    if (answer == PACE_LATER)
        refused(self, now_us);
    else
        self->refused = 0;
    if (answer != PACE_NONE)
        return answered(self, took_us);
    if (self->broken ? !self->probing : ++self->unanswered < patience(self))
        return PACE_SAME;
    self->broken = true;
    self->probing = false;
    self->wait_us = self->wait_us == 0 ? wait_first_us : self->wait_us * 2;
    if (self->wait_us > wait_max_us)
        self->wait_us = wait_max_us;
    pace_quiet(self, now_us + self->wait_us);
    return PACE_BROKEN;
}

uint32_t
pace_credit(const pace_t *self, uint32_t full, int64_t now_us)
{
    if (now_us < (self->broken ? self->quiet_until_us : self->closed_until_us))
        return 0;
    bool slow = self->answer_us * LEASE / self->window > slow_lease_us;
    return self->broken || slow ? 1 : full;
}

void
pace_quiet(pace_t *self, int64_t until_us)
{
    if (until_us > self->quiet_until_us)
        self->quiet_until_us = until_us;
}

void
pace_close(pace_t *self, int64_t until_us)
{
    pace_quiet(self, until_us);
    if (until_us > self->closed_until_us)
        self->closed_until_us = until_us;
}
