#include <string.h>

#include "cr_status.h"
#include "cr_test.h"

const char cr_suite[] = "status";

static void
every_value_has_a_name_and_words_in_both_languages(void)
{
    int known = 0;
    for (int i = 0; i < 256; i++) {
        cr_status_t status = (cr_status_t)i, back;
        if (!cr_status_is_known(status))
            continue;
        known++;
        CU_ASSERT_EQUAL(cr_status_parse(cr_status_name(status), &back), CR_OK);
        CU_ASSERT_EQUAL(back, status);
        CU_ASSERT_TRUE(strlen(cr_status_words(status, false)) > 0);
        CU_ASSERT_TRUE((unsigned char)cr_status_words(status, true)[0] >= 0x80);
    }
    CU_ASSERT_TRUE(known > 25);
    cr_status_t none;
    CU_ASSERT_EQUAL(cr_status_parse("leased", &none), CR_INVAL);
}

/* Values are stored for ever: what they mean may not shift. */
static void
stored_values_keep_their_numbers(void)
{
    static const struct {
        int value;
        const char *name;
    } fixed[] = {{0, "waiting"},         {1, "retry_1"},   {7, "retry_7"},
                 {16, "accepted"},       {17, "unknown"},  {32, "delivered"},
                 {64, "failed_address"}, {192, "expired"}, {193, "cancelled"}};
    for (size_t i = 0; i < CR_COUNT(fixed); i++)
        CU_ASSERT_STRING_EQUAL(cr_status_name((cr_status_t)fixed[i].value), fixed[i].name);
}

static void
a_delivery_moves_only_along_the_table(void)
{
    static const struct {
        cr_status_t from, to;
        bool may;
    } moves[] = {
        {CR_STATUS_FAILED_ADDRESS, CR_STATUS_HANDED, false},
        {CR_STATUS_FAILED_ATTEMPTS, CR_STATUS_HANDED, true},
        {CR_STATUS_WAITING, CR_STATUS_ACCEPTED, true},
        {CR_STATUS_WAITING, CR_STATUS_WAITING, false},
        {CR_STATUS_WAITING, CR_STATUS_SUPPRESSED_OPTOUT, true},
        {CR_STATUS_RETRY_1, CR_STATUS_RETRY_2, true},
        {CR_STATUS_RETRY_2, CR_STATUS_RETRY_1, false},
        {CR_STATUS_RETRY_1, CR_STATUS_RETRY_3, false},
        {CR_STATUS_RETRY_3, CR_STATUS_WAITING, false},
        {CR_STATUS_ACCEPTED, CR_STATUS_DELIVERED, true},
        {CR_STATUS_ACCEPTED, CR_STATUS_WAITING, false},
        {CR_STATUS_ACCEPTED, CR_STATUS_RETRY_1, false},
        {CR_STATUS_ACCEPTED, CR_STATUS_CANCELLED, false},
        {CR_STATUS_UNKNOWN, CR_STATUS_DELIVERED, true},
        {CR_STATUS_UNCONFIRMED, CR_STATUS_DELIVERED, true},
        {CR_STATUS_DELIVERED, CR_STATUS_UNCONFIRMED, false},
        {CR_STATUS_DELIVERED, CR_STATUS_WAITING, false},
        {CR_STATUS_DELIVERED, CR_STATUS_FAILED_RECEIPT, false},
        {CR_STATUS_UNCONFIRMED, CR_STATUS_FAILED_RECEIPT, true},
        {CR_STATUS_SUPPRESSED_OPTOUT, CR_STATUS_DELIVERED, false},
        {CR_STATUS_CANCELLED, CR_STATUS_ACCEPTED, true},
        {CR_STATUS_CANCELLED, CR_STATUS_WAITING, false},
        {CR_STATUS_WAITING, 200, false},
        {200, CR_STATUS_WAITING, false},
    };
    for (size_t i = 0; i < CR_COUNT(moves); i++)
        CU_ASSERT_EQUAL(cr_status_may(moves[i].from, moves[i].to), moves[i].may);
}

/* Nothing final ever becomes something that would be sent again. */
static void
what_is_final_is_never_sent_again(void)
{
    for (int from = 0; from < 256; from++) {
        if (!cr_status_is_known((cr_status_t)from) || !cr_status_is_final((cr_status_t)from))
            continue;
        for (int to = 0; to < 256; to++) {
            if (!cr_status_may((cr_status_t)from, (cr_status_t)to))
                continue;
            cr_status_class_t next = cr_status_class((cr_status_t)to);
            CU_ASSERT_NOT_EQUAL(next, CR_STATUS_CLASS_WAITING);
            CU_ASSERT_NOT_EQUAL(next, CR_STATUS_CLASS_RETRY);
        }
    }
}

CU_TestInfo cr_tests[] = {
    {"every value has a name and words in both languages",
     every_value_has_a_name_and_words_in_both_languages},
    {"stored values keep their numbers", stored_values_keep_their_numbers},
    {"a delivery moves only along the table", a_delivery_moves_only_along_the_table},
    {"what is final is never sent again", what_is_final_is_never_sent_again},
    CU_TEST_INFO_NULL,
};
