/* The SMS aggregator: signature, form, what its answers and receipts mean. */
#include <string.h>

#include "acs.h"
#include "cr_test.h"
#include "sms_message.h"
#include "sms_outcome.h"

static cr_http_answer_t
answer(long status, const char *body)
{
    return (cr_http_answer_t){
        .answered = true, .sent = true, .status = status, .body = cr_slice_of(body), .error = ""};
}

static void
an_answer_becomes_the_outcome_of_its_code(void)
{
    static const struct {
        long status;
        const char *body;
        cr_status_t outcome;
    } cases[] = {
        {200, "{\"Code\":\"OK\",\"BizId\":\"1\"}", CR_STATUS_ACCEPTED},
        {200, "{\"Code\":\"isv.BUSINESS_LIMIT_CONTROL\"}", CR_STATUS_RETRY_1},
        {200, "{\"Code\":\"isv.MOBILE_COUNT_OVER_LIMIT\"}", CR_STATUS_FAILED_CONTENT},
        {200, "{\"Code\":\"isp.SYSTEM_ERROR\"}", CR_STATUS_RETRY_1},
        {200, "{\"Code\":\"isp.SOMETHING_NEW\"}", CR_STATUS_RETRY_1},
        {200, "{\"Code\":\"isv.MOBILE_NUMBER_ILLEGAL\"}", CR_STATUS_FAILED_ADDRESS},
        {200, "{\"Code\":\"isv.SMS_SIGNATURE_ILLEGAL\"}", CR_STATUS_FAILED_CONTENT},
        {200, "{\"Code\":\"isv.SMS_TEMPLATE_ILLEGAL\"}", CR_STATUS_FAILED_CONTENT},
        {200, "{\"Code\":\"isv.TEMPLATE_MISSING_PARAMETERS\"}", CR_STATUS_FAILED_CONTENT},
        {200, "{\"Code\":\"isv.INVALID_JSON_PARAM\"}", CR_STATUS_FAILED_CONTENT},
        {200, "{\"Code\":\"isv.BLACK_KEY_CONTROL_LIMIT\"}", CR_STATUS_FAILED_CONTENT},
        {200, "{\"Code\":\"isv.PARAM_LENGTH_LIMIT\"}", CR_STATUS_FAILED_CONTENT},
        {200, "{\"Code\":\"isv.OUT_OF_SERVICE\"}", CR_STATUS_FAILED_ACCOUNT},
        {400, "{\"Code\":\"SignatureDoesNotMatch\"}", CR_STATUS_FAILED_ACCOUNT},
        {404, "{\"Code\":\"InvalidAccessKeyId.NotFound\"}", CR_STATUS_FAILED_ACCOUNT},
        {403, "", CR_STATUS_FAILED_ACCOUNT},
        {400, "{\"Code\":\"SignatureNonceUsed\"}", CR_STATUS_UNKNOWN},
        {429, "{\"Code\":\"Throttling.User\"}", CR_STATUS_RETRY_1},
        {429, "slow down", CR_STATUS_RETRY_1},
        {503, "", CR_STATUS_RETRY_1},
        {500, "<html>", CR_STATUS_RETRY_1},
        {502, "", CR_STATUS_UNKNOWN},
        {504, "", CR_STATUS_UNKNOWN},
        {200, "", CR_STATUS_UNKNOWN},
        {200, "{\"Code\":7}", CR_STATUS_UNKNOWN},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_http_answer_t got = answer(cases[i].status, cases[i].body);
        CU_ASSERT_EQUAL(sms_answer_outcome(&got).status, cases[i].outcome);
    }
}

static void
without_an_answer_only_what_certainly_did_not_leave_is_tried_again(void)
{
    cr_http_answer_t lost = {.sent = true, .body = CR_SLICE("")};
    cr_http_answer_t unsent = {.sent = false, .body = CR_SLICE("")};
    CU_ASSERT_EQUAL(sms_answer_outcome(&lost).status, CR_STATUS_UNKNOWN);
    CU_ASSERT_EQUAL(sms_answer_outcome(&unsent).status, CR_STATUS_RETRY_1);
    CU_ASSERT_TRUE(sms_answer_outcome(&unsent).retry_after_ms > 0);
    CU_ASSERT_TRUE(sms_answer_outcome(&unsent).away);
}

static void
retry_after_is_passed_on_with_a_retry_only(void)
{
    cr_http_answer_t busy = answer(429, "");
    busy.retry_after_ms = 7000;
    CU_ASSERT_EQUAL(sms_answer_outcome(&busy).retry_after_ms, 7000);
    cr_http_answer_t taken = answer(200, "{\"Code\":\"OK\"}");
    taken.retry_after_ms = 7000;
    CU_ASSERT_EQUAL(sms_answer_outcome(&taken).retry_after_ms, 0);
}

static void
a_receipt_becomes_delivered_or_a_failure_with_its_reason(void)
{
    static const struct {
        bool success;
        const char *code;
        cr_status_t outcome;
    } cases[] = {
        {true, "DELIVERED", CR_STATUS_DELIVERED},
        {false, "UNDELIV", CR_STATUS_FAILED_RECEIPT},
        {false, "MK:9999", CR_STATUS_FAILED_RECEIPT},
        {false, "MOBILE_NOT_ON_SERVICE", CR_STATUS_FAILED_RECEIPT},
        {false, "MK:0001", CR_STATUS_FAILED_ADDRESS},
        {false, "MOBILE_IN_BLACK", CR_STATUS_FAILED_BLOCKED},
        {false, "USER_REJECT", CR_STATUS_FAILED_BLOCKED},
        {false, "IS_CLOSED", CR_STATUS_FAILED_UNREACHABLE},
        {false, "", CR_STATUS_FAILED_RECEIPT},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        CU_ASSERT_EQUAL(sms_receipt_outcome(cases[i].success, cr_slice_of(cases[i].code)),
                        cases[i].outcome);
}

static void
a_push_of_several_receipts_is_read_and_strangers_are_passed_over(void)
{
    static const char body[] =
        "[{\"out_id\":\"0000001K.s.1.1\",\"success\":true,\"err_code\":\"DELIVERED\"},"
        "{\"out_id\":\"somebody else's\",\"success\":true},{\"biz_id\":\"1\"},7,"
        "{\"out_id\":\"0000001K.s.2.1\",\"success\":false,\"err_code\":\"MOBILE_IN_BLACK\"}]";
    news_t *news = news_new(10);
    CU_ASSERT_EQUAL(sms_push_read(CR_SLICE(body), &(sms_reader_t){.news = news}), CR_OK);
    Crier__V1__Frame frame;
    CU_ASSERT_TRUE_FATAL(news_due(news, 0, &frame));
    const Crier__V1__Receipts *message = frame.receipts;
    CU_ASSERT_EQUAL(message->batch, 10);
    CU_ASSERT_EQUAL(message->outcomes.len, 2);
    CU_ASSERT_EQUAL(message->outcomes.data[0], CR_STATUS_DELIVERED);
    CU_ASSERT_EQUAL(message->outcomes.data[1], CR_STATUS_FAILED_BLOCKED);
    cr_wire_cursor_t cursor = {0};
    cr_wire_pool_next(message->references, &cursor);
    CU_ASSERT_TRUE(cr_slice_equal(cr_wire_pool_next(message->references, &cursor),
                                  CR_SLICE("0000001K.s.2.1")));
    static const char *const broken[] = {"", "{}", "[", "[{\"out_id\":\"a\"}] x", "nonsense"};
    for (size_t i = 0; i < CR_COUNT(broken); i++)
        CU_ASSERT_EQUAL(sms_push_read(cr_slice_of(broken[i]), &(sms_reader_t){.news = news}),
                        CR_INVAL);
    news_destroy(&news);
}

static void
what_a_resident_wrote_is_a_reply_and_no_receipt(void)
{
    static const char body[] =
        "[{\"phone_number\":\"13800001234\",\"send_time\":\"2026-05-12 09:00:00\",\"content\":"
        "\"退订\",\"sign_name\":\"平阴科普\",\"dest_code\":\"1069\",\"sequence_id\":\"7\"},"
        "{\"content\":\"from nobody\"},{\"out_id\":\"0000001K.s.1.1\",\"success\":true}]";
    news_t *news = news_new(10);
    CU_ASSERT_EQUAL(sms_push_read(CR_SLICE(body), &(sms_reader_t){.news = news}), CR_OK);
    Crier__V1__Frame frame;
    bool replied = false, reported = false;
    while (news_due(news, 0, &frame)) {
        if (frame.body_case == CRIER__V1__FRAME__BODY_RECEIPTS) {
            CU_ASSERT_EQUAL(frame.receipts->outcomes.len, 1);
            reported = true;
            continue;
        }
        cr_wire_cursor_t cursor = {0};
        CU_ASSERT_EQUAL_FATAL(frame.replies->kinds.len, 1);
        CU_ASSERT_EQUAL(frame.replies->kinds.data[0], CRIER__V1__REPLIES__KIND__TEXT);
        CU_ASSERT_TRUE(cr_slice_equal(cr_wire_pool_next(frame.replies->addresses, &cursor),
                                      CR_SLICE("13800001234")));
        cursor = (cr_wire_cursor_t){0};
        CU_ASSERT_TRUE(
            cr_slice_equal(cr_wire_pool_next(frame.replies->texts, &cursor), CR_SLICE("退订")));
        replied = true;
    }
    CU_ASSERT_TRUE(replied && reported);
    news_destroy(&news);
}

static void
what_became_of_a_message_is_read_from_the_details(void)
{
    static const char list[] =
        "{\"Code\":\"OK\",\"SmsSendDetailDTOs\":{\"SmsSendDetailDTO\":["
        "{\"SendStatus\":3,\"ErrCode\":\"DELIVERED\",\"OutId\":\"0000001K.s.1.1\"},"
        "{\"SendStatus\":2,\"ErrCode\":\"MOBILE_IN_BLACK\",\"OutId\":\"0000001K.s.2.1\"},"
        "{\"SendStatus\":1,\"ErrCode\":\"\",\"OutId\":\"0000001K.s.3.1\"},7,{}]}}";
    static const struct {
        const char *reference;
        cr_status_t outcome;
    } cases[] = {{"0000001K.s.1.1", CR_STATUS_DELIVERED},
                 {"0000001K.s.2.1", CR_STATUS_FAILED_BLOCKED},
                 {"0000001K.s.3.1", CR_STATUS_ACCEPTED},
                 {"0000001K.s.4.1", CR_STATUS_ACCEPTED}};
    cr_http_answer_t answer = {.answered = true, .status = 200, .body = CR_SLICE(list)};
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        CU_ASSERT_EQUAL(sms_details_outcome(&answer, cases[i].reference), cases[i].outcome);
    static const char *const others[] = {"", "{}", "[]", "<html>", "{\"SmsSendDetailDTOs\":7}"};
    for (size_t i = 0; i < CR_COUNT(others); i++) {
        answer.body = cr_slice_of(others[i]);
        CU_ASSERT_EQUAL(sms_details_outcome(&answer, "0000001K.s.1.1"), CR_STATUS_ACCEPTED);
    }
}

/* Both expectations were computed by another program from the description alone. */
static void
the_form_takes_the_signature_off_the_text(void)
{
    static const sms_template_t template = {"SMS_1", "content"};
    message_t message = {.reference = "0000001K.s.4711.1",
                         .address = CR_SLICE("19931234567"),
                         .sender = CR_SLICE("平阴科普"),
                         .text = CR_SLICE("【平阴科普】【演练】a\"b\n~")};
    static const char expected[] =
        "PhoneNumbers=19931234567&SignName=%E5%B9%B3%E9%98%B4%E7%A7%91%E6%99%AE&TemplateCode=SMS_1"
        "&TemplateParam=%7B%22content%22%3A%22%E3%80%90%E6%BC%94%E7%BB%83%E3%80%91a%5C%22b%5Cn~%22"
        "%7D&OutId=0000001K.s.4711.1";
    cr_str_t form;
    cr_str_init(&form, 4096);
    CU_ASSERT_EQUAL(sms_message_form(&message, &template, &form), CR_OK);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&form), expected);
    cr_str_clear(&form);
    message.text = CR_SLICE("no signature");
    CU_ASSERT_EQUAL(sms_message_form(&message, &template, &form), CR_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(cr_str_text(&form), "no%20signature"));
    cr_str_fini(&form);
}

static void
a_request_is_signed_as_the_published_example(void)
{
    char hash[ACS_HASH_TEXT_MAX];
    const acs_request_t published = {
        .method = "POST",
        .path = "/",
        .query = "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"
                 "&RegionId=cn-shanghai",
        .host = "ecs.cn-shanghai.aliyuncs.com",
        .action = "RunInstances",
        .version = "2014-05-26",
        .date = "2023-10-26T10:22:32Z",
        .nonce = "3156853299f313e23d1673dc12e1703d",
        .content_hash = acs_hash(CR_SLICE(""), hash),
    };
    cr_str_t header;
    cr_str_init(&header, 1024);
    acs_authorize(&published, "YourAccessKeyId", "YourAccessKeySecret", &header);
    CU_ASSERT_STRING_EQUAL(
        cr_str_text(&header),
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
        "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature="
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0");
    cr_str_fini(&header);
}

static void
a_form_is_signed_with_its_type(void)
{
    static const char body[] =
        "PhoneNumbers=19931234567&SignName=%E5%B9%B3%E9%98%B4%E7%A7%91%E6%99%AE&TemplateCode=SMS_1"
        "&TemplateParam=%7B%22content%22%3A%22%E3%80%90%E6%BC%94%E7%BB%83%E3%80%91a%5C%22b%5Cn~%22"
        "%7D&OutId=0000001K.s.4711.1";
    char hash[ACS_HASH_TEXT_MAX];
    const acs_request_t request = {
        .method = "POST",
        .path = "/sms/",
        .query = "",
        .host = "127.0.0.1:8080",
        .content_type = "application/x-www-form-urlencoded",
        .action = "SendSms",
        .version = "2017-05-25",
        .date = "2026-05-12T01:00:00Z",
        .nonce = "n-1",
        .content_hash = acs_hash(CR_SLICE(body), hash),
    };
    CU_ASSERT_STRING_EQUAL(hash,
                           "bdc94669e97bc20955a322929732f574dee3757d036ac90014ed888b9514659b");
    cr_str_t header;
    cr_str_init(&header, 1024);
    acs_authorize(&request, "sandbox", "sandbox-secret", &header);
    CU_ASSERT_PTR_NOT_NULL(strstr(cr_str_text(&header), "SignedHeaders=content-type;host;"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(cr_str_text(&header),
               "Signature=39955c4ae3431524696e3df1c022d44e90076130c8253eeaa21d19c42694c2b4"));
    cr_str_fini(&header);
}

const char cr_suite[] = "sms_outcomes";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(an_answer_becomes_the_outcome_of_its_code),
    TEST(without_an_answer_only_what_certainly_did_not_leave_is_tried_again),
    TEST(retry_after_is_passed_on_with_a_retry_only),
    TEST(a_receipt_becomes_delivered_or_a_failure_with_its_reason),
    TEST(a_push_of_several_receipts_is_read_and_strangers_are_passed_over),
    TEST(what_a_resident_wrote_is_a_reply_and_no_receipt),
    TEST(what_became_of_a_message_is_read_from_the_details),
    TEST(the_form_takes_the_signature_off_the_text),
    TEST(a_request_is_signed_as_the_published_example),
    TEST(a_form_is_signed_with_its_type),
    CU_TEST_INFO_NULL,
};
