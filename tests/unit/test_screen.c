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

/* Every block of the audience against one look-up a person and reason. */
typedef struct {
    screen_t screen;
    roaring_bitmap_t *audience, *opted_out, *reachable, *bad;
    uint64_t doubled[PEOPLE / 64 + 1]; /* by rank */
} world_t;

static cr_status_t
naive_verdict(const world_t *world, const screen_rule_t *rule, uint32_t rank, uint32_t ordinal)
{
    if (roaring_bitmap_contains(world->opted_out, ordinal))
        return CR_STATUS_SUPPRESSED_OPTOUT;
    if (!roaring_bitmap_contains(world->reachable, ordinal))
        return CR_STATUS_SUPPRESSED_ADDRESS;
    if (roaring_bitmap_contains(world->bad, ordinal) && !rule->tries_bad)
        return CR_STATUS_SUPPRESSED_BAD_ADDRESS;
    if (rule->doubled && (world->doubled[rank / 64] >> rank % 64 & 1) != 0)
        return CR_STATUS_SUPPRESSED_DUPLICATE;
    return CR_STATUS_WAITING;
}

static void
compare_blocks(const world_t *world, screen_rule_t rule)
{
    uint32_t ordinals[CORE_BLOCK], count, rank = 0;
    cr_status_t verdicts[CORE_BLOCK];
    roaring_uint32_iterator_t at;
    roaring_init_iterator(world->audience, &at);
    const bool once = rule.doubled != NULL;
    while ((count = roaring_read_uint32_iterator(&at, ordinals, CORE_BLOCK)) > 0) {
        rule.doubled = once ? world->doubled + rank / 64 : NULL;
        screen_judge(&world->screen, &rule, ordinals, count, verdicts);
        for (uint32_t i = 0; i < count; i++, rank++)
            CU_ASSERT_EQUAL(verdicts[i], naive_verdict(world, &rule, rank, ordinals[i]));
    }
}

/* Learned in two steps, half of it wrongly at first. */
static void
learn(world_t *world, screen_fact_t fact, const roaring_bitmap_t *who, uint64_t *seed)
{
    roaring_bitmap_t *wrong = some(seed, 50);
    roaring_bitmap_t *back = roaring_bitmap_andnot(wrong, who);
    screen_learn(&world->screen, CR_CHANNEL_MAIL, fact, wrong, true);
    screen_learn(&world->screen, CR_CHANNEL_MAIL, fact, back, false);
    screen_learn(&world->screen, CR_CHANNEL_MAIL, fact, who, true);
    screen_learn(&world->screen, CR_CHANNEL_SMS, fact, wrong, true); /* another channel */
    roaring_bitmap_free(wrong);
    roaring_bitmap_free(back);
}

static void
verdicts_are_those_of_one_lookup_a_person(void)
{
    static const unsigned shares[] = {0, 1, 50, 100};
    uint64_t seed = 20261124;
    for (int round = 0; round < 16; round++) {
        world_t world = {.audience = some(&seed, round % 2 ? 100 : 7)};
        world.opted_out = some(&seed, shares[next_random(&seed) % CR_COUNT(shares)]);
        world.reachable = some(&seed, shares[next_random(&seed) % CR_COUNT(shares)]);
        world.bad = some(&seed, shares[next_random(&seed) % CR_COUNT(shares)]);
        learn(&world, SCREEN_OPTED_OUT, world.opted_out, &seed);
        learn(&world, SCREEN_REACHABLE, world.reachable, &seed);
        learn(&world, SCREEN_BAD, world.bad, &seed);
        for (size_t i = 0; i < CR_COUNT(world.doubled); i++)
            world.doubled[i] = next_random(&seed) & next_random(&seed);
        for (int rule = 0; rule < 4; rule++)
            compare_blocks(&world, (screen_rule_t){.channel = CR_CHANNEL_MAIL,
                                                   .tries_bad = rule & 1,
                                                   .doubled = rule & 2 ? world.doubled : NULL});
        screen_fini(&world.screen);
        roaring_bitmap_free(world.audience);
        roaring_bitmap_free(world.opted_out);
        roaring_bitmap_free(world.reachable);
        roaring_bitmap_free(world.bad);
    }
}

static void
of_whom_nothing_is_known_has_no_address(void)
{
    const screen_rule_t rule = {.channel = CR_CHANNEL_SMS};
    const uint32_t ordinals[] = {0, 5, 70000};
    cr_status_t verdicts[3];
    screen_t screen = {0};
    screen_judge(&screen, &rule, ordinals, 3, verdicts);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(verdicts[i], CR_STATUS_SUPPRESSED_ADDRESS);
    roaring_bitmap_t *five = roaring_bitmap_of(1, 5);
    screen_learn(&screen, CR_CHANNEL_SMS, SCREEN_REACHABLE, five, true);
    screen_judge(&screen, &rule, ordinals, 3, verdicts);
    CU_ASSERT_EQUAL(verdicts[0], CR_STATUS_SUPPRESSED_ADDRESS);
    CU_ASSERT_EQUAL(verdicts[1], CR_STATUS_WAITING);
    CU_ASSERT_EQUAL(verdicts[2], CR_STATUS_SUPPRESSED_ADDRESS);
    roaring_bitmap_free(five);
    screen_fini(&screen);
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
    {"of_whom_nothing_is_known_has_no_address", of_whom_nothing_is_known_has_no_address},
    {"the_cap_is_that_of_a_plain_count_over_the_window",
     the_cap_is_that_of_a_plain_count_over_the_window},
    {"what_was_reached_before_a_restart_counts", what_was_reached_before_a_restart_counts},
    CU_TEST_INFO_NULL,
};
