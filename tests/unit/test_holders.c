#include "audience/holders.h"

#include "people.h"

const char cr_suite[] = "holders";

/* P1 and P2 share a phone, P3 is reached by P1's, P4 has none, P5 its own. */
static const char household[] = "id,phone,email,guardian\n"
                                "P1,19930000001,a@pingyin.test,\n"
                                "P2,19930000001,b@pingyin.test,\n"
                                "P3,,,P1\n"
                                "P4,,,\n"
                                "P5,19930000005,,\n";

static const cr_slice_t addresses[] = {{"19930000001", 11},
                                       {"19930000009", 11},
                                       {"a@pingyin.test", 14},
                                       {"19930000001", 11},
                                       {"19930000005", 11}};

/* The search, done `piece` people at a time. */
static holders_t *
search(directory_t *directory, cr_channel_t channel, uint32_t piece)
{
    bool done = false;
    holders_t *self = holders_new(directory, channel, addresses, CR_COUNT(addresses));
    CU_ASSERT_PTR_NOT_NULL_FATAL(self);
    for (int i = 0; i < 10 && !done; i++)
        CU_ASSERT_EQUAL_FATAL(holders_step(self, piece, &done), CR_OK);
    CU_ASSERT_TRUE(done);
    return self;
}

static bool
are(const roaring_bitmap_t *people, roaring_bitmap_t *expected)
{
    bool same = people && roaring_bitmap_equals(people, expected);
    roaring_bitmap_free(expected);
    return same;
}

static void
an_address_is_that_of_everybody_who_is_reached_there(void)
{
    directory_t *directory = people_of(household);
    for (uint32_t piece = 1; piece < 10; piece += 4) {
        holders_t *self = search(directory, CR_CHANNEL_SMS, piece);
        CU_ASSERT_TRUE(are(holders_of(self, 0), roaring_bitmap_of(3, 0, 1, 2)));
        CU_ASSERT_PTR_NULL(holders_of(self, 1));
        CU_ASSERT_PTR_NULL(holders_of(self, 2));
        CU_ASSERT_PTR_EQUAL(holders_of(self, 3), holders_of(self, 0));
        CU_ASSERT_TRUE(are(holders_of(self, 4), roaring_bitmap_of(1, 4)));
        holders_destroy(&self);
    }
    holders_t *self = search(directory, CR_CHANNEL_MAIL, 100);
    CU_ASSERT_TRUE(are(holders_of(self, 2), roaring_bitmap_of(2, 0, 2)));
    CU_ASSERT_PTR_NULL(holders_of(self, 0));
    holders_destroy(&self);
    directory_unref(&directory);
}

static void
nobody_is_found_in_an_empty_directory(void)
{
    directory_t *directory = directory_new();
    holders_t *self = search(directory, CR_CHANNEL_SMS, 1);
    CU_ASSERT_PTR_NULL(holders_of(self, 0));
    holders_destroy(&self);
    directory_unref(&directory);
}

CU_TestInfo cr_tests[] = {
    {"an_address_is_that_of_everybody_who_is_reached_there",
     an_address_is_that_of_everybody_who_is_reached_there},
    {"nobody_is_found_in_an_empty_directory", nobody_is_found_in_an_empty_directory},
    CU_TEST_INFO_NULL,
};
