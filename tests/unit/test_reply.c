#include <string.h>

#include "cr_test.h"
#include "plan/reply.h"

const char cr_suite[] = "reply";

#define TEXT CRIER__V1__REPLIES__KIND__TEXT

static reply_verdict_t
judge(const char *text, const char *further)
{
    return reply_judge(TEXT, cr_slice_of(text), further);
}

static void
an_opt_out_word_is_one_however_it_is_written(void)
{
    static const struct {
        const char *said, *word;
    } rows[] = {
        {"R", "R"},
        {"t", "T"},
        {" td\n", "TD"},
        {"ＴＤ", "TD"},
        {"n.", "N"},
        {"００００", "0000"},
        {"退订", "退订"},
        {"【退订】", "退订"},
        {"　退订！！", "退订"},
        {"“拒收”", "拒收"},
        {"\xE2\x80\x8B取消\xEF\xBB\xBF", "取消"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        reply_verdict_t verdict = judge(rows[i].said, "");
        CU_ASSERT_EQUAL(verdict.act, REPLY_OPT_OUT);
        CU_ASSERT_STRING_EQUAL(verdict.word, rows[i].word);
    }
}

static void
everything_else_is_for_a_person_to_read(void)
{
    static const char *const rows[] = {"",    " ",        "。",    "TDT",       "R T",
                                       "000", "00000",    "退 订", "不要退订",  "收到",
                                       "1",   "\xFF\xFE", "R\xFF", "退\xE8\xAE"};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        reply_verdict_t verdict = judge(rows[i], "");
        CU_ASSERT_EQUAL(verdict.act, REPLY_KEEP);
        CU_ASSERT_STRING_EQUAL(verdict.word, "");
    }
    char longest[2000];
    memset(longest, 'R', sizeof longest);
    reply_verdict_t verdict = reply_judge(TEXT, (cr_slice_t){longest, sizeof longest}, "");
    CU_ASSERT_EQUAL(verdict.act, REPLY_KEEP);
    verdict = reply_judge(TEXT, (cr_slice_t){"R\0T", 3}, "");
    CU_ASSERT_EQUAL(verdict.act, REPLY_KEEP);
}

static void
an_office_may_have_words_of_its_own(void)
{
    CU_ASSERT_EQUAL(judge("stop", "").act, REPLY_KEEP);
    CU_ASSERT_STRING_EQUAL(judge("stop", "停  STOP").word, "STOP");
    CU_ASSERT_STRING_EQUAL(judge("停", "停  STOP").word, "停");
    CU_ASSERT_EQUAL(judge("", " 停 ").act, REPLY_KEEP);
    CU_ASSERT_EQUAL(judge("ABCDEFGHIJKLMNOPQRSTUVWXY", "ABCDEFGHIJKLMNOPQRSTUVWXY").act,
                    REPLY_KEEP);
}

static void
whoever_leaves_or_comes_says_no_word(void)
{
    CU_ASSERT_EQUAL(reply_judge(CRIER__V1__REPLIES__KIND__LEFT, CR_SLICE(""), "").act, REPLY_BAD);
    CU_ASSERT_EQUAL(reply_judge(CRIER__V1__REPLIES__KIND__CAME, CR_SLICE("退订"), "").act,
                    REPLY_GOOD);
}

static void
check(void (*change)(cr_slice_t text, cr_str_t *out), const char *text, const char *expected)
{
    cr_str_t out;
    cr_str_init(&out, 1024);
    change(cr_slice_of(text), &out);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&out), expected);
    cr_str_fini(&out);
}

static void
what_must_not_be_sent_is_replaced(void)
{
    check(reply_clean, "好\n的", "好\n的");
    check(reply_clean, "a\x1b[31mb", "a\xEF\xBF\xBD[31mb");
    check(reply_clean, "\xFF\x80x\xE8\xAE", "\xEF\xBF\xBDx\xEF\xBF\xBD");
    check(reply_clean,
          "a\xE2\x80\xAE\xE2\x80\xAE"
          "b",
          "a\xEF\xBF\xBD\xEF\xBF\xBD"
          "b");
}

static void
numbers_in_a_text_are_masked(void)
{
    check(reply_mask, "我的电话13812345678，门牌123456", "我的电话*******5678，门牌123456");
    check(reply_mask, "1234567", "***4567");
    check(reply_mask, "", "");
}

CU_TestInfo cr_tests[] = {
    {"an_opt_out_word_is_one_however_it_is_written", an_opt_out_word_is_one_however_it_is_written},
    {"everything_else_is_for_a_person_to_read", everything_else_is_for_a_person_to_read},
    {"an_office_may_have_words_of_its_own", an_office_may_have_words_of_its_own},
    {"whoever_leaves_or_comes_says_no_word", whoever_leaves_or_comes_says_no_word},
    {"what_must_not_be_sent_is_replaced", what_must_not_be_sent_is_replaced},
    {"numbers_in_a_text_are_masked", numbers_in_a_text_are_masked},
    CU_TEST_INFO_NULL,
};
