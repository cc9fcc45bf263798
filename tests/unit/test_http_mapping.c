#include <string.h>

#include "cr_test.h"
#include "http_mapping.h"
#include "http_template.h"

const char cr_suite[] = "http_mapping";

static const message_t message = {
    .address = {"13800001234", 11},
    .text = {"\xe3\x80\x90K\xe3\x80\x91\"a\\b\"\n{address}&c=1", 26},
    .sender = {"K", 1},
    .reference = "0000001K.s.7.1",
};

static void
check_fill(http_form_t form, const char *text, const char *expected)
{
    cr_fault_t fault;
    http_template_t template;
    cr_str_t out;
    cr_str_init(&out, 4096);
    CU_ASSERT_EQUAL_FATAL(http_template_init(&template, form, text, &fault), CR_OK);
    CU_ASSERT_EQUAL(http_template_fill(&template, &message, "s e", &out), CR_OK);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&out), expected);
    http_template_fini(&template);
    cr_str_fini(&out);
}

static void
values_are_escaped_for_where_they_stand_and_never_read_again(void)
{
    check_fill(
        HTTP_JSON, "{\"to\":[\"+86{address}\"],\"t\":{\"x\":\"{text}\"},\"n\":1}",
        "{\"to\":[\"+8613800001234\"],\"t\":{\"x\":\"\xe3\x80\x90K\xe3\x80\x91\\\"a\\\\b\\\"\\n"
        "{address}&c=1\"},\"n\":1}");
    check_fill(HTTP_FORM, "m={address}&t={text}&u={reference}&k={secret}",
               "m=13800001234&t=%E3%80%90K%E3%80%91%22a%5Cb%22%0A%7Baddress%7D%26c%3D1&"
               "u=0000001K.s.7.1&k=s%20e");
    check_fill(HTTP_LINE, "Authorization: Bearer {secret}", "Authorization: Bearer s e");
}

static void
a_header_takes_no_line_break_from_a_value(void)
{
    cr_fault_t fault;
    http_template_t template;
    cr_str_t out;
    cr_str_init(&out, 4096);
    CU_ASSERT_EQUAL_FATAL(http_template_init(&template, HTTP_LINE, "X: {text}", &fault), CR_OK);
    CU_ASSERT_EQUAL(http_template_fill(&template, &message, "", &out), CR_INVAL);
    cr_str_fini(&out);
}

static void
templates_that_cannot_be_are_refused_before_the_first_message(void)
{
    static const struct {
        http_form_t form;
        const char *text;
    } bad[] = {
        {HTTP_JSON, "{\"a\":"}, {HTTP_JSON, "{\"a\":\"{adress}\"}"}, {HTTP_FORM, "a={text"},
        {HTTP_FORM, "a={who}"}, {HTTP_LINE, "X: {secret}{{}"},
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        cr_fault_t fault;
        http_template_t template;
        CU_ASSERT_EQUAL(http_template_init(&template, bad[i].form, bad[i].text, &fault), CR_INVAL);
        http_template_fini(&template);
    }
}

static cr_http_answer_t
answer_of(long status, const char *body)
{
    return (cr_http_answer_t){
        .answered = true, .sent = true, .status = status, .body = cr_slice_of(body), .error = ""};
}

static void
answers_mean_what_the_rules_say_and_what_cannot_be_read_is_unknown(void)
{
    static const struct {
        long status;
        const char *body;
        cr_status_t expected;
        const char *unread;
    } cases[] = {
        {200, "{\"r\":[{\"c\":0,\"i\":77}]}", CR_STATUS_ACCEPTED, NULL},
        {200, "{\"r\":[{\"c\":\"1002\"}]}", CR_STATUS_FAILED_ADDRESS, NULL},
        {200, "{\"r\":[{\"c\":1029}]}", CR_STATUS_RETRY_1, NULL},
        {200, "{\"r\":[{\"c\":9}]}", CR_STATUS_UNKNOWN, NULL}, /* no rule */
        {200, "{\"r\":[]}", CR_STATUS_UNKNOWN, "no_code"},
        {200, "<html>welcome</html>", CR_STATUS_UNKNOWN, "not_json"},
        {302, "", CR_STATUS_UNKNOWN, "redirect"},
        {429, "slow down", CR_STATUS_RETRY_1, "not_json"},
        {502, "<html>", CR_STATUS_UNKNOWN, "not_json"},
        {403, "", CR_STATUS_FAILED_ACCOUNT, "not_json"},
    };
    cr_fault_t fault;
    http_answers_t answers = {.code = "/r/0/c", .id = "/r/0/i", .gives_receipts = true};
    CU_ASSERT_EQUAL_FATAL(
        http_rules_read("0 accepted;\n 1002 address; 10* retry;", &answers.outcomes, &fault),
        CR_OK);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char id[NEWS_ID_MAX + 1];
        const char *unread;
        const cr_http_answer_t answer = answer_of(cases[i].status, cases[i].body);
        outcome_t outcome = http_answer_outcome(&answers, &answer, id, &unread);
        CU_ASSERT_EQUAL(outcome.status, cases[i].expected);
        CU_ASSERT((unread == NULL) == (cases[i].unread == NULL));
        CU_ASSERT(!unread || !cases[i].unread || strcmp(unread, cases[i].unread) == 0);
        CU_ASSERT(i > 0 || cr_slice_equal(outcome.gateway_id, CR_SLICE("77")));
    }
}

static void
without_receipts_what_is_accepted_is_handed_over(void)
{
    char id[NEWS_ID_MAX + 1];
    const char *unread;
    const http_answers_t answers = {.code = "", .id = ""};
    const cr_http_answer_t good = answer_of(204, ""), bad = answer_of(500, "");
    CU_ASSERT_EQUAL(http_answer_outcome(&answers, &good, id, &unread).status, CR_STATUS_HANDED);
    CU_ASSERT_EQUAL(http_answer_outcome(&answers, &bad, id, &unread).status, CR_STATUS_RETRY_1);
}

static void
rules_that_say_nothing_are_refused_by_name(void)
{
    http_rules_t rules;
    cr_fault_t fault;
    CU_ASSERT_EQUAL(http_rules_read("0 fine", &rules, &fault), CR_INVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "0 fine"));
    CU_ASSERT_EQUAL(http_rules_read("accepted", &rules, &fault), CR_INVAL);
    CU_ASSERT_EQUAL(http_rules_read("0 accepted retry", &rules, &fault), CR_INVAL);
    CU_ASSERT_EQUAL(http_rules_read(" ; ", &rules, &fault), CR_OK);
    CU_ASSERT_EQUAL(rules.count, 0);
}

static void
receipts_are_taken_from_where_they_are_and_only_final_ones(void)
{
    static const char push[] =
        "{\"d\":[{\"id\":\"a\",\"s\":\"DELIVRD\"},{\"id\":7,\"s\":\"ACCEPTD\"},{\"s\":\"X\"},"
        "{\"id\":\"b\",\"s\":\"BLACK1\"},{\"id\":\"c\",\"s\":\"?\"},3]}";
    http_receipts_t receipts = {.list = "/d", .reference = "", .id = "/id", .code = "/s"};
    cr_fault_t fault;
    news_t *news = news_new(1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(news);
    CU_ASSERT_EQUAL_FATAL(http_rules_read("DELIVRD delivered; ACCEPTD accepted; BLACK* blocked",
                                          &receipts.outcomes, &fault),
                          CR_OK);
    CU_ASSERT_EQUAL(http_receipts_take(&receipts, cr_slice_of(push), news), CR_OK);
    CU_ASSERT_EQUAL(news_collecting(news), 3);
    CU_ASSERT_EQUAL(http_receipts_take(&receipts, CR_SLICE("{\"d\":7}"), news), CR_INVAL);
    CU_ASSERT_EQUAL(http_receipts_take(&receipts, CR_SLICE("<html>"), news), CR_INVAL);
    receipts.list = "";
    receipts.id = "";
    receipts.reference = "/id";
    CU_ASSERT_EQUAL(http_receipts_take(
                        &receipts, CR_SLICE("{\"id\":\"0000001K.s.7.1\",\"s\":\"DELIVRD\"}"), news),
                    CR_OK);
    CU_ASSERT_EQUAL(news_collecting(news), 4);
    news_destroy(&news);
}

CU_TestInfo cr_tests[] = {
    {"values are escaped for where they stand and never read again",
     values_are_escaped_for_where_they_stand_and_never_read_again},
    {"a header takes no line break from a value", a_header_takes_no_line_break_from_a_value},
    {"templates that cannot be are refused before the first message",
     templates_that_cannot_be_are_refused_before_the_first_message},
    {"answers mean what the rules say and what cannot be read is unknown",
     answers_mean_what_the_rules_say_and_what_cannot_be_read_is_unknown},
    {"without receipts what is accepted is handed over",
     without_receipts_what_is_accepted_is_handed_over},
    {"rules that say nothing are refused by name", rules_that_say_nothing_are_refused_by_name},
    {"receipts are taken from where they are and only final ones",
     receipts_are_taken_from_where_they_are_and_only_final_ones},
    CU_TEST_INFO_NULL,
};
