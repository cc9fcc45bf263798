#include "gateway.h"

#include <inttypes.h>

#include "truth.h"

void
gateway_begin(sim_t *self)
{
    for (int i = 0; i < SIM_GATEWAYS; i++) {
        gateway_t *gateway = &self->gateways[i];
        snprintf(gateway->name, sizeof gateway->name, "gate%d", i);
        gateway->idempotent = sim_below(self, 3) == 0;
        gateway->by_id = sim_below(self, 2) == 0;
        gateway->gives_receipts = sim_below(self, 4) > 0;
        gateway->due_count = 0;
        gateway->ruled = false;
        gateway->rule = (core_rule_t){0};
    }
}

static uint8_t
gateway_of(const sim_t *self, const grant_t *grant)
{
    return self->workers[grant->worker].gateway;
}

/* Whether it has this one already and knows it. */
static bool
is_repeated(const sim_t *self, const grant_t *grant, const fate_t *fate)
{
    uint8_t gateway = gateway_of(self, grant);
    return self->gateways[gateway].idempotent && (fate->gateways >> gateway & 1) != 0;
}

/* Tells the ids of one delivery apart: one that recognises it has one id for it. */
static uint8_t
number_of(const sim_t *self, const grant_t *grant, const fate_t *fate)
{
    enum { NUMBERS = 14 };
    uint8_t gateway = gateway_of(self, grant);
    return (uint8_t)(self->gateways[gateway].idempotent ? NUMBERS + gateway / CR_CHANNEL_COUNT
                                                        : fate->submitted % NUMBERS);
}

static void
owe(gateway_t *gateway, const receipt_t *due)
{
    if (gateway->due_count < SIM_DUE) /* what is beyond is never sent: such gateways exist */
        gateway->due[gateway->due_count++] = *due;
}

static void
owe_receipt(sim_t *self, const grant_t *grant, uint32_t position)
{
    gateway_t *gateway = &self->gateways[gateway_of(self, grant)];
    receipt_t due = {.broadcast = grant->broadcast,
                     .nth = grant->nth[position],
                     .rank = (uint16_t)sim_rank(grant, position),
                     .attempt = grant->attempts[position],
                     .outcome = CR_STATUS_DELIVERED};
    if (!gateway->gives_receipts || sim_strikes(self, FAULT_receipt_never))
        return;
    if (sim_strikes(self, FAULT_receipt_failed)) {
        due.outcome = CR_STATUS_FAILED_UNREACHABLE;
        self->broadcasts[grant->broadcast].books[grant->channel].fates[due.rank].flags |=
            FATE_RECEIPT_FAILED;
    }
    owe(gateway, &due);
    if (sim_strikes(self, FAULT_receipt_twice))
        owe(gateway, &due);
    due.broadcast = SIM_BROADCASTS + 100;
    if (sim_strikes(self, FAULT_receipt_strange))
        owe(gateway, &due);
}

static void
accept(sim_t *self, const grant_t *grant, uint32_t position)
{
    uint32_t rank = sim_rank(grant, position);
    fate_t *fate = &self->broadcasts[grant->broadcast].books[grant->channel].fates[rank];
    if (is_repeated(self, grant, fate))
        return;
    fate->gateways |= (uint8_t)(1 << gateway_of(self, grant));
    truth_accepted(self, grant, rank);
    owe_receipt(self, grant, position);
}

/* WAITING: it takes the message. */
static cr_status_t
refuse(sim_t *self, fate_t *fate, uint32_t *retry_after_ms)
{
    if (sim_strikes(self, FAULT_gateway_busy))
        return CR_STATUS_RETRY_1;
    if (sim_strikes(self, FAULT_gateway_throttle)) {
        *retry_after_ms = 1 + sim_below(self, 5000);
        return CR_STATUS_RETRY_1;
    }
    if (sim_strikes(self, FAULT_gateway_refuse)) {
        fate->flags |= FATE_REFUSED;
        return CR_STATUS_FAILED_ADDRESS;
    }
    return CR_STATUS_WAITING;
}

static cr_status_t
answer(sim_t *self, const grant_t *grant, uint32_t position, fate_t *fate)
{
    bool silent = sim_strikes(self, FAULT_gateway_silent);
    if (!silent || sim_below(self, 2) > 0)
        accept(self, grant, position);
    if (silent)
        return CR_STATUS_UNKNOWN;
    if (sim_strikes(self, FAULT_gateway_lie)) {
        fate->flags |= FATE_EXCUSED;
        return CR_STATUS_RETRY_1;
    }
    return self->gateways[gateway_of(self, grant)].gives_receipts ? CR_STATUS_ACCEPTED
                                                                  : CR_STATUS_HANDED;
}

cr_status_t
gateway_submit(sim_t *self, grant_t *grant, uint32_t position, uint32_t *retry_after_ms)
{
    broadcast_t *broadcast = &self->broadcasts[grant->broadcast];
    uint32_t rank = sim_rank(grant, position);
    fate_t *fate = &broadcast->books[grant->channel].fates[rank];
    uint32_t before = fate->accepted;
    self->steps++;
    self->totals->submits++;
    if (position >= grant->acked && !grant->free_running)
        truth_break(self, RULE_beyond, broadcast, grant->channel, rank);
    grant->nth[position] = number_of(self, grant, fate);
    if (fate->submitted < UINT8_MAX)
        fate->submitted++;
    cr_status_t heard =
        is_repeated(self, grant, fate) ? CR_STATUS_WAITING : refuse(self, fate, retry_after_ms);
    if (heard == CR_STATUS_WAITING)
        heard = answer(self, grant, position, fate);
    TRACE(self, "* submit lease=%" PRIx64 " position=%u copy=%u heard=%u accepted=%d", grant->id,
          position, grant->nth[position], heard, fate->accepted > before);
    return heard;
}

/* ---- receipts --------------------------------------------------------------------------------- */

uint16_t
gateway_take_receipts(sim_t *self, uint8_t place)
{
    gateway_t *gateway = &self->gateways[place];
    if (gateway->due_count == 0)
        return 0;
    uint64_t number = ++self->batch_count;
    uint32_t slot = (uint32_t)(number % SIM_BATCHES);
    batch_t *batch = &self->batches[slot];
    batch->number = number;
    batch->gateway = place;
    batch->channel = place % CR_CHANNEL_COUNT;
    batch->count = 0;
    batch->applied = 0;
    batch->acknowledged = false;
    for (uint32_t left = 1 + sim_below(self, SIM_BATCH); left > 0 && gateway->due_count > 0;
         left--) {
        receipt_t *due = &gateway->due[sim_below(self, gateway->due_count)];
        batch->receipts[batch->count++] = *due;
        *due = gateway->due[--gateway->due_count];
    }
    return (uint16_t)(slot + 1);
}

void
gateway_give_back(sim_t *self, uint16_t place)
{
    const batch_t *batch = &self->batches[place - 1];
    for (uint32_t i = 0; i < batch->count; i++)
        owe(&self->gateways[batch->gateway], &batch->receipts[i]);
}
