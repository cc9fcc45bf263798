#include <arpa/inet.h>
#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "cr_clock.h"
#include "cr_test.h"
#include "fake_plan.h"

const char cr_suite[] = "api";

enum { BODY_MAX = 1 << 20, IMPORT_MAX = 128 << 20, ANSWER_MS = 10 * 1000 };

static api_t *api;
static int port;

static void
start(int64_t threads)
{
    api_config_t config = {.address = "127.0.0.1",
                           .threads = threads,
                           .body_bytes_max = BODY_MAX,
                           .import_bytes_max = IMPORT_MAX};
    cr_fault_t fault = {0};
    CU_ASSERT_EQUAL_FATAL(api_start(&config, &api, &port, &fault), CR_OK);
    api_serve(api);
}

static void
stop(void)
{
    api_destroy(&api);
    CU_ASSERT_EQUAL(atomic_load(&fake_plan_clients), 0);
}

/* -- a client ---------------------------------------------------------------------------------- */

typedef struct {
    const char *method, *path, *token; /* token NULL: none */
    const char *type, *body;           /* body NULL: none */
    const char *header;                /* one more, or NULL */
    size_t length;                     /* of the body; 0: strlen */
    bool chunked;
} question_t;

typedef struct {
    long status, connections;
    CURLcode code;
    cr_str_t head, body;
    json_t *json;
} reply_t;

static size_t
on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    cr_str_append(context, bytes, size * count);
    return size * count;
}

static struct curl_slist *
fields_of(const question_t *question)
{
    char line[256];
    struct curl_slist *fields = NULL;
    if (question->token) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", question->token);
        fields = curl_slist_append(fields, line);
    }
    snprintf(line, sizeof line, "Content-Type: %s",
             question->type ? question->type : "application/json");
    fields = curl_slist_append(fields, line);
    if (question->chunked)
        fields = curl_slist_append(fields, "Transfer-Encoding: chunked");
    if (question->header)
        fields = curl_slist_append(fields, question->header);
    return fields;
}

static void
set_body(CURL *curl, const question_t *question)
{
    if (!question->body)
        return;
    size_t length = question->length ? question->length : strlen(question->body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, question->body);
}

/* `curl` may be used again, for one connection. */
static void
ask_over(CURL *curl, const question_t *question, reply_t *reply)
{
    char *url = NULL;
    CU_ASSERT_FATAL(asprintf(&url, "http://127.0.0.1:%d%s", port, question->path) > 0);
    *reply = (reply_t){0};
    cr_str_init(&reply->head, 64 * 1024);
    cr_str_init(&reply->body, 64 << 20);
    struct curl_slist *fields = fields_of(question);
    curl_easy_reset(curl);
    set_body(curl, question);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, question->method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(question->method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 60000L);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply->head);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply->body);
    reply->code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &reply->connections);
    reply->json = json_loads(cr_str_text(&reply->body), 0, NULL);
    curl_slist_free_all(fields);
    free(url);
}

static void
ask(const question_t *question, reply_t *reply)
{
    CURL *curl = curl_easy_init();
    ask_over(curl, question, reply);
    curl_easy_cleanup(curl);
}

static void
reply_fini(reply_t *reply)
{
    cr_str_fini(&reply->head);
    cr_str_fini(&reply->body);
    json_decref(reply->json);
}

static const char *
member(const reply_t *reply, const char *name)
{
    const char *text = json_string_value(json_object_get(reply->json, name));
    return text ? text : "";
}

static bool
has_field(const reply_t *reply, const char *field)
{
    return strcasestr(cr_str_text(&reply->head), field) != NULL;
}

/* -- raw bytes --------------------------------------------------------------------------------- */

static int
raw_open(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void
raw_send(int fd, const char *text)
{
    CU_ASSERT_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Until the server closes. */
static void
raw_read(int fd, char *text, size_t size)
{
    size_t length = 0;
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    while (length + 1 < size && poll(&waiting, 1, ANSWER_MS) == 1) {
        ssize_t got = recv(fd, text + length, size - 1 - length, 0);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    text[length] = '\0';
}

static size_t
count_of(const char *text, const char *needle)
{
    size_t count = 0;
    for (const char *at = strstr(text, needle); at; at = strstr(at + 1, needle))
        count++;
    return count;
}

/* -- refusals ---------------------------------------------------------------------------------- */

static void
what_is_wrong_with_a_request_is_told_as_a_problem(void)
{
    static const struct {
        question_t question;
        long status;
        const char *code, *member, *field;
    } cases[] = {
        {{"GET", "/v1/me", NULL}, 401, "denied", "", "WWW-Authenticate: Bearer"},
        {{"GET", "/v1/me", "stranger"}, 401, "denied", "", "WWW-Authenticate: Bearer"},
        {{"GET", "/v1/nothing", "admin"}, 404, "notfound", "", NULL},
        {{"GET", "/v1/broadcasts/B-1", "admin"}, 404, "notfound", "", NULL},
        {{"DELETE", "/v1/broadcasts", "admin"}, 405, "inval", "", "Allow: GET, HEAD, POST\r\n"},
        {{"GET", "/v1/me?x=1", "admin"}, 400, "inval", "x", NULL},
        {{"GET", "/v1/recipients/%FF", "admin"}, 400, "inval", "id", NULL},
        {{"POST", "/v1/users", "admin", "text/plain", "{}"}, 415, "inval", "", NULL},
        {{"POST", "/v1/users", "admin", NULL, "{"}, 400, "inval", "", NULL},
        {{"POST", "/v1/users", "admin", NULL, "[]"}, 400, "inval", "", NULL},
        {{"POST", "/v1/users", "admin", NULL, "{\"a\":1,\"a\":2}"}, 400, "inval", "a", NULL},
        {{"PUT", "/v1/templates/a", "admin", NULL, "{\"name\":\"b\"}"}, 400, "inval", "name", NULL},
        {{"GET", "/v1/me", "admin", NULL, "{}"}, 400, "inval", "", NULL},
        {{"POST", "/v1/users", "admin", NULL, "{}", "Idempotency-Key: a b"},
         400,
         "inval",
         "",
         NULL},
        {{"GET", "/v1/broadcasts", "admin"}, 503, "again", "", "Retry-After: "},
        {{"POST", "/v1/recipients/import", "admin", NULL, "{}"}, 415, "inval", "", NULL},
        {{"GET", "/v1/me", "admin", .header = "Host: x\r\nHost: y"},
         400,
         "inval",
         "",
         "Connection: close"},
    };
    start(2);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        reply_t reply;
        ask(&cases[i].question, &reply);
        CU_ASSERT_EQUAL(reply.status, cases[i].status);
        CU_ASSERT(has_field(&reply, "Content-Type: application/problem+json"));
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply.json, "status")), reply.status);
        CU_ASSERT_STRING_EQUAL(member(&reply, "code"), cases[i].code);
        CU_ASSERT_STRING_EQUAL(member(&reply, "member"), cases[i].member);
        if (cases[i].field)
            CU_ASSERT(has_field(&reply, cases[i].field));
        reply_fini(&reply);
    }
    stop();
}

static void
a_fault_keeps_its_place_and_gives_its_suggestion(void)
{
    reply_t reply;
    start(1);
    ask(&(question_t){"GET", "/v1/audience?select=town:x", "admin"}, &reply);
    CU_ASSERT_EQUAL(reply.status, 400);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply.json, "column")), 6);
    CU_ASSERT_STRING_EQUAL(member(&reply, "suggestion"), "孔村镇");
    reply_fini(&reply);
    ask(&(question_t){"GET", "/v1/broadcasts/B-1", "admin"}, &reply);
    CU_ASSERT_STRING_EQUAL(member(&reply, "id"), "B-00000001");
    reply_fini(&reply);
    stop();
}

/* The prefix and `count` Han characters, percent-encoded. */
static void
fill_path(char *path, const char *prefix, size_t count)
{
    size_t length = strlen(prefix);
    memcpy(path, prefix, length + 1);
    for (; count > 0; count--, length += 9)
        memcpy(path + length, "%E5%AD%94", 10);
}

static void
the_longest_selector_fits_and_an_endless_head_does_not(void)
{
    static char path[64 * 1024];
    reply_t reply;
    start(1);
    fill_path(path, "/v1/audience?select=", 4096 / 3);
    ask(&(question_t){"GET", path, "admin"}, &reply);
    CU_ASSERT_EQUAL(reply.status, 400);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply.json, "column")), 6);
    reply_fini(&reply);
    fill_path(path, "/v1/audience?select=", 7000);
    ask(&(question_t){"GET", path, "admin"}, &reply);
    CU_ASSERT(reply.status == 414 || reply.status == 431);
    reply_fini(&reply);
    stop();
}

static void
a_body_that_is_too_large_gets_its_answer_however_it_comes(void)
{
    static const struct {
        const char *header;
        size_t length;
        bool chunked;
    } cases[] = {
        {"Expect: 100-continue", 2 << 20, false},
        {"Expect:", 2 << 20, false}, /* sent at once: read, dropped, answered */
        {"Expect:", 2 << 20, true},
        {"Expect:", BODY_MAX + 1, false},
        {"Expect: 100-continue", 64 << 20, false},
    };
    char *body = malloc(64 << 20);
    memset(body, ' ', 64 << 20);
    start(1);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        question_t question = {"POST", "/v1/broadcasts", "admin",         NULL,
                               body,   cases[i].header,  cases[i].length, cases[i].chunked};
        reply_t reply;
        ask(&question, &reply);
        CU_ASSERT_EQUAL(reply.status, 413);
        CU_ASSERT_STRING_EQUAL(member(&reply, "code"), "toobig");
        reply_fini(&reply);
    }
    CU_ASSERT_EQUAL(atomic_load(&fake_plan_calls[PLAN_BROADCAST_DRAFT]), 0);
    memcpy(body, "{\"to\":\"all\"}", 12);
    reply_t reply;
    ask(&(question_t){"POST", "/v1/broadcasts", "admin", NULL, body, NULL, BODY_MAX}, &reply);
    CU_ASSERT_EQUAL(reply.status, 201);
    reply_fini(&reply);
    free(body);
    stop();
}

static void
a_chunked_body_without_end_is_cut_off(void)
{
    static char piece[64 * 1024 + 16];
    int length = snprintf(piece, sizeof piece, "10000\r\n%65536s\r\n", "x");
    start(1);
    int fd = raw_open();
    raw_send(fd, "POST /v1/broadcasts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin\r\n"
                 "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    size_t sent = 0;
    while (sent < (64 << 20) && send(fd, piece, (size_t)length, MSG_NOSIGNAL) > 0)
        sent += (size_t)length;
    CU_ASSERT(sent < (32 << 20));
    close(fd);
    stop();
}

static void
requests_that_could_be_smuggled_are_refused_and_the_connection_closed(void)
{
    static const char *const requests[] = {
        "POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: "
        "chunked\r\n\r\n"
        "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 37\r\n\r\n"
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\nGET /healthz HTTP/1.1\r\nHost: "
        "x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\nGET /healthz "
        "HTTP/1.1\r\n"
        "Host: x\r\n\r\n",
    };
    static char text[8192];
    start(1);
    for (size_t i = 0; i < CR_COUNT(requests); i++) {
        int fd = raw_open();
        raw_send(fd, requests[i]);
        raw_read(fd, text, sizeof text);
        CU_ASSERT_EQUAL(count_of(text, "HTTP/1.1 "), 1);
        CU_ASSERT(strncmp(text, "HTTP/1.1 400", 12) == 0);
        close(fd);
    }
    stop();
}

static void
junk_after_a_request_harms_neither_it_nor_others(void)
{
    static char text[8192];
    start(1);
    int fd = raw_open();
    raw_send(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                 "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\x01\x02 junk \xff\r\nmore\r\n\r\n");
    raw_read(fd, text, sizeof text);
    CU_ASSERT_EQUAL(count_of(text, "HTTP/1.1 200"), 2);
    close(fd);
    fd = raw_open();
    raw_send(fd, "\x16\x03\x01 this is not HTTP\r\n\r\n");
    raw_read(fd, text, sizeof text);
    CU_ASSERT_PTR_NULL(strstr(text, " 200 "));
    close(fd);
    reply_t reply;
    ask(&(question_t){"GET", "/healthz", NULL}, &reply);
    CU_ASSERT_EQUAL(reply.status, 200);
    reply_fini(&reply);
    stop();
}

/* -- the good way ------------------------------------------------------------------------------ */

static void
one_connection_serves_many_requests(void)
{
    static const question_t questions[] = {
        {"GET", "/v1/me", "admin"},
        {"POST", "/v1/broadcasts/B-1/submit", "admin", NULL, ""},
        {"POST", "/v1/users", "admin", NULL, "{\"name\":\"x\"}"},
        {"GET", "/v1/nothing", "admin"},
        {"POST", "/v1/users", "admin", NULL, "{"},
        {"HEAD", "/healthz", NULL},
        {"GET", "/v1/queue", "admin"},
    };
    CURL *curl = curl_easy_init();
    start(1);
    for (size_t i = 0; i < CR_COUNT(questions); i++) {
        reply_t reply;
        ask_over(curl, &questions[i], &reply);
        CU_ASSERT_EQUAL(reply.code, CURLE_OK);
        CU_ASSERT_EQUAL(reply.connections, i == 0 ? 1 : 0);
        reply_fini(&reply);
    }
    curl_easy_cleanup(curl);
    stop();
}

static void
answers_have_the_status_of_their_route(void)
{
    static const struct {
        question_t question;
        long status;
    } cases[] = {
        {{"POST", "/v1/users", "admin", NULL, "{}"}, 201},
        {{"DELETE", "/v1/users/x", "admin"}, 204},
        {{"PUT", "/v1/templates/x", "admin", NULL, "{}"}, 200},
        {{"POST", "/v1/recipients/P1/opt-out", "admin"}, 200},
        {{"GET", "/", NULL}, 200},
        {{"GET", "/metrics", NULL}, 200},
        {{"GET", "/v1/openapi.json", NULL}, 200},
    };
    start(2);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        reply_t reply;
        ask(&cases[i].question, &reply);
        CU_ASSERT_EQUAL(reply.status, cases[i].status);
        CU_ASSERT_EQUAL(reply.body.length > 0, cases[i].status != 204);
        CU_ASSERT(has_field(&reply, "Cache-Control: no-store"));
        reply_fini(&reply);
    }
    stop();
}

static void
readiness_is_what_plan_says(void)
{
    reply_t reply;
    start(1);
    ask(&(question_t){"GET", "/readyz", NULL}, &reply);
    CU_ASSERT_EQUAL(reply.status, 200);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&reply.body), "ok\n");
    reply_fini(&reply);
    atomic_store(&fake_plan_ready, false);
    ask(&(question_t){"GET", "/readyz", NULL}, &reply);
    CU_ASSERT_EQUAL(reply.status, 503);
    CU_ASSERT_STRING_EQUAL(member(&reply, "detail"), "loading");
    reply_fini(&reply);
    atomic_store(&fake_plan_ready, true);
    stop();
}

static void
a_key_goes_with_a_hash_of_method_target_and_body(void)
{
    static const question_t questions[] = {
        {"POST", "/v1/broadcasts/B-1/cancel", "admin", NULL, "{\"reason\":\"a\"}",
         "Idempotency-Key: k-1"},
        {"POST", "/v1/broadcasts/B-1/cancel", "admin", NULL, "{\"reason\":\"a\"}",
         "Idempotency-Key: k-1"},
        {"POST", "/v1/broadcasts/B-1/cancel", "admin", NULL, "{\"reason\":\"b\"}",
         "Idempotency-Key: k-1"},
        {"POST", "/v1/broadcasts/B-2/cancel", "admin", NULL, "{\"reason\":\"a\"}",
         "Idempotency-Key: k-1"},
    };
    reply_t replies[CR_COUNT(questions)], other;
    start(1);
    for (size_t i = 0; i < CR_COUNT(questions); i++) {
        ask(&questions[i], &replies[i]);
        CU_ASSERT_STRING_EQUAL(member(&replies[i], "key"), "k-1");
        CU_ASSERT_EQUAL(strlen(member(&replies[i], "hash")), 64);
        bool same = strcmp(member(&replies[i], "hash"), member(&replies[0], "hash")) == 0;
        CU_ASSERT_EQUAL(same, i < 2);
    }
    for (size_t i = 0; i < CR_COUNT(questions); i++)
        reply_fini(&replies[i]);
    ask(&(question_t){"POST", "/v1/broadcasts/B-1/send", "admin"}, &other);
    CU_ASSERT(has_field(&other, "Idempotency-Replayed: true"));
    CU_ASSERT_STRING_EQUAL(member(&other, "key"), "");
    reply_fini(&other);
    ask(&(question_t){"PUT", "/v1/templates/x", "admin", NULL, "{}", "Idempotency-Key: k"}, &other);
    CU_ASSERT_STRING_EQUAL(member(&other, "key"), "");
    reply_fini(&other);
    stop();
}

/* -- CSV --------------------------------------------------------------------------------------- */

static int64_t
resident_bytes(void)
{
    reply_t reply;
    ask(&(question_t){"GET", "/metrics", NULL}, &reply);
    const char *at = strstr(cr_str_text(&reply.body), "\nprocess_resident_memory_bytes ");
    int64_t bytes = at ? strtoll(strchr(at, ' '), NULL, 10) : 0;
    reply_fini(&reply);
    return bytes;
}

static void
an_import_is_fed_as_it_comes(void)
{
    reply_t reply;
    start(1);
    ask(&(question_t){"POST", "/v1/recipients/import", "admin", "text/csv",
                      "id,name,phone\nN1,a,19931234567\nN2,b,19931234568\n"},
        &reply);
    CU_ASSERT_EQUAL(reply.status, 200);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply.json, "rows")), 2);
    reply_fini(&reply);
    ask(&(question_t){"POST", "/v1/recipients/import?skip_bad=1", "admin", "text/csv",
                      "id,name,phone\nN1,a,19931234567\nN2,b,123\n", .chunked = true},
        &reply);
    CU_ASSERT_EQUAL(reply.status, 200);
    reply_fini(&reply);
    stop();
}

static void
fifty_megabytes_pass_through_in_flat_memory(void)
{
    enum { LENGTH = 50 << 20 };
    char *csv = malloc(LENGTH);
    memset(csv, 'x', LENGTH);
    memcpy(csv, "id,name,name\n", 13);
    for (size_t i = 1023; i < LENGTH; i += 1024)
        csv[i] = '\n';
    reply_t reply;
    start(1);
    int64_t before = resident_bytes();
    ask(&(question_t){"POST", "/v1/recipients/import", "admin", "text/csv", csv, "Expect:", LENGTH},
        &reply);
    CU_ASSERT_EQUAL(reply.status, 422);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply.json, "line")), 1);
    reply_fini(&reply);
    CU_ASSERT(before > 0 && resident_bytes() - before < 16 << 20);
    free(csv);
    stop();
}

static void
no_row_of_a_stranger_is_parsed(void)
{
    static const struct {
        const char *token;
        long status;
    } cases[] = {{NULL, 401}, {"stranger", 401}, {"planner", 403}};
    start(1);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        unsigned before = atomic_load(&fake_plan_calls[PLAN_RECIPIENT_IMPORT]);
        reply_t reply;
        ask(&(question_t){"POST", "/v1/recipients/import", cases[i].token, "text/csv", "id,id\n"},
            &reply);
        CU_ASSERT_EQUAL(reply.status, cases[i].status);
        CU_ASSERT_EQUAL(atomic_load(&fake_plan_calls[PLAN_RECIPIENT_IMPORT]), before);
        reply_fini(&reply);
    }
    stop();
}

static directory_t *
directory_of(const char *csv)
{
    intake_t *intake = intake_new();
    directory_t *base = directory_new(), *next = NULL;
    intake_result_t result;
    cr_fault_t fault = {0};
    CU_ASSERT_EQUAL_FATAL(intake_feed(intake, csv, strlen(csv), &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(intake_finish(intake, &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(intake_apply(intake, base, false, &next, &result, &fault), CR_OK);
    intake_result_fini(&result);
    directory_unref(&base);
    intake_destroy(&intake);
    return next;
}

static void
an_export_gives_the_rows_and_no_formulas(void)
{
    fake_plan_directory =
        directory_of("id,name,phone,email,groups,crop\n"
                     "P1,\"=1+1, \"\"x\"\"\",19931234567,a@pingyin.test,farmer;vet,wheat\n"
                     "P2,@cmd,,,,-5\n");
    reply_t reply;
    start(1);
    ask(&(question_t){"GET", "/v1/recipients/export", "admin"}, &reply);
    CU_ASSERT_EQUAL(reply.status, 200);
    CU_ASSERT(has_field(&reply, "Content-Type: text/csv; charset=utf-8"));
    const char *text = cr_str_text(&reply.body);
    CU_ASSERT(strncmp(text,
                      "id,name,phone,openid,email,division,groups,roles,language,guardian,"
                      "opt_out,crop\r\n",
                      81) == 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nP1,\"'=1+1, \"\"x\"\"\","));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, ",farmer;vet,"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nP2,'@cmd,"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, ",mail,wheat\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, ",sms;mail,'-5\r\n"));
    CU_ASSERT_EQUAL(count_of(text, "\r\n"), 3);
    reply_fini(&reply);
    stop();
    directory_unref(&fake_plan_directory);
}

/* -- others wait for nobody -------------------------------------------------------------------- */

static void
a_slow_body_holds_up_nobody(void)
{
    start(1); /* one thread: were it held, nobody else would be answered */
    int slow = raw_open();
    raw_send(slow, "POST /v1/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin\r\n"
                   "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"a\":");
    int silent = raw_open();
    raw_send(silent, "POST /v1/us");
    reply_t reply;
    int64_t began_us = cr_clock_mono_us();
    ask(&(question_t){"GET", "/healthz", NULL}, &reply);
    CU_ASSERT_EQUAL(reply.status, 200);
    CU_ASSERT(cr_clock_mono_us() - began_us < 5 * CR_US_PER_S);
    reply_fini(&reply);
    close(slow);
    close(silent);
    stop();
}

static void *
ask_slowly(void *context)
{
    ask(&(question_t){"GET", "/v1/queue", "admin"}, context);
    return NULL;
}

static void
a_request_that_runs_is_answered_before_the_end(void)
{
    reply_t reply;
    pthread_t client;
    unsigned before = atomic_load(&fake_plan_calls[PLAN_QUEUE]);
    start(2);
    pthread_create(&client, NULL, ask_slowly, &reply);
    for (int i = 0; i < 1000 && atomic_load(&fake_plan_calls[PLAN_QUEUE]) == before; i++)
        zclock_sleep(5);
    stop();
    pthread_join(client, NULL);
    CU_ASSERT_EQUAL(reply.code, CURLE_OK);
    CU_ASSERT_EQUAL(reply.status, 200);
    reply_fini(&reply);
}

static void
a_daemon_that_waits_says_so_and_asks_nobody(void)
{
    static const struct {
        const char *path;
        long status;
        const char *says;
    } rows[] = {
        {"/healthz", 200, "standby\n"},
        {"/readyz", 503, "standby"},
        {"/metrics", 200, "crier_workers"},
        {"/v1/queue", 503, "this daemon is not active: standby"},
    };
    start(1);
    api_wait(api, "standby");
    unsigned before = atomic_load(&fake_plan_calls[PLAN_QUEUE]);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        reply_t reply;
        ask(&(question_t){"GET", rows[i].path, "stranger"}, &reply);
        CU_ASSERT_EQUAL(reply.status, rows[i].status);
        CU_ASSERT_PTR_NOT_NULL(strstr(cr_str_text(&reply.body), rows[i].says));
        reply_fini(&reply);
    }
    CU_ASSERT_EQUAL(atomic_load(&fake_plan_calls[PLAN_QUEUE]), before);
    stop();
}

static void
an_address_that_is_taken_or_none_is_a_fault_with_its_option(void)
{
    api_t *second = NULL;
    int ignored;
    cr_fault_t fault = {0};
    start(1);
    api_config_t config = {.address = "127.0.0.1", .port = port, .threads = 1};
    CU_ASSERT_EQUAL(api_start(&config, &second, &ignored, &fault), CR_AGAIN);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "http.port"));
    config.address = "localhost";
    CU_ASSERT_EQUAL(api_start(&config, &second, &ignored, &fault), CR_INVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "http.address"));
    stop();
}

CU_TestInfo cr_tests[] = {
    {"what is wrong with a request is told as a problem",
     what_is_wrong_with_a_request_is_told_as_a_problem},
    {"a fault keeps its place and gives its suggestion",
     a_fault_keeps_its_place_and_gives_its_suggestion},
    {"the longest selector fits and an endless head does not",
     the_longest_selector_fits_and_an_endless_head_does_not},
    {"a body that is too large gets its answer however it comes",
     a_body_that_is_too_large_gets_its_answer_however_it_comes},
    {"a chunked body without end is cut off", a_chunked_body_without_end_is_cut_off},
    {"requests that could be smuggled are refused and the connection closed",
     requests_that_could_be_smuggled_are_refused_and_the_connection_closed},
    {"junk after a request harms neither it nor others",
     junk_after_a_request_harms_neither_it_nor_others},
    {"one connection serves many requests", one_connection_serves_many_requests},
    {"answers have the status of their route", answers_have_the_status_of_their_route},
    {"readiness is what plan says", readiness_is_what_plan_says},
    {"a key goes with a hash of method, target and body",
     a_key_goes_with_a_hash_of_method_target_and_body},
    {"an import is fed as it comes", an_import_is_fed_as_it_comes},
    {"fifty megabytes pass through in flat memory", fifty_megabytes_pass_through_in_flat_memory},
    {"no row of a stranger is parsed", no_row_of_a_stranger_is_parsed},
    {"an export gives the rows and no formulas", an_export_gives_the_rows_and_no_formulas},
    {"a slow body holds up nobody", a_slow_body_holds_up_nobody},
    {"a request that runs is answered before the end",
     a_request_that_runs_is_answered_before_the_end},
    {"a daemon that waits says so and asks nobody", a_daemon_that_waits_says_so_and_asks_nobody},
    {"an address that is taken, or none, is a fault with its option",
     an_address_that_is_taken_or_none_is_a_fault_with_its_option},
    CU_TEST_INFO_NULL,
};
