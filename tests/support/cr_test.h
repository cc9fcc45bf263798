/*
 * cr_test - the main() of a unit test program
 *
 * A test file lists its tests in `cr_tests` and its name in `cr_suite`. CUnit's own runner returns success although a
 * test failed, so the exit code comes from the count of failures.
 */
#ifndef CR_TEST_H
#define CR_TEST_H

#include <CUnit/CUnit.h>

extern const char cr_suite[];
extern CU_TestInfo cr_tests[]; /* ends with CU_TEST_INFO_NULL */

#endif
