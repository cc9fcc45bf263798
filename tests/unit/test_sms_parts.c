#include "parts.h"

#include <stdio.h>

#include "cr_test.h"

const char cr_suite[] = "sms parts";

static parts_t *
fresh(size_t texts)
{
    static const uint8_t key[PARTS_KEY_BYTES] = "0123456789abcde";
    parts_t *parts = parts_new(texts, key);
    CU_ASSERT_PTR_NOT_NULL_FATAL(parts);
    return parts;
}

static parts_verdict_t
receive(parts_t *parts, const char *id, cr_status_t outcome, parts_news_t *news)
{
    return parts_receipt(parts, cr_slice_of(id), outcome, news);
}

static void
all_parts_make_one_delivery(void)
{
    parts_t *parts = fresh(8);
    parts_news_t news;
    uint64_t text = parts_open(parts, 3, CR_SLICE("a"));
    CU_ASSERT(cr_slice_equal(parts_name(parts, text), CR_SLICE("a+3")));
    parts_accept(parts, text, CR_SLICE("b"));
    parts_accept(parts, text, CR_SLICE("c"));
    CU_ASSERT_FALSE(parts_early(parts, text, &news));
    CU_ASSERT_EQUAL(receive(parts, "c", CR_STATUS_DELIVERED, &news), PARTS_HELD);
    CU_ASSERT_EQUAL(receive(parts, "a", CR_STATUS_DELIVERED, &news), PARTS_HELD);
    CU_ASSERT_EQUAL(receive(parts, "a", CR_STATUS_DELIVERED, &news), PARTS_HELD); /* again */
    CU_ASSERT_EQUAL(parts_count(parts), 1);
    CU_ASSERT_EQUAL(receive(parts, "b", CR_STATUS_DELIVERED, &news), PARTS_NEWS);
    CU_ASSERT(cr_slice_equal(news.name, CR_SLICE("a+3")));
    CU_ASSERT_EQUAL(news.outcome, CR_STATUS_DELIVERED);
    CU_ASSERT_EQUAL(receive(parts, "b", CR_STATUS_DELIVERED, &news), PARTS_HELD);
    CU_ASSERT_EQUAL(parts_count(parts), 0);
    parts_destroy(&parts);
}

static void
one_failed_part_fails_the_delivery_once(void)
{
    parts_t *parts = fresh(8);
    parts_news_t news;
    uint64_t text = parts_open(parts, 2, CR_SLICE("a"));
    parts_accept(parts, text, CR_SLICE("b"));
    CU_ASSERT_EQUAL(receive(parts, "b", CR_STATUS_FAILED_UNREACHABLE, &news), PARTS_NEWS);
    CU_ASSERT_EQUAL(news.outcome, CR_STATUS_FAILED_UNREACHABLE);
    CU_ASSERT_EQUAL(receive(parts, "a", CR_STATUS_DELIVERED, &news), PARTS_HELD);
    parts_destroy(&parts);
}

static void
receipts_may_overtake_the_answers(void)
{
    parts_t *parts = fresh(8);
    parts_news_t news;
    CU_ASSERT_EQUAL(receive(parts, "b", CR_STATUS_DELIVERED, &news), PARTS_NOT);
    CU_ASSERT_EQUAL(receive(parts, "a", CR_STATUS_DELIVERED, &news), PARTS_NOT);
    uint64_t text = parts_open(parts, 2, CR_SLICE("a"));
    parts_accept(parts, text, CR_SLICE("b"));
    CU_ASSERT(parts_early(parts, text, &news));
    CU_ASSERT(cr_slice_equal(news.name, CR_SLICE("a+2")));
    CU_ASSERT_EQUAL(news.outcome, CR_STATUS_DELIVERED);
    CU_ASSERT_FALSE(parts_early(parts, text, &news));
    parts_destroy(&parts);
}

static void
news_that_could_not_be_told_are_told_again(void)
{
    parts_t *parts = fresh(8);
    parts_news_t news;
    parts_open(parts, 2, CR_SLICE("a"));
    CU_ASSERT_EQUAL(receive(parts, "a", CR_STATUS_FAILED_BLOCKED, &news), PARTS_NEWS);
    parts_untell(parts, CR_SLICE("a"));
    CU_ASSERT_EQUAL(parts_count(parts), 1);
    CU_ASSERT_EQUAL(receive(parts, "a", CR_STATUS_FAILED_BLOCKED, &news), PARTS_NEWS);
    parts_destroy(&parts);
}

static void
the_oldest_are_forgotten_when_there_are_too_many(void)
{
    parts_t *parts = fresh(4);
    parts_news_t news;
    char id[16];
    uint64_t first = parts_open(parts, 1, CR_SLICE("first"));
    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "%d", i);
        uint64_t text = parts_open(parts, 2, cr_slice_of(id));
        snprintf(id, sizeof id, "%d+", i);
        parts_accept(parts, text, cr_slice_of(id));
    }
    CU_ASSERT_EQUAL(parts_name(parts, first).length, 0);
    parts_accept(parts, first, CR_SLICE("late")); /* is nobody's */
    CU_ASSERT_EQUAL(receive(parts, "first", CR_STATUS_DELIVERED, &news), PARTS_NOT);
    CU_ASSERT_EQUAL(receive(parts, "999", CR_STATUS_DELIVERED, &news), PARTS_HELD);
    CU_ASSERT_EQUAL(receive(parts, "999+", CR_STATUS_DELIVERED, &news), PARTS_NEWS);
    CU_ASSERT(parts_count(parts) <= 8);
    parts_destroy(&parts);
}

CU_TestInfo cr_tests[] = {
    {"all parts make one delivery", all_parts_make_one_delivery},
    {"one failed part fails the delivery once", one_failed_part_fails_the_delivery_once},
    {"receipts may overtake the answers", receipts_may_overtake_the_answers},
    {"news that could not be told are told again", news_that_could_not_be_told_are_told_again},
    {"the oldest are forgotten when there are too many",
     the_oldest_are_forgotten_when_there_are_too_many},
    CU_TEST_INFO_NULL,
};
