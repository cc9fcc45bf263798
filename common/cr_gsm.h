/*
 * cr_gsm - the GSM 7-bit default alphabet and its extension table
 *
 * Source     3GPP TS 23.038, sections 6.2.1 and 6.2.1.1.
 */
#ifndef CR_GSM_H
#define CR_GSM_H

#include "cr_base.h"

enum { CR_GSM_ESCAPE = 0x1B };

/* How many septets a character takes, 1 or 2 (an escape and a septet), and which; 0: it is not in
 * the alphabet. */
unsigned cr_gsm_septets(int32_t code, uint8_t out[2]);
/* The character of a septet, of the extension table if `escaped`; -1: none has it. */
int32_t cr_gsm_code(uint8_t septet, bool escaped);

#endif
