/* The WeChat account: bodies, error codes, what the platform pushes. */
#include <stdio.h>
#include <string.h>

#include "cr_test.h"
#include "wechat_message.h"
#include "wechat_outcome.h"

static void
judge(const char *body, answer_t *verdict)
{
    cr_http_answer_t answer = {
        .answered = true, .sent = true, .status = 200, .body = cr_slice_of(body), .error = ""};
    answer_judge(verdict, wechat_codes, &answer);
}

/* Every code of the platform's list that a message can meet. */
static void
an_answer_becomes_the_outcome_of_its_code(void)
{
    static const struct {
        answer_class_t class;
        cr_status_t outcome;
        int codes[24];
    } cases[] = {
        {ANSWER_RETRY, CR_STATUS_RETRY_1, {-1, 45011, 45066, 99999}},
        {ANSWER_TOKEN, CR_STATUS_RETRY_1, {40001, 40014, 41001, 42001}},
        {ANSWER_NEVER, CR_STATUS_FAILED_ADDRESS, {40003, 46004}},
        {ANSWER_NEVER, CR_STATUS_FAILED_UNFOLLOWED, {43004, 43005, 50005}},
        {ANSWER_NEVER, CR_STATUS_FAILED_BLOCKED, {43019, 43101, 48002}},
        {ANSWER_NEVER, CR_STATUS_FAILED_UNREACHABLE, {45015, 45047}},
        {ANSWER_CONTENT,
         CR_STATUS_FAILED_CONTENT,
         {40033, 40035, 40037, 41030, 44002, 45002, 45003, 45004, 45005, 45006, 45007, 45008, 45067,
          47001, 47003}},
        {ANSWER_QUOTA, CR_STATUS_RETRY_1, {45009, 45028}},
        {ANSWER_STOP,
         CR_STATUS_RETRY_1,
         {40013, 40125, 40164, 43002, 43003, 43107, 43108, 48001, 48004, 48008, 50002}},
        {ANSWER_TAKEN, CR_STATUS_ACCEPTED, {45065}},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        for (const int *code = cases[i].codes; *code != 0; code++) {
            char body[64];
            answer_t verdict;
            snprintf(body, sizeof body, "{\"errcode\":%d}", *code);
            judge(body, &verdict);
            CU_ASSERT_EQUAL(verdict.class, cases[i].class);
            CU_ASSERT_EQUAL(verdict.outcome.status, cases[i].outcome);
            CU_ASSERT_EQUAL(verdict.code, *code);
            CU_ASSERT_PTR_NULL(verdict.odd);
        }
    }
}

static void
what_stops_the_account_fails_nobody_and_counts_as_away(void)
{
    answer_t verdict;
    judge("{\"errcode\":48001}", &verdict);
    CU_ASSERT_TRUE(verdict.outcome.away);
    judge("{\"errcode\":45011}", &verdict);
    CU_ASSERT_FALSE(verdict.outcome.away);
}

static void
what_is_no_answer_of_the_platform_is_named(void)
{
    static const struct {
        long status;
        const char *body, *odd;
        cr_status_t outcome;
    } cases[] = {
        {200, "", "not_json", CR_STATUS_UNKNOWN},
        {200, "<html>log in</html>", "not_json", CR_STATUS_UNKNOWN},
        {200, "{\"errcode\":\"0\"}", "not_json", CR_STATUS_UNKNOWN},
        {302, "<html>moved</html>", "redirect", CR_STATUS_RETRY_1},
        {404, "<html>none</html>", "http_status", CR_STATUS_RETRY_1},
        {503, "", "http_status", CR_STATUS_RETRY_1},
        {502, "", "http_status", CR_STATUS_UNKNOWN},
        {504, "", "http_status", CR_STATUS_UNKNOWN},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        answer_t verdict;
        const cr_http_answer_t http = {.answered = true,
                                       .sent = true,
                                       .status = cases[i].status,
                                       .body = cr_slice_of(cases[i].body),
                                       .error = ""};
        answer_judge(&verdict, wechat_codes, &http);
        CU_ASSERT_PTR_NOT_NULL_FATAL(verdict.odd);
        CU_ASSERT_STRING_EQUAL(verdict.odd, cases[i].odd);
        CU_ASSERT_EQUAL(verdict.outcome.status, cases[i].outcome);
    }
}

static void
the_message_id_goes_with_the_outcome(void)
{
    answer_t verdict;
    judge("{\"errcode\":0,\"msgid\":9007199254740993}", &verdict);
    CU_ASSERT_TRUE(cr_slice_equal(verdict.outcome.gateway_id, CR_SLICE("9007199254740993")));
    judge("{\"errcode\":45066}", &verdict);
    CU_ASSERT_EQUAL(verdict.outcome.retry_after_ms, 60000);
}

static void
without_an_answer_only_what_certainly_did_not_leave_is_tried_again(void)
{
    answer_t verdict;
    cr_http_answer_t lost = {.sent = true, .body = CR_SLICE("")};
    cr_http_answer_t unsent = {.sent = false, .body = CR_SLICE("")};
    answer_judge(&verdict, wechat_codes, &lost);
    CU_ASSERT_EQUAL(verdict.outcome.status, CR_STATUS_UNKNOWN);
    answer_judge(&verdict, wechat_codes, &unsent);
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
    CU_ASSERT_EQUAL(wechat_template_json(&message, &body), CR_OK);
    CU_ASSERT_STRING_EQUAL(
        cr_str_text(&body),
        "{\"touser\":\"oA1b2\",\"template_id\":\"T-1\","
        "\"url\":\"https://example.test/?a=1&b=\\\"2\\\"\","
        "\"client_msg_id\":\"0000001K.w.4711\",\"data\":{\"thing1\":{\"value\":\"防灾\\n减灾 \"},"
        "\"time2\":{\"value\":\"back\\\\slash\"}}}");
    cr_str_clear(&body);
    message.url = CR_SLICE("");
    message.field_count = 0;
    CU_ASSERT_EQUAL(wechat_template_json(&message, &body), CR_OK);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&body),
                           "{\"touser\":\"oA1b2\",\"template_id\":\"T-1\","
                           "\"client_msg_id\":\"0000001K.w.4711\",\"data\":{}}");
    cr_str_fini(&body);
}

static void
a_subscription_notice_has_a_page_and_no_dedup_id(void)
{
    const message_t message = {
        .reference = "0000001K.w.4711.3",
        .address = CR_SLICE("oA1b2"),
        .template_id = CR_SLICE("T-1"),
        .url = CR_SLICE("https://example.test/"),
        .field_count = 1,
        .fields = {{CR_SLICE("thing1"), CR_SLICE("防灾")}},
    };
    cr_str_t body;
    cr_str_init(&body, 4096);
    CU_ASSERT_EQUAL(wechat_subscription_json(&message, &body), CR_OK);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&body), "{\"touser\":\"oA1b2\",\"template_id\":\"T-1\","
                                               "\"page\":\"https://example.test/\","
                                               "\"data\":{\"thing1\":{\"value\":\"防灾\"}}}");
    cr_str_fini(&body);
}

const char cr_suite[] = "wechat_outcomes";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(an_answer_becomes_the_outcome_of_its_code),
    TEST(what_stops_the_account_fails_nobody_and_counts_as_away),
    TEST(what_is_no_answer_of_the_platform_is_named),
    TEST(the_message_id_goes_with_the_outcome),
    TEST(without_an_answer_only_what_certainly_did_not_leave_is_tried_again),
    TEST(a_message_is_json_without_unicode_escapes_and_knows_no_attempt),
    TEST(a_subscription_notice_has_a_page_and_no_dedup_id),
    CU_TEST_INFO_NULL,
};
