/*
 * cr_clock - the two clocks, and times as people and RFC 3339 write them
 *
 * Decisions about leases, retries and pacing use the monotonic clock; the wall clock is for people,
 * "send at" and what is stored. Stored times are UTC microseconds since 1970.
 *
 * Zone       cr_clock_set_zone is called once at start; formatting shows the office's zone.
 * Source     RFC 3339 section 5.6.
 */
#ifndef CR_CLOCK_H
#define CR_CLOCK_H

#include "cr_base.h"

#define CR_US_PER_MS INT64_C(1000)
#define CR_US_PER_S INT64_C(1000000)

enum { CR_TIME_TEXT_MAX = 40 };

int64_t cr_clock_mono_us(void);
int64_t cr_clock_wall_us(void);

/* CR_INVAL when the system knows no such zone ("Asia/Shanghai"). Call before any thread starts. */
cr_err_t cr_clock_set_zone(const char *zone) CR_MUST_USE;

/* How much the office's time is ahead of UTC then. */
int64_t cr_clock_zone_us(int64_t wall_us);
/* "2026-05-12T09:00:00.000+08:00" in the office's zone; returns `out`. */
const char *cr_time_format(int64_t wall_us, char out[CR_TIME_TEXT_MAX]);
/* "2026-05-12 09:00" in the office's zone, for messages to people. */
const char *cr_time_format_short(int64_t wall_us, char out[CR_TIME_TEXT_MAX]);

/* RFC 3339, or "YYYY-MM-DD HH:MM" in the office's zone. CR_INVAL for all else. */
cr_err_t cr_time_parse(const char *text, int64_t *wall_us) CR_MUST_USE;

/* "90s", "30m", "2h", "7d" to microseconds. CR_INVAL, CR_RANGE (over 10 years). */
cr_err_t cr_duration_parse(const char *text, int64_t *us) CR_MUST_USE;

#endif
