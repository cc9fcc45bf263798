/*
 * quota - what an account may still send today, and for how long that lasts
 *
 * The platform counts from midnight to midnight in Beijing, wherever the office is. Used is what this
 * worker sent since then, or since its start: where more was sent, the platform's refusal ends the day.
 *
 * Time       an argument: the wall clock. Nothing is read here.
 */
#ifndef QUOTA_H
#define QUOTA_H

#include "cr_clock.h"

typedef struct {
    int64_t limit; /* messages a day; 0: none is known */
    int64_t used, day;
    int64_t mark_us, mark_used; /* where the present pace is measured from */
    bool refused;               /* by the platform, for the rest of the day */
    bool over, warned;          /* said already */
} quota_t;

/* `limit` as the office knows it; 0: only the platform's own refusal ends the day. */
void quota_init(quota_t *self, int64_t limit);
void quota_spend(quota_t *self, int64_t wall_us);
/* The platform refuses more today. */
void quota_end(quota_t *self, int64_t wall_us);

/* True once when the quota of the day is used up. */
bool quota_has_ended(quota_t *self, int64_t wall_us);
/* True once a day when four fifths are used, or the rest will not last until midnight. */
bool quota_is_short(quota_t *self, int64_t wall_us);
/* INT64_MAX where no limit is known. */
int64_t quota_left(quota_t *self, int64_t wall_us);
/* When it is used up at the present pace; INT64_MAX: not before midnight. */
int64_t quota_lasts_until_us(const quota_t *self, int64_t wall_us);
/* The next midnight in Beijing. */
int64_t quota_opens_us(int64_t wall_us);

#endif
