#include <string.h>

#include "cr_base.h"
#include "cr_str.h"
#include "cr_test.h"

const char cr_suite[] = "base";

static void
every_error_has_a_name_and_a_text(void)
{
    for (int i = 0; i < CR_ERR_COUNT; i++) {
        CU_ASSERT_TRUE(strlen(cr_err_name((cr_err_t)i)) > 0);
        CU_ASSERT_TRUE(strlen(cr_err_text((cr_err_t)i)) > 0);
    }
    CU_ASSERT_TRUE(cr_err_is_transient(CR_AGAIN));
    CU_ASSERT_FALSE(cr_err_is_transient(CR_INVAL));
}

static void
a_fault_holds_its_place_and_cuts_long_text_with_a_mark(void)
{
    cr_fault_t fault;
    CU_ASSERT_EQUAL(cr_fault_set_at(&fault, CR_RANGE, 3, 7, "port %d", 70000), CR_RANGE);
    CU_ASSERT_EQUAL(fault.line, 3);
    CU_ASSERT_EQUAL(fault.column, 7);
    CU_ASSERT_STRING_EQUAL(fault.text, "port 70000");
    CU_ASSERT_EQUAL(cr_fault_set(&fault, CR_INVAL, "%0400d", 1), CR_INVAL);
    CU_ASSERT_STRING_EQUAL(fault.text + strlen(fault.text) - 3, "...");
    CU_ASSERT_EQUAL(fault.line, 0);
    CU_ASSERT_EQUAL(cr_fault_set(NULL, CR_IO, "nobody listens"), CR_IO);
}

static void
a_string_over_its_limit_fails_once_and_for_all(void)
{
    cr_str_t str;
    cr_str_init(&str, 8);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&str), "");
    cr_str_append_text(&str, "12345");
    cr_str_appendf(&str, "%d", 678);
    CU_ASSERT_EQUAL(cr_str_err(&str), CR_OK);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&str), "12345678");
    cr_str_append_char(&str, '9');
    CU_ASSERT_EQUAL(cr_str_err(&str), CR_TOOBIG);
    cr_str_append(&str, "", 0);
    CU_ASSERT_EQUAL(cr_str_err(&str), CR_TOOBIG);
    CU_ASSERT_PTR_NULL(cr_str_take(&str));
    cr_str_clear(&str);
    cr_str_append_text(&str, "again");
    CU_ASSERT_EQUAL(cr_str_err(&str), CR_OK);
    CU_ASSERT_TRUE(cr_slice_equal(cr_str_slice(&str), CR_SLICE("again")));
    cr_str_fini(&str);
}

CU_TestInfo cr_tests[] = {
    {"every error has a name and a text", every_error_has_a_name_and_a_text},
    {"a fault holds its place and cuts long text with a mark",
     a_fault_holds_its_place_and_cuts_long_text_with_a_mark},
    {"a string over its limit fails once and for all",
     a_string_over_its_limit_fails_once_and_for_all},
    CU_TEST_INFO_NULL,
};
