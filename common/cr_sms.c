#include "cr_sms.h"

#include <string.h>
#include <utf8proc.h>

#include "cr_gsm.h"

enum {
    OCTETS = 140, /* of user data, header included */
    SEPTETS = 160,
    CHARACTER_MAX = 4, /* octets */
    REPLACEMENT = 0xFFFD,
    CONCAT_8 = 0x00, /* information elements */
    CONCAT_16 = 0x08
};

/* ---- characters and octets: at most four a character, 0 when the coding lacks it ------------- */

static unsigned
put_ascii(int32_t code, uint8_t *out)
{
    out[0] = (uint8_t)code;
    return code > 0 && code < 0x80;
}

static unsigned
put_gsm(int32_t code, uint8_t *out)
{
    return cr_gsm_septets(code, out);
}

static unsigned
put_latin1(int32_t code, uint8_t *out)
{
    out[0] = (uint8_t)code;
    return code > 0 && code < 0x100;
}

static void
put_unit(uint32_t unit, uint8_t *out)
{
    out[0] = (uint8_t)(unit >> 8);
    out[1] = (uint8_t)unit;
}

static unsigned
put_ucs2(int32_t code, uint8_t *out)
{
    if (code <= 0xFFFF) {
        put_unit((uint32_t)code, out);
        return 2;
    }
    uint32_t above = (uint32_t)code - 0x10000;
    put_unit(0xD800 | above >> 10, out);
    put_unit(0xDC00 | (above & 0x3FF), out + 2);
    return 4;
}

/* The first character of octets, and how many it takes. */
static unsigned
get_ascii(cr_slice_t octets, int32_t *code)
{
    *code = (uint8_t)octets.text[0] < 0x80 ? octets.text[0] : REPLACEMENT;
    return 1;
}

static unsigned
get_gsm(cr_slice_t octets, int32_t *code)
{
    bool escaped = octets.text[0] == CR_GSM_ESCAPE && octets.length > 1;
    *code = cr_gsm_code((uint8_t)octets.text[escaped], escaped);
    if (*code < 0)
        *code = REPLACEMENT;
    return escaped ? 2 : 1;
}

static unsigned
get_latin1(cr_slice_t octets, int32_t *code)
{
    *code = (uint8_t)octets.text[0];
    return 1;
}

static int32_t
unit_at(cr_slice_t octets, size_t at)
{
    return (uint8_t)octets.text[at] << 8 | (uint8_t)octets.text[at + 1];
}

static unsigned
get_ucs2(cr_slice_t octets, int32_t *code)
{
    *code = REPLACEMENT;
    if (octets.length < 2)
        return 1;
    int32_t high = unit_at(octets, 0);
    if (high < 0xD800 || high > 0xDFFF) {
        *code = high;
        return 2;
    }
    if (high > 0xDBFF || octets.length < 4 || (unit_at(octets, 2) & 0xFC00) != 0xDC00)
        return 2;
    *code = 0x10000 + ((high & 0x3FF) << 10) + (unit_at(octets, 2) & 0x3FF);
    return 4;
}

static const struct {
    unsigned (*put)(int32_t code, uint8_t *out);
    unsigned (*get)(cr_slice_t octets, int32_t *code);
    size_t bits; /* that an octet of ours takes in the air */
} codings[] = {
    [CR_SMS_ASCII] = {put_ascii, get_ascii, 7},
    [CR_SMS_GSM] = {put_gsm, get_gsm, 7},
    [CR_SMS_LATIN1] = {put_latin1, get_latin1, 8},
    [CR_SMS_UCS2] = {put_ucs2, get_ucs2, 8},
};

/* ---- whole texts ---------------------------------------------------------------------------- */

/* Bytes of the first character of `text`; 0 when it is not UTF-8. */
static size_t
next_character(cr_slice_t text, int32_t *code)
{
    utf8proc_ssize_t bytes =
        utf8proc_iterate((const utf8proc_uint8_t *)text.text, (utf8proc_ssize_t)text.length, code);
    return bytes > 0 ? (size_t)bytes : 0;
}

cr_err_t
cr_sms_encode(cr_sms_coding_t coding, cr_slice_t text, uint8_t *out, size_t capacity,
              size_t *length)
{
    size_t used = 0;
    while (text.length > 0) {
        int32_t code;
        uint8_t last[CHARACTER_MAX]; /* where fewer octets are left than a character may take */
        size_t bytes = next_character(text, &code);
        if (bytes == 0)
            return CR_INVAL;
        bool fits = capacity - used >= CHARACTER_MAX;
        unsigned count = codings[coding].put(code, fits ? out + used : last);
        if (count == 0)
            return CR_RANGE;
        if (capacity - used < count)
            return CR_TOOBIG;
        if (!fits)
            memcpy(out + used, last, count);
        used += count;
        text = (cr_slice_t){text.text + bytes, text.length - bytes};
    }
    *length = used;
    return CR_OK;
}

void
cr_sms_decode(cr_sms_coding_t coding, cr_slice_t octets, cr_str_t *out)
{
    while (octets.length > 0) {
        int32_t code;
        utf8proc_uint8_t bytes[4];
        unsigned used = codings[coding].get(octets, &code);
        cr_str_append(out, bytes, (size_t)utf8proc_encode_char(code, bytes));
        octets = (cr_slice_t){octets.text + used, octets.length - used};
    }
}

size_t
cr_sms_room(cr_sms_coding_t coding, size_t header)
{
    return (OCTETS - header) * 8 / codings[coding].bits;
}

size_t
cr_sms_cut(cr_sms_coding_t coding, cr_slice_t octets, size_t room)
{
    if (octets.length <= room)
        return octets.length;
    if (coding == CR_SMS_UCS2) {
        room &= ~(size_t)1;
        return (unit_at(octets, room - 2) & 0xFC00) == 0xD800 ? room - 2 : room;
    }
    /* An escape is never the second of a pair. */
    return coding == CR_SMS_GSM && octets.text[room - 1] == CR_GSM_ESCAPE ? room - 1 : room;
}

/* ---- measuring ------------------------------------------------------------------------------ */

/* Octets and parts of `text`; false when the coding lacks a character. */
static bool
measure(cr_slice_t text, cr_sms_coding_t coding, cr_sms_size_t *size)
{
    size_t alone = cr_sms_room(coding, 0), part = cr_sms_room(coding, CR_SMS_HEADER_8BIT);
    size_t total = 0, parts = 1, in_part = 0;
    while (text.length > 0) {
        int32_t code;
        uint8_t octets[4];
        size_t bytes = next_character(text, &code);
        CR_ASSERT(bytes > 0);
        size_t count = codings[coding].put(code, octets);
        if (count == 0)
            return false;
        if (in_part + count > part) {
            parts++;
            in_part = 0;
        }
        in_part += count;
        total += count;
        text = (cr_slice_t){text.text + bytes, text.length - bytes};
    }
    size->units = (unsigned)total;
    size->parts = total == 0 ? 0 : total <= alone ? 1 : (unsigned)parts;
    return true;
}

cr_sms_size_t
cr_sms_measure(cr_slice_t text)
{
    cr_sms_size_t size = {0};
    if (measure(text, CR_SMS_GSM, &size))
        return size;
    size.ucs2 = true;
    measure(text, CR_SMS_UCS2, &size);
    size.units /= 2;
    return size;
}

/* ---- the header that joins parts ------------------------------------------------------------ */

void
cr_sms_write_header(size_t header, const cr_sms_part_t *part, uint8_t *out)
{
    bool wide = header == CR_SMS_HEADER_16BIT;
    *out++ = (uint8_t)(header - 1);
    *out++ = wide ? CONCAT_16 : CONCAT_8;
    *out++ = wide ? 4 : 3;
    if (wide)
        *out++ = (uint8_t)(part->reference >> 8);
    *out++ = (uint8_t)part->reference;
    *out++ = part->total;
    *out++ = part->number;
}

/* One information element; what is no concatenation is passed over. */
static void
read_element(const uint8_t *element, size_t length, cr_sms_part_t *part)
{
    if (element[0] == CONCAT_8 && length == 3)
        *part = (cr_sms_part_t){element[2], element[3], element[4]};
    if (element[0] == CONCAT_16 && length == 4)
        *part = (cr_sms_part_t){(uint16_t)(element[2] << 8 | element[3]), element[4], element[5]};
}

size_t
cr_sms_read_header(cr_slice_t octets, cr_sms_part_t *part)
{
    *part = (cr_sms_part_t){0};
    const uint8_t *bytes = (const uint8_t *)octets.text;
    if (octets.length == 0 || octets.length - 1 < bytes[0])
        return 0;
    size_t end = (size_t)bytes[0] + 1;
    for (size_t at = 1; at + 2 <= end;) {
        size_t length = bytes[at + 1];
        if (end - at - 2 < length)
            return 0;
        read_element(bytes + at, length, part);
        at += 2 + length;
    }
    return end;
}
