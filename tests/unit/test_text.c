#include <string.h>

#include "cr_test.h"
#include "cr_text.h"

const char cr_suite[] = "text";

static void
utf8_is_told_from_other_bytes(void)
{
    CU_ASSERT_TRUE(cr_text_is_utf8(CR_SLICE("木铎 🌾")));
    CU_ASSERT_FALSE(cr_text_is_utf8(CR_SLICE("\xC4\xBE\xEE\xEC"))); /* GBK */
    CU_ASSERT_FALSE(cr_text_is_utf8(CR_SLICE("\xED\xA0\x80")));     /* lone surrogate */
    CU_ASSERT_FALSE(cr_text_is_utf8(CR_SLICE("\xC0\xAF")));         /* overlong */
    CU_ASSERT_FALSE(cr_text_is_utf8(CR_SLICE("\xF4\x90\x80\x80"))); /* beyond Unicode */
    CU_ASSERT_FALSE(cr_text_is_utf8(CR_SLICE("cut \xE6\x9C")));
}

static void
length_counts_characters_and_width_counts_columns(void)
{
    CU_ASSERT_EQUAL(cr_text_length(CR_SLICE("ab木铎🌾")), 5);
    CU_ASSERT_EQUAL(cr_text_width(CR_SLICE("ab木铎")), 6);
}

static void
text_is_normalised_to_nfc(void)
{
    cr_str_t out;
    cr_str_init(&out, 100);
    CU_ASSERT_EQUAL(cr_text_normalise(CR_SLICE("e\xCC\x81"), &out), CR_OK);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&out), "é");
    CU_ASSERT_EQUAL(cr_text_normalise(CR_SLICE("\xFF"), &out), CR_INVAL);
    cr_str_fini(&out);
}

static void
invisible_and_control_characters_are_found_with_their_place(void)
{
    static const struct {
        const char *text;
        size_t at;
        uint32_t code;
    } bad[] = {
        {"a\x01", 1, 0x01},
        {"木\xE2\x80\x8B", 3, 0x200B},
        {"\xE2\x80\xAE"
         "evil",
         0, 0x202E},
        {"x\xEF\xBB\xBF", 1, 0xFEFF},
        {"so\xC2\xAD"
         "ft",
         2, 0xAD},
        {"\xEF\xBF\xBF", 0, 0xFFFF},
        {"\x7F", 0, 0x7F},
    };
    size_t at;
    uint32_t code;
    CU_ASSERT_FALSE(cr_text_find_forbidden(CR_SLICE("第一行\n第二行\t🌾"), &at, &code));
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        CU_ASSERT_TRUE_FATAL(cr_text_find_forbidden(cr_slice_of(bad[i].text), &at, &code));
        CU_ASSERT_EQUAL(at, bad[i].at);
        CU_ASSERT_EQUAL(code, bad[i].code);
    }
    CU_ASSERT_TRUE(cr_text_has_line_break(CR_SLICE("a\rb")));
    CU_ASSERT_TRUE(cr_text_has_line_break(CR_SLICE("a\0b")));
    CU_ASSERT_FALSE(cr_text_has_line_break(CR_SLICE("a b")));
}

static void
html_is_escaped(void)
{
    cr_str_t out;
    cr_str_init(&out, 100);
    cr_text_append_html(&out, CR_SLICE("<a href=\"x\">'&'木"));
    CU_ASSERT_PTR_NULL(strpbrk(cr_str_text(&out), "<>\"'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(cr_str_text(&out), "&amp;"));
    CU_ASSERT_PTR_NOT_NULL(strstr(cr_str_text(&out), "&lt;a href="));
    cr_str_fini(&out);
}

static void
addresses_are_masked_and_never_whole(void)
{
    char phone[32], email[80], openid[32], name[64];
    CU_ASSERT_STRING_EQUAL(cr_mask_phone(CR_SLICE("13812341234"), phone), "138****1234");
    CU_ASSERT_STRING_EQUAL(cr_mask_email(CR_SLICE("zhang@pingyin.test"), email),
                           "z***@pingyin.test");
    CU_ASSERT_STRING_EQUAL(cr_mask_openid(CR_SLICE("oA1bCdEfGhIjKlMnOpQrStUvx9Yz"), openid),
                           "oA1b...x9Yz");
    CU_ASSERT_STRING_EQUAL(cr_mask_name(CR_SLICE("张小明"), name), "张*");
    static const char *const shorts[] = {"", "1", "12", "110", "123456"};
    for (size_t i = 1; i < CR_COUNT(shorts); i++) {
        CU_ASSERT_STRING_NOT_EQUAL(cr_mask_phone(cr_slice_of(shorts[i]), phone), shorts[i]);
        CU_ASSERT_STRING_NOT_EQUAL(cr_mask_openid(cr_slice_of(shorts[i]), openid), shorts[i]);
        CU_ASSERT_STRING_NOT_EQUAL(cr_mask_email(cr_slice_of(shorts[i]), email), shorts[i]);
    }
}

CU_TestInfo cr_tests[] = {
    {"UTF-8 is told from other bytes", utf8_is_told_from_other_bytes},
    {"length counts characters and width counts columns",
     length_counts_characters_and_width_counts_columns},
    {"text is normalised to NFC", text_is_normalised_to_nfc},
    {"invisible and control characters are found with their place",
     invisible_and_control_characters_are_found_with_their_place},
    {"HTML is escaped", html_is_escaped},
    {"addresses are masked and never whole", addresses_are_masked_and_never_whole},
    CU_TEST_INFO_NULL,
};
