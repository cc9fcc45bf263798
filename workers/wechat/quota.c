#include "quota.h"

static const int64_t day_us = 86400 * CR_US_PER_S, beijing_us = 8 * 3600 * CR_US_PER_S;
static const int64_t pace_span_us = 600 * CR_US_PER_S;
enum { SHORT_NUMERATOR = 4, SHORT_DENOMINATOR = 5, PACE_LEAST = 100 };

void
quota_init(quota_t *self, int64_t limit)
{
    *self = (quota_t){.limit = limit};
}

static void
mark(quota_t *self, int64_t wall_us)
{
    self->mark_us = wall_us;
    self->mark_used = self->used;
}

static void
turn(quota_t *self, int64_t wall_us)
{
    int64_t day = (wall_us + beijing_us) / day_us;
    if (day != self->day) {
        self->day = day;
        self->used = 0;
        self->refused = self->over = self->warned = false;
        mark(self, wall_us);
    }
    if (wall_us - self->mark_us > pace_span_us)
        mark(self, wall_us);
}

void
quota_spend(quota_t *self, int64_t wall_us)
{
    turn(self, wall_us);
    self->used++;
}

void
quota_end(quota_t *self, int64_t wall_us)
{
    turn(self, wall_us);
    self->refused = true;
}

bool
quota_has_ended(quota_t *self, int64_t wall_us)
{
    bool was_over = self->over && quota_left(self, wall_us) == 0;
    self->over = quota_left(self, wall_us) == 0;
    return self->over && !was_over;
}

int64_t
quota_left(quota_t *self, int64_t wall_us)
{
    turn(self, wall_us);
    if (self->refused)
        return 0;
    if (self->limit == 0)
        return INT64_MAX;
    return self->used < self->limit ? self->limit - self->used : 0;
}

int64_t
quota_lasts_until_us(const quota_t *self, int64_t wall_us)
{
    int64_t sent = self->used - self->mark_used, took_us = wall_us - self->mark_us;
    if (self->limit == 0 || sent < PACE_LEAST || took_us <= 0)
        return INT64_MAX;
    int64_t until_us = wall_us + (self->limit - self->used) * (took_us / sent);
    return until_us < quota_opens_us(wall_us) ? until_us : INT64_MAX;
}

bool
quota_is_short(quota_t *self, int64_t wall_us)
{
    turn(self, wall_us);
    bool most = self->limit > 0 && self->used >= self->limit / SHORT_DENOMINATOR * SHORT_NUMERATOR;
    if (self->warned || (!most && quota_lasts_until_us(self, wall_us) == INT64_MAX))
        return false;
    return self->warned = true;
}

int64_t
quota_opens_us(int64_t wall_us)
{
    return ((wall_us + beijing_us) / day_us + 1) * day_us - beijing_us;
}
