#include "plan/reply_record.h"

#include <string.h>

#include "cr_test.h"

const char cr_suite[] = "reply_record";

static const uint8_t key[CR_KEY_BYTES] = {1, 2, 3};

static void
it_opens_with_its_key_and_whole_only(void)
{
    const uint8_t other[CR_KEY_BYTES] = {1, 2, 4};
    json_t *record = json_pack("{s:s}", "address", "19930000001");
    cr_str_t sealed;
    cr_str_init(&sealed, 4096);
    CU_ASSERT_EQUAL_FATAL(reply_record_seal(record, key, &sealed), CR_OK);
    CU_ASSERT_PTR_NULL(memmem(cr_str_text(&sealed), sealed.length, "1993", 4));
    json_t *opened = reply_record_open(cr_str_slice(&sealed), key);
    CU_ASSERT_TRUE(json_equal(opened, record));
    CU_ASSERT_PTR_NULL(reply_record_open(cr_str_slice(&sealed), other));
    for (size_t length = 0; length < sealed.length; length++)
        CU_ASSERT_PTR_NULL(reply_record_open((cr_slice_t){cr_str_text(&sealed), length}, key));
    for (size_t i = 0; i < sealed.length; i++) {
        sealed.text[i] ^= 1;
        CU_ASSERT_PTR_NULL(reply_record_open(cr_str_slice(&sealed), key));
        sealed.text[i] ^= 1;
    }
    json_decref(opened);
    json_decref(record);
    cr_str_fini(&sealed);
}

CU_TestInfo cr_tests[] = {
    {"it_opens_with_its_key_and_whole_only", it_opens_with_its_key_and_whole_only},
    CU_TEST_INFO_NULL,
};
