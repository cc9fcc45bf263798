#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cr_test.h"
#include "dsn.h"

const char cr_suite[] = "dsn";
static const uint8_t key[CR_TOKEN_KEY_BYTES] = {7};

#define REPORT                                                                                     \
    "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"b\"\r\n\r\n"
#define PROSE "--b\r\nContent-Type: text/plain\r\n\r\nStatus: 5.1.1\r\nAction: failed\r\n\r\n"
#define STATUS                                                                                     \
    "--b\r\nContent-Description: report\r\nContent-Type:\r\n message/delivery-status\r\n\r\n"      \
    "Reporting-MTA: dns; mx.test\r\n\r\nFinal-Recipient: rfc822; a@b.test\r\n"

/* A mail to the return address of a delivery, and then `rest`. */
static void
write_mail(cr_str_t *out, const char *rest)
{
    CR_ASSERT(sodium_init() >= 0);
    cr_str_init(out, 4096);
    cr_str_append_text(out, "From: MAILER-DAEMON@mx.test\r\nTo: <bounces+");
    cr_token_append(out, key, CR_TOKEN_BOUNCE, CR_SLICE("0000001K.m.4711.1"));
    cr_str_append_text(out, "@crier.test>\r\n");
    cr_str_append_text(out, rest);
}

static dsn_t
read_mail(const char *rest)
{
    cr_str_t mail;
    write_mail(&mail, rest);
    dsn_t dsn = dsn_read(cr_str_slice(&mail), key);
    CU_ASSERT(cr_slice_equal(dsn.reference, CR_SLICE("0000001K.m.4711.1")));
    dsn.reference = dsn.code = (cr_slice_t){0}; /* the mail's */
    cr_str_fini(&mail);
    return dsn;
}

static void
a_report_says_what_became_of_the_mail(void)
{
    static const struct {
        const char *action, *code;
        dsn_verdict_t verdict;
        cr_status_t outcome;
    } cases[] = {
        {"failed", "5.1.1", DSN_FAILED, CR_STATUS_FAILED_ADDRESS},
        {"failed", "5.1.10", DSN_FAILED, CR_STATUS_FAILED_ADDRESS},
        {"Failed", "5.1.2 (no such domain)", DSN_FAILED, CR_STATUS_FAILED_ADDRESS},
        {"failed", "5.1.7", DSN_FAILED, CR_STATUS_FAILED_RECEIPT},
        {"failed", "5.2.1", DSN_FAILED, CR_STATUS_FAILED_MAILBOX},
        {"failed", "5.7.1", DSN_POLICY, CR_STATUS_FAILED_RECEIPT},
        {"failed", "4.4.7", DSN_FAILED, CR_STATUS_FAILED_RECEIPT},
        {"delayed", "4.4.1", DSN_NOTED, 0},
        {"delivered", "2.0.0", DSN_NOTED, 0},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char mail[2048];
        snprintf(mail, sizeof mail, REPORT PROSE STATUS "Action: %s\r\nStatus: %s\r\n--b--\r\n",
                 cases[i].action, cases[i].code);
        dsn_t dsn = read_mail(mail);
        CU_ASSERT_EQUAL(dsn.verdict, cases[i].verdict);
        CU_ASSERT_EQUAL(dsn.outcome, cases[i].outcome);
    }
}

static void
what_is_no_report_says_nothing(void)
{
    static const char *const mails[] = {
        "Subject: on holiday\r\n\r\nStatus: 5.1.1\r\nAction: failed\r\n",
        REPORT PROSE "--b--\r\n",
        REPORT STATUS "Action: failed\r\n--b\r\n\r\nStatus: 5.1.1\r\n",
        REPORT STATUS,
        "Content-Type: multipart/report",
        "",
    };
    for (size_t i = 0; i < CR_COUNT(mails); i++)
        CU_ASSERT_EQUAL(read_mail(mails[i]).verdict, DSN_OTHER);
    CU_ASSERT_EQUAL(dsn_read((cr_slice_t){"", 0}, key).verdict, DSN_STRAY);
}

static void
nobody_else_makes_a_return_address(void)
{
    static const char *const addresses[] = {
        "bounces+0000001K.m.4711.1.000000000000000000000000@crier.test", "bounces+", "bounces+@",
        "bounces+bounces+bounces+.@", "bounces+0000001K.m.4711.1@"};
    for (size_t i = 0; i < CR_COUNT(addresses); i++) {
        char mail[2048];
        snprintf(mail, sizeof mail,
                 "To: %s\r\n" REPORT STATUS "Action: failed\r\nStatus: 5.1.1\r\n", addresses[i]);
        CU_ASSERT_EQUAL(dsn_read(cr_slice_of(mail), key).verdict, DSN_STRAY);
    }
}

static void
a_report_may_end_anywhere_and_have_bare_line_ends(void)
{
    cr_str_t mail;
    char cut[2048];
    size_t length = 0;
    write_mail(&mail, REPORT PROSE STATUS "Action: failed\r\nStatus: 5.1.1\r\n");
    for (const char *c = cr_str_text(&mail); *c; c++)
        if (*c != '\r')
            cut[length++] = *c;
    cr_str_fini(&mail);
    CU_ASSERT_EQUAL(dsn_read((cr_slice_t){cut, length}, key).outcome, CR_STATUS_FAILED_ADDRESS);
    for (; length > 0; length--) {
        char *exact = malloc(length); /* a sanitizer sees a step beyond its end */
        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, cut, length);
        dsn_t dsn = dsn_read((cr_slice_t){exact, length}, key);
        CU_ASSERT(dsn.verdict != DSN_POLICY && dsn.verdict != DSN_NOTED);
        free(exact);
    }
}

CU_TestInfo cr_tests[] = {
    {"a report says what became of the mail", a_report_says_what_became_of_the_mail},
    {"what is no report says nothing", what_is_no_report_says_nothing},
    {"nobody else makes a return address", nobody_else_makes_a_return_address},
    {"a report may end anywhere and have bare line ends",
     a_report_may_end_anywhere_and_have_bare_line_ends},
    CU_TEST_INFO_NULL,
};
