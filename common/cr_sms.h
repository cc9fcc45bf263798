/*
 * cr_sms - how many parts a text takes as short messages
 *
 * Source     3GPP TS 23.038 (GSM 7-bit default alphabet and extension table) and 23.040
 * (concatenation with an 8-bit reference): 160 septets alone, 153 a part; 70 UTF-16 units alone, 67
 * a part. An escape pair or a surrogate pair is never split between parts.
 */
#ifndef CR_SMS_H
#define CR_SMS_H

#include "cr_base.h"

typedef struct {
    bool ucs2;      /* false: GSM 7-bit */
    unsigned units; /* septets or UTF-16 units of the whole text */
    unsigned parts; /* 0 for an empty text */
} cr_sms_size_t;

/* `text` must be UTF-8. */
cr_sms_size_t cr_sms_measure(cr_slice_t text);

#endif
