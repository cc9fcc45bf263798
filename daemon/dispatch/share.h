/*
 * share - how many of a gateway's accepted messages it says to have delivered, of late
 *
 * A gateway that accepts everything and delivers little, or whose receipts stop coming, looks well
 * by its answers alone. Judged is the half hour behind us: what was accepted more than ten minutes
 * ago should have its receipt by now.
 *
 * Time       an argument: the monotonic clock. Memory: half a kilobyte, no allocation.
 */
#ifndef SHARE_H
#define SHARE_H

#include "cr_clock.h"

enum { SHARE_MINUTES = 32, SHARE_WAIT_MIN = 10, SHARE_SPAN_MIN = 30, SHARE_LEAST = 100 };

typedef enum { SHARE_ACCEPTED, SHARE_DELIVERED, SHARE_FAILED, SHARE_EVENT_COUNT } share_event_t;

typedef struct {
    uint32_t minutes[SHARE_MINUTES][SHARE_EVENT_COUNT]; /* a ring */
    int64_t minute;                                     /* the newest */
} share_t;

/* UNJUDGED: too little was accepted to say. MISSING: receipts for less than half of it have come.
 * FAILING: most receipts say that it was not delivered. */
typedef enum { SHARE_UNJUDGED, SHARE_FINE, SHARE_MISSING, SHARE_FAILING } share_verdict_t;

void share_note(share_t *self, int64_t now_us, share_event_t event, uint32_t count);
share_verdict_t share_judge(const share_t *self, int64_t now_us);

#endif
