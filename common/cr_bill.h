/*
 * cr_bill - what gateways bill: messages (of an SMS its parts) and their price
 *
 * Only what a gateway took is counted; what has no known end is not.
 */
#ifndef CR_BILL_H
#define CR_BILL_H

#include <stdint.h>

typedef struct {
    uint64_t parts;
    uint64_t price; /* in millionths of a yuan */
} cr_bill_t;

#endif
