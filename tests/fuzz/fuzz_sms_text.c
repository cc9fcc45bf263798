/* Octets of a short message in each coding: what is read is UTF-8, cuts lose nothing and split no pair. */
#include <stdlib.h>

#include "cr_sms.h"
#include "cr_text.h"
#include "fuzz.h"

static void
check_coding(cr_sms_coding_t coding, cr_slice_t octets)
{
    cr_str_t text;
    cr_str_init(&text, 1 << 20);
    cr_sms_decode(coding, octets, &text);
    if (!cr_text_is_utf8(cr_str_slice(&text)))
        abort();
    cr_str_fini(&text);
}

/* Each part of an encoded text, read by itself, gives a piece of the text. */
static void
check_cuts(cr_sms_coding_t coding, cr_slice_t text)
{
    static uint8_t octets[1 << 16];
    size_t length;
    if (cr_sms_encode(coding, text, octets, sizeof octets, &length) != CR_OK)
        return;
    cr_str_t whole;
    cr_str_init(&whole, 1 << 20);
    for (size_t at = 0; at < length;) {
        cr_slice_t rest = {(const char *)octets + at, length - at};
        rest.length = cr_sms_cut(coding, rest, cr_sms_room(coding, CR_SMS_HEADER_16BIT));
        if (rest.length == 0)
            abort();
        cr_sms_decode(coding, rest, &whole);
        at += rest.length;
    }
    if (!cr_slice_equal(cr_str_slice(&whole), text))
        abort();
    cr_str_fini(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cr_slice_t input = {(const char *)bytes, length};
    cr_sms_part_t part;
    if (cr_sms_read_header(input, &part) > length)
        abort();
    for (unsigned coding = CR_SMS_ASCII; coding <= CR_SMS_UCS2; coding++) {
        check_coding((cr_sms_coding_t)coding, input);
        check_cuts((cr_sms_coding_t)coding, input);
    }
    return 0;
}
