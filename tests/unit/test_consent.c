#include "plan/consent.h"

#include <stdio.h>
#include <string.h>

#include "cr_test.h"

const char cr_suite[] = "consent";

static void
a_reason_reads_back_as_it_was_written(void)
{
    char text[CONSENT_TEXT_MAX];
    consent_reason_t reason = consent_reason(1778547600000000, CONSENT_REPLY, "退订"), read;
    CU_ASSERT_STRING_EQUAL(consent_format(&reason, text), "1778547600000000 reply 退订");
    CU_ASSERT_EQUAL(consent_parse(cr_slice_of(text), &read), CR_OK);
    CU_ASSERT_EQUAL(memcmp(&read, &reason, sizeof read), 0);
    reason = consent_reason(1, CONSENT_UNSUBSCRIBE, "");
    CU_ASSERT_EQUAL(consent_parse(cr_slice_of(consent_format(&reason, text)), &read), CR_OK);
    CU_ASSERT_EQUAL(read.source, CONSENT_UNSUBSCRIBE);
    CU_ASSERT_STRING_EQUAL(read.detail, "");
}

static void
a_long_detail_is_cut_at_a_character(void)
{
    consent_reason_t reason = consent_reason(1, CONSENT_STAFF, "一二三四五六七八九十一二");
    CU_ASSERT_STRING_EQUAL(reason.detail, "一二三四五六七八九十");
}

static void
what_is_no_reason_is_refused(void)
{
    static const char *const rows[] = {"", "1", "1 reply", "x reply R", "1 nobody R", " reply R"};
    consent_reason_t read;
    for (size_t i = 0; i < CR_COUNT(rows); i++)
        CU_ASSERT_EQUAL(consent_parse(cr_slice_of(rows[i]), &read), CR_CORRUPT);
    char longest[200];
    memset(longest, '1', sizeof longest);
    CU_ASSERT_EQUAL(consent_parse((cr_slice_t){longest, sizeof longest}, &read), CR_CORRUPT);
}

static void
the_newest_reason_of_each_person_is_found(void)
{
    consent_t consent = {0};
    for (uint32_t i = 0; i < 2000; i++) {
        consent_reason_t reason = consent_reason(i, CONSENT_IMPORT, "li");
        CU_ASSERT_EQUAL_FATAL(consent_note(&consent, i % 1000 * 7, &reason), CR_OK);
    }
    CU_ASSERT_EQUAL(consent.count, 1000);
    CU_ASSERT_EQUAL(consent_find(&consent, 7)->at_us, 1001);
    CU_ASSERT_EQUAL(consent_find(&consent, 6993)->at_us, 1999);
    CU_ASSERT_PTR_NULL(consent_find(&consent, 8));
    consent_fini(&consent);
    CU_ASSERT_PTR_NULL(consent_find(&consent, 7));
}

CU_TestInfo cr_tests[] = {
    {"a_reason_reads_back_as_it_was_written", a_reason_reads_back_as_it_was_written},
    {"a_long_detail_is_cut_at_a_character", a_long_detail_is_cut_at_a_character},
    {"what_is_no_reason_is_refused", what_is_no_reason_is_refused},
    {"the_newest_reason_of_each_person_is_found", the_newest_reason_of_each_person_is_found},
    CU_TEST_INFO_NULL,
};
