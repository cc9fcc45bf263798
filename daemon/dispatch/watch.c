/*
 * What is looked at every ten seconds of each gateway: submits that plan must remember, because a
 * quota counts them, and receipts that do not come or mostly say no.
 */
#include <string.h>

#include "../metrics.h"
#include "actor.h"

static const int64_t interval_us = 10 * CR_US_PER_S;

typedef struct {
    actor_t *actor;
    int64_t alarms;
} look_t;

static watched_t *
remembered(actor_t *self, const char *name)
{
    size_t i = 0;
    while (i < self->watched_count && strcmp(self->watched[i].name, name) != 0)
        i++;
    if (i == CR_COUNT(self->watched))
        return NULL;
    if (i == self->watched_count) {
        self->watched[i] = (watched_t){0};
        memcpy(self->watched[i].name, name, strlen(name));
        self->watched_count++;
    }
    return &self->watched[i];
}

static void
tell_used(actor_t *self, const core_route_t *gateway)
{
    dispatch_message_t *news = dispatch_message_new(DISPATCH_USED);
    CR_ASSERT(news);
    memcpy(news->name, gateway->name, strlen(gateway->name));
    news->day = gateway->day;
    news->used = gateway->used;
    dispatch_send(self->plan, &news);
}

static void
tell_receipts(const core_route_t *gateway)
{
    static const char *const events[] = {[SHARE_UNJUDGED] = "receipts_unjudged",
                                         [SHARE_FINE] = "receipts_fine",
                                         [SHARE_MISSING] = "receipts_missing",
                                         [SHARE_FAILING] = "receipts_failing"};
    bool alarm = gateway->receipts >= SHARE_MISSING;
    cr_log(alarm ? CR_LOG_ERR : CR_LOG_INFO, events[gateway->receipts], "gateway=%s",
           gateway->name);
}

static void
see(void *context, const core_route_t *gateway)
{
    look_t *look = context;
    watched_t *last = remembered(look->actor, gateway->name);
    look->alarms += gateway->receipts >= SHARE_MISSING;
    if (!last)
        return;
    bool changed = last->used != gateway->used || last->day != gateway->day;
    if (gateway->rule->per_day > 0 && changed)
        tell_used(look->actor, gateway);
    if (last->receipts != gateway->receipts)
        tell_receipts(gateway);
    last->used = gateway->used;
    last->day = gateway->day;
    last->receipts = gateway->receipts;
}

void
watch_tick(actor_t *self, core_time_t now)
{
    if (now.mono_us < self->watch_us)
        return;
    self->watch_us = now.mono_us + interval_us;
    look_t look = {.actor = self};
    core_each_gateway(self->core, now, see, &look);
    metrics_set(METRIC_GATEWAY_ALARMS, look.alarms);
}
