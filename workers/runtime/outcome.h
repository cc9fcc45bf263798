/*
 * outcome - what a gateway answered to one submit
 *
 * Not an error: a status byte as docs/protocol.md section 4 allows it in a report, when to try
 * again if the gateway said so, and the gateway's own id where its receipts carry that.
 *
 * Ownership  gateway_id is borrowed for the call that hands the outcome over.
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include "cr_status.h"

typedef struct {
    cr_status_t status;
    uint32_t retry_after_ms; /* asked for by the gateway; 0: not */
    cr_slice_t gateway_id;
    uint8_t parts; /* that the gateway bills for what it took; 0: one */
    bool away; /* no message would have passed: no connection, or the gateway itself is broken */
} outcome_t;

#endif
