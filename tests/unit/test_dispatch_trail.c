/* Trails as they are stored: any entries come back, damage is refused. */
#include <stdlib.h>
#include <string.h>

#include "cr_test.h"
#include "dispatch/trail.h"

/* Entries with gaps one time in `gaps`, and one of `kinds` outcomes. */
static trail_t
random_trail(int gaps, int kinds)
{
    trail_t trail = {.kind = TRAIL_REPORT,
                     .at_us = INT64_C(1800000000123456),
                     .first_rank = 256 * (uint32_t)(rand() % 40000),
                     .worker = "worker-1",
                     .gateway = "gate"};
    for (int offset = 0; offset < CORE_BLOCK; offset++) {
        if (rand() % gaps == 0)
            continue;
        trail.offsets[trail.count] = (uint8_t)offset;
        trail.attempts[trail.count] = (uint8_t)(1 + rand() % kinds);
        trail.outcomes[trail.count++] = (uint8_t)(64 + rand() % kinds);
    }
    return trail;
}

static bool
is_same(const trail_t *a, const trail_t *b)
{
    return a->kind == b->kind && a->at_us == b->at_us && a->first_rank == b->first_rank &&
           strcmp(a->worker, b->worker) == 0 && strcmp(a->gateway, b->gateway) == 0 &&
           a->count == b->count && memcmp(a->offsets, b->offsets, a->count) == 0 &&
           memcmp(a->attempts, b->attempts, a->count) == 0 &&
           memcmp(a->outcomes, b->outcomes, a->count) == 0;
}

static void
what_is_put_comes_back(void)
{
    srand(7);
    for (int i = 0; i < 3000; i++) {
        trail_t trail = random_trail(1 + rand() % 300, 1 + rand() % 8), back;
        uint8_t bytes[CORE_TRAIL_MAX];
        uint32_t length = trail_encode(&trail, bytes);
        CU_ASSERT_EQUAL_FATAL(length == 0, trail.count == 0);
        if (length == 0)
            continue;
        CU_ASSERT_EQUAL_FATAL(trail_decode(bytes, length, &back), CR_OK);
        CU_ASSERT(is_same(&trail, &back));
    }
}

static void
a_report_that_went_well_takes_a_few_bytes(void)
{
    trail_t trail = random_trail(1000, 1);
    trail.count = 256;
    for (int i = 0; i < CORE_BLOCK; i++) {
        trail.offsets[i] = (uint8_t)i;
        trail.attempts[i] = 1;
        trail.outcomes[i] = CR_STATUS_ACCEPTED;
    }
    uint8_t bytes[CORE_TRAIL_MAX];
    CU_ASSERT(trail_encode(&trail, bytes) < 40);
}

static void
an_attempt_above_fifteen_is_kept_as_fifteen(void)
{
    trail_t trail = random_trail(2, 2), back;
    trail.attempts[0] = 200;
    uint8_t bytes[CORE_TRAIL_MAX];
    uint32_t length = trail_encode(&trail, bytes);
    CU_ASSERT_EQUAL_FATAL(trail_decode(bytes, length, &back), CR_OK);
    CU_ASSERT_EQUAL(back.attempts[0], 15);
}

static void
damage_is_refused_or_read_within_bounds(void)
{
    srand(8);
    for (int i = 0; i < 20000; i++) {
        trail_t trail = random_trail(1 + rand() % 10, 1 + rand() % 8), back = {0};
        uint8_t bytes[CORE_TRAIL_MAX];
        uint32_t length = trail_encode(&trail, bytes);
        if (length == 0)
            continue;
        bytes[(uint32_t)rand() % length] = (uint8_t)rand();
        uint32_t cut = (uint32_t)rand() % (length + 1);
        uint8_t *exact = malloc(cut + 1u); /* its end is watched by the sanitizer */
        CR_ASSERT(exact);
        memcpy(exact, bytes, cut);
        if (trail_decode(exact, cut, &back) == CR_OK)
            CU_ASSERT(back.count <= CORE_BLOCK);
        free(exact);
    }
}

static void
only_version_1_is_read(void)
{
    trail_t trail = random_trail(2, 2), back;
    uint8_t bytes[CORE_TRAIL_MAX];
    uint32_t length = trail_encode(&trail, bytes);
    CU_ASSERT_EQUAL(trail_decode(bytes, 0, &back), CR_CORRUPT);
    CU_ASSERT_EQUAL(trail_decode(bytes, length - 1, &back), CR_CORRUPT);
    bytes[0] = 2;
    CU_ASSERT_EQUAL(trail_decode(bytes, length, &back), CR_CONFLICT);
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
const char cr_suite[] = "dispatch_trail";
CU_TestInfo cr_tests[] = {
    TEST(what_is_put_comes_back),
    TEST(a_report_that_went_well_takes_a_few_bytes),
    TEST(an_attempt_above_fifteen_is_kept_as_fifteen),
    TEST(damage_is_refused_or_read_within_bounds),
    TEST(only_version_1_is_read),
    CU_TEST_INFO_NULL,
};
