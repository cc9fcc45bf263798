#include "metrics.h"

#include <inttypes.h>
#include <stdatomic.h>

static _Atomic int64_t values[METRIC_COUNT];

static const struct {
    const char *type, *name, *help;
} metrics[METRIC_COUNT] = {
#define METRIC(name, type, metric, help) {#type, metric, help},
#include "metrics.def"
#undef METRIC
};

void
metrics_add(metric_t metric, int64_t by)
{
    atomic_fetch_add_explicit(&values[metric], by, memory_order_relaxed);
}

void
metrics_set(metric_t metric, int64_t value)
{
    atomic_store_explicit(&values[metric], value, memory_order_relaxed);
}

int64_t
metrics_get(metric_t metric)
{
    return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

void
metrics_append(cr_str_t *out)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        cr_str_appendf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRId64 "\n", metrics[i].name,
                       metrics[i].help, metrics[i].name, metrics[i].type, metrics[i].name,
                       metrics_get((metric_t)i));
}
