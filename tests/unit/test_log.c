#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cr_log.h"
#include "cr_test.h"

const char cr_suite[] = "log";

/* What one call writes to standard error. */
static size_t
capture(char *out, size_t room, void (*call)(void))
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    cr_log_open("tester", CR_LOG_INFO);
    call();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t length = read(ends[0], out, room - 1);
    close(ends[0]);
    out[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

static void
log_plain(void)
{
    cr_log(CR_LOG_WARN, "tested", "lease=%d", 7);
    cr_log(CR_LOG_DEBUG, "hidden", "x=1");
}

static void
one_event_is_one_line_with_its_priority(void)
{
    char line[2048];
    capture(line, sizeof line, log_plain);
    CU_ASSERT_EQUAL(strncmp(line, "<4>ts=20", 8), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "level=warn program=tester event=tested lease=7\n"));
    CU_ASSERT_PTR_NULL(strstr(line, "hidden"));
}

static void
log_long(void)
{
    cr_log(CR_LOG_ERR, "tested", "value=%05000d", 1);
}

static void
an_overlong_event_stays_one_line(void)
{
    char line[4096];
    size_t length = capture(line, sizeof line, log_long);
    CU_ASSERT_TRUE(length <= 1024);
    CU_ASSERT_PTR_EQUAL(strchr(line, '\n'), line + length - 1);
}

static void
outside_text_cannot_break_a_line_or_forge_a_field(void)
{
    char out[160];
    CU_ASSERT_STRING_EQUAL(cr_log_value(CR_SLICE("plain"), out), "plain");
    CU_ASSERT_STRING_EQUAL(cr_log_value(CR_SLICE(""), out), "\"\"");
    CU_ASSERT_STRING_EQUAL(cr_log_value(CR_SLICE("a b=c"), out), "\"a b=c\"");
    CU_ASSERT_STRING_EQUAL(cr_log_value(CR_SLICE("x\n\"y\"\x01"), out), "\"x\\n\\\"y\\\"\\x01\"");
    char text[400];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "木", 3);
    cr_log_value((cr_slice_t){text, 396}, out);
    CU_ASSERT_TRUE(strlen(out) < 160);
    CU_ASSERT_STRING_EQUAL(out + strlen(out) - 3, "...");
    CU_ASSERT_EQUAL(strncmp(out + strlen(out) - 6, "木", 3), 0);
}

static void
a_failure_that_repeats_is_said_once_with_its_count(void)
{
    cr_log_limit_t limit = {0};
    uint64_t suppressed = 99;
    CU_ASSERT_TRUE(cr_log_limit(&limit, 1000, 60000, &suppressed));
    CU_ASSERT_EQUAL(suppressed, 0);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_FALSE(cr_log_limit(&limit, 2000 + i, 60000, &suppressed));
    CU_ASSERT_TRUE(cr_log_limit(&limit, 1000 + 60000 * 1000, 60000, &suppressed));
    CU_ASSERT_EQUAL(suppressed, 5);
}

CU_TestInfo cr_tests[] = {
    {"one event is one line with its priority", one_event_is_one_line_with_its_priority},
    {"an overlong event stays one line", an_overlong_event_stays_one_line},
    {"outside text cannot break a line or forge a field",
     outside_text_cannot_break_a_line_or_forge_a_field},
    {"a failure that repeats is said once, with its count",
     a_failure_that_repeats_is_said_once_with_its_count},
    CU_TEST_INFO_NULL,
};
