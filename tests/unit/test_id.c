#include <string.h>

#include "cr_id.h"
#include "cr_test.h"

const char cr_suite[] = "id";

static void
a_broadcast_is_eight_letters_and_reads_back(void)
{
    static const uint64_t ids[] = {0, 1, 51, 1u << 20, CR_BROADCAST_MAX};
    char text[CR_ID_TEXT_MAX];
    for (size_t i = 0; i < CR_COUNT(ids); i++) {
        uint64_t back = 7;
        CU_ASSERT_EQUAL(strlen(cr_id_format(ids[i], text)), 10);
        CU_ASSERT_EQUAL(cr_id_parse(text, &back), CR_OK);
        CU_ASSERT_EQUAL(back, ids[i]);
    }
    CU_ASSERT_STRING_EQUAL(cr_id_format(51, text), "B-0000001K");
}

static void
letters_that_look_alike_are_read_as_meant(void)
{
    uint64_t id;
    CU_ASSERT_EQUAL(cr_id_parse("b-ooooooik", &id), CR_OK);
    CU_ASSERT_EQUAL(id, 51);
    static const char *const bad[] = {"",           "B-",        "B-0000001",  "B-0000001KK",
                                      "B-000000UK", "0000001K ", "X-0000001K", "B-00000 1K"};
    for (size_t i = 0; i < CR_COUNT(bad); i++)
        CU_ASSERT_EQUAL(cr_id_parse(bad[i], &id), CR_INVAL);
}

static void
a_reference_reads_back_and_damage_is_refused(void)
{
    cr_delivery_t delivery = {51, CR_CHANNEL_SMS, 4711, 1}, back;
    char text[CR_REFERENCE_TEXT_MAX];
    CU_ASSERT_STRING_EQUAL(cr_reference_format(&delivery, text), "0000001K.s.4711.1");
    CU_ASSERT_EQUAL(cr_reference_parse(cr_slice_of(text), &back), CR_OK);
    CU_ASSERT_EQUAL(back.broadcast, 51);
    CU_ASSERT_EQUAL(back.channel, CR_CHANNEL_SMS);
    CU_ASSERT_EQUAL(back.rank, 4711);
    CU_ASSERT_EQUAL(back.attempt, 1);
    static const char *const bad[] = {"",
                                      "0000001K",
                                      "0000001K.s.4711",
                                      "0000001K.x.4711.1",
                                      "0000001K.s.4711.1.",
                                      "0000001K.s.-1.1",
                                      "0000001K.s.99999999999.1",
                                      "0000001K.s.4711.0",
                                      "0000001K.s.47 11.1"};
    for (size_t i = 0; i < CR_COUNT(bad); i++)
        CU_ASSERT_NOT_EQUAL(cr_reference_parse(cr_slice_of(bad[i]), &back), CR_OK);
}

static void
channels_and_lanes_have_names(void)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        cr_channel_t channel;
        CU_ASSERT_EQUAL(cr_channel_parse(cr_channel_name((cr_channel_t)i), &channel), CR_OK);
        CU_ASSERT_EQUAL((int)channel, i);
    }
    for (int i = 0; i < CR_LANE_COUNT; i++) {
        cr_lane_t lane;
        CU_ASSERT_EQUAL(cr_lane_parse(cr_lane_name((cr_lane_t)i), &lane), CR_OK);
        CU_ASSERT_EQUAL((int)lane, i);
    }
    cr_channel_t channel;
    CU_ASSERT_EQUAL(cr_channel_parse("fax", &channel), CR_INVAL);
}

CU_TestInfo cr_tests[] = {
    {"a broadcast is eight letters and reads back", a_broadcast_is_eight_letters_and_reads_back},
    {"letters that look alike are read as meant", letters_that_look_alike_are_read_as_meant},
    {"a reference reads back, and damage is refused", a_reference_reads_back_and_damage_is_refused},
    {"channels and lanes have names", channels_and_lanes_have_names},
    CU_TEST_INFO_NULL,
};
