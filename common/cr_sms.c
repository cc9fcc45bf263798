#include "cr_sms.h"

#include <utf8proc.h>

enum {
    GSM_ALONE = 160,
    GSM_PART = 153,
    UCS2_ALONE = 70,
    UCS2_PART = 67,
};

/* The non-ASCII characters of the default alphabet; ASCII is handled by ranges. */
static const uint16_t gsm_others[] = {
    0x00A3, 0x00A5, 0x00E8, 0x00E9, 0x00F9, 0x00EC, 0x00F2, 0x00C7, 0x00D8, 0x00F8,
    0x00C5, 0x00E5, 0x0394, 0x03A6, 0x0393, 0x039B, 0x03A9, 0x03A0, 0x03A8, 0x03A3,
    0x0398, 0x039E, 0x00C6, 0x00E6, 0x00DF, 0x00C9, 0x00A4, 0x00A1, 0x00C4, 0x00D6,
    0x00D1, 0x00DC, 0x00A7, 0x00BF, 0x00E4, 0x00F6, 0x00F1, 0x00FC, 0x00E0,
};
/* The extension table: an escape and a septet. */
static const uint16_t gsm_extended[] = {'\f', '^', '{', '}', '\\', '[', '~', ']', '|', 0x20AC};

static bool
is_among(const uint16_t *list, size_t count, int32_t code)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == code)
            return true;
    return false;
}

/* Septets of one character; 0 when GSM 7-bit cannot hold it. */
static unsigned
gsm_units(int32_t code)
{
    if (is_among(gsm_extended, CR_COUNT(gsm_extended), code))
        return 2;
    if (code == '\n' || code == '\r' || (code >= ' ' && code < 0x7F && code != '`'))
        return 1;
    return is_among(gsm_others, CR_COUNT(gsm_others), code) ? 1 : 0;
}

static unsigned
ucs2_units(int32_t code)
{
    return code > 0xFFFF ? 2 : 1;
}

typedef unsigned units_fn(int32_t code);

/* Units and parts of `text`; false when `units_of` cannot encode a character. */
static bool
measure(cr_slice_t text, units_fn *units_of, unsigned alone, unsigned part, cr_sms_size_t *size)
{
    unsigned total = 0, parts = 1, in_part = 0;
    for (size_t at = 0; at < text.length;) {
        utf8proc_int32_t code;
        utf8proc_ssize_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)text.text + at,
                                                  (utf8proc_ssize_t)(text.length - at), &code);
        CR_ASSERT(bytes > 0);
        unsigned units = units_of(code);
        if (units == 0)
            return false;
        if (in_part + units > part) {
            parts++;
            in_part = 0;
        }
        in_part += units;
        total += units;
        at += (size_t)bytes;
    }
    size->units = total;
    size->parts = total == 0 ? 0 : total <= alone ? 1 : parts;
    return true;
}

cr_sms_size_t
cr_sms_measure(cr_slice_t text)
{
    cr_sms_size_t size = {0};
    if (measure(text, gsm_units, GSM_ALONE, GSM_PART, &size))
        return size;
    size.ucs2 = true;
    measure(text, ucs2_units, UCS2_ALONE, UCS2_PART, &size);
    return size;
}
