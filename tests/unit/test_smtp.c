#include "smtp.h"

#include <stdlib.h>
#include <string.h>

#include "cr_test.h"

const char cr_suite[] = "smtp";

#define HELLO "EHLO me\r\n"
#define ENVELOPE HELLO "MAIL FROM:<kp@pingyin.test>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n"

static const smtp_rules_t rules = {"sandbox.test", 4000};

static bool
says(smtp_t *smtp, const char *text)
{
    return strstr(cr_str_text(smtp_output(smtp)), text) != NULL;
}

/* Feeds all bytes, the mails settled as they come; the last event. */
static smtp_event_t
run(smtp_t *smtp, cr_slice_t bytes, size_t piece, cr_str_t *mails)
{
    smtp_event_t event = smtp_next(smtp);
    for (size_t at = 0; at < bytes.length && event != SMTP_CLOSE; at += piece) {
        size_t length = bytes.length - at < piece ? bytes.length - at : piece;
        smtp_put(smtp, (cr_slice_t){bytes.text + at, length});
        while ((event = smtp_next(smtp)) == SMTP_MAIL) {
            cr_str_append_slice(mails, smtp_mail(smtp));
            cr_str_append_char(mails, '|');
            smtp_settle(smtp, "250 2.0.0 taken");
        }
    }
    return event;
}

/* The mails that come out of one conversation, "|" after each, however it is cut. */
static void
expect_mails(cr_slice_t bytes, const char *expected)
{
    static const size_t pieces[] = {1, 2, 3, 7, 100000};
    for (size_t i = 0; i < CR_COUNT(pieces); i++) {
        cr_str_t mails;
        cr_str_init(&mails, 100000);
        smtp_t *smtp = smtp_new(&rules);
        run(smtp, bytes, pieces[i], &mails);
        CU_ASSERT_STRING_EQUAL(cr_str_text(&mails), expected);
        smtp_destroy(&smtp);
        cr_str_fini(&mails);
    }
}

static void
a_mail_comes_out_as_it_was_written(void)
{
    static const struct {
        const char *bytes, *mails;
    } cases[] = {
        {ENVELOPE "Subject: x\r\n\r\ntext\r\n.\r\n", "Subject: x\r\n\r\ntext\r\n|"},
        {ENVELOPE ".\r\n", "|"},
        {ENVELOPE "..\r\n...\r\n.x\r\n.\r\n", ".\r\n..\r\nx\r\n|"},
        {ENVELOPE "a.\r\n.\r\n", "a.\r\n|"},
        {ENVELOPE
         "a\r\n.\r\nMAIL FROM:<x@y.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nb\r\n.\r\nQUIT\r\n",
         "a\r\n|b\r\n|"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        expect_mails(cr_slice_of(cases[i].bytes), cases[i].mails);
}

/* Line ends other than CRLF must not end a mail, or a second one could hide in it. */
static void
only_crlf_ends_a_mail(void)
{
    static const char *const hidden[] = {"a\n.\nb",        "a\n.\r\nb",    "a\r.\rb",
                                         "a\r\n.\nb",      "a\r\n.\rb",    "a\r\r\n\r.\r\nb",
                                         "a\r\n.\n.\r\nb", "a\r\n\n.\r\nb"};
    static const char *const seen[] = {"a\n.\nb",       "a\n.\r\nb",    "a\r.\rb",
                                       "a\r\n\nb",      "a\r\n\rb",     "a\r\r\n\r.\r\nb",
                                       "a\r\n\n.\r\nb", "a\r\n\n.\r\nb"};
    for (size_t i = 0; i < CR_COUNT(hidden); i++) {
        cr_str_t bytes, expected;
        cr_str_init(&bytes, 1000);
        cr_str_init(&expected, 1000);
        cr_str_appendf(&bytes, ENVELOPE "%s\r\n.\r\n", hidden[i]);
        cr_str_appendf(&expected, "%s\r\n|", seen[i]);
        expect_mails(cr_str_slice(&bytes), cr_str_text(&expected));
        cr_str_fini(&bytes);
        cr_str_fini(&expected);
    }
}

static void
commands_are_answered(void)
{
    static const struct {
        const char *bytes, *reply;
    } cases[] = {
        {"", "220 sandbox.test"},
        {HELLO, "250-STARTTLS"},
        {HELLO, "250-SIZE 4000"},
        {"ehlo me\n", "250-PIPELINING"},
        {"HELO me\r\n", "250 sandbox.test\r\n"},
        {"MAIL FROM:<a@b.test>\r\n", "503 5.5.1 say EHLO"},
        {HELLO "MAIL FROM:<a@b.test> SIZE=5000\r\n", "552 5.3.4"},
        {HELLO "MAIL FROM:<a@b.test> BODY=8BITMIME SIZE=400\r\n", "250 2.1.0"},
        {HELLO "MAIL FROM:<>\r\n", "250 2.1.0"},
        {HELLO "MAIL a@b.test\r\n", "501 5.5.4"},
        {HELLO "MAIL FROM:<a@b.test>\r\nMAIL FROM:<a@b.test>\r\n", "503 5.5.1 one sender"},
        {HELLO "RCPT TO:<a@b.test>\r\n", "503 5.5.1 MAIL"},
        {HELLO "MAIL FROM:<a@b.test>\r\nRCPT TO:<bounce7@b.test>\r\n", "550 5.1.1"},
        {HELLO "MAIL FROM:<a@b.test>\r\nRCPT TO:<nobody>\r\n", "501 5.1.3"},
        {HELLO "MAIL FROM:<a@b.test>\r\nRCPT TO:<@b.test>\r\n", "501 5.1.3"},
        {HELLO "MAIL FROM:<a@b.test>\r\nDATA\r\n", "554 5.5.1"},
        {HELLO "DATA\r\n", "503 5.5.1"},
        {HELLO "MAIL FROM:<a@b.test>\r\nRSET\r\nRCPT TO:<a@b.test>\r\n", "503 5.5.1 MAIL"},
        {"NOOP\r\n", "250 2.0.0"},
        {"VRFY you\r\n", "252"},
        {"\r\n", "500 5.5.2"},
        {"GET / HTTP/1.1\r\n", "500 5.5.2"},
        {"STARTTLS now\r\n", "501 5.5.4"},
        {"QUIT\r\n", "221 2.0.0"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        smtp_t *smtp = smtp_new(&rules);
        run(smtp, cr_slice_of(cases[i].bytes), 5, NULL);
        CU_ASSERT(says(smtp, cases[i].reply));
        smtp_destroy(&smtp);
    }
}

static void
the_envelope_is_kept_until_the_mail_is_settled(void)
{
    smtp_t *smtp = smtp_new(&rules);
    smtp_put(smtp, CR_SLICE(HELLO "MAIL FROM:<s@x.test>\r\nRCPT TO:<a@b.test>\r\n"
                                  "RCPT TO:<c@d.test>\r\nDATA\r\nhi\r\n.\r\nNOOP\r\n"));
    CU_ASSERT_EQUAL_FATAL(smtp_next(smtp), SMTP_MAIL);
    CU_ASSERT(cr_slice_equal(smtp_sender(smtp), CR_SLICE("s@x.test")));
    CU_ASSERT_EQUAL(smtp_recipients(smtp), 2);
    CU_ASSERT(cr_slice_equal(smtp_recipient(smtp, 1), CR_SLICE("c@d.test")));
    CU_ASSERT_EQUAL(smtp_next(smtp), SMTP_MAIL); /* NOOP waits its turn */
    CU_ASSERT_FALSE(says(smtp, "250 2.0.0 ok"));
    smtp_settle(smtp, "451 4.3.0 later");
    CU_ASSERT_EQUAL(smtp_next(smtp), SMTP_MORE);
    CU_ASSERT(says(smtp, "451 4.3.0 later\r\n250 2.0.0 ok\r\n"));
    CU_ASSERT_EQUAL(smtp_recipients(smtp), 0);
    smtp_destroy(&smtp);
}

static void
what_came_in_clear_behind_starttls_is_thrown_away(void)
{
    smtp_t *smtp = smtp_new(&rules);
    smtp_put(smtp, CR_SLICE(HELLO "STARTTLS\r\nNOOP\r\n"));
    CU_ASSERT_EQUAL_FATAL(smtp_next(smtp), SMTP_STARTTLS);
    cr_str_clear(smtp_output(smtp));
    smtp_secured(smtp);
    CU_ASSERT_EQUAL(smtp_next(smtp), SMTP_MORE);
    CU_ASSERT_EQUAL(smtp_output(smtp)->length, 0);
    run(smtp, CR_SLICE("MAIL FROM:<a@b.test>\r\n"), 100, NULL);
    CU_ASSERT(says(smtp, "503 5.5.1 say EHLO"));
    run(smtp, CR_SLICE(HELLO "STARTTLS\r\n"), 100, NULL);
    CU_ASSERT_FALSE(says(smtp, "250-STARTTLS"));
    CU_ASSERT(says(smtp, "503 5.5.1 TLS is on"));
    smtp_destroy(&smtp);
}

/* A conversation with `count` times `c` in the middle. */
static void
run_long(smtp_t *smtp, const char *before, size_t count, const char *after)
{
    cr_str_t bytes, mails;
    cr_str_init(&bytes, 1000000);
    cr_str_init(&mails, 1000000);
    cr_str_append_text(&bytes, before);
    for (size_t i = 0; i < count; i++)
        cr_str_append_char(&bytes, 'x');
    cr_str_append_text(&bytes, after);
    run(smtp, cr_str_slice(&bytes), 1000, &mails);
    cr_str_fini(&bytes);
    cr_str_fini(&mails);
}

static void
long_lines_and_mails_are_refused_and_the_session_goes_on(void)
{
    smtp_t *smtp = smtp_new(&rules);
    run_long(smtp, "NOOP ", 300000, "\r\nNOOP\r\n");
    CU_ASSERT(says(smtp, "500 5.5.2 the line is too long or not text\r\n250 2.0.0 ok\r\n"));
    run_long(smtp, ENVELOPE, 300000, "\r\n.\r\nNOOP\r\n");
    CU_ASSERT(says(smtp, "552 5.3.4 the mail is too big\r\n250 2.0.0 ok\r\n"));
    run_long(smtp, ENVELOPE, 3000, "\r\n.\r\nNOOP\r\n");
    CU_ASSERT(says(smtp, "250 2.0.0 taken\r\n250 2.0.0 ok\r\n"));
    smtp_destroy(&smtp);
}

static void
too_many_recipients_are_told_to_come_later(void)
{
    smtp_t *smtp = smtp_new(&rules);
    run(smtp, CR_SLICE(HELLO "MAIL FROM:<a@b.test>\r\n"), 100, NULL);
    for (int i = 0; i < 100; i++)
        run(smtp, CR_SLICE("RCPT TO:<a@b.test>\r\n"), 100, NULL);
    CU_ASSERT_FALSE(says(smtp, "452"));
    run(smtp, CR_SLICE("RCPT TO:<a@b.test>\r\n"), 100, NULL);
    CU_ASSERT(says(smtp, "452 4.5.3"));
    CU_ASSERT_EQUAL(smtp_recipients(smtp), 100);
    smtp_destroy(&smtp);
}

/* Random bytes with the protocol's own words between them: it must end or wait, never break. */
static void
garbage_is_survived(void)
{
    static const char *const words[] = {"\r\n",     ".",          "\n",    "EHLO x\r\n",
                                        "DATA\r\n", "\r",         "<a@b>", "RSET\r\n",
                                        "RCPT TO:", "MAIL FROM:", "QUIT",  "STARTTLS\r\n"};
    srandom(1);
    for (int round = 0; round < 3000; round++) {
        cr_str_t bytes, mails;
        cr_str_init(&bytes, 100000);
        cr_str_init(&mails, 100000);
        for (long i = random() % 60; i > 0; i--) {
            if (random() % 3 == 0)
                cr_str_append_char(&bytes, (char)(random() % 256));
            else
                cr_str_append_text(&bytes, words[(size_t)random() % CR_COUNT(words)]);
        }
        smtp_t *smtp = smtp_new(&rules);
        run(smtp, cr_str_slice(&bytes), 1 + (size_t)random() % 9, &mails);
        CU_ASSERT(smtp_output(smtp)->length >= 4);
        smtp_destroy(&smtp);
        cr_str_fini(&bytes);
        cr_str_fini(&mails);
    }
}

static void
a_client_that_only_errs_is_sent_away(void)
{
    smtp_t *smtp = smtp_new(&rules);
    smtp_event_t event = SMTP_MORE;
    for (int i = 0; i < 20; i++)
        event = run(smtp, CR_SLICE("X\r\n"), 100, NULL);
    CU_ASSERT_EQUAL(event, SMTP_CLOSE);
    CU_ASSERT(says(smtp, "421 4.7.0"));
    smtp_destroy(&smtp);
}

CU_TestInfo cr_tests[] = {
    {"a mail comes out as it was written", a_mail_comes_out_as_it_was_written},
    {"only CRLF ends a mail", only_crlf_ends_a_mail},
    {"commands are answered", commands_are_answered},
    {"the envelope is kept until the mail is settled",
     the_envelope_is_kept_until_the_mail_is_settled},
    {"what came in clear behind STARTTLS is thrown away",
     what_came_in_clear_behind_starttls_is_thrown_away},
    {"long lines and mails are refused", long_lines_and_mails_are_refused_and_the_session_goes_on},
    {"too many recipients are told to come later", too_many_recipients_are_told_to_come_later},
    {"garbage is survived", garbage_is_survived},
    {"a client that only errs is sent away", a_client_that_only_errs_is_sent_away},
    CU_TEST_INFO_NULL,
};
