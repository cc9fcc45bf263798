/*
 * metrics - the counters of crierd, one list (metrics.def), readable from any thread
 *
 * Relaxed atomics: a scrape may be a moment behind, and never stops an actor.
 * Source     Prometheus text exposition format 0.0.4.
 */
#ifndef METRICS_H
#define METRICS_H

#include "cr_str.h"

typedef enum {
#define METRIC(name, type, metric, help) METRIC_##name,
#include "metrics.def"
#undef METRIC
    METRIC_COUNT
} metric_t;

void metrics_add(metric_t metric, int64_t by);
void metrics_set(metric_t metric, int64_t value);
int64_t metrics_get(metric_t metric);
void metrics_append(cr_str_t *out);

#endif
