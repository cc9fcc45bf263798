#include "dispatch/screen.h"

#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_test.h"
#include "dispatch/frequency.h"

const char cr_suite[] = "screen";

enum { PEOPLE = 4000, BROADCASTS = 24 };

static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Each person with a chance of `percent`. */
static roaring_bitmap_t *
some(uint64_t *seed, unsigned percent)
{
    roaring_bitmap_t *people = roaring_bitmap_create();
    for (uint32_t ordinal = 0; ordinal < PEOPLE; ordinal++)
        if (next_random(seed) % 100 < percent)
            roaring_bitmap_add(people, ordinal);
    return people;
}

static cr_status_t
naive_verdict(roaring_bitmap_t *const reasons[SCREEN_REASON_COUNT], uint32_t ordinal)
{
    static const cr_status_t verdicts[] = {
        CR_STATUS_SUPPRESSED_OPTOUT, CR_STATUS_SUPPRESSED_ADDRESS, CR_STATUS_SUPPRESSED_BAD_ADDRESS,
        CR_STATUS_SUPPRESSED_DUPLICATE};
    for (int i = 0; i < SCREEN_REASON_COUNT; i++)
        if (roaring_bitmap_contains(reasons[i], ordinal) != (i == SCREEN_ADDRESS))
            return verdicts[i]; /* of addresses it is known who has one */
    return CR_STATUS_WAITING;
}

/* Every block of the audience against one look-up a person and reason. */
static void
compare_blocks(const screen_t *screen, roaring_bitmap_t *const reasons[SCREEN_REASON_COUNT])
{
    uint32_t ordinals[CORE_BLOCK], count;
    cr_status_t verdicts[CORE_BLOCK];
    roaring_uint32_iterator_t at;
    roaring_init_iterator(screen->audience, &at);
    while ((count = roaring_read_uint32_iterator(&at, ordinals, CORE_BLOCK)) > 0) {
        screen_judge(screen, ordinals, count, verdicts);
        for (uint32_t i = 0; i < count; i++)
            CU_ASSERT_EQUAL(verdicts[i], naive_verdict(reasons, ordinals[i]));
    }
}

static void
verdicts_are_those_of_one_lookup_a_person(void)
{
    static const unsigned shares[] = {0, 1, 50, 100};
    uint64_t seed = 20261124;
    for (int round = 0; round < 16; round++) {
        roaring_bitmap_t *audience = some(&seed, round % 2 ? 100 : 7),
                         *reasons[SCREEN_REASON_COUNT];
        for (int i = 0; i < SCREEN_REASON_COUNT; i++)
            reasons[i] = some(&seed, shares[next_random(&seed) % CR_COUNT(shares)]);
        screen_t screen;
        screen_init(&screen, audience);
        screen_stop(&screen, SCREEN_OPTOUT, reasons[SCREEN_OPTOUT]);
        screen_stop_others(&screen, SCREEN_ADDRESS, reasons[SCREEN_ADDRESS]);
        screen_stop(&screen, SCREEN_BAD_ADDRESS, reasons[SCREEN_BAD_ADDRESS]);
        screen_stop(&screen, SCREEN_DUPLICATE, reasons[SCREEN_DUPLICATE]);
        compare_blocks(&screen, reasons);
        screen_fini(&screen);
        roaring_bitmap_free(audience);
        for (int i = 0; i < SCREEN_REASON_COUNT; i++)
            roaring_bitmap_free(reasons[i]);
    }
}

static void
what_changes_meanwhile_counts_for_the_audience_only(void)
{
    roaring_bitmap_t *audience = roaring_bitmap_of(3, 1, 5, 9);
    roaring_bitmap_t *some_opted = roaring_bitmap_of(2, 5, 7);
    const uint32_t ordinals[] = {1, 5, 9};
    cr_status_t verdicts[3];
    screen_t screen;
    screen_init(&screen, audience);
    screen_change(&screen, SCREEN_OPTOUT, some_opted, true);
    screen_change(&screen, SCREEN_BAD_ADDRESS, some_opted, true);
    CU_ASSERT_EQUAL(roaring_bitmap_get_cardinality(screen.stopped[SCREEN_OPTOUT]), 1);
    screen_judge(&screen, ordinals, 3, verdicts);
    CU_ASSERT_EQUAL(verdicts[0], CR_STATUS_WAITING);
    CU_ASSERT_EQUAL(verdicts[1], CR_STATUS_SUPPRESSED_OPTOUT);
    screen_change(&screen, SCREEN_OPTOUT, some_opted, false);
    screen_judge(&screen, ordinals, 3, verdicts);
    CU_ASSERT_EQUAL(verdicts[1], CR_STATUS_SUPPRESSED_BAD_ADDRESS);
    CU_ASSERT_EQUAL(verdicts[2], CR_STATUS_WAITING);
    screen_fini(&screen);
    roaring_bitmap_free(audience);
    roaring_bitmap_free(some_opted);
}

/* ---- the cap ---------------------------------------------------------------------------------- */

#define DAY_US (86400 * CR_US_PER_S)

/* Who was handed what, plainly. */
typedef struct {
    bool reached[BROADCASTS][PEOPLE];
    int64_t started_us[BROADCASTS];
    uint32_t begun;
} naive_t;

static unsigned
naive_had(const naive_t *self, uint32_t ordinal, uint32_t but, int64_t first_us)
{
    unsigned had = 0;
    for (uint32_t i = 0; i < self->begun; i++)
        had += i != but && self->started_us[i] >= first_us && self->reached[i][ordinal];
    return had;
}

/* Hands one block of one broadcast out, by both; the verdicts must agree. */
static void
hand_out(frequency_t *frequency, naive_t *naive, const frequency_config_t *config, int64_t now_us,
         uint64_t *seed)
{
    uint32_t broadcast = (uint32_t)(next_random(seed) % naive->begun);
    uint32_t ordinals[CORE_BLOCK], handed[CORE_BLOCK], count = 0, handed_count = 0;
    cr_status_t verdicts[CORE_BLOCK] = {0};
    int64_t first_us = now_us - config->days * DAY_US;
    uint32_t step = 1 + (uint32_t)(next_random(seed) % 9);
    uint32_t first = (uint32_t)(next_random(seed) % PEOPLE);
    for (uint32_t at = first; at < PEOPLE && count < CORE_BLOCK; at += step)
        ordinals[count++] = at;
    frequency_judge(frequency, broadcast, ordinals, count, verdicts);
    for (uint32_t i = 0; i < count; i++) {
        bool known = naive->started_us[broadcast] >= first_us;
        bool again = known && naive->reached[broadcast][ordinals[i]];
        bool over = !again && naive_had(naive, ordinals[i], broadcast, first_us) >= config->max;
        CU_ASSERT_EQUAL(verdicts[i] == CR_STATUS_SUPPRESSED_FREQUENCY, over);
        if (verdicts[i] == CR_STATUS_WAITING)
            handed[handed_count++] = ordinals[i];
    }
    frequency_count(frequency, broadcast, handed, handed_count);
    for (uint32_t i = 0; i < handed_count; i++)
        naive->reached[broadcast][handed[i]] = true;
}

static void
the_cap_is_that_of_a_plain_count_over_the_window(void)
{
    static naive_t naive;
    uint64_t seed = 20260512;
    for (int64_t max = 1; max <= 3; max++) {
        const frequency_config_t config = {.max = max, .days = 7};
        frequency_t *frequency = frequency_new(&config);
        int64_t now_us = 100 * DAY_US;
        memset(&naive, 0, sizeof naive);
        for (uint32_t step = 0; step < 600; step++) {
            if (step % 25 == 0) {
                now_us += (int64_t)(next_random(&seed) % 4) * DAY_US;
                naive.started_us[naive.begun] = now_us;
                frequency_begin(frequency, naive.begun++, now_us, NULL);
            }
            frequency_slide(frequency, now_us);
            hand_out(frequency, &naive, &config, now_us, &seed);
        }
        frequency_destroy(&frequency);
    }
}

static void
see(void *context, uint64_t broadcast, int64_t started_us)
{
    uint64_t *sum = context;
    *sum += broadcast * 1000 + (uint64_t)(started_us / DAY_US);
}

static void
what_was_reached_before_a_restart_counts(void)
{
    const frequency_config_t config = {.max = 1, .days = 7};
    frequency_t *frequency = frequency_new(&config);
    roaring_bitmap_t *reached = roaring_bitmap_of(2, 3, 70000);
    const uint32_t ordinals[] = {2, 3, 70000};
    cr_status_t verdicts[3] = {CR_STATUS_WAITING, CR_STATUS_WAITING, CR_STATUS_SUPPRESSED_OPTOUT};
    uint64_t sum = 0;
    frequency_begin(frequency, 4, 9 * DAY_US, reached);
    frequency_begin(frequency, 4, 9 * DAY_US, reached);
    frequency_begin(frequency, 5, 10 * DAY_US, NULL);
    frequency_judge(frequency, 5, ordinals, 3, verdicts);
    CU_ASSERT_EQUAL(verdicts[0], CR_STATUS_WAITING);
    CU_ASSERT_EQUAL(verdicts[1], CR_STATUS_SUPPRESSED_FREQUENCY);
    CU_ASSERT_EQUAL(verdicts[2], CR_STATUS_SUPPRESSED_OPTOUT);
    frequency_count(frequency, 5, ordinals, 1);
    frequency_each(frequency, 3, see, &sum);
    CU_ASSERT_EQUAL(sum, 4009);
    /* Its own retry is not one notice more. */
    frequency_judge(frequency, 5, ordinals, 1, verdicts);
    CU_ASSERT_EQUAL(verdicts[0], CR_STATUS_WAITING);
    roaring_bitmap_free(reached);
    frequency_destroy(&frequency);
}

CU_TestInfo cr_tests[] = {
    {"verdicts_are_those_of_one_lookup_a_person", verdicts_are_those_of_one_lookup_a_person},
    {"what_changes_meanwhile_counts_for_the_audience_only",
     what_changes_meanwhile_counts_for_the_audience_only},
    {"the_cap_is_that_of_a_plain_count_over_the_window",
     the_cap_is_that_of_a_plain_count_over_the_window},
    {"what_was_reached_before_a_restart_counts", what_was_reached_before_a_restart_counts},
    CU_TEST_INFO_NULL,
};
