#include <stdio.h>
#include <string.h>

#include "body.h"
#include "cr_test.h"
#include "head.h"
#include "problem.h"

const char cr_suite[] = "problem, head, body";

static json_t *
loaded(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    return value;
}

static void
a_problem_tells_status_title_detail_code_and_place(void)
{
    cr_fault_t fault;
    cr_fault_set_at(&fault, CR_INVAL, 3, 7, "no town \"孔庄镇\"; did you mean \"孔村镇\"?");
    json_t *seen = problem_new(400, &fault, "select", NULL);
    json_t *wanted = loaded("{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                            "\"detail\":\"no town \\\"孔庄镇\\\"; did you mean \\\"孔村镇\\\"?\","
                            "\"code\":\"inval\",\"line\":3,\"column\":7,\"member\":\"select\","
                            "\"suggestion\":\"孔村镇\"}");
    CU_ASSERT(json_equal(seen, wanted));
    json_decref(seen);
    json_decref(wanted);
}

static void
extra_members_are_added_and_never_overwrite(void)
{
    cr_fault_t fault;
    cr_fault_set(&fault, CR_CONFLICT, "not from here");
    json_t *extra = loaded("{\"state\":\"draft\",\"status\":1}");
    json_t *seen = problem_new(409, &fault, NULL, extra);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(seen, "state")), "draft");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(seen, "status")), 409);
    CU_ASSERT_PTR_NULL(json_object_get(seen, "member"));
    CU_ASSERT_PTR_NULL(json_object_get(seen, "line"));
    CU_ASSERT_PTR_NULL(json_object_get(seen, "suggestion"));
    json_decref(seen);
    json_decref(extra);
}

static void
a_detail_that_is_no_text_gives_a_problem_all_the_same(void)
{
    cr_fault_t fault = {.code = CR_AGAIN, .text = "cut in the middle: \xe5\xad"};
    json_t *seen = problem_new(503, &fault, NULL, NULL);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(seen, "detail")),
                           cr_err_text(CR_AGAIN));
    json_decref(seen);
}

static void
every_error_has_a_status(void)
{
    for (int err = CR_OK + 1; err < CR_ERR_COUNT; err++) {
        unsigned status = problem_status((cr_err_t)err);
        CU_ASSERT(status >= 400 && status < 600);
        if (cr_err_is_transient((cr_err_t)err))
            CU_ASSERT_EQUAL(status, 503);
    }
}

static void
framing_that_two_readers_could_read_differently_is_refused(void)
{
    static const struct {
        const char *fields[6];
        cr_err_t err;
    } cases[] = {
        {{"Host", "a", "Content-Length", "5"}, CR_OK},
        {{"Host", "a", "Transfer-Encoding", "chunked"}, CR_OK},
        {{"Host", "a", "Transfer-Encoding", "Chunked"}, CR_OK},
        {{"Host", "a", "HOST", "a"}, CR_INVAL},
        {{"Content-Length", "5", "content-length", "5"}, CR_INVAL},
        {{"Content-Length", "5", "Transfer-Encoding", "chunked"}, CR_INVAL},
        {{"Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"}, CR_INVAL},
        {{"Transfer-Encoding", "gzip, chunked"}, CR_INVAL},
        {{"Transfer-Encoding", "identity"}, CR_INVAL},
        {{"Content-Length", "+5"}, CR_INVAL},
        {{"Content-Length", "5, 5"}, CR_INVAL},
        {{"Content-Length", "0x5"}, CR_INVAL},
        {{"Content-Length", ""}, CR_INVAL},
        {{"Content-Length", "99999999999999999999"}, CR_INVAL},
        {{"Authorization", "Bearer a", "Authorization", "Bearer b"}, CR_INVAL},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        head_t head = {0};
        for (size_t n = 0; n < 6 && cases[i].fields[n]; n += 2)
            head_note(&head, cases[i].fields[n], cases[i].fields[n + 1]);
        cr_fault_t fault;
        CU_ASSERT_EQUAL(head_check_framing(&head, &fault), cases[i].err);
    }
}

static void
only_a_bearer_token_is_a_token(void)
{
    static const struct {
        const char *value, *token;
    } cases[] = {
        {"Bearer abc", "abc"},  {"bearer  abc", "abc"}, {NULL, NULL},        {"", NULL},
        {"Bearer", NULL},       {"Bearer ", NULL},      {"Basic abc", NULL}, {"Bearer a b", NULL},
        {"Bearer a\x7f", NULL}, {"Bearer \xe5", NULL},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        head_t head = {.value[HEAD_AUTHORIZATION] = cases[i].value};
        const char *token = NULL;
        cr_fault_t fault;
        cr_err_t err = head_token(&head, &token, &fault);
        CU_ASSERT_EQUAL(err, cases[i].token ? CR_OK : CR_DENIED);
        if (token && cases[i].token)
            CU_ASSERT_STRING_EQUAL(token, cases[i].token);
    }
}

static void
media_types_and_keys_are_checked(void)
{
    static const struct {
        const char *type;
        route_body_t body;
        cr_err_t err;
    } types[] = {
        {"application/json", ROUTE_BODY_JSON, CR_OK},
        {"Application/JSON; charset=utf-8", ROUTE_BODY_JSON, CR_OK},
        {"text/csv", ROUTE_BODY_CSV, CR_OK},
        {"text/csv", ROUTE_BODY_JSON, CR_INVAL},
        {"application/jsonp", ROUTE_BODY_JSON, CR_INVAL},
        {NULL, ROUTE_BODY_JSON, CR_INVAL},
    };
    cr_fault_t fault;
    for (size_t i = 0; i < CR_COUNT(types); i++) {
        head_t head = {.value[HEAD_TYPE] = types[i].type};
        CU_ASSERT_EQUAL(head_check_type(&head, types[i].body, &fault), types[i].err);
    }
    char longest[257] = "";
    memset(longest, 'k', 255);
    const char *good[] = {NULL, "k", "!~", longest}, *bad[] = {"", "a b", "\x7f", "\xc3\xa9"};
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        head_t head = {.value[HEAD_KEY] = good[i]};
        CU_ASSERT_EQUAL(head_check_key(&head, &fault), CR_OK);
    }
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        head_t head = {.value[HEAD_KEY] = bad[i]};
        CU_ASSERT_EQUAL(head_check_key(&head, &fault), CR_INVAL);
    }
    longest[255] = 'k';
    head_t head = {.value[HEAD_KEY] = longest};
    CU_ASSERT_EQUAL(head_check_key(&head, &fault), CR_INVAL);
}

static void
a_body_is_one_object_without_doubles_and_not_too_deep(void)
{
    static const struct {
        const char *text, *member; /* NULL: accepted */
    } cases[] = {
        {"", NULL},
        {"{}", NULL},
        {" {\"a\":[1,{\"b\":\"}{[\\\"[\"}]} ", NULL},
        {"[]", ""},
        {"1", ""},
        {"{", ""},
        {"{} x", ""},
        {"{\"a\":1,\"b\":2,\"a\":3}", "a"},
        {"{\"a\":{\"孔\":1,\"孔\":2}}", "孔"},
        {"{\"a\":\"\\u0000\"}", ""},
        {"{\"a\":\"\xff\"}", ""},
        {"\xef\xbb\xbf{}", ""},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        json_t *object = NULL;
        char member[ROUTE_MEMBER_MAX];
        cr_fault_t fault = {0};
        cr_err_t err = body_parse(cr_slice_of(cases[i].text), &object, member, &fault);
        CU_ASSERT_EQUAL(err, cases[i].member ? CR_INVAL : CR_OK);
        if (cases[i].member)
            CU_ASSERT_STRING_EQUAL(member, cases[i].member);
        json_decref(object);
    }
}

static void
nesting_is_refused_before_it_is_parsed(void)
{
    char text[200];
    json_t *object = NULL;
    char member[ROUTE_MEMBER_MAX];
    cr_fault_t fault = {0};
    snprintf(text, sizeof text, "{\"a\":%.31s1%.31s}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
             "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    CU_ASSERT_EQUAL(body_parse(cr_slice_of(text), &object, member, &fault), CR_OK);
    json_decref(object);
    snprintf(text, sizeof text, "{\"a\":%.32s1%.32s}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
             "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    CU_ASSERT_EQUAL(body_parse(cr_slice_of(text), &object, member, &fault), CR_INVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "nested"));
}

static void
a_body_may_repeat_what_the_path_says_and_not_contradict_it(void)
{
    static const struct {
        const char *body, *result, *member;
    } cases[] = {
        {"{\"title\":\"t\"}", "{\"name\":\"n\",\"on\":true,\"title\":\"t\"}", NULL},
        {"{\"name\":\"n\"}", "{\"name\":\"n\",\"on\":true}", NULL},
        {"{\"name\":\"m\"}", NULL, "name"},
        {"{\"name\":1}", NULL, "name"},
        {"{\"on\":true}", NULL, "on"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        json_t *arguments = loaded("{\"name\":\"n\",\"on\":true}"), *body = loaded(cases[i].body);
        char member[ROUTE_MEMBER_MAX];
        cr_fault_t fault;
        cr_err_t err = body_merge(arguments, body, member, &fault);
        CU_ASSERT_EQUAL(err, cases[i].member ? CR_INVAL : CR_OK);
        if (cases[i].member) {
            CU_ASSERT_STRING_EQUAL(member, cases[i].member);
        } else {
            json_t *wanted = loaded(cases[i].result);
            CU_ASSERT(json_equal(arguments, wanted));
            json_decref(wanted);
        }
        json_decref(arguments);
        json_decref(body);
    }
}

CU_TestInfo cr_tests[] = {
    {"a problem tells status, title, detail, code and place",
     a_problem_tells_status_title_detail_code_and_place},
    {"extra members are added and never overwrite", extra_members_are_added_and_never_overwrite},
    {"a detail that is no text gives a problem all the same",
     a_detail_that_is_no_text_gives_a_problem_all_the_same},
    {"every error has a status", every_error_has_a_status},
    {"framing that two readers could read differently is refused",
     framing_that_two_readers_could_read_differently_is_refused},
    {"only a bearer token is a token", only_a_bearer_token_is_a_token},
    {"media types and keys are checked", media_types_and_keys_are_checked},
    {"a body is one object without doubles and not too deep",
     a_body_is_one_object_without_doubles_and_not_too_deep},
    {"nesting is refused before it is parsed", nesting_is_refused_before_it_is_parsed},
    {"a body may repeat what the path says and not contradict it",
     a_body_may_repeat_what_the_path_says_and_not_contradict_it},
    CU_TEST_INFO_NULL,
};
