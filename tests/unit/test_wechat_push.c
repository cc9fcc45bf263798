/* What the WeChat platform pushes: signature, replay, the safe mode, and the events themselves. */
#include <string.h>

#include "callback.h"
#include "cr_test.h"
#include "wechat_event.h"

enum { NOW_S = 1778548000 };

/* Signatures and ciphertexts were computed by another program (openssl). */
static const char plain_signature[] = "3a0ea4b3f5fafc87fb02326c46cc4c9e8a803623";
static const char aes_key[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
static const char sealed[] =
    "Q3stYC6hdFzMh9T8HCvyDF1fnb8G+wbtTppDMfmnmqvkIRFao4hp0I2X28EUbOdbtyWMtW79bED+ZN9l"
    "lmWXekgu1KLtjEYjiH9qo8dsH40ejYh+G89GjqVq+1zJLW7GI36uC4aH+rdYHiJfC1Q7kuHa+PqK7i6I"
    "wwREfLUsizXTYU9kGR5QiNG52iZS6QzHctcpzjYUXzWx910OcTd8Fg6jBvC1KW7nhQEmskishoKsxeKG"
    "IuNavI0ox7SgZTm1QKRXhsaP0twYMsZOoC99YcxRIDLSTcSuqK5CI+bzPm4=";
static const char sealed_signature[] = "078bff7657232289425e62c3622fde24173a075c";
static const char for_another[] =
    "Q3stYC6hdFzMh9T8HCvyDF1fnb8G+wbtTppDMfmnmqvkIRFao4hp0I2X28EUbOdbtyWMtW79bED+ZN9l"
    "lmWXekgu1KLtjEYjiH9qo8dsH40ejYh+G89GjqVq+1zJLW7GI36uC4aH+rdYHiJfC1Q7kuHa+PqK7i6I"
    "wwREfLUsizXTYU9kGR5QiNG52iZS6QzHctcpzjYUXzWx910OcTd8Fg6jBvC1KW7nhQEmskishoKsxeKG"
    "IuNavI0ox7SgZTm1xYPlzckOzXw23fmCmHMuaMZzHIWEy82zwFGeCUPI/PQ=";
static const char for_another_signature[] = "c4548e255eaff25b8c07df404a7f9caff9d1a7e7";

static callback_t *
make(const char *key)
{
    callback_t *self = NULL;
    CU_ASSERT_EQUAL_FATAL(callback_new("sandbox-token", key, "wx1", &self), CR_OK);
    return self;
}

static cr_err_t
open_at(const callback_t *self, const callback_query_t *query, const char *body, int64_t now_s)
{
    cr_str_t xml;
    cr_str_init(&xml, 65536);
    cr_err_t err = callback_open(self, query, cr_slice_of(body), now_s, &xml);
    cr_str_fini(&xml);
    return err;
}

static void
a_push_must_be_signed_and_recent(void)
{
    static const struct {
        const char *timestamp, *nonce, *signature;
        int64_t now_s;
        cr_err_t err;
    } cases[] = {
        {"1778548000", "nonce9", plain_signature, NOW_S, CR_OK},
        {"1778548000", "nonce9", plain_signature, NOW_S + 300, CR_OK},
        {"1778548000", "nonce9", plain_signature, NOW_S + 301, CR_DENIED},
        {"1778548000", "nonce9", plain_signature, NOW_S - 301, CR_DENIED},
        {"1778548000", "nonce8", plain_signature, NOW_S, CR_DENIED},
        {"1778548001", "nonce9", plain_signature, NOW_S, CR_DENIED},
        {"1778548000", "nonce9", "", NOW_S, CR_DENIED},
        {"", "nonce9", plain_signature, 0, CR_DENIED},
        {"1778548000x", "nonce9", plain_signature, NOW_S, CR_DENIED},
    };
    callback_t *self = make(NULL);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        const callback_query_t query = {cases[i].timestamp, cases[i].nonce, cases[i].signature, ""};
        CU_ASSERT_EQUAL(open_at(self, &query, "<xml/>", cases[i].now_s), cases[i].err);
    }
    callback_destroy(&self);
}

static void
a_push_that_was_taken_is_not_taken_again(void)
{
    callback_t *self = make(NULL);
    const callback_query_t query = {"1778548000", "nonce9", plain_signature, ""};
    CU_ASSERT_EQUAL(open_at(self, &query, "<xml/>", NOW_S), CR_OK);
    CU_ASSERT_EQUAL(open_at(self, &query, "<xml/>", NOW_S), CR_OK); /* it could not be taken */
    callback_use(self, &query, NOW_S);
    CU_ASSERT_EQUAL(open_at(self, &query, "<xml/>", NOW_S + 300), CR_DENIED);
    callback_destroy(&self);
}

static char *
envelope(const char *encrypted, char out[1024])
{
    snprintf(out, 1024, "<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[%s]]></Encrypt></xml>",
             encrypted);
    return out;
}

static void
the_safe_mode_is_opened(void)
{
    callback_t *self = make(aes_key);
    char body[1024];
    cr_str_t xml;
    wechat_event_t event;
    const callback_query_t query = {"1778548000", "nonce9", plain_signature, sealed_signature};
    cr_str_init(&xml, 65536);
    CU_ASSERT_EQUAL(callback_open(self, &query, cr_slice_of(envelope(sealed, body)), NOW_S, &xml),
                    CR_OK);
    CU_ASSERT_EQUAL(wechat_event_read(cr_str_slice(&xml), &event), CR_OK);
    CU_ASSERT_EQUAL(event.kind, WECHAT_EVENT_TEXT);
    CU_ASSERT_STRING_EQUAL(event.from, "oA1b2");
    CU_ASSERT_STRING_EQUAL(event.text, "TD");
    CU_ASSERT_STRING_EQUAL(event.msgid, "77");
    cr_str_clear(&xml);
    CU_ASSERT_EQUAL(callback_echo(self, &query, "echo", NOW_S, &xml), CR_DENIED);
    CU_ASSERT_EQUAL(callback_echo(self, &query, sealed, NOW_S, &xml), CR_OK);
    cr_str_fini(&xml);
    callback_destroy(&self);
}

static void
with_a_key_nothing_else_is_taken(void)
{
    callback_t *self = make(aes_key);
    char body[1024], broken[sizeof sealed];
    callback_query_t query = {"1778548000", "nonce9", plain_signature, sealed_signature};
    CU_ASSERT_EQUAL(open_at(self, &query, "<xml><Event>subscribe</Event></xml>", NOW_S), CR_DENIED);
    CU_ASSERT_EQUAL(open_at(self, &query, "not xml", NOW_S), CR_DENIED);
    memcpy(broken, sealed, sizeof sealed);
    broken[30] = broken[30] == 'A' ? 'B' : 'A';
    CU_ASSERT_EQUAL(open_at(self, &query, envelope(broken, body), NOW_S), CR_DENIED);
    query.msg_signature = for_another_signature;
    CU_ASSERT_EQUAL(open_at(self, &query, envelope(for_another, body), NOW_S), CR_INVAL);
    callback_destroy(&self);
}

static void
a_wrong_key_is_refused(void)
{
    callback_t *self = NULL;
    CU_ASSERT_EQUAL(callback_new("t", "short", "wx1", &self), CR_INVAL);
    CU_ASSERT_EQUAL(callback_new("t", "abcdefghijklmnopqrstuvwxyz0123456789ABCDE*G", "wx1", &self),
                    CR_INVAL);
    CU_ASSERT_PTR_NULL(self);
}

#define EVENT(kind, id, status)                                                                    \
    "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName>oA</FromUserName>"                \
    "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[" kind "]]></Event><MsgID>" id            \
    "</MsgID><Status><![CDATA[" status "]]></Status></xml>"

static void
an_event_says_what_it_is(void)
{
    static const struct {
        const char *xml;
        wechat_event_kind_t kind;
    } cases[] = {
        {EVENT("TEMPLATESENDJOBFINISH", "200163836", "success"), WECHAT_EVENT_RESULT},
        {EVENT("MASSSENDJOBFINISH", "1", "send success"), WECHAT_EVENT_MASS},
        {EVENT("subscribe", "1", "x"), WECHAT_EVENT_CAME},
        {EVENT("unsubscribe", "1", "x"), WECHAT_EVENT_LEFT},
        {EVENT("CLICK", "1", "x"), WECHAT_EVENT_OTHER},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        wechat_event_t event;
        CU_ASSERT_EQUAL(wechat_event_read(cr_slice_of(cases[i].xml), &event), CR_OK);
        CU_ASSERT_EQUAL(event.kind, cases[i].kind);
    }
}

static void
a_result_is_a_receipt(void)
{
    CU_ASSERT_EQUAL(wechat_event_outcome(CR_SLICE("success")), CR_STATUS_DELIVERED);
    CU_ASSERT_EQUAL(wechat_event_outcome(CR_SLICE("failed:user block")), CR_STATUS_FAILED_BLOCKED);
    CU_ASSERT_EQUAL(wechat_event_outcome(CR_SLICE("failed: user block")), CR_STATUS_FAILED_BLOCKED);
    CU_ASSERT_EQUAL(wechat_event_outcome(CR_SLICE("failed: system failed")),
                    CR_STATUS_FAILED_RECEIPT);
}

static void
a_long_text_is_cut_at_the_border_of_a_character(void)
{
    static char xml[8192];
    size_t at = (size_t)snprintf(xml, sizeof xml,
                                 "<xml><FromUserName>oA</FromUserName><MsgType>text</MsgType>"
                                 "<MsgId>1</MsgId><Content>");
    for (int i = 0; i < 1000; i++)
        at += (size_t)snprintf(xml + at, sizeof xml - at, "灾");
    snprintf(xml + at, sizeof xml - at, "</Content></xml>");
    wechat_event_t event;
    CU_ASSERT_EQUAL(wechat_event_read(cr_slice_of(xml), &event), CR_OK);
    CU_ASSERT_EQUAL(strlen(event.text), 1998);
}

static void
what_is_not_an_event_is_refused(void)
{
    static const char *const broken[] = {
        "",
        "not xml",
        "<xml><Event>TEMPLATESENDJOBFINISH</Event><MsgID>1</MsgID>",
        "<xml><MsgType>event</MsgType><Event>TEMPLATESENDJOBFINISH</Event><Status>success</Status>"
        "</xml>",
        "<xml><MsgType>event</MsgType><Event>subscribe</Event></xml>",
        EVENT("TEMPLATESENDJOBFINISH", "1234567890123456789012345", "success"),
        "<!DOCTYPE xml [<!ENTITY id \"5\">]><xml><Event>TEMPLATESENDJOBFINISH</Event>"
        "<MsgID>&id;</MsgID><Status>success</Status></xml>",
        "<!DOCTYPE xml SYSTEM \"file:///etc/passwd\"><xml><Event>subscribe</Event></xml>",
    };
    wechat_event_t event;
    for (size_t i = 0; i < CR_COUNT(broken); i++)
        CU_ASSERT_EQUAL(wechat_event_read(cr_slice_of(broken[i]), &event), CR_INVAL);
}

const char cr_suite[] = "wechat_push";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(a_push_must_be_signed_and_recent),
    TEST(a_push_that_was_taken_is_not_taken_again),
    TEST(the_safe_mode_is_opened),
    TEST(with_a_key_nothing_else_is_taken),
    TEST(a_wrong_key_is_refused),
    TEST(an_event_says_what_it_is),
    TEST(a_result_is_a_receipt),
    TEST(a_long_text_is_cut_at_the_border_of_a_character),
    TEST(what_is_not_an_event_is_refused),
    CU_TEST_INFO_NULL,
};
