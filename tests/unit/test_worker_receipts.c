/* Receipts on their way to the daemon: kept until acknowledged, bounded, waited for. */
#include "cr_test.h"
#include "runtime/receipts.h"

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
    receipts_t *receipts = receipts_new(100);
    released_t released = {0};
    Crier__V1__Receipts message;
    CU_ASSERT_FALSE(receipts_due(receipts, 0, &message));
    CU_ASSERT_EQUAL(receipts_add(receipts, &delivered), CR_OK);
    CU_ASSERT_EQUAL(receipts_wait(receipts, 1), CR_OK);
    CU_ASSERT_TRUE(receipts_due(receipts, 0, &message));
    CU_ASSERT_EQUAL(message.batch, 100);
    CU_ASSERT_EQUAL(receipts_add(receipts, &delivered), CR_OK);
    CU_ASSERT_EQUAL(receipts_wait(receipts, 2), CR_OK);
    CU_ASSERT_FALSE(receipts_due(receipts, 999999, &message));
    CU_ASSERT_TRUE(receipts_due(receipts, 1000000, &message));
    CU_ASSERT_EQUAL(message.batch, 100);
    CU_ASSERT_EQUAL(message.outcomes.len, 1);
    receipts_acknowledge(receipts, 99, on_release, &released);
    CU_ASSERT_EQUAL(released.count, 0);
    receipts_acknowledge(receipts, 100, on_release, &released);
    CU_ASSERT_EQUAL(released.count, 1);
    CU_ASSERT_EQUAL(released.tickets[0], 1);
    CU_ASSERT_TRUE(receipts_due(receipts, 1000001, &message));
    CU_ASSERT_EQUAL(message.batch, 101);
    receipts_resend(receipts);
    CU_ASSERT_TRUE(receipts_due(receipts, 1000002, &message));
    receipts_acknowledge(receipts, 101, on_release, &released);
    CU_ASSERT_EQUAL(released.tickets[1], 2);
    CU_ASSERT_TRUE(receipts_is_empty(receipts));
    receipts_destroy(&receipts);
}

static void
more_than_a_batch_is_refused_and_long_ids_are_too(void)
{
    receipts_t *receipts = receipts_new(1);
    char text[RECEIPTS_ID_MAX + 1];
    const receipt_t overlong = {{"", 0}, {text, sizeof text}, CR_STATUS_DELIVERED};
    CU_ASSERT_EQUAL(receipts_add(receipts, &overlong), CR_INVAL);
    for (size_t i = 0; i < RECEIPTS_MAX; i++)
        CU_ASSERT_EQUAL(receipts_add(receipts, &delivered), CR_OK);
    CU_ASSERT_EQUAL(receipts_add(receipts, &delivered), CR_TOOBIG);
    Crier__V1__Receipts message;
    CU_ASSERT_TRUE(receipts_due(receipts, 0, &message));
    CU_ASSERT_EQUAL(message.outcomes.len, RECEIPTS_MAX);
    CU_ASSERT_TRUE(cr_wire_pool_is_sound(message.references, RECEIPTS_MAX));
    CU_ASSERT_TRUE(cr_wire_pool_is_sound(message.gateway_ids, RECEIPTS_MAX));
    CU_ASSERT_EQUAL(receipts_add(receipts, &delivered), CR_OK);
    receipts_destroy(&receipts);
}

const char cr_suite[] = "worker_receipts";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(a_batch_is_repeated_unchanged_until_it_is_acknowledged),
    TEST(more_than_a_batch_is_refused_and_long_ids_are_too),
    CU_TEST_INFO_NULL,
};
