/*
 * people - directories for tests, from CSV text
 *
 * Each function asserts that what it does works, so that a test reads as what it is about.
 */
#ifndef PEOPLE_H
#define PEOPLE_H

#include <string.h>

#include "audience/intake.h"
#include "cr_test.h"

#define PEOPLE_DIVISIONS CR_TEST_DATA "/../../config/sample/divisions.csv"

/* An intake that took the whole text. */
static inline intake_t *
people_read(const char *csv)
{
    cr_fault_t fault = {0};
    intake_t *intake = intake_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(intake);
    cr_err_t err = intake_feed(intake, csv, strlen(csv), &fault);
    CU_ASSERT_EQUAL_FATAL(err, CR_OK);
    CU_ASSERT_EQUAL_FATAL(intake_finish(intake, &fault), CR_OK);
    return intake;
}

/* The next version; `base` is given up, what `result` held before too. */
static inline directory_t *
people_apply(directory_t *base, const char *csv, intake_result_t *result)
{
    directory_t *next = NULL;
    cr_fault_t fault = {0};
    intake_t *intake = people_read(csv);
    intake_result_fini(result);
    CU_ASSERT_EQUAL_FATAL(intake_apply(intake, base, false, &next, result, &fault), CR_OK);
    intake_destroy(&intake);
    directory_unref(&base);
    return next;
}

static inline directory_t *
people_nobody(void)
{
    cr_fault_t fault = {0};
    directory_t *self = directory_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(self);
    CU_ASSERT_EQUAL_FATAL(directory_set_divisions(self, PEOPLE_DIVISIONS, &fault), CR_OK);
    return self;
}

static inline directory_t *
people_of(const char *csv)
{
    intake_result_t result = {0};
    directory_t *self = people_apply(people_nobody(), csv, &result);
    intake_result_fini(&result);
    return self;
}

static inline bool
people_is(cr_slice_t text, const char *wanted)
{
    return cr_slice_equal(text, cr_slice_of(wanted));
}

#endif
