#include <string.h>

#include "cr_test.h"
#include "plan/lifecycle.h"

const char cr_suite[] = "lifecycle";

/* docs/http-api.md, "States and moves", written out; "-": not possible. */
static const struct {
    const char *from;
    const char *to[LIFECYCLE_MOVE_COUNT];
    const char *possible; /* what the refusal offers to people */
} matrix[LIFECYCLE_STATE_COUNT] = {
    /* submit approve reject schedule send pause resume cancel finish expire */
    {"draft",
     {"submitted", "-", "-", "-", "-", "-", "-", "cancelled", "-", "expired"},
     "possible now: submit, cancel"},
    {"submitted",
     {"-", "approved", "rejected", "-", "-", "-", "-", "cancelled", "-", "expired"},
     "possible now: approve, reject, cancel"},
    {"approved",
     {"-", "-", "-", "scheduled", "sending", "-", "-", "cancelled", "-", "expired"},
     "possible now: send, cancel"},
    {"rejected", {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}, "this is its end"},
    {"scheduled",
     {"-", "-", "-", "-", "sending", "-", "-", "cancelled", "-", "expired"},
     "possible now: send, cancel"},
    {"sending",
     {"-", "-", "-", "-", "-", "paused", "-", "cancelled", "finished", "-"},
     "possible now: pause, cancel"},
    {"paused",
     {"-", "-", "-", "-", "-", "-", "sending", "cancelled", "finished", "-"},
     "possible now: resume, cancel"},
    {"finished", {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}, "this is its end"},
    {"cancelled", {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}, "this is its end"},
    {"expired", {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}, "this is its end"},
};

static void
check_move(size_t row, lifecycle_move_t move)
{
    lifecycle_state_t from = LIFECYCLE_STATE_COUNT, to = LIFECYCLE_STATE_COUNT;
    cr_fault_t fault = {0};
    CU_ASSERT_EQUAL_FATAL(lifecycle_state_parse(matrix[row].from, &from), CR_OK);
    cr_err_t err = lifecycle_next(from, move, &to, &fault);
    const char *expected = matrix[row].to[move];
    if (strcmp(expected, "-") != 0) {
        CU_ASSERT_EQUAL_FATAL(err, CR_OK);
        CU_ASSERT_STRING_EQUAL(lifecycle_state_name(to), expected);
        return;
    }
    CU_ASSERT_EQUAL(err, CR_CONFLICT);
    CU_ASSERT_EQUAL(to, LIFECYCLE_STATE_COUNT);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, matrix[row].from));
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, lifecycle_move_name(move)));
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, matrix[row].possible));
}

static void
every_move_from_every_state_is_as_documented(void)
{
    for (size_t row = 0; row < CR_COUNT(matrix); row++)
        for (size_t move = 0; move < LIFECYCLE_MOVE_COUNT; move++)
            check_move(row, (lifecycle_move_t)move);
}

static void
four_states_are_ends(void)
{
    for (size_t state = 0; state < LIFECYCLE_STATE_COUNT; state++) {
        bool end = state == LIFECYCLE_REJECTED || state >= LIFECYCLE_FINISHED;
        CU_ASSERT_EQUAL(lifecycle_is_end((lifecycle_state_t)state), end);
    }
}

static void
moves_name_the_checks_they_need(void)
{
    CU_ASSERT(lifecycle_checks(LIFECYCLE_MOVE_APPROVE) & LIFECYCLE_OTHER_PERSON);
    CU_ASSERT(lifecycle_checks(LIFECYCLE_MOVE_APPROVE) & LIFECYCLE_SAME_HASH);
    CU_ASSERT(lifecycle_checks(LIFECYCLE_MOVE_SEND) & LIFECYCLE_DUE);
    CU_ASSERT_EQUAL(lifecycle_checks(LIFECYCLE_MOVE_FINISH), LIFECYCLE_ALL_FINAL);
    CU_ASSERT_EQUAL(lifecycle_checks(LIFECYCLE_MOVE_EXPIRE), LIFECYCLE_PAST_EXPIRY);
    CU_ASSERT_EQUAL(lifecycle_checks(LIFECYCLE_MOVE_PAUSE), 0);
}

static void
an_unknown_state_is_refused(void)
{
    lifecycle_state_t state;
    CU_ASSERT_EQUAL(lifecycle_state_parse("Draft", &state), CR_INVAL);
    CU_ASSERT_EQUAL(lifecycle_state_parse("", &state), CR_INVAL);
}

static void
nobody_approves_what_the_same_person_wrote_or_submitted(void)
{
    static const struct {
        const char *author, *submitter, *approver;
        bool may;
    } cases[] = {
        {"张三", "张三", "李四", true},
        {"张三", NULL, "李四", true},
        {"张三", "张三", "张三", false},
        {"张三", NULL, "张三", false},
        {"张三", "李四", "李四", false},
        {"Zhang San", NULL, "  zhang   SAN ", false},
        {"Jose\xCC\x81", NULL, "Jos\xC3\xA9", false}, /* decomposed and composed */
        {"", NULL, "李四", false},                    /* in doubt, no */
        {"\xFF", NULL, "李四", false},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        CU_ASSERT_EQUAL(
            lifecycle_may_approve(cases[i].author, cases[i].submitter, cases[i].approver),
            cases[i].may);
}

#define T(name)                                                                                    \
    {                                                                                              \
#name, name                                                                                \
    }
CU_TestInfo cr_tests[] = {
    T(every_move_from_every_state_is_as_documented),
    T(four_states_are_ends),
    T(moves_name_the_checks_they_need),
    T(an_unknown_state_is_refused),
    T(nobody_approves_what_the_same_person_wrote_or_submitted),
    CU_TEST_INFO_NULL,
};
