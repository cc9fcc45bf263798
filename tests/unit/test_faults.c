#include "faults.h"

#include <stdio.h>

#include "cr_clock.h"
#include "cr_test.h"

const char cr_suite[] = "faults";

enum { SUBMITS = 20000 };

static faults_t
faults_with(const char *name, int64_t value, uint64_t seed)
{
    fault_settings_t settings = {0};
    faults_t faults;
    CU_ASSERT_EQUAL(fault_settings_set(&settings, name, value), CR_OK);
    faults_init(&faults, &settings, seed, 0);
    return faults;
}

static void
nothing_happens_unless_it_is_asked_for(void)
{
    const fault_settings_t none = {0};
    faults_t faults;
    faults_init(&faults, &none, 1, 0);
    for (int i = 0; i < SUBMITS; i++) {
        CU_ASSERT_EQUAL_FATAL(faults_decide(&faults, i), FAULT_NONE);
        fault_receipt_t receipt = faults_receipt(&faults, CR_SLICE("13800001234"));
        CU_ASSERT_FATAL(!receipt.failed && receipt.copies == 1 && receipt.delay_us == 0);
    }
}

static void
a_percentage_is_met_within_a_fifth(void)
{
    static const struct {
        const char *name;
        fault_t fault;
        int64_t percent, least, most; /* of SUBMITS */
    } cases[] = {
        {"error_percent", FAULT_ERROR, 10, 1600, 2400},
        {"error_percent", FAULT_ERROR, 100, SUBMITS, SUBMITS},
        {"drop_percent", FAULT_DROP_BEFORE, 20, 1600, 2400},
        {"drop_percent", FAULT_DROP_AFTER, 20, 1600, 2400},
        {"drop_percent", FAULT_NONE, 20, 15200, 16800},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        faults_t faults = faults_with(cases[i].name, cases[i].percent, 7);
        int64_t seen = 0;
        for (int n = 0; n < SUBMITS; n++)
            seen += faults_decide(&faults, n) == cases[i].fault;
        CU_ASSERT(seen >= cases[i].least && seen <= cases[i].most);
    }
}

static void
a_seed_decides_everything_and_channels_differ(void)
{
    fault_settings_t settings = {.error_percent = 50, .drop_percent = 50};
    faults_t one, same, other_seed, other_channel;
    faults_init(&one, &settings, 5, 0);
    faults_init(&same, &settings, 5, 0);
    faults_init(&other_seed, &settings, 6, 0);
    faults_init(&other_channel, &settings, 5, 1);
    int unlike_seed = 0, unlike_channel = 0;
    for (int n = 0; n < 200; n++) {
        fault_t fault = faults_decide(&one, n);
        CU_ASSERT_EQUAL(fault, faults_decide(&same, n));
        unlike_seed += fault != faults_decide(&other_seed, n);
        unlike_channel += fault != faults_decide(&other_channel, n);
    }
    CU_ASSERT(unlike_seed > 50 && unlike_channel > 50);
}

static void
a_changed_percentage_shifts_nobody_elses_fate(void)
{
    faults_t one = faults_with("error_percent", 30, 3), other = faults_with("error_percent", 30, 3);
    for (int n = 0; n < 100; n++) {
        faults_decide(&one, n);
        other.settings.drop_percent = n < 50 ? 100 : 0;
        faults_decide(&other, n);
    }
    for (int n = 100; n < 200; n++)
        CU_ASSERT_EQUAL(faults_decide(&one, n), faults_decide(&other, n));
}

static void
a_throttle_takes_so_many_a_second_and_begins_anew(void)
{
    faults_t faults = faults_with("throttle_per_s", 3, 1);
    for (int64_t second = 10; second < 13; second++)
        for (int64_t n = 0; n < 10; n++) {
            fault_t fault = faults_decide(&faults, second * CR_US_PER_S + n);
            CU_ASSERT_EQUAL(fault, n < 3 ? FAULT_NONE : FAULT_THROTTLE);
        }
}

static void
an_address_fails_always_or_never(void)
{
    faults_t faults = faults_with("receipt_failed_percent", 5, 1);
    int failed = 0;
    for (int n = 0; n < SUBMITS; n++) {
        char phone[16];
        snprintf(phone, sizeof phone, "138%08d", n);
        bool first = faults_receipt(&faults, cr_slice_of(phone)).failed;
        CU_ASSERT_EQUAL(faults_receipt(&faults, cr_slice_of(phone)).failed, first);
        failed += first;
    }
    CU_ASSERT(failed > 800 && failed < 1200);
}

static void
receipts_are_doubled_missing_and_late_as_set(void)
{
    faults_t doubled = faults_with("receipt_duplicate_percent", 100, 1);
    faults_t missing = faults_with("receipt_missing_percent", 100, 1);
    faults_t late = faults_with("receipt_delay_ms", 250, 1);
    CU_ASSERT_EQUAL(faults_receipt(&doubled, CR_SLICE("a")).copies, 2);
    CU_ASSERT_EQUAL(faults_receipt(&missing, CR_SLICE("a")).copies, 0);
    CU_ASSERT_EQUAL(faults_receipt(&late, CR_SLICE("a")).delay_us, 250000);
}

static void
settings_are_set_by_name_within_their_range(void)
{
    fault_settings_t settings = {0};
    CU_ASSERT_EQUAL(fault_settings_set(&settings, "latency_ms", 30), CR_OK);
    CU_ASSERT_EQUAL(settings.latency_ms, 30);
    CU_ASSERT_EQUAL(fault_settings_set(&settings, "latency_ms", -1), CR_RANGE);
    CU_ASSERT_EQUAL(fault_settings_set(&settings, "drop_percent", 101), CR_RANGE);
    CU_ASSERT_EQUAL(fault_settings_set(&settings, "drop", 1), CR_NOTFOUND);
    CU_ASSERT_EQUAL(settings.latency_ms, 30);
    CU_ASSERT_EQUAL(settings.drop_percent, 0);
}

static void
the_same_residents_reply_each_time_and_shares_do_not_overlap(void)
{
    fault_settings_t settings = {.confirm_percent = 20, .opt_out_percent = 10, .chat_percent = 5};
    size_t counts[4] = {0};
    faults_t faults;
    faults_init(&faults, &settings, 7, 0);
    for (int i = 0; i < SUBMITS; i++) {
        char phone[16];
        snprintf(phone, sizeof phone, "138%08d", i);
        fault_person_t person = faults_person(&faults, cr_slice_of(phone));
        CU_ASSERT_EQUAL_FATAL(faults_person(&faults, cr_slice_of(phone)), person);
        counts[person]++;
    }
    CU_ASSERT(counts[FAULT_CONFIRMS] > SUBMITS * 16 / 100 &&
              counts[FAULT_CONFIRMS] < SUBMITS * 24 / 100);
    CU_ASSERT(counts[FAULT_OPTS_OUT] > SUBMITS * 8 / 100 &&
              counts[FAULT_OPTS_OUT] < SUBMITS * 12 / 100);
    CU_ASSERT(counts[FAULT_CHATS] > SUBMITS * 4 / 100 && counts[FAULT_CHATS] < SUBMITS * 6 / 100);
}

CU_TestInfo cr_tests[] = {
    {"nothing happens unless it is asked for", nothing_happens_unless_it_is_asked_for},
    {"a percentage is met within a fifth", a_percentage_is_met_within_a_fifth},
    {"a seed decides everything, and channels differ",
     a_seed_decides_everything_and_channels_differ},
    {"a changed percentage shifts nobody else's fate",
     a_changed_percentage_shifts_nobody_elses_fate},
    {"a throttle takes so many a second", a_throttle_takes_so_many_a_second_and_begins_anew},
    {"an address fails always or never", an_address_fails_always_or_never},
    {"receipts are doubled, missing and late as set", receipts_are_doubled_missing_and_late_as_set},
    {"settings are set by name within their range", settings_are_set_by_name_within_their_range},
    {"the same residents reply each time, and shares do not overlap",
     the_same_residents_reply_each_time_and_shares_do_not_overlap},
    CU_TEST_INFO_NULL,
};
