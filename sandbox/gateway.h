/*
 * gateway - what the three gateways have in common
 *
 * Faults, numbers, truth and inbox of one channel. A submit first arrives (and may meet a fault),
 * is judged by its own protocol, and is then accepted: written to the truth file, then to the
 * inbox, then answered.
 *
 * Ownership  truth, store, bounces and receipts are borrowed.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "bounce.h"
#include "counts.h"
#include "faults.h"
#include "receipts.h"
#include "scenario.h"
#include "store.h"
#include "truth.h"

typedef struct {
    cr_channel_t channel;
    faults_t faults;
    scenario_t *scenario; /* shared; NULL: none */
    int64_t begun_us, submits;
    counts_t counts;
    truth_t *truth;
    store_t *store;
    bounce_t *bounces;    /* of e-mail; NULL: no mail comes back */
    receipts_t *receipts; /* NULL for e-mail: its answer is the last word */
    bool shows_once;      /* the inbox shows a repeated reference once, as mailboxes do */
} gateway_t;

/* The fate of a submit; what will be refused or dropped is counted here. */
fault_t gateway_arrive(gateway_t *self);
int64_t gateway_latency_us(const gateway_t *self);
/* For a submit that its protocol refuses. */
void gateway_refuse(gateway_t *self);
/* False when the truth file cannot be written: the submit is then refused and counted so. */
bool gateway_accept(gateway_t *self, const store_message_t *message) CR_MUST_USE;

#endif
