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

CU_TestInfo cr_tests[] = {
    {"parts follow the encoding and its limits", parts_follow_the_encoding_and_its_limits},
    {"a pair is never split between parts", a_pair_is_never_split_between_parts},
    CU_TEST_INFO_NULL,
};
