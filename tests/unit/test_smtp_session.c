/* One SMTP connection as bytes in and bytes out: what is said, when, and what becomes of each mail. */
#include <stdlib.h>

#include "cr_test.h"
#include "smtp_session.h"

#define PIPELINES "250-relay\r\n250-PIPELINING\r\n250 SIZE 10000\r\n"
#define GOES_ALONE "250 relay\r\n"

enum { ANSWERS_MAX = 8 };

static smtp_rules_t rules;
static smtp_session_t *session;
static struct {
    void *tag;
    bool answered, sent;
    unsigned code;
    char text[64];
} answers[ANSWERS_MAX];
static size_t answer_count;
static unsigned tls_asked;
static cr_fault_t fault;

static void
on_answer(void *context, void *tag, const smtp_answer_t *answer)
{
    (void)context;
    CU_ASSERT_FATAL(answer_count < ANSWERS_MAX);
    answers[answer_count].tag = tag;
    answers[answer_count].answered = answer->answered;
    answers[answer_count].sent = answer->sent;
    answers[answer_count].code = answer->code;
    snprintf(answers[answer_count].text, sizeof answers[0].text, "%.*s", (int)answer->text.length,
             answer->text.text);
    answer_count++;
}

static void
on_tls(void *context)
{
    (void)context;
    tls_asked++;
}

static const smtp_events_t events = {on_answer, on_tls};

static cr_err_t
hear(const char *text)
{
    cr_err_t err = smtp_session_take(session, cr_slice_of(text), 0, &fault);
    smtp_session_advance(session, 0);
    return err;
}

/* What is to be written is just this, and it is written. */
static bool
says(const char *text)
{
    cr_slice_t out = smtp_session_output(session);
    bool same = cr_slice_equal(out, cr_slice_of(text));
    if (!same)
        fprintf(stderr, "said: %.*s\n", (int)out.length, out.text);
    smtp_session_wrote(session, out.length, 0);
    return same;
}

static void
open_session(const smtp_rules_t *given)
{
    rules = *given;
    rules.domain = "office.test";
    rules.user = rules.user ? rules.user : "";
    rules.timeout_us = 1000;
    answer_count = tls_asked = 0;
    session = smtp_session_new(&rules, &events, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(session);
    smtp_session_begin(session, false, 0);
}

/* ... greeted by a server with these capabilities. */
static void
open_to(const char *capabilities)
{
    open_session(&(smtp_rules_t){0});
    CU_ASSERT_EQUAL(hear("220 relay\r\n"), CR_OK);
    CU_ASSERT_TRUE(says("EHLO office.test\r\n"));
    CU_ASSERT_EQUAL(hear(capabilities), CR_OK);
    CU_ASSERT_TRUE(smtp_session_is_up(session));
}

static void
close_session(void)
{
    smtp_session_lost(session);
    smtp_session_destroy(&session);
}

static void
submit_to(const char *recipient, const char *body, void *tag)
{
    const smtp_mail_t mail = {CR_SLICE("kp@office.test"), cr_slice_of(recipient),
                              CR_SLICE("1.m.2.1"), cr_slice_of(body)};
    smtp_session_submit(session, &mail, tag);
    smtp_session_advance(session, 0);
}

static void
submit(const char *body, void *tag)
{
    submit_to("a@b.test", body, tag);
}

static int one, two;

static void
the_next_envelope_leaves_with_the_body_before_it(void)
{
    open_to(PIPELINES);
    submit("X\r\n", &one);
    submit("Y\r\n", &two);
    CU_ASSERT_FALSE(smtp_session_has_room(session));
    CU_ASSERT_TRUE(says("MAIL FROM:<kp@office.test> SIZE=3\r\nRCPT TO:<a@b.test>\r\nDATA\r\n"));
    CU_ASSERT_EQUAL(hear("250 ok\r\n250 ok\r\n354 go on\r\n"), CR_OK);
    CU_ASSERT_TRUE(says("X\r\n.\r\n"
                        "MAIL FROM:<kp@office.test> SIZE=3\r\nRCPT TO:<a@b.test>\r\nDATA\r\n"));
    CU_ASSERT_EQUAL(hear("250 2.0.0 taken\r\n250 ok\r\n25"), CR_OK);
    CU_ASSERT_EQUAL_FATAL(answer_count, 1);
    CU_ASSERT_PTR_EQUAL(answers[0].tag, &one);
    CU_ASSERT_TRUE(answers[0].answered && answers[0].sent);
    CU_ASSERT_EQUAL(answers[0].code, 250);
    CU_ASSERT_STRING_EQUAL(answers[0].text, "2.0.0 taken");
    CU_ASSERT_EQUAL(hear("0 ok\r\n354 go on\r\n"), CR_OK);
    CU_ASSERT_TRUE(says("Y\r\n.\r\n"));
    CU_ASSERT_EQUAL(hear("250 ok\r\n"), CR_OK);
    CU_ASSERT_EQUAL(answer_count, 2);
    close_session();
    CU_ASSERT_EQUAL(answer_count, 2);
}

static void
without_pipelining_each_command_waits(void)
{
    static const struct {
        const char *said, *reply;
    } steps[] = {{"MAIL FROM:<kp@office.test>\r\n", "250 ok\r\n"},
                 {"RCPT TO:<a@b.test>\r\n", "250 ok\r\n"},
                 {"DATA\r\n", "354 go on\r\n"},
                 {"X\r\n.\r\n", "250 ok\r\n"},
                 {"MAIL FROM:<kp@office.test>\r\n", "250 ok\r\n"}};
    open_to(GOES_ALONE);
    submit("X\r\n", &one);
    submit("Y\r\n", &two);
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        CU_ASSERT_TRUE(says(steps[i].said));
        CU_ASSERT_EQUAL(hear(steps[i].reply), CR_OK);
    }
    CU_ASSERT_EQUAL(answer_count, 1);
    close_session();
}

static void
a_dot_at_the_beginning_of_a_line_is_doubled(void)
{
    static const struct {
        const char *body, *said;
    } cases[] = {{".\r\n", "..\r\n.\r\n"},
                 {"a\r\n.b\r\n..\r\nc.\r\n", "a\r\n..b\r\n...\r\nc.\r\n.\r\n"},
                 {"no end", "no end\r\n.\r\n"},
                 {"", "\r\n.\r\n"}};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        open_to(PIPELINES);
        submit(cases[i].body, &one);
        smtp_session_wrote(session, smtp_session_output(session).length, 0);
        CU_ASSERT_EQUAL(hear("250 ok\r\n250 ok\r\n354 go on\r\n"), CR_OK);
        CU_ASSERT_TRUE(says(cases[i].said));
        close_session();
    }
}

static void
a_refused_envelope_costs_one_mail_and_not_the_connection(void)
{
    static const struct {
        const char *capabilities, *replies[4], *says_then;
        unsigned code;
    } cases[] = {
        {PIPELINES, {"250 ok\r\n550 5.1.1 nobody\r\n554 no recipient\r\n"}, "RSET\r\n", 550},
        {PIPELINES, {"250 ok\r\n550 5.1.1 nobody\r\n354 go on\r\n", "250 empty\r\n"}, "", 550},
        {PIPELINES, {"451 busy\r\n503 no\r\n503 no\r\n"}, "RSET\r\n", 451},
        {PIPELINES, {"250 ok\r\n250 ok\r\n452 full\r\n"}, "RSET\r\n", 452},
        {GOES_ALONE, {"553 no\r\n"}, "", 553},
        {GOES_ALONE, {"250 ok\r\n", "550 nobody\r\n"}, "RSET\r\n", 550},
        {GOES_ALONE, {"250 ok\r\n", "250 ok\r\n", "451 later\r\n"}, "RSET\r\n", 451},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        open_to(cases[i].capabilities);
        submit("X\r\n", &one);
        for (size_t j = 0; j < CR_COUNT(cases[i].replies) && cases[i].replies[j]; j++) {
            smtp_session_wrote(session, smtp_session_output(session).length, 0);
            CU_ASSERT_EQUAL(hear(cases[i].replies[j]), CR_OK);
        }
        CU_ASSERT_EQUAL_FATAL(answer_count, 1);
        CU_ASSERT_EQUAL(answers[0].code, cases[i].code);
        CU_ASSERT_TRUE(answers[0].answered && !answers[0].sent);
        CU_ASSERT_TRUE(says(cases[i].says_then));
        CU_ASSERT_EQUAL(hear(*cases[i].says_then ? "250 ok\r\n" : ""), CR_OK);
        submit("Y\r\n", &two);
        CU_ASSERT_TRUE(smtp_session_output(session).length > 0);
        close_session();
    }
}

static void
a_connection_that_ends_leaves_only_what_was_sent_in_doubt(void)
{
    open_to(PIPELINES);
    submit("X\r\n", &one);
    submit("Y\r\n", &two);
    smtp_session_wrote(session, smtp_session_output(session).length, 0);
    CU_ASSERT_EQUAL(hear("250 ok\r\n250 ok\r\n354 go on\r\n"), CR_OK);
    smtp_session_wrote(session, strlen("X\r\n.\r\n"), 0);
    smtp_session_lost(session);
    CU_ASSERT_EQUAL_FATAL(answer_count, 2);
    CU_ASSERT_TRUE(!answers[0].answered && answers[0].sent);
    CU_ASSERT_TRUE(!answers[1].answered && !answers[1].sent);
    close_session();
    open_to(PIPELINES); /* the last byte of the last dot's line did not leave */
    submit("X\r\n", &one);
    smtp_session_wrote(session, smtp_session_output(session).length, 0);
    CU_ASSERT_EQUAL(hear("250 ok\r\n250 ok\r\n354 go on\r\n"), CR_OK);
    smtp_session_wrote(session, strlen("X\r\n.\r\n") - 1, 0);
    smtp_session_lost(session);
    CU_ASSERT_EQUAL_FATAL(answer_count, 1);
    CU_ASSERT_TRUE(!answers[0].answered && !answers[0].sent);
    close_session();
}

static void
a_server_that_leaves_says_so_in_place_of_any_reply(void)
{
    open_to(PIPELINES);
    submit("X\r\n", &one);
    submit("Y\r\n", &two);
    smtp_session_wrote(session, smtp_session_output(session).length, 0);
    CU_ASSERT_EQUAL(hear("250 ok\r\n421 4.3.2 going down\r\n"), CR_DENIED);
    CU_ASSERT_EQUAL_FATAL(answer_count, 1);
    CU_ASSERT_EQUAL(answers[0].code, 421);
    close_session();
    CU_ASSERT_EQUAL(answer_count, 2);
    CU_ASSERT_TRUE(!answers[1].answered && !answers[1].sent);
}

static void
nothing_is_said_before_the_way_is_encrypted(void)
{
    open_session(&(smtp_rules_t){.starttls = true, .user = "office", .password = "secret"});
    submit("X\r\n", &one);
    CU_ASSERT_EQUAL(hear("220 relay\r\n"), CR_OK);
    CU_ASSERT_TRUE(says("EHLO office.test\r\n"));
    CU_ASSERT_EQUAL(hear("250-relay\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"), CR_OK);
    CU_ASSERT_TRUE(says("STARTTLS\r\n"));
    CU_ASSERT_EQUAL(hear("220 go on\r\n"), CR_OK);
    CU_ASSERT_EQUAL(tls_asked, 1);
    CU_ASSERT_TRUE(says(""));
    smtp_session_secured(session, 0);
    CU_ASSERT_TRUE(says("EHLO office.test\r\n"));
    CU_ASSERT_EQUAL(hear("250-relay\r\n250 AUTH=LOGIN PLAIN\r\n"), CR_OK);
    CU_ASSERT_TRUE(says("AUTH PLAIN AG9mZmljZQBzZWNyZXQ=\r\n"));
    CU_ASSERT_EQUAL(hear("235 welcome\r\n"), CR_OK);
    CU_ASSERT_TRUE(says("MAIL FROM:<kp@office.test>\r\n"));
    close_session();
}

static void
a_server_without_starttls_or_with_words_behind_it_is_left(void)
{
    open_session(&(smtp_rules_t){.starttls = true});
    CU_ASSERT_EQUAL(hear("220 relay\r\n"), CR_OK);
    CU_ASSERT_EQUAL(hear(PIPELINES), CR_DENIED);
    close_session();
    open_session(&(smtp_rules_t){.starttls = true});
    CU_ASSERT_EQUAL(hear("220 relay\r\n"), CR_OK);
    CU_ASSERT_EQUAL(hear("250-relay\r\n250 STARTTLS\r\n"), CR_OK);
    CU_ASSERT_EQUAL(hear("220 go on\r\n250 injected\r\n"), CR_INVAL);
    CU_ASSERT_EQUAL(tls_asked, 0);
    close_session();
}

static void
each_way_to_log_in_is_said_as_its_description_has_it(void)
{
    static const struct {
        smtp_auth_t auth;
        const char *offer, *first, *second, *third;
    } cases[] = {
        {SMTP_AUTH_LOGIN, "250 AUTH PLAIN LOGIN\r\n", "AUTH LOGIN\r\n", "b2ZmaWNl\r\n",
         "c2VjcmV0\r\n"},
        {SMTP_AUTH_AUTO, "250 AUTH LOGIN XOAUTH2\r\n", "AUTH LOGIN\r\n", "b2ZmaWNl\r\n",
         "c2VjcmV0\r\n"},
        {SMTP_AUTH_XOAUTH2, "250 AUTH PLAIN XOAUTH2\r\n",
         "AUTH XOAUTH2 dXNlcj1vZmZpY2UBYXV0aD1CZWFyZXIgc2VjcmV0AQE=\r\n", NULL, NULL},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        open_session(
            &(smtp_rules_t){.auth = cases[i].auth, .user = "office", .password = "secret"});
        CU_ASSERT_EQUAL(hear("220 relay\r\n"), CR_OK);
        CU_ASSERT_TRUE(says("EHLO office.test\r\n"));
        CU_ASSERT_EQUAL(hear("250-relay\r\n"), CR_OK);
        CU_ASSERT_EQUAL(hear(cases[i].offer), CR_OK);
        CU_ASSERT_TRUE(says(cases[i].first));
        if (cases[i].second) {
            CU_ASSERT_EQUAL(hear("334 VXNlcm5hbWU6\r\n"), CR_OK);
            CU_ASSERT_TRUE(says(cases[i].second));
            CU_ASSERT_EQUAL(hear("334 UGFzc3dvcmQ6\r\n"), CR_OK);
            CU_ASSERT_TRUE(says(cases[i].third));
        }
        CU_ASSERT_EQUAL(hear("535 5.7.8 wrong\r\n"), CR_DENIED);
        CU_ASSERT_STRING_EQUAL(fault.text, "AUTH: 535 5.7.8 wrong");
        close_session();
    }
}

static void
what_the_server_cannot_take_is_not_offered_to_it(void)
{
    static char large[10001];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    open_to(PIPELINES "");
    submit("fits\r\n", &one);
    smtp_session_wrote(session, smtp_session_output(session).length, 0);
    submit_to("\xe5\xbc\xa0@b.test", "x\r\n", &two);
    CU_ASSERT_EQUAL(hear("250 ok\r\n250 ok\r\n354 go on\r\n"), CR_OK);
    CU_ASSERT_EQUAL_FATAL(answer_count, 1);
    CU_ASSERT_PTR_EQUAL(answers[0].tag, &two);
    CU_ASSERT_EQUAL(answers[0].code, 553);
    close_session();
    open_to("250-relay\r\n250 SIZE 9999\r\n");
    submit(large, &one);
    CU_ASSERT_EQUAL_FATAL(answer_count, 1);
    CU_ASSERT_EQUAL(answers[0].code, 552);
    close_session();
    open_to("250-relay\r\n250-SMTPUTF8\r\n250 DSN\r\n");
    submit_to("\xe5\xbc\xa0@b.test", "x\r\n", &two);
    CU_ASSERT_TRUE(says("MAIL FROM:<kp@office.test> RET=HDRS ENVID=1.m.2.1 SMTPUTF8\r\n"));
    close_session();
    open_to("250-relay\r\n250-PIPELINING\r\n250 DSN\r\n");
    submit("x\r\n", &two);
    CU_ASSERT_TRUE(says("MAIL FROM:<kp@office.test> RET=HDRS ENVID=1.m.2.1\r\n"
                        "RCPT TO:<a@b.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a@b.test\r\n"
                        "DATA\r\n"));
    close_session();
}

static void
what_is_no_reply_ends_the_connection(void)
{
    static const char *const broken[] = {
        "HTTP/1.1 400 Bad Request\r\n", "25\r\n", "250\thello\r\n", "99 hello\r\n",
        "250-a\r\n251 b\r\n",           "\r\n"};
    for (size_t i = 0; i < CR_COUNT(broken); i++) {
        open_session(&(smtp_rules_t){0});
        CU_ASSERT_EQUAL(hear("220 relay\r\n"), CR_OK);
        CU_ASSERT_EQUAL(hear(broken[i]), CR_INVAL);
        close_session();
    }
    open_session(&(smtp_rules_t){0});
    cr_err_t err = CR_OK;
    for (int i = 0; i < SMTP_LINES_MAX + 1 && err == CR_OK; i++)
        err = hear("220-and so on\r\n");
    CU_ASSERT_EQUAL(err, CR_INVAL);
    close_session();
    open_session(&(smtp_rules_t){0});
    err = CR_OK;
    for (int i = 0; i < SMTP_LINE_MAX && err == CR_OK; i++)
        err = hear("22");
    CU_ASSERT_EQUAL(err, CR_INVAL);
    close_session();
    open_session(&(smtp_rules_t){0});
    CU_ASSERT_EQUAL(hear("554 go away\r\n"), CR_DENIED);
    close_session();
}

static void
a_reply_may_come_byte_by_byte_and_then_too_late(void)
{
    open_to(PIPELINES);
    submit("X\r\n", &one);
    CU_ASSERT_EQUAL(smtp_session_due_us(session), 1000);
    smtp_session_wrote(session, smtp_session_output(session).length, 500);
    CU_ASSERT_EQUAL(smtp_session_due_us(session), 1500);
    const char *replies = "250 ok\r\n250 ok\r\n354 go on\r\n";
    for (const char *at = replies; *at; at++) {
        const cr_slice_t byte = {at, 1};
        CU_ASSERT_EQUAL(smtp_session_take(session, byte, 600, &fault), CR_OK);
    }
    CU_ASSERT_TRUE(says("X\r\n.\r\n"));
    CU_ASSERT_EQUAL(hear("250 ok\r\n"), CR_OK);
    CU_ASSERT_EQUAL(smtp_session_due_us(session), INT64_MAX);
    CU_ASSERT_TRUE(smtp_session_quit(session));
    CU_ASSERT_TRUE(says("QUIT\r\n"));
    CU_ASSERT_FALSE(smtp_session_has_room(session));
    CU_ASSERT_EQUAL(hear("221 bye\r\n"), CR_CLOSED);
    smtp_session_lost(session);
    CU_ASSERT_TRUE(smtp_session_has_room(session)); /* of the next connection */
    close_session();
}

static void
an_old_server_is_greeted_the_old_way(void)
{
    open_session(&(smtp_rules_t){0});
    CU_ASSERT_EQUAL(hear("220 relay\r\n"), CR_OK);
    CU_ASSERT_TRUE(says("EHLO office.test\r\n"));
    CU_ASSERT_EQUAL(hear("502 what\r\n"), CR_OK);
    CU_ASSERT_TRUE(says("HELO office.test\r\n"));
    CU_ASSERT_EQUAL(hear("250 hello\r\n"), CR_OK);
    CU_ASSERT_TRUE(smtp_session_is_up(session));
    close_session();
}

static void
a_connection_has_its_number_of_mails(void)
{
    open_session(&(smtp_rules_t){.mails_max = 1});
    CU_ASSERT_EQUAL(hear("220 relay\r\n"), CR_OK);
    CU_ASSERT_EQUAL(hear(PIPELINES), CR_OK);
    CU_ASSERT_TRUE(smtp_session_has_room(session));
    submit("X\r\n", &one);
    CU_ASSERT_FALSE(smtp_session_has_room(session));
    CU_ASSERT_EQUAL(hear("250 ok\r\n250 ok\r\n354 go on\r\n250 ok\r\n"), CR_OK);
    CU_ASSERT_FALSE(smtp_session_has_room(session));
    CU_ASSERT_TRUE(smtp_session_quit(session));
    smtp_session_lost(session);
    CU_ASSERT_TRUE(smtp_session_has_room(session));
    close_session();
}

const char cr_suite[] = "smtp_session";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(the_next_envelope_leaves_with_the_body_before_it),
    TEST(without_pipelining_each_command_waits),
    TEST(a_dot_at_the_beginning_of_a_line_is_doubled),
    TEST(a_refused_envelope_costs_one_mail_and_not_the_connection),
    TEST(a_connection_that_ends_leaves_only_what_was_sent_in_doubt),
    TEST(a_server_that_leaves_says_so_in_place_of_any_reply),
    TEST(nothing_is_said_before_the_way_is_encrypted),
    TEST(a_server_without_starttls_or_with_words_behind_it_is_left),
    TEST(each_way_to_log_in_is_said_as_its_description_has_it),
    TEST(what_the_server_cannot_take_is_not_offered_to_it),
    TEST(what_is_no_reply_ends_the_connection),
    TEST(a_reply_may_come_byte_by_byte_and_then_too_late),
    TEST(an_old_server_is_greeted_the_old_way),
    TEST(a_connection_has_its_number_of_mails),
    CU_TEST_INFO_NULL,
};
