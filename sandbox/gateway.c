#include "gateway.h"

#include "cr_clock.h"
#include "cr_log.h"

fault_t
gateway_arrive(gateway_t *self)
{
    int64_t now_us = cr_clock_mono_us();
    self->submits++;
    if (self->scenario)
        scenario_advance(self->scenario, self->channel, self->submits, now_us - self->begun_us,
                         &self->faults.settings);
    fault_t fault = faults_decide(&self->faults, now_us);
    if (fault == FAULT_ERROR || fault == FAULT_THROTTLE)
        counts_add(&self->counts, COUNT_refused, now_us);
    else if (fault == FAULT_DROP_BEFORE || fault == FAULT_DROP_AFTER)
        counts_add(&self->counts, COUNT_dropped, now_us);
    return fault;
}

int64_t
gateway_latency_us(const gateway_t *self)
{
    return self->faults.settings.latency_ms * CR_US_PER_MS;
}

void
gateway_refuse(gateway_t *self)
{
    counts_add(&self->counts, COUNT_refused, cr_clock_mono_us());
}

bool
gateway_accept(gateway_t *self, const store_message_t *message)
{
    if (truth_append(self->truth, message->time_us, self->channel, message->reference) != CR_OK) {
        cr_log(CR_LOG_ERR, "truth_failed", "channel=%s", cr_channel_name(self->channel));
        gateway_refuse(self);
        return false;
    }
    counts_add(&self->counts, COUNT_accepted, cr_clock_mono_us());
    if (self->shows_once && store_holds(self->store, message))
        return true;
    cr_err_t err = store_add(self->store, message);
    if (err != CR_OK)
        cr_log(CR_LOG_WARN, "inbox_failed", "channel=%s error=%s", cr_channel_name(self->channel),
               cr_err_name(err));
    return true;
}
