/* The ring of newest writes: what is kept, what is dropped, what a process that died has left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cr_test.h"
#include "ledger/redo.h"

const char cr_suite[] = "redo";

enum { ROOM = 4096 };

static cr_fault_t fault;

static redo_t *
open_ring(const char *file)
{
    redo_t *self = NULL;
    CU_ASSERT_EQUAL_FATAL(redo_open(file, ROOM, &self, &fault), CR_OK);
    return self;
}

static void
add(redo_t *self, uint64_t mark, const char *text)
{
    redo_add(self, mark, cr_slice_of(text));
}

/* What would be sent again after `mark`, with commas. */
static const char *
after(const redo_t *self, uint64_t mark)
{
    static char text[ROOM * 2];
    uint64_t position = 0;
    size_t used = 0;
    cr_slice_t bytes;
    text[0] = '\0';
    while (redo_next(self, mark, &position, &bytes))
        used += (size_t)snprintf(text + used, sizeof text - used, "%.*s,", (int)bytes.length,
                                 bytes.text);
    return text;
}

static void
what_came_after_a_mark_is_given_in_order(void)
{
    redo_t *self = open_ring("");
    redo_begin(self, 7);
    add(self, 1, "a");
    add(self, 1, "b");
    add(self, 2, "c");
    CU_ASSERT_EQUAL(redo_epoch(self), 7);
    CU_ASSERT_STRING_EQUAL(after(self, 0), "a,b,c,");
    CU_ASSERT_STRING_EQUAL(after(self, 1), "c,");
    CU_ASSERT_STRING_EQUAL(after(self, 2), "");
    redo_begin(self, 8);
    CU_ASSERT_STRING_EQUAL(after(self, 0), "");
    redo_close(&self);
}

static void
what_was_not_acknowledged_is_taken_back_and_what_was_refused_is_void(void)
{
    redo_t *self = open_ring("");
    add(self, 1, "a");
    uint64_t from = redo_position(self);
    add(self, 2, "refused");
    add(self, 2, "refused too");
    redo_void(self, from, redo_position(self));
    add(self, 2, "b");
    add(self, 3, "lost");
    redo_forget_after(self, 2);
    add(self, 4, "c");
    CU_ASSERT_STRING_EQUAL(after(self, 0), "a,b,c,");
    redo_close(&self);
}

/* Sizes of all remainders, many times around: always a gapless end of what was added. */
static void
a_full_ring_drops_the_oldest_and_says_so(void)
{
    redo_t *self = open_ring("");
    char text[512];
    for (uint64_t mark = 1; mark <= 5000; mark++) {
        int length = snprintf(text, sizeof text, "%llu", (unsigned long long)mark);
        memset(text + length, 'x', mark % 400);
        redo_add(self, mark, (cr_slice_t){text, (size_t)length + mark % 400});
        uint64_t position = 0, expected = 0;
        cr_slice_t bytes;
        while (redo_next(self, 0, &position, &bytes)) {
            uint64_t seen = strtoull(bytes.text, NULL, 10);
            CU_ASSERT_FATAL(expected == 0 || seen == expected);
            CU_ASSERT_FATAL(expected != 0 || redo_reaches(self, seen - 1));
            CU_ASSERT_FATAL(seen == 1 || expected != 0 || !redo_reaches(self, seen - 2));
            expected = seen + 1;
        }
        CU_ASSERT_FATAL(expected == mark + 1);
    }
    redo_close(&self);
}

static void
what_is_too_large_is_a_gap(void)
{
    static char huge[ROOM];
    redo_t *self = open_ring("");
    add(self, 1, "a");
    redo_add(self, 2, (cr_slice_t){huge, sizeof huge});
    add(self, 3, "b");
    CU_ASSERT(!redo_reaches(self, 1));
    CU_ASSERT(redo_reaches(self, 2));
    CU_ASSERT_STRING_EQUAL(after(self, 2), "b,");
    redo_close(&self);
}

static void
a_file_outlives_its_process_and_belongs_to_one(void)
{
    char file[] = "/tmp/test_redo-XXXXXX";
    close(mkstemp(file));
    redo_t *self = open_ring(file), *other = NULL;
    redo_begin(self, 3);
    add(self, 1, "a");
    CU_ASSERT_EQUAL(redo_open(file, ROOM, &other, &fault), CR_AGAIN);
    redo_close(&self);
    self = open_ring(file);
    CU_ASSERT_EQUAL(redo_epoch(self), 3);
    CU_ASSERT_STRING_EQUAL(after(self, 0), "a,");
    redo_close(&self);
    CU_ASSERT_EQUAL_FATAL(redo_open(file, 2 * ROOM, &self, &fault), CR_OK); /* of another size */
    CU_ASSERT_EQUAL(redo_epoch(self), 0);
    redo_close(&self);
    unlink(file);
    CU_ASSERT_EQUAL(redo_open("/nonexistent/redo", ROOM, &self, &fault), CR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "/nonexistent/redo"));
}

CU_TestInfo cr_tests[] = {
    {"what came after a mark is given in order", what_came_after_a_mark_is_given_in_order},
    {"what was not acknowledged is taken back, and what was refused is void",
     what_was_not_acknowledged_is_taken_back_and_what_was_refused_is_void},
    {"a full ring drops the oldest and says so", a_full_ring_drops_the_oldest_and_says_so},
    {"what is too large is a gap", what_is_too_large_is_a_gap},
    {"a file outlives its process and belongs to one",
     a_file_outlives_its_process_and_belongs_to_one},
    CU_TEST_INFO_NULL,
};
