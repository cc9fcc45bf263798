/*
 * gateway - strangers: slow, throttling, silent, lying
 *
 * One for each channel, which its workers share, or two. What it really did is the truth about a delivery.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "sim.h"

void gateway_begin(sim_t *self);
/* One submit; what the worker hears. */
cr_status_t gateway_submit(sim_t *self, grant_t *grant, uint32_t position,
                           uint32_t *retry_after_ms);
/* Moves receipts that are due into a new batch; its place + 1, or 0 when there are none. */
uint16_t gateway_take_receipts(sim_t *self, uint8_t gateway);
/* They were not taken: they are pushed again. */
void gateway_give_back(sim_t *self, uint16_t batch);

#endif
