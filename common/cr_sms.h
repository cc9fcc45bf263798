/*
 * cr_sms - a text as short messages: how many parts, in which coding, and cut where
 *
 * Source     3GPP TS 23.038 (GSM 7-bit default alphabet and extension table) and 23.040
 * (concatenation): 160 septets alone, 153 a part, 152 with a 16-bit reference; 70 UTF-16 units
 * alone, 67 or 66 a part. An escape pair or a surrogate pair is never split between parts.
 */
#ifndef CR_SMS_H
#define CR_SMS_H

#include "cr_str.h"

typedef struct {
    bool ucs2;      /* false: GSM 7-bit */
    unsigned units; /* septets or UTF-16 units of the whole text */
    unsigned parts; /* 0 for an empty text; with 8-bit references */
} cr_sms_size_t;

/* `text` must be UTF-8. */
cr_sms_size_t cr_sms_measure(cr_slice_t text);

/* How characters become octets. GSM is a septet an octet, as gateways take it: they pack it. */
typedef enum { CR_SMS_ASCII, CR_SMS_GSM, CR_SMS_LATIN1, CR_SMS_UCS2 } cr_sms_coding_t;

/* Appends the octets of a UTF-8 text to `out`, at most `capacity`; `length` tells how many.
 * CR_RANGE: a character that the coding lacks; CR_TOOBIG; CR_INVAL: not UTF-8. */
cr_err_t cr_sms_encode(cr_sms_coding_t coding, cr_slice_t text, uint8_t *out, size_t capacity,
                       size_t *length) CR_MUST_USE;
/* Appends the text of octets from outside; what means nothing becomes U+FFFD. */
void cr_sms_decode(cr_sms_coding_t coding, cr_slice_t octets, cr_str_t *out);

/* Octets of text that one short message holds behind a user data header of so many octets. */
size_t cr_sms_room(cr_sms_coding_t coding, size_t header);
/* Length of the first part of encoded octets: at most `room`, and no pair is split. */
size_t cr_sms_cut(cr_sms_coding_t coding, cr_slice_t octets, size_t room);

/* The user data header that joins parts. */
enum { CR_SMS_HEADER_8BIT = 6, CR_SMS_HEADER_16BIT = 7, CR_SMS_PARTS_MAX = 255 };
typedef struct {
    uint16_t reference;
    uint8_t total, number; /* counts from 1 */
} cr_sms_part_t;

/* `header` is CR_SMS_HEADER_8BIT or _16BIT, which is also how many octets are written. */
void cr_sms_write_header(size_t header, const cr_sms_part_t *part, uint8_t *out);
/* Octets of the header before a text, 0 when it is broken. `part` is {0} when the header does not
 * join parts. */
size_t cr_sms_read_header(cr_slice_t octets, cr_sms_part_t *part);

#endif
