/*
 * smsc_desk - the counter of the message centre: what becomes of a submit
 *
 * Meets the faults, refuses numbers that do not exist, joins the parts of long messages and accepts
 * what is whole: truth file, inbox. It knows no protocol and no connection.
 *
 * Ownership  the gateway is borrowed; texts are copied.
 */
#ifndef SMSC_DESK_H
#define SMSC_DESK_H

#include "cr_sms.h"
#include "gateway.h"
#include "smsc_join.h"

typedef struct {
    gateway_t *gateway;
    smsc_join_t *join;
    uint64_t next_id;
} smsc_desk_t;

typedef struct {
    cr_slice_t source, destination; /* numbers */
    cr_slice_t octets;              /* the text without its header */
    cr_slice_t reference;           /* ours, where the protocol carries it */
    cr_sms_coding_t coding;
    cr_sms_part_t part; /* total 0: a whole message */
    bool wants_receipt;
} smsc_submit_t;

typedef enum {
    SMSC_TAKEN,
    SMSC_LATER, /* the gateway's own trouble */
    SMSC_THROTTLED,
    SMSC_NO_NUMBER,
    SMSC_RESULTS
} smsc_result_t;

typedef struct {
    smsc_result_t result;
    uint32_t code; /* in place of the result's own; 0: that */
    uint64_t id;
    int64_t delay_us;     /* before the answer */
    bool silent, hang_up; /* in place of an answer */
    /* of the receipt */
    unsigned copies;
    bool failed, wrong;
    int64_t receipt_us;
    /* of the resident, once the message is whole */
    fault_person_t person;
} smsc_verdict_t;

/* CR_NOMEM. */
cr_err_t smsc_desk_init(smsc_desk_t *self, gateway_t *gateway) CR_MUST_USE;
void smsc_desk_fini(smsc_desk_t *self);

smsc_verdict_t smsc_desk_take(smsc_desk_t *self, const smsc_submit_t *submit);

#endif
