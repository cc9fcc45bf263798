/* News on their way to the daemon: kept until acknowledged, bounded, waited for. */
#include "cr_test.h"
#include "runtime/news.h"

static const receipt_t delivered = {{"0000001K.s.1.1", 14}, {"", 0}, CR_STATUS_DELIVERED};

typedef struct {
    uint64_t tickets[8];
    size_t count;
} released_t;

static void
on_release(void *context, uint64_t ticket)
{
    released_t *released = context;
    released->tickets[released->count++] = ticket;
}

static void
a_batch_is_repeated_unchanged_until_it_is_acknowledged(void)
{
    news_t *news = news_new(100);
    released_t released = {0};
    Crier__V1__Frame frame;
    CU_ASSERT_FALSE(news_due(news, 0, &frame));
    CU_ASSERT_EQUAL(news_receipt(news, &delivered), CR_OK);
    CU_ASSERT_EQUAL(news_wait(news, 1), CR_OK);
    CU_ASSERT_TRUE(news_due(news, 0, &frame));
    CU_ASSERT_EQUAL(frame.receipts->batch, 100);
    CU_ASSERT_EQUAL(news_receipt(news, &delivered), CR_OK);
    CU_ASSERT_EQUAL(news_wait(news, 2), CR_OK);
    CU_ASSERT_FALSE(news_due(news, 999999, &frame));
    CU_ASSERT_TRUE(news_due(news, 1000000, &frame));
    CU_ASSERT_EQUAL(frame.receipts->batch, 100);
    CU_ASSERT_EQUAL(frame.receipts->outcomes.len, 1);
    news_receipts_taken(news, 99, on_release, &released);
    CU_ASSERT_EQUAL(released.count, 0);
    news_receipts_taken(news, 100, on_release, &released);
    CU_ASSERT_EQUAL(released.count, 1);
    CU_ASSERT_EQUAL(released.tickets[0], 1);
    CU_ASSERT_TRUE(news_due(news, 1000001, &frame));
    CU_ASSERT_EQUAL(frame.receipts->batch, 101);
    news_resend(news);
    CU_ASSERT_TRUE(news_due(news, 1000002, &frame));
    news_receipts_taken(news, 101, on_release, &released);
    CU_ASSERT_EQUAL(released.tickets[1], 2);
    CU_ASSERT_TRUE(news_is_empty(news));
    news_destroy(&news);
}

static void
more_than_a_batch_is_refused_and_long_ids_are_too(void)
{
    news_t *news = news_new(1);
    char text[NEWS_ID_MAX + 1];
    const receipt_t overlong = {{"", 0}, {text, sizeof text}, CR_STATUS_DELIVERED};
    CU_ASSERT_EQUAL(news_receipt(news, &overlong), CR_INVAL);
    for (size_t i = 0; i < NEWS_RECEIPTS_MAX; i++)
        CU_ASSERT_EQUAL(news_receipt(news, &delivered), CR_OK);
    CU_ASSERT_EQUAL(news_receipt(news, &delivered), CR_TOOBIG);
    Crier__V1__Frame frame;
    CU_ASSERT_TRUE(news_due(news, 0, &frame));
    CU_ASSERT_EQUAL(frame.receipts->outcomes.len, NEWS_RECEIPTS_MAX);
    CU_ASSERT_TRUE(cr_wire_pool_is_sound(frame.receipts->references, NEWS_RECEIPTS_MAX));
    CU_ASSERT_TRUE(cr_wire_pool_is_sound(frame.receipts->gateway_ids, NEWS_RECEIPTS_MAX));
    CU_ASSERT_EQUAL(news_receipt(news, &delivered), CR_OK);
    news_destroy(&news);
}

static void
fill_a_batch(news_t *news)
{
    for (size_t i = 0; i < NEWS_RECEIPTS_MAX; i++)
        CU_ASSERT_EQUAL(news_receipt(news, &delivered), CR_OK);
}

static void
full_batches_do_not_wait_for_each_other(void)
{
    news_t *news = news_new(1);
    Crier__V1__Frame frame;
    for (uint64_t number = 1; number <= NEWS_RECEIPT_BATCHES; number++) {
        fill_a_batch(news);
        CU_ASSERT_TRUE_FATAL(news_due(news, 0, &frame));
        CU_ASSERT_EQUAL(frame.receipts->batch, number);
    }
    fill_a_batch(news); /* it collects, and may not leave */
    CU_ASSERT_EQUAL(news_receipt(news, &delivered), CR_TOOBIG);
    CU_ASSERT_FALSE(news_due(news, 0, &frame));
    news_receipts_taken(news, 1, NULL, NULL);
    CU_ASSERT_TRUE_FATAL(news_due(news, 0, &frame));
    CU_ASSERT_EQUAL(frame.receipts->batch, NEWS_RECEIPT_BATCHES + 1);
    CU_ASSERT_EQUAL(news_receipt(news, &delivered), CR_OK);
    CU_ASSERT_FALSE(news_due(news, 0, &frame)); /* one alone waits for company */
    news_destroy(&news);
}

static void
batches_are_acknowledged_in_any_order(void)
{
    news_t *news = news_new(1);
    released_t released = {0};
    Crier__V1__Frame frame;
    for (uint64_t ticket = 1; ticket <= 3; ticket++) {
        fill_a_batch(news);
        CU_ASSERT_EQUAL(news_wait(news, ticket), CR_OK);
        CU_ASSERT_TRUE(news_due(news, 0, &frame));
    }
    news_receipts_taken(news, 2, on_release, &released);
    news_receipts_taken(news, 2, on_release, &released);
    CU_ASSERT_EQUAL_FATAL(released.count, 1);
    CU_ASSERT_EQUAL(released.tickets[0], 2);
    CU_ASSERT_TRUE(news_due(news, 1000000, &frame)); /* the others are repeated */
    CU_ASSERT_EQUAL(frame.receipts->batch, 1);
    CU_ASSERT_TRUE(news_due(news, 1000000, &frame));
    CU_ASSERT_EQUAL(frame.receipts->batch, 3);
    CU_ASSERT_EQUAL(frame.receipts->outcomes.len, NEWS_RECEIPTS_MAX);
    CU_ASSERT_FALSE(news_due(news, 1000000, &frame));
    news_receipts_taken(news, 3, on_release, &released);
    news_receipts_taken(news, 1, on_release, &released);
    CU_ASSERT_EQUAL(released.count, 3);
    CU_ASSERT_TRUE(news_is_empty(news));
    news_destroy(&news);
}

static void
replies_go_in_batches_of_their_own(void)
{
    news_t *news = news_new(7);
    const reply_t stop = {CRIER__V1__REPLIES__KIND__TEXT, CR_SLICE("13800000001"),
                          CR_SLICE("\xe9\x80\x80\xe8\xae\xa2")};
    const reply_t left = {CRIER__V1__REPLIES__KIND__LEFT, CR_SLICE("oABC"), CR_SLICE("")};
    Crier__V1__Frame frame;
    CU_ASSERT_EQUAL(news_reply(news, &stop), CR_OK);
    CU_ASSERT_EQUAL(news_reply(news, &left), CR_OK);
    CU_ASSERT_EQUAL(news_collecting(news), 2);
    CU_ASSERT_EQUAL(news_due_us(news), INT64_MIN);
    CU_ASSERT_TRUE_FATAL(news_due(news, 0, &frame));
    CU_ASSERT_EQUAL_FATAL(frame.body_case, CRIER__V1__FRAME__BODY_REPLIES);
    CU_ASSERT_EQUAL(frame.replies->batch, 7);
    CU_ASSERT_EQUAL(frame.replies->kinds.len, 2);
    CU_ASSERT_EQUAL(frame.replies->kinds.data[1], CRIER__V1__REPLIES__KIND__LEFT);
    CU_ASSERT_TRUE(cr_wire_pool_is_sound(frame.replies->addresses, 2));
    cr_wire_cursor_t cursor = {0};
    CU_ASSERT_TRUE(cr_slice_equal(cr_wire_pool_next(frame.replies->texts, &cursor), stop.text));
    CU_ASSERT_FALSE(news_due(news, 0, &frame));
    news_receipts_taken(news, 7, NULL, NULL);
    CU_ASSERT_FALSE(news_is_empty(news));
    news_replies_taken(news, 7, NULL, NULL);
    CU_ASSERT_TRUE(news_is_empty(news));
    news_destroy(&news);
}

static void
who_waits_for_both_is_released_by_the_later(void)
{
    news_t *news = news_new(1);
    const reply_t came = {CRIER__V1__REPLIES__KIND__CAME, CR_SLICE("oABC"), CR_SLICE("")};
    released_t released = {0};
    Crier__V1__Frame frame;
    CU_ASSERT_EQUAL(news_receipt(news, &delivered), CR_OK);
    CU_ASSERT_EQUAL(news_reply(news, &came), CR_OK);
    CU_ASSERT_EQUAL(news_wait(news, 5), CR_OK);
    CU_ASSERT_TRUE(news_due(news, 0, &frame));
    CU_ASSERT_TRUE(news_due(news, 0, &frame));
    news_replies_taken(news, 1, on_release, &released);
    CU_ASSERT_EQUAL(released.count, 0);
    news_receipts_taken(news, 1, on_release, &released);
    CU_ASSERT_EQUAL_FATAL(released.count, 1);
    CU_ASSERT_EQUAL(released.tickets[0], 5);
    news_destroy(&news);
}

const char cr_suite[] = "worker_news";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(a_batch_is_repeated_unchanged_until_it_is_acknowledged),
    TEST(more_than_a_batch_is_refused_and_long_ids_are_too),
    TEST(full_batches_do_not_wait_for_each_other),
    TEST(batches_are_acknowledged_in_any_order),
    TEST(replies_go_in_batches_of_their_own),
    TEST(who_waits_for_both_is_released_by_the_later),
    CU_TEST_INFO_NULL,
};
