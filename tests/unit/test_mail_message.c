/* Mails: what leaves is read back by a parser; replies of mail servers. */
#include <gmime/gmime.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_test.h"
#include "cr_token.h"
#include "mail_message.h"
#include "mail_outcome.h"

#define LONG_LINE                                                                                  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"

static const mail_sender_t sender = {
    "kp@pingyin.test", "crier.test", "https://kp.pingyin.test/u/", "bounce.pingyin.test", {7}};
static const int64_t noon_us = INT64_C(1778558400) * CR_US_PER_S; /* 2026-05-12 12:00 +08:00 */

static const message_t full = {
    .reference = "0000001K.m.4711.2",
    .address = {"zhang.san@example.test", 22},
    .sender = {"平阴科普", 12},
    .subject = {"【演练】全国防灾减灾日：人人讲安全、个个会应急，排查身边灾害隐患，请您和家人留意",
                120},
    .text = {"张三您好：\n第一行\n.\n.点开头的行\n", 54},
    .html = {"<p>张三您好</p>\n", 20},
};

static message_t
message_of(const message_t *base)
{
    message_t message = *base;
    message.subject = cr_slice_of(message.subject.text);
    message.text = cr_slice_of(message.text.text);
    message.html = cr_slice_of(message.html.text);
    return message;
}

static GMimeMessage *
parse(const cr_str_t *mail)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(cr_str_text(mail), mail->length);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *parsed = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    return parsed;
}

/* The decoded bytes of a part, as they are on the wire; caller frees. */
static GByteArray *
content_of(GMimeObject *part)
{
    GByteArray *bytes = g_byte_array_new();
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
    g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(GMIME_PART(part)), stream);
    g_object_unref(stream);
    return bytes;
}

static bool
part_is(GMimeObject *part, const char *subtype, const char *expected)
{
    GMimeContentType *type = g_mime_object_get_content_type(part);
    GByteArray *content = content_of(part);
    bool same = g_mime_content_type_is_type(type, "text", subtype) &&
                strcmp(g_mime_content_type_get_parameter(type, "charset"), "utf-8") == 0 &&
                content->len == strlen(expected) &&
                memcmp(content->data, expected, content->len) == 0;
    g_byte_array_unref(content);
    return same;
}

static void
what_leaves_is_what_was_written(void)
{
    message_t message = message_of(&full);
    cr_str_t mail;
    g_mime_init();
    cr_str_init(&mail, 1 << 20);
    CU_ASSERT_EQUAL_FATAL(mail_message_build(&message, &sender, noon_us, &mail), CR_OK);
    GMimeMessage *parsed = parse(&mail);
    CU_ASSERT_STRING_EQUAL(g_mime_message_get_subject(parsed), message.subject.text);
    CU_ASSERT_STRING_EQUAL(g_mime_message_get_message_id(parsed), "0000001K.m.4711@crier.test");
    CU_ASSERT_STRING_EQUAL(g_mime_object_get_header(GMIME_OBJECT(parsed), "Auto-Submitted"),
                           "auto-generated");
    InternetAddress *from = internet_address_list_get_address(g_mime_message_get_from(parsed), 0);
    CU_ASSERT_STRING_EQUAL(internet_address_get_name(from), "平阴科普");
    CU_ASSERT_STRING_EQUAL(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(from)),
                           "kp@pingyin.test");
    InternetAddressList *to = g_mime_message_get_to(parsed);
    CU_ASSERT_EQUAL(internet_address_list_length(to), 1);
    CU_ASSERT_EQUAL(g_date_time_to_unix(g_mime_message_get_date(parsed)), 1778558400);

    GMimeMultipart *body = GMIME_MULTIPART(g_mime_message_get_mime_part(parsed));
    CU_ASSERT_TRUE(g_mime_content_type_is_type(g_mime_object_get_content_type(GMIME_OBJECT(body)),
                                               "multipart", "alternative"));
    CU_ASSERT_EQUAL(g_mime_multipart_get_count(body), 2);
    CU_ASSERT_TRUE(part_is(g_mime_multipart_get_part(body, 0), "plain",
                           "张三您好：\r\n第一行\r\n.\r\n.点开头的行\r\n"));
    CU_ASSERT_TRUE(part_is(g_mime_multipart_get_part(body, 1), "html", "<p>张三您好</p>\r\n"));
    g_object_unref(parsed);
    cr_str_fini(&mail);
}

static void
check_lines(const cr_str_t *mail)
{
    size_t from = 0;
    for (size_t i = 0; i < mail->length; i++) {
        CU_ASSERT_TRUE((unsigned char)mail->text[i] < 0x80 && mail->text[i] != '\0');
        if (mail->text[i] != '\n')
            continue;
        CU_ASSERT_TRUE(i > from && mail->text[i - 1] == '\r');
        CU_ASSERT_TRUE(i - 1 - from <= 78 ||
                       strncmp(mail->text + from, "List-Unsubscribe:", 17) == 0);
        from = i + 1;
    }
    CU_ASSERT_EQUAL(from, mail->length);
}

static void
lines_are_short_and_end_in_crlf_and_all_is_ascii(void)
{
    message_t messages[] = {message_of(&full), message_of(&full), message_of(&full)};
    char long_text[4096];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    messages[1].text = cr_slice_of(long_text);
    messages[1].html = CR_SLICE("");
    messages[2].text = CR_SLICE("short\nFrom here\n.\n" LONG_LINE LONG_LINE "\n");
    messages[2].html = CR_SLICE("");
    for (size_t i = 0; i < CR_COUNT(messages); i++) {
        cr_str_t mail;
        cr_str_init(&mail, 1 << 20);
        CU_ASSERT_EQUAL(mail_message_build(&messages[i], &sender, noon_us, &mail), CR_OK);
        check_lines(&mail);
        cr_str_fini(&mail);
    }
}

static bool
is_refused(const message_t *message)
{
    cr_str_t mail;
    cr_str_init(&mail, 1 << 20);
    cr_err_t err = mail_message_build(message, &sender, noon_us, &mail);
    cr_str_fini(&mail);
    return err == CR_INVAL;
}

static void
a_header_cannot_be_injected(void)
{
    message_t subject = message_of(&full), name = message_of(&full), address = message_of(&full);
    subject.subject = CR_SLICE("one\r\nBcc: all@example.test");
    name.sender = CR_SLICE("one\nBcc: all@example.test");
    CU_ASSERT_TRUE(is_refused(&subject));
    CU_ASSERT_TRUE(is_refused(&name));
    static const char *const addresses[] = {"", "a@example.test>\r\nDATA", "<a@example.test>",
                                            "a@example.test\nb@example.test"};
    for (size_t i = 0; i < CR_COUNT(addresses); i++) {
        address.address = cr_slice_of(addresses[i]);
        CU_ASSERT_TRUE(is_refused(&address));
    }
}

/* The value of a header, or an empty text; valid until the next call. */
static const char *
header_of(const message_t *message, const char *name)
{
    static char value[512];
    cr_str_t mail;
    g_mime_init();
    cr_str_init(&mail, 1 << 20);
    value[0] = '\0';
    if (mail_message_build(message, &sender, noon_us, &mail) == CR_OK) {
        GMimeMessage *parsed = parse(&mail);
        const char *found = g_mime_object_get_header(GMIME_OBJECT(parsed), name);
        snprintf(value, sizeof value, "%s", found ? found : "");
        g_object_unref(parsed);
    }
    cr_str_fini(&mail);
    return value;
}

static void
whoever_reads_may_leave_but_not_what_saves_lives(void)
{
    message_t bulk = message_of(&full), emergency = message_of(&full);
    bulk.lane = CR_LANE_BULK;
    emergency.lane = CR_LANE_EMERGENCY;
    const char *link = header_of(&bulk, "List-Unsubscribe");
    CU_ASSERT_EQUAL(strncmp(link, "<https://kp.pingyin.test/u/0000001K.m.4711.", 43), 0);
    cr_slice_t token = {link + 27, strlen(link) - 28}, delivery;
    CU_ASSERT_EQUAL(cr_token_check(token, sender.key, CR_TOKEN_UNSUBSCRIBE, &delivery), CR_OK);
    CU_ASSERT_STRING_EQUAL(header_of(&bulk, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    CU_ASSERT_STRING_EQUAL(header_of(&bulk, "List-Id"), "<notices.crier.test>");
    CU_ASSERT_STRING_EQUAL(header_of(&bulk, "Precedence"), "bulk");
    CU_ASSERT_STRING_EQUAL(header_of(&emergency, "List-Unsubscribe"), "");
}

static void
bounces_come_back_with_the_reference(void)
{
    message_t message = message_of(&full);
    cr_str_t path;
    cr_str_init(&path, 254);
    mail_message_return_path(&message, &sender, &path);
    const char *local = "bounces+", *at = strchr(cr_str_text(&path), '@');
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    CU_ASSERT_TRUE(at - path.text <= 64);
    CU_ASSERT_STRING_EQUAL(at, "@bounce.pingyin.test");
    cr_slice_t token = {path.text + strlen(local), (size_t)(at - path.text) - strlen(local)}, text;
    CU_ASSERT_EQUAL_FATAL(cr_token_check(token, sender.key, CR_TOKEN_BOUNCE, &text), CR_OK);
    CU_ASSERT_TRUE(cr_slice_equal(text, CR_SLICE("0000001K.m.4711.2")));
    cr_str_fini(&path);
}

static void
a_reply_becomes_its_outcome(void)
{
    static const struct {
        bool answered, sent;
        unsigned code;
        const char *text;
        cr_status_t outcome;
    } cases[] = {
        {true, true, 250, "2.0.0 taken", CR_STATUS_HANDED},
        {true, false, 421, "4.7.0 come later", CR_STATUS_RETRY_1},
        {true, false, 450, "4.7.1 too many mails", CR_STATUS_RETRY_1},
        {true, false, 452, "4.2.2 full for now", CR_STATUS_RETRY_1},
        {true, false, 550, "5.1.1 no such mailbox", CR_STATUS_FAILED_ADDRESS},
        {true, false, 550, "go away", CR_STATUS_FAILED_ADDRESS},
        {true, false, 550, "5.2.2 full", CR_STATUS_FAILED_MAILBOX},
        {true, false, 550, "5.7.1 policy", CR_STATUS_FAILED_BLOCKED},
        {true, false, 551, "moved", CR_STATUS_FAILED_ADDRESS},
        {true, false, 552, "full", CR_STATUS_RETRY_1},
        {true, true, 552, "full", CR_STATUS_FAILED_MAILBOX},
        {true, false, 552, "5.2.2 full", CR_STATUS_FAILED_MAILBOX},
        {true, false, 550, "5.1.10 no such domain", CR_STATUS_FAILED_ADDRESS},
        {true, false, 550, "5.2.1 disabled", CR_STATUS_FAILED_MAILBOX},
        {true, false, 554, "5.3.2 closed for today", CR_STATUS_FAILED_UNREACHABLE},
        {true, false, 503, "5.5.1 not now", CR_STATUS_FAILED_CONTENT},
        {true, true, 552, "5.3.4 too big", CR_STATUS_FAILED_CONTENT},
        {true, false, 553, "not a name", CR_STATUS_FAILED_ADDRESS},
        {true, true, 554, "refused", CR_STATUS_FAILED_BLOCKED},
        {true, false, 535, "5.7.8 wrong password", CR_STATUS_FAILED_ACCOUNT},
        {true, false, 530, "log in first", CR_STATUS_FAILED_ACCOUNT},
        {true, false, 550, "", CR_STATUS_FAILED_ADDRESS},
        {false, true, 354, "go on", CR_STATUS_UNKNOWN},
        {false, false, 0, "", CR_STATUS_RETRY_1},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        const smtp_answer_t answer = {.answered = cases[i].answered,
                                      .sent = cases[i].sent,
                                      .code = cases[i].code,
                                      .text = cr_slice_of(cases[i].text)};
        CU_ASSERT_EQUAL(mail_outcome(&answer).status, cases[i].outcome);
    }
}

const char cr_suite[] = "mail_message";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(what_leaves_is_what_was_written),
    TEST(lines_are_short_and_end_in_crlf_and_all_is_ascii),
    TEST(a_header_cannot_be_injected),
    TEST(whoever_reads_may_leave_but_not_what_saves_lives),
    TEST(bounces_come_back_with_the_reference),
    TEST(a_reply_becomes_its_outcome),
    CU_TEST_INFO_NULL,
};
