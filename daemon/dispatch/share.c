#include "share.h"

#include <string.h>

static const int64_t minute_us = 60 * CR_US_PER_S;

void
share_note(share_t *self, int64_t now_us, share_event_t event, uint32_t count)
{
    int64_t minute = now_us / minute_us;
    int64_t passed = minute - self->minute;
    for (int64_t i = 1; i <= passed && i <= SHARE_MINUTES; i++)
        memset(self->minutes[(self->minute + i) % SHARE_MINUTES], 0, sizeof self->minutes[0]);
    if (passed > 0)
        self->minute = minute;
    self->minutes[minute % SHARE_MINUTES][event] += count;
}

/* From `oldest` to `newest` minutes ago, both included. */
static uint32_t
sum(const share_t *self, int64_t now, share_event_t event, int64_t oldest, int64_t newest)
{
    uint32_t total = 0;
    for (int64_t minute = now - oldest; minute <= now - newest; minute++)
        if (minute > self->minute - SHARE_MINUTES && minute <= self->minute && minute >= 0)
            total += self->minutes[minute % SHARE_MINUTES][event];
    return total;
}

share_verdict_t
share_judge(const share_t *self, int64_t now_us)
{
    int64_t now = now_us / minute_us;
    uint32_t due = sum(self, now, SHARE_ACCEPTED, SHARE_SPAN_MIN, SHARE_WAIT_MIN);
    uint32_t delivered = sum(self, now, SHARE_DELIVERED, SHARE_SPAN_MIN, 0);
    uint32_t failed = sum(self, now, SHARE_FAILED, SHARE_SPAN_MIN, 0);
    if (due >= SHARE_LEAST && (delivered + failed) * UINT64_C(2) < due)
        return SHARE_MISSING;
    if (delivered + failed >= SHARE_LEAST && failed > delivered)
        return SHARE_FAILING;
    return due >= SHARE_LEAST || delivered + failed >= SHARE_LEAST ? SHARE_FINE : SHARE_UNJUDGED;
}
