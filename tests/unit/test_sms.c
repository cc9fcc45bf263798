#include <stdio.h>
#include <string.h>

#include "cr_sms.h"
#include "cr_str.h"
#include "cr_test.h"

const char cr_suite[] = "sms";

/* `count` times `piece`, then measured. */
static cr_sms_size_t
measure(const char *piece, size_t count)
{
    cr_str_t text;
    cr_str_init(&text, 1 << 16);
    for (size_t i = 0; i < count; i++)
        cr_str_append_text(&text, piece);
    cr_sms_size_t size = cr_sms_measure(cr_str_slice(&text));
    cr_str_fini(&text);
    return size;
}

static void
parts_follow_the_encoding_and_its_limits(void)
{
    static const struct {
        const char *piece;
        size_t count;
        bool ucs2;
        unsigned units, parts;
    } cases[] = {
        {"", 0, false, 0, 0},      {"a", 160, false, 160, 1}, {"a", 161, false, 161, 2},
        {"a", 306, false, 306, 2}, {"a", 307, false, 307, 3}, {"€", 80, false, 160, 1},
        {"€", 81, false, 162, 2},  {"木", 70, true, 70, 1},   {"木", 71, true, 71, 2},
        {"木", 134, true, 134, 2}, {"木", 135, true, 135, 3}, {"🌾", 35, true, 70, 1},
        {"🌾", 36, true, 72, 2},    {"é", 160, false, 160, 1}, {"ê", 1, true, 1, 1},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_sms_size_t size = measure(cases[i].piece, cases[i].count);
        CU_ASSERT_EQUAL(size.ucs2, cases[i].ucs2);
        CU_ASSERT_EQUAL(size.units, cases[i].units);
        CU_ASSERT_EQUAL(size.parts, cases[i].parts);
    }
}

static void
a_pair_is_never_split_between_parts(void)
{
    /* 67 units a part: 33 pairs fit, the 34th starts the next part. */
    CU_ASSERT_EQUAL(measure("🌾", 66).parts, 2);
    CU_ASSERT_EQUAL(measure("🌾", 67).parts, 3);
    /* 153 septets a part: 76 escaped characters fit. */
    CU_ASSERT_EQUAL(measure("€", 152).parts, 2);
    CU_ASSERT_EQUAL(measure("€", 153).parts, 3);
}

static void
texts_are_encoded_and_come_back(void)
{
    static const struct {
        cr_sms_coding_t coding;
        const char *text, *octets;
        cr_err_t err;
    } cases[] = {
        {CR_SMS_GSM, "@{a}\xe2\x82\xac", "00 1b28 61 1b29 1b65", CR_OK},
        {CR_SMS_GSM, "木", "", CR_RANGE},
        {CR_SMS_GSM, "`", "", CR_RANGE},
        {CR_SMS_GSM, "Δé\n", "10050a", CR_OK},
        {CR_SMS_ASCII, "a~", "617e", CR_OK},
        {CR_SMS_ASCII, "é", "", CR_RANGE},
        {CR_SMS_LATIN1, "é", "e9", CR_OK},
        {CR_SMS_LATIN1, "Δ", "", CR_RANGE},
        {CR_SMS_UCS2, "木🌾", "6728 d83c df3e", CR_OK},
        {CR_SMS_UCS2, "\xff", "", CR_INVAL},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        uint8_t octets[16];
        size_t length = 0, at = 0;
        CU_ASSERT_EQUAL(cr_sms_encode(cases[i].coding, cr_slice_of(cases[i].text), octets,
                                      sizeof octets, &length),
                        cases[i].err);
        if (cases[i].err != CR_OK)
            continue;
        for (const char *hex = cases[i].octets; *hex; hex += *hex == ' ' ? 1 : 2) {
            unsigned octet;
            if (*hex != ' ' && sscanf(hex, "%2x", &octet) == 1)
                CU_ASSERT_EQUAL(octets[at++], octet);
        }
        CU_ASSERT_EQUAL(length, at);
        cr_str_t back;
        cr_str_init(&back, 64);
        cr_sms_decode(cases[i].coding, (cr_slice_t){(char *)octets, length}, &back);
        CU_ASSERT_STRING_EQUAL(cr_str_text(&back), cases[i].text);
        cr_str_fini(&back);
    }
    uint8_t octets[3];
    size_t length;
    CU_ASSERT_EQUAL(cr_sms_encode(CR_SMS_UCS2, CR_SLICE("木铎"), octets, sizeof octets, &length),
                    CR_TOOBIG);
}

static void
broken_octets_become_replacements(void)
{
    const struct {
        cr_sms_coding_t coding;
        cr_slice_t octets;
        const char *text;
    } cases[] = {
        {CR_SMS_UCS2, CR_SLICE("\xd8\x3c"), "\xef\xbf\xbd"},
        {CR_SMS_UCS2, CR_SLICE("\xd8\x3c\x67\x28"), "\xef\xbf\xbd木"},
        {CR_SMS_UCS2, CR_SLICE("\x67\x28\x67"), "木\xef\xbf\xbd"},
        {CR_SMS_GSM, CR_SLICE("a\x1b"), "a\xef\xbf\xbd"},
        {CR_SMS_GSM, CR_SLICE("\x1b\x00"), "\xef\xbf\xbd"},
        {CR_SMS_ASCII, CR_SLICE("a\x80"), "a\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_str_t text;
        cr_str_init(&text, 64);
        cr_sms_decode(cases[i].coding, cases[i].octets, &text);
        CU_ASSERT_STRING_EQUAL(cr_str_text(&text), cases[i].text);
        cr_str_fini(&text);
    }
}

static void
parts_are_cut_between_characters(void)
{
    CU_ASSERT_EQUAL(cr_sms_room(CR_SMS_GSM, 0), 160);
    CU_ASSERT_EQUAL(cr_sms_room(CR_SMS_GSM, CR_SMS_HEADER_8BIT), 153);
    CU_ASSERT_EQUAL(cr_sms_room(CR_SMS_GSM, CR_SMS_HEADER_16BIT), 152);
    CU_ASSERT_EQUAL(cr_sms_room(CR_SMS_UCS2, CR_SMS_HEADER_8BIT), 134);
    CU_ASSERT_EQUAL(cr_sms_room(CR_SMS_LATIN1, CR_SMS_HEADER_16BIT), 133);
    cr_slice_t grain = CR_SLICE("\x67\x28\xd8\x3c\xdf\x3e");
    CU_ASSERT_EQUAL(cr_sms_cut(CR_SMS_UCS2, grain, 6), 6);
    CU_ASSERT_EQUAL(cr_sms_cut(CR_SMS_UCS2, grain, 5), 2);
    CU_ASSERT_EQUAL(cr_sms_cut(CR_SMS_UCS2, grain, 4), 2);
    CU_ASSERT_EQUAL(cr_sms_cut(CR_SMS_UCS2, grain, 3), 2);
    cr_slice_t euro = CR_SLICE("ab\x1b\x65");
    CU_ASSERT_EQUAL(cr_sms_cut(CR_SMS_GSM, euro, 3), 2);
    CU_ASSERT_EQUAL(cr_sms_cut(CR_SMS_GSM, euro, 4), 4);
}

static void
the_header_joins_parts(void)
{
    const struct {
        cr_slice_t octets;
        size_t length;
        cr_sms_part_t part;
    } cases[] = {
        {CR_SLICE("\x05\x00\x03\xa5\x02\x01text"), 6, {0xA5, 2, 1}},
        {CR_SLICE("\x06\x08\x04\xa5\x5a\x03\x02"), 7, {0xA55A, 3, 2}},
        {CR_SLICE("\x0a\x01\x03xyz\x00\x03\x07\x02\x02"), 11, {7, 2, 2}},
        {CR_SLICE("\x05\x00\x03\xa5\x02"), 0, {0, 0, 0}},
        {CR_SLICE("\x05\x00\x04\xa5\x02\x01"), 0, {0, 0, 0}},
        {CR_SLICE(""), 0, {0, 0, 0}},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_sms_part_t part;
        CU_ASSERT_EQUAL(cr_sms_read_header(cases[i].octets, &part), cases[i].length);
        CU_ASSERT_EQUAL(part.reference, cases[i].part.reference);
        CU_ASSERT_EQUAL(part.total, cases[i].part.total);
        CU_ASSERT_EQUAL(part.number, cases[i].part.number);
        uint8_t written[CR_SMS_HEADER_16BIT];
        if (i > 1)
            continue;
        cr_sms_write_header(cases[i].length, &part, written);
        CU_ASSERT_EQUAL(memcmp(written, cases[i].octets.text, cases[i].length), 0);
    }
}

CU_TestInfo cr_tests[] = {
    {"parts follow the encoding and its limits", parts_follow_the_encoding_and_its_limits},
    {"a pair is never split between parts", a_pair_is_never_split_between_parts},
    {"texts are encoded and come back", texts_are_encoded_and_come_back},
    {"broken octets become replacements", broken_octets_become_replacements},
    {"parts are cut between characters", parts_are_cut_between_characters},
    {"the header joins parts", the_header_joins_parts},
    CU_TEST_INFO_NULL,
};
