/* What became of a broadcast as sets of people. */
#include <stdlib.h>
#include <string.h>

#include "audience/outcome.h"
#include "cr_test.h"

enum { PEOPLE = 10000, STEP = 3 };

/* Everybody with an ordinal that STEP divides; SMS and mail, as `sms` and `mail` say by rank. */
static outcome_t
outcome_of(cr_status_t (*sms)(uint32_t rank), cr_status_t (*mail)(uint32_t rank))
{
    outcome_t self = {.broadcast = 1, .audience = roaring_bitmap_create()};
    self.status[CR_CHANNEL_SMS] = malloc(PEOPLE);
    self.status[CR_CHANNEL_MAIL] = malloc(PEOPLE);
    for (uint32_t rank = 0; rank < PEOPLE; rank++) {
        roaring_bitmap_add(self.audience, rank * STEP);
        self.status[CR_CHANNEL_SMS][rank] = sms(rank);
        self.status[CR_CHANNEL_MAIL][rank] = mail(rank);
    }
    return self;
}

static cr_status_t
every_seventh_failed(uint32_t rank)
{
    return rank % 7 == 0 ? CR_STATUS_FAILED_ADDRESS : CR_STATUS_DELIVERED;
}

static cr_status_t
of_each_kind(uint32_t rank)
{
    static const cr_status_t kinds[] = {CR_STATUS_UNCONFIRMED,
                                        CR_STATUS_UNKNOWN,
                                        CR_STATUS_ACCEPTED,
                                        CR_STATUS_EXPIRED,
                                        CR_STATUS_SUPPRESSED_ADDRESS,
                                        CR_STATUS_WAITING,
                                        CR_STATUS_CANCELLED,
                                        CR_STATUS_HANDED,
                                        CR_STATUS_RETRY_3,
                                        250};
    return kinds[rank % CR_COUNT(kinds)];
}

static void
each_term_means_those_whom_any_channel_has_so(void)
{
    static const struct {
        const char *key, *value;
        uint64_t count;
    } cases[] = {
        {"failed", "B-00000001", 1429},          {"failed", "B-00000001/mail", 0},
        {"delivered", "B-00000001/mail", 2000},  {"sent", "B-00000001/mail", 3000},
        {"unconfirmed", "B-00000001", 1000},     {"unknown", "b-00000001/mail", 1000},
        {"suppressed", "B-00000001/mail", 1000}, {"expired", "B-00000001", 1000},
        {"cancelled", "B-00000001", 1000},       {"unknown", "B-00000001/wechat", 0},
    };
    outcome_t outcome = outcome_of(every_seventh_failed, of_each_kind);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        outcome_term_t term;
        cr_fault_t fault;
        CU_ASSERT_EQUAL_FATAL(
            outcome_parse(cr_slice_of(cases[i].key), cr_slice_of(cases[i].value), &term, &fault),
            CR_OK);
        CU_ASSERT_EQUAL(term.broadcast, 1);
        roaring_bitmap_t *members = outcome_members(&outcome, &term);
        CU_ASSERT_EQUAL(roaring_bitmap_get_cardinality(members), cases[i].count);
        roaring_bitmap_free(members);
    }
    outcome_fini(&outcome);
}

static void
ranks_are_the_people_of_the_audience(void)
{
    outcome_t outcome = outcome_of(every_seventh_failed, of_each_kind);
    outcome_term_t term;
    CU_ASSERT_EQUAL_FATAL(
        outcome_parse(CR_SLICE("failed"), CR_SLICE("B-00000001/sms"), &term, NULL), CR_OK);
    roaring_bitmap_t *members = outcome_members(&outcome, &term);
    for (uint32_t rank = 0; rank < PEOPLE; rank++)
        CU_ASSERT_EQUAL(roaring_bitmap_contains(members, rank * STEP), rank % 7 == 0);
    roaring_bitmap_free(members);
    outcome_fini(&outcome);
}

static void
what_is_no_term_is_refused(void)
{
    static const struct {
        const char *key, *value;
        cr_err_t err;
    } cases[] = {
        {"got", "B-00000001", CR_NOTFOUND},
        {"failed", "", CR_INVAL},
        {"failed", "B-1", CR_INVAL},
        {"failed", "B-00000001/", CR_INVAL},
        {"failed", "B-00000001/fax", CR_INVAL},
        {"failed", "B-0000000U", CR_INVAL},
        {"failed", "B-00000001/sms/", CR_INVAL},
        {"Failed", "B-00000001", CR_NOTFOUND},
        {"failed", "B-00000001/smsxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", CR_INVAL},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        outcome_term_t term;
        cr_fault_t fault = {.text = ""};
        CU_ASSERT_EQUAL(
            outcome_parse(cr_slice_of(cases[i].key), cr_slice_of(cases[i].value), &term, &fault),
            cases[i].err);
        CU_ASSERT_EQUAL(fault.text[0] != '\0', cases[i].err == CR_INVAL);
    }
}

const char cr_suite[] = "outcome";
CU_TestInfo cr_tests[] = {
    {"each term means those whom any channel has so",
     each_term_means_those_whom_any_channel_has_so},
    {"ranks are the people of the audience", ranks_are_the_people_of_the_audience},
    {"what is no term is refused", what_is_no_term_is_refused},
    CU_TEST_INFO_NULL,
};
