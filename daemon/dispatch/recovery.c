/*
 * After an outage. While the gateways of a channel fail, deliveries wait for ever longer back-offs;
 * when one answers again, those waits have lost their reason and are cut to the first back-off's
 * length, each to another moment of it. An outage is a time without one good answer, several first
 * back-offs long, so that a number that alone cannot be reached pulls nothing forward, and that
 * happens once in such a time at most. What a gateway itself asked to wait for is waited for.
 */
#include "state.h"

enum { OUTAGE_BACK_OFFS = 4 };

static outage_t *
outage_of(core_t *core, const lease_t *lease)
{
    const channel_t *channel = lease->channel;
    return &core->outages[channel->kind][channel->broadcast->spec.drill];
}

typedef enum { ANSWER_NONE, ANSWER_TRANSIENT, ANSWER_GOOD } answer_t;

/* A refusal for good is a good answer: the gateway is there. */
static answer_t
answer_of(const core_report_t *report)
{
    answer_t best = ANSWER_NONE;
    for (size_t i = 0; i < report->count && best != ANSWER_GOOD; i++) {
        switch (cr_status_class(report->outcomes[i])) {
        case CR_STATUS_CLASS_ACCEPTED:
        case CR_STATUS_CLASS_DELIVERED:
        case CR_STATUS_CLASS_FAILED:
            best = ANSWER_GOOD;
            break;
        case CR_STATUS_CLASS_RETRY:
        case CR_STATUS_CLASS_UNKNOWN:
            best = ANSWER_TRANSIENT;
            break;
        default:
            break;
        }
    }
    return best;
}

static void
want_pulls(core_t *core, const lease_t *lease)
{
    cr_channel_t kind = lease->channel->kind;
    bool drill = lease->channel->broadcast->spec.drill;
    for (int lane = 0; lane < CR_LANE_COUNT; lane++)
        for (broadcast_t *at = core->lanes[lane]; at; at = at->next)
            if (at->spec.drill == drill && at->channels[kind])
                at->channels[kind]->pull = true;
    core->pulls = true;
}

void
recovery_note(core_t *core, const lease_t *lease, const core_report_t *report)
{
    outage_t *outage = outage_of(core, lease);
    answer_t answer = answer_of(report);
    int64_t now_us = core->now.mono_us;
    if (answer == ANSWER_TRANSIENT && !outage->on) {
        *outage = (outage_t){.on = true, .since_us = now_us};
    } else if (answer == ANSWER_GOOD && outage->on) {
        outage->on = false;
        if (now_us - outage->since_us >= OUTAGE_BACK_OFFS * core->config.retry_first_us)
            want_pulls(core, lease);
    }
}

/* One channel a tick: ten million deliveries are forty thousand blocks. */
void
recovery_tick(core_t *core)
{
    if (!core->pulls)
        return;
    for (int lane = 0; lane < CR_LANE_COUNT; lane++)
        for (broadcast_t *at = core->lanes[lane]; at; at = at->next)
            for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
                channel_t *channel = at->channels[i];
                if (!channel || !channel->pull)
                    continue;
                channel->pull = false;
                int64_t now_us = core->now.mono_us, asked_us = channel->asked_until_us;
                cursor_pull(&channel->cursor, asked_us > now_us ? asked_us : now_us,
                            core->config.retry_first_us);
                return;
            }
    core->pulls = false;
}
