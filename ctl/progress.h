/*
 * progress - how far a broadcast is, read from the API's document
 *
 * Pure: values in, values out. What the bars, the plain lines and the summary show comes from here,
 * and so does the judgement that makes the exit code of `watch`.
 *
 * Ownership  a progress_t borrows its texts from the document it was read from.
 * Threads    none.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <jansson.h>

#include "cr_id.h"

/* Members of the API's counts, in the order in which people read them. */
#define PROGRESS_COUNT_LIST(X)                                                                     \
    X(TOTAL, "total")                                                                              \
    X(DELIVERED, "delivered")                                                                      \
    X(FAILED, "failed")                                                                            \
    X(SUPPRESSED, "suppressed")                                                                    \
    X(UNKNOWN, "unknown")                                                                          \
    X(EXPIRED, "expired")                                                                          \
    X(CANCELLED, "cancelled")                                                                      \
    X(ACCEPTED, "accepted")                                                                        \
    X(RETRY, "retry")                                                                              \
    X(WAITING, "waiting")                                                                          \
    X(LEASED, "leased")

typedef enum {
#define X(name, member) PROGRESS_##name,
    PROGRESS_COUNT_LIST(X)
#undef X
        PROGRESS_COUNTS
} progress_count_t;

typedef struct {
    const char *name; /* "sms" */
    int64_t counts[PROGRESS_COUNTS];
    int64_t ms_to_half, ms_to_95, ms_to_last; /* -1: not reached */
    int64_t parts;                            /* messages that gateways billed */
    double cost;                              /* in yuan; 0: nothing, or the price is not known */
    const char *waits_for;                    /* "" when nothing is in the way */
    const json_t *reasons;                    /* status name -> count; may be NULL */
} progress_channel_t;

typedef struct {
    const char *id, *title, *state;
    bool drill;
    int64_t audience;
    progress_channel_t channels[CR_CHANNEL_COUNT];
    size_t channel_count;
} progress_t;

void progress_read(const json_t *broadcast, progress_t *out);
/* What is decided for good: delivered, failed, suppressed, expired, cancelled, unknown. */
int64_t progress_settled(const progress_channel_t *channel);
/* With a worker or gateway: leased, accepted and not yet answered for. */
int64_t progress_in_flight(const progress_channel_t *channel);
/* The state is a last one: nothing will change any more. */
bool progress_is_over(const progress_t *self);
/* Finished, and every delivery of every channel is accounted for with a reason. */
bool progress_adds_up(const progress_t *self);

/* Deliveries settled per second over the last few looks; start at {0}. */
enum { METER_SAMPLES = 12 };
typedef struct {
    int64_t at_us[METER_SAMPLES], settled[METER_SAMPLES];
    size_t count;
} meter_t;
double meter_update(meter_t *self, int64_t now_mono_us, int64_t settled);

#endif
