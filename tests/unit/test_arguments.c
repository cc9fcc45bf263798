#include <string.h>

#include "cr_id.h"
#include "cr_test.h"
#include "plan/arguments.h"

const char cr_suite[] = "arguments";

static const argument_t table[] = {{"id", ARGUMENT_TEXT, true},
                                   {"drill", ARGUMENT_FLAG, false},
                                   {"channels", ARGUMENT_TEXTS, false},
                                   {"variables", ARGUMENT_OBJECT, false},
                                   {NULL}};

static void
what_is_not_in_the_table_is_refused_by_name(void)
{
    static const struct {
        const char *text, *member;
    } cases[] = {
        {"{\"id\":\"a\"}", NULL},
        {"{\"id\":\"a\",\"drill\":true,\"channels\":[\"sms\"],\"variables\":{}}", NULL},
        {"{}", "id"},
        {"{\"id\":null}", "id"},
        {"{\"id\":1}", "id"},
        {"{\"id\":\"a\",\"chanels\":[]}", "chanels"},
        {"{\"id\":\"a\",\"channels\":\"sms\"}", "channels"},
        {"{\"id\":\"a\",\"channels\":[1]}", "channels"},
        {"{\"id\":\"a\",\"drill\":\"true\"}", "drill"},
        {"{\"id\":\"a\",\"variables\":[]}", "variables"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char member[ARGUMENTS_MEMBER_MAX] = "";
        cr_fault_t fault = {.text = ""};
        json_t *arguments = json_loads(cases[i].text, 0, NULL);
        cr_err_t err = arguments_check(arguments, table, member, &fault);
        CU_ASSERT_EQUAL(err, cases[i].member ? CR_INVAL : CR_OK);
        CU_ASSERT_STRING_EQUAL(member, cases[i].member ? cases[i].member : "");
        json_decref(arguments);
    }
}

static void
a_number_is_decimal_and_within_its_limit(void)
{
    static const struct {
        const char *text;
        cr_err_t err;
        uint64_t value;
    } cases[] = {
        {"1", CR_OK, 1},
        {"100", CR_OK, 100},
        {"101", CR_INVAL, 0},
        {"0", CR_INVAL, 0},
        {"-1", CR_INVAL, 0},
        {"+1", CR_INVAL, 0},
        {" 1", CR_INVAL, 0},
        {"1x", CR_INVAL, 0},
        {"", CR_INVAL, 0},
        {"0x1", CR_INVAL, 0},
        {"99999999999999999999", CR_INVAL, 0},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        uint64_t value = 0;
        json_t *arguments = json_pack("{s:s}", "limit", cases[i].text);
        CU_ASSERT_EQUAL(argument_number(arguments, "limit", 100, 50, &value, NULL), cases[i].err);
        CU_ASSERT_EQUAL(value, cases[i].value);
        json_decref(arguments);
    }
    uint64_t value = 0;
    CU_ASSERT_EQUAL(argument_number(NULL, "limit", 100, 50, &value, NULL), CR_OK);
    CU_ASSERT_EQUAL(value, 50);
}

static void
channels_go_to_bits_and_back(void)
{
    unsigned channels = 0;
    json_t *arguments = json_pack("{s:[s,s]}", "channels", "mail", "sms");
    CU_ASSERT_EQUAL(argument_channels(arguments, "channels", 0, &channels, NULL), CR_OK);
    CU_ASSERT_EQUAL(channels, 1u << CR_CHANNEL_MAIL | 1u << CR_CHANNEL_SMS);
    json_t *names = channels_json(channels), *wanted = json_pack("[s,s]", "sms", "mail");
    CU_ASSERT_TRUE(json_equal(names, wanted));
    CU_ASSERT_EQUAL(argument_channels(NULL, "channels", 7, &channels, NULL), CR_OK);
    CU_ASSERT_EQUAL(channels, 7);
    json_decref(names);
    json_decref(wanted);
    json_decref(arguments);
}

CU_TestInfo cr_tests[] = {
    {"what is not in the table is refused by name", what_is_not_in_the_table_is_refused_by_name},
    {"a number is decimal and within its limit", a_number_is_decimal_and_within_its_limit},
    {"channels go to bits and back", channels_go_to_bits_and_back},
    CU_TEST_INFO_NULL,
};
