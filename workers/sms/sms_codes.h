/*
 * sms_codes - what the codes of SMPP and CMPP mean for a delivery
 *
 * Tables and nothing else. What a gateway refused was certainly not sent: "later" for what passes
 * (full, throttled, its own fault), FAILED_* for what does not.
 *
 * Source     SMPP v3.4 section 5.1.3; CMPP 2.0 and 3.0.1, SUBMIT_RESP and status reports.
 */
#ifndef SMS_CODES_H
#define SMS_CODES_H

#include "cr_status.h"

cr_status_t sms_code_smpp(uint32_t command_status);
cr_status_t sms_code_cmpp(uint32_t result);
/* A receipt's state in words: "DELIVRD", "UNDELIV", "MA:0001". CR_STATUS_ACCEPTED: not the last. */
cr_status_t sms_code_receipt(cr_slice_t stat);

#endif
