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

/* What intake_apply gives beside the version. */
typedef struct {
    roaring_bitmap_t *touched, *opted_out[CR_CHANNEL_COUNT];
    intake_result_t result;
    cr_fault_t fault;
} people_news_t;

static inline void
people_news_init(people_news_t *self)
{
    *self = (people_news_t){.touched = roaring_bitmap_create()};
    for (size_t i = 0; i < CR_CHANNEL_COUNT; i++)
        self->opted_out[i] = roaring_bitmap_create();
}

static inline void
people_news_fini(people_news_t *self)
{
    roaring_bitmap_free(self->touched);
    for (size_t i = 0; i < CR_CHANNEL_COUNT; i++)
        roaring_bitmap_free(self->opted_out[i]);
}

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

/* The next version; `base` is given up. */
static inline directory_t *
people_apply(directory_t *base, const char *csv, people_news_t *news)
{
    directory_t *next = NULL;
    intake_t *intake = people_read(csv);
    cr_err_t err = intake_apply(intake, base, false, &next, news->touched, news->opted_out,
                                &news->result, &news->fault);
    CU_ASSERT_EQUAL_FATAL(err, CR_OK);
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
    people_news_t news;
    people_news_init(&news);
    directory_t *self = people_apply(people_nobody(), csv, &news);
    people_news_fini(&news);
    return self;
}

static inline bool
people_is(cr_slice_t text, const char *wanted)
{
    return cr_slice_equal(text, cr_slice_of(wanted));
}

#endif
