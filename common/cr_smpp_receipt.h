/*
 * cr_smpp_receipt - the text that a delivery receipt of SMPP carries
 *
 * "id:0123 sub:001 dlvrd:001 submit date:2611251200 done date:2611251201 stat:DELIVRD err:000 text:"
 * is a custom, not a rule: keys come in any case and order, some are missing.
 *
 * Source     SMPP v3.4 issue 1.2, appendix B.
 * Ownership  slices that were read borrow from the text.
 */
#ifndef CR_SMPP_RECEIPT_H
#define CR_SMPP_RECEIPT_H

#include "cr_str.h"

typedef struct {
    cr_slice_t id, sub, dlvrd, submit_date, done_date, stat, err, text;
} cr_smpp_receipt_t;

/* CR_INVAL: without id or stat. */
cr_err_t cr_smpp_receipt_read(cr_slice_t text, cr_smpp_receipt_t *receipt) CR_MUST_USE;
void cr_smpp_receipt_write(const cr_smpp_receipt_t *receipt, cr_str_t *out);

/* "DELIVRD" to CR_SMPP_STATE_DELIVERED and back; 0 and "UNKNOWN" for what is unknown. */
uint32_t cr_smpp_state_of(cr_slice_t stat);
const char *cr_smpp_state_name(uint32_t state);

#endif
