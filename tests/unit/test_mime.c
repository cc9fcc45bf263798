/* Texts of every length around the cuts, as a foreign parser reads them back. */
#include <gmime/gmime.h>
#include <string.h>

#include "cr_test.h"
#include "cr_text.h"
#include "mime.h"

#define CYCLE "木a铎\xf0\x9f\x94\x94 =?."

static cr_str_t text, out;

static void
set_up(void)
{
    g_mime_init();
    cr_str_init(&text, 1 << 16);
    cr_str_init(&out, 1 << 20);
}

static void
tear_down(void)
{
    cr_str_fini(&text);
    cr_str_fini(&out);
}

/* As many characters of the cycle as there is room for. */
static void
make_text(const char *cycle, size_t characters)
{
    cr_str_clear(&text);
    cr_str_clear(&out);
    const char *at = cycle;
    for (size_t i = 0; i < characters; i++) {
        do
            cr_str_append_char(&text, *at++);
        while (((unsigned char)*at & 0xC0) == 0x80);
        if (!*at)
            at = cycle;
    }
}

static void
check_lines(void)
{
    for (const char *at = cr_str_text(&out), *end; *at; at = end + 2) {
        end = strstr(at, "\r\n");
        CU_ASSERT_PTR_NOT_NULL_FATAL(end);
        CU_ASSERT_TRUE(end - at <= 76);
    }
    CU_ASSERT_TRUE(cr_text_is_ascii(cr_str_slice(&out)));
}

/* Each encoded word by itself is whole UTF-8; together they are the text. */
static void
check_words(void)
{
    cr_str_t all;
    cr_str_init(&all, 1 << 16);
    const char *at = cr_str_text(&out) + strlen("Subject: ");
    while (strncmp(at, "=?UTF-8?B?", 10) == 0) {
        const char *end = strstr(at + 10, "?=");
        CU_ASSERT_PTR_NOT_NULL_FATAL(end);
        CU_ASSERT_TRUE(end + 2 - at <= 75);
        gsize length;
        char *letters = g_strndup(at + 10, (gsize)(end - at - 10));
        guchar *bytes = g_base64_decode(letters, &length);
        CU_ASSERT_TRUE(cr_text_is_utf8((cr_slice_t){(const char *)bytes, length}));
        cr_str_append(&all, bytes, length);
        g_free(letters);
        g_free(bytes);
        at = end + strlen("?=\r\n");
        at += *at == ' ';
    }
    if (all.length > 0)
        CU_ASSERT_STRING_EQUAL(cr_str_text(&all), cr_str_text(&text));
    cr_str_fini(&all);
}

static void
headers_are_read_back(void)
{
    static const char *const cycles[] = {CYCLE, "平阴县科普", "x", "Hello, world "};
    set_up();
    for (size_t c = 0; c < CR_COUNT(cycles); c++)
        for (size_t characters = 0; characters < 120; characters++) {
            make_text(cycles[c], characters);
            while (text.length > 0 && text.text[text.length - 1] == ' ')
                text.text[--text.length] = '\0';
            mime_append_header(&out, "Subject", cr_str_slice(&text));
            check_lines();
            check_words();
            if (text.length > 0 && !strstr(cr_str_text(&out), "=?UTF-8?B?"))
                CU_ASSERT_PTR_NOT_NULL(strstr(cr_str_text(&out), cr_str_text(&text)));
        }
    tear_down();
}

static void
names_are_read_back(void)
{
    static const char *const names[] = {"平阴科普", "Office, of Pingyin", "a \"b\" \\c",
                                        "=?x?=", ""};
    set_up();
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        cr_str_clear(&out);
        mime_append_mailbox(&out, "From", cr_slice_of(names[i]), CR_SLICE("kp@pingyin.test"));
        InternetAddressList *list =
            internet_address_list_parse(NULL, cr_str_text(&out) + strlen("From: "));
        CU_ASSERT_EQUAL_FATAL(internet_address_list_length(list), 1);
        InternetAddress *address = internet_address_list_get_address(list, 0);
        const char *name = internet_address_get_name(address);
        CU_ASSERT_STRING_EQUAL(name ? name : "", names[i]);
        CU_ASSERT_STRING_EQUAL(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address)),
                               "kp@pingyin.test");
        g_object_unref(list);
    }
    tear_down();
}

static bool
part_is(const char *expected)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(cr_str_text(&out), out.length);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeObject *part = g_mime_parser_construct_part(parser, NULL);
    GByteArray *bytes = g_byte_array_new();
    GMimeStream *into = g_mime_stream_mem_new_with_byte_array(bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(into), FALSE);
    g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(GMIME_PART(part)), into);
    bool same = bytes->len == strlen(expected) &&
                (bytes->len == 0 || memcmp(bytes->data, expected, bytes->len) == 0);
    g_byte_array_unref(bytes);
    g_object_unref(into);
    g_object_unref(part);
    g_object_unref(parser);
    g_object_unref(stream);
    return same;
}

static void
texts_are_read_back(void)
{
    static const char *const cycles[] = {
        CYCLE,   "平阴县\r\n科普\r\n",   "plain text, and = and \t\r\n", "--=_x\r\n",
        ".\r\n", "mostly plain 木 text "};
    set_up();
    for (size_t c = 0; c < CR_COUNT(cycles); c++)
        for (size_t characters = 0; characters < 300; characters++) {
            make_text(cycles[c], characters);
            if (text.length > 0 && text.text[text.length - 1] == '\r')
                continue;
            mime_append_part(&out, "plain", cr_str_slice(&text));
            check_lines();
            CU_ASSERT_TRUE(part_is(cr_str_text(&text)));
            CU_ASSERT_PTR_NULL(strstr(cr_str_text(&out), "\r\n--=_"));
            /* Relays may take blanks away at the end of a line. */
            CU_ASSERT_PTR_NULL(strstr(cr_str_text(&out), " \r\n"));
            CU_ASSERT_PTR_NULL(strstr(cr_str_text(&out), "\t\r\n"));
        }
    tear_down();
}

static void
line_ends_become_crlf_once(void)
{
    set_up();
    mime_append_part(&out, "plain", CR_SLICE("one\ntwo\r\nthree\n"));
    CU_ASSERT_TRUE(part_is("one\r\ntwo\r\nthree\r\n"));
    tear_down();
}

const char cr_suite[] = "mime";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(headers_are_read_back),      TEST(names_are_read_back), TEST(texts_are_read_back),
    TEST(line_ends_become_crlf_once), CU_TEST_INFO_NULL,
};
