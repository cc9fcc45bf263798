/* The WeChat account: bodies, error codes, result events and their signature. */
#include <string.h>

#include "cr_test.h"
#include "wechat_message.h"
#include "wechat_outcome.h"

static void
judge(const char *body, wechat_verdict_t *verdict)
{
    cr_http_answer_t answer = {
        .answered = true, .sent = true, .status = 200, .body = cr_slice_of(body), .error = ""};
    wechat_judge_answer(&answer, verdict);
}

static void
an_answer_becomes_the_outcome_of_its_code(void)
{
    static const struct {
        const char *body;
        cr_status_t outcome;
        bool stale;
    } cases[] = {
        {"{\"errcode\":0,\"errmsg\":\"ok\",\"msgid\":200228332}", CR_STATUS_ACCEPTED, false},
        {"{\"errcode\":-1}", CR_STATUS_RETRY_1, false},
        {"{\"errcode\":40001}", CR_STATUS_RETRY_1, true},
        {"{\"errcode\":40014}", CR_STATUS_RETRY_1, true},
        {"{\"errcode\":42001}", CR_STATUS_RETRY_1, true},
        {"{\"errcode\":40003}", CR_STATUS_FAILED_ADDRESS, false},
        {"{\"errcode\":43004}", CR_STATUS_FAILED_UNFOLLOWED, false},
        {"{\"errcode\":50005}", CR_STATUS_FAILED_UNFOLLOWED, false},
        {"{\"errcode\":43019}", CR_STATUS_FAILED_BLOCKED, false},
        {"{\"errcode\":48002}", CR_STATUS_FAILED_BLOCKED, false},
        {"{\"errcode\":40037}", CR_STATUS_FAILED_CONTENT, false},
        {"{\"errcode\":47003}", CR_STATUS_FAILED_CONTENT, false},
        {"{\"errcode\":45005}", CR_STATUS_FAILED_CONTENT, false},
        {"{\"errcode\":45011}", CR_STATUS_RETRY_1, false},
        {"{\"errcode\":45009}", CR_STATUS_RETRY_1, false},
        {"{\"errcode\":45065,\"msgid\":5}", CR_STATUS_ACCEPTED, false},
        {"{\"errcode\":48001}", CR_STATUS_FAILED_ACCOUNT, false},
        {"{\"errcode\":40164}", CR_STATUS_FAILED_ACCOUNT, false},
        {"{\"errcode\":99999}", CR_STATUS_RETRY_1, false},
        {"", CR_STATUS_UNKNOWN, false},
        {"{\"errcode\":\"0\"}", CR_STATUS_UNKNOWN, false},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        wechat_verdict_t verdict;
        judge(cases[i].body, &verdict);
        CU_ASSERT_EQUAL(verdict.outcome.status, cases[i].outcome);
        CU_ASSERT_EQUAL(verdict.token_is_stale, cases[i].stale);
    }
}

static void
the_message_id_goes_with_the_outcome(void)
{
    wechat_verdict_t verdict;
    judge("{\"errcode\":0,\"msgid\":9007199254740993}", &verdict);
    CU_ASSERT_TRUE(cr_slice_equal(verdict.outcome.gateway_id, CR_SLICE("9007199254740993")));
    judge("{\"errcode\":45009}", &verdict);
    CU_ASSERT_TRUE(verdict.outcome.retry_after_ms >= 60000);
}

static void
without_an_answer_only_what_certainly_did_not_leave_is_tried_again(void)
{
    wechat_verdict_t verdict;
    cr_http_answer_t lost = {.sent = true, .body = CR_SLICE("")};
    cr_http_answer_t unsent = {.sent = false, .body = CR_SLICE("")};
    wechat_judge_answer(&lost, &verdict);
    CU_ASSERT_EQUAL(verdict.outcome.status, CR_STATUS_UNKNOWN);
    wechat_judge_answer(&unsent, &verdict);
    CU_ASSERT_EQUAL(verdict.outcome.status, CR_STATUS_RETRY_1);
}

static void
a_message_is_json_without_unicode_escapes_and_knows_no_attempt(void)
{
    message_t message = {
        .reference = "0000001K.w.4711.3",
        .address = CR_SLICE("oA1b2"),
        .template_id = CR_SLICE("T-1"),
        .url = CR_SLICE("https://example.test/?a=1&b=\"2\""),
        .field_count = 2,
        .fields = {{CR_SLICE("thing1"), CR_SLICE("防灾\n减灾\x01")},
                   {CR_SLICE("time2"), CR_SLICE("back\\slash")}},
    };
    cr_str_t body;
    cr_str_init(&body, 4096);
    CU_ASSERT_EQUAL(wechat_message_json(&message, &body), CR_OK);
    CU_ASSERT_STRING_EQUAL(
        cr_str_text(&body),
        "{\"touser\":\"oA1b2\",\"template_id\":\"T-1\","
        "\"url\":\"https://example.test/?a=1&b=\\\"2\\\"\","
        "\"client_msg_id\":\"0000001K.w.4711\",\"data\":{\"thing1\":{\"value\":\"防灾\\n减灾 \"},"
        "\"time2\":{\"value\":\"back\\\\slash\"}}}");
    cr_str_clear(&body);
    message.url = CR_SLICE("");
    message.field_count = 0;
    CU_ASSERT_EQUAL(wechat_message_json(&message, &body), CR_OK);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&body),
                           "{\"touser\":\"oA1b2\",\"template_id\":\"T-1\","
                           "\"client_msg_id\":\"0000001K.w.4711\",\"data\":{}}");
    cr_str_fini(&body);
}

#define EVENT(kind, id, status)                                                                    \
    "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><MsgType><![CDATA[event]]></MsgType>"           \
    "<Event><![CDATA[" kind "]]></Event><MsgID>" id "</MsgID><Status><![CDATA[" status             \
    "]]></Status></xml>"

static void
a_result_event_is_a_receipt(void)
{
    static const struct {
        const char *xml;
        cr_status_t outcome;
    } cases[] = {
        {EVENT("TEMPLATESENDJOBFINISH", "200163836", "success"), CR_STATUS_DELIVERED},
        {EVENT("TEMPLATESENDJOBFINISH", "200163836", "failed:user block"),
         CR_STATUS_FAILED_BLOCKED},
        {EVENT("TEMPLATESENDJOBFINISH", "200163836", "failed: user block"),
         CR_STATUS_FAILED_BLOCKED},
        {EVENT("TEMPLATESENDJOBFINISH", "200163836", "failed: system failed"),
         CR_STATUS_FAILED_RECEIPT},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        wechat_event_t event;
        CU_ASSERT_EQUAL(wechat_event_read(cr_slice_of(cases[i].xml), &event), CR_OK);
        CU_ASSERT_TRUE(event.is_result);
        CU_ASSERT_STRING_EQUAL(event.msgid, "200163836");
        CU_ASSERT_EQUAL(event.outcome, cases[i].outcome);
    }
    wechat_event_t other;
    CU_ASSERT_EQUAL(wechat_event_read(CR_SLICE(EVENT("subscribe", "1", "x")), &other), CR_OK);
    CU_ASSERT_FALSE(other.is_result);
}

static void
what_is_not_an_event_is_refused(void)
{
    static const char *const broken[] = {
        "",
        "not xml",
        "<xml><Event>TEMPLATESENDJOBFINISH</Event><MsgID>1</MsgID>",
        "<xml><Event>TEMPLATESENDJOBFINISH</Event><Status>success</Status></xml>",
        EVENT("TEMPLATESENDJOBFINISH", "1234567890123456789012345", "success"),
        "<!DOCTYPE xml [<!ENTITY id \"5\">]><xml><Event>TEMPLATESENDJOBFINISH</Event>"
        "<MsgID>&id;</MsgID><Status>success</Status></xml>",
        "<!DOCTYPE xml SYSTEM \"file:///etc/passwd\"><xml><Event>subscribe</Event></xml>",
    };
    wechat_event_t event;
    for (size_t i = 0; i < CR_COUNT(broken); i++)
        CU_ASSERT_EQUAL(wechat_event_read(cr_slice_of(broken[i]), &event), CR_INVAL);
}

/* The signature was computed by another program. */
static void
an_event_must_be_signed_and_recent(void)
{
    static const char right[] = "3a0ea4b3f5fafc87fb02326c46cc4c9e8a803623";
    static const struct {
        const char *timestamp, *nonce, *signature;
        int64_t now_s;
        bool taken;
    } cases[] = {
        {"1778548000", "nonce9", right, 1778548000, true},
        {"1778548000", "nonce9", right, 1778548300, true},
        {"1778548000", "nonce9", right, 1778548301, false},
        {"1778548000", "nonce9", right, 1778547699, false},
        {"1778548000", "nonce8", right, 1778548000, false},
        {"1778548001", "nonce9", right, 1778548000, false},
        {"1778548000", "nonce9", "", 1778548000, false},
        {"", "nonce9", right, 0, false},
        {"1778548000x", "nonce9", right, 1778548000, false},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        CU_ASSERT_EQUAL(wechat_signature_is_right("sandbox-token", cases[i].timestamp,
                                                  cases[i].nonce, cases[i].signature,
                                                  cases[i].now_s),
                        cases[i].taken);
}

const char cr_suite[] = "wechat_outcomes";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(an_answer_becomes_the_outcome_of_its_code),
    TEST(the_message_id_goes_with_the_outcome),
    TEST(without_an_answer_only_what_certainly_did_not_leave_is_tried_again),
    TEST(a_message_is_json_without_unicode_escapes_and_knows_no_attempt),
    TEST(a_result_event_is_a_receipt),
    TEST(what_is_not_an_event_is_refused),
    TEST(an_event_must_be_signed_and_recent),
    CU_TEST_INFO_NULL,
};
