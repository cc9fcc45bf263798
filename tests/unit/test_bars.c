#include <string.h>

#include "bars.h"
#include "cr_test.h"
#include "cr_text.h"
#include "words.h"

const char cr_suite[] = "bars";

enum { PICTURE_BYTES_MAX = 64 << 10 };

/* Counts of a channel: total, delivered, failed, suppressed, unknown, accepted, leased. */
static progress_channel_t
channel(const char *name, const int64_t counts[7])
{
    progress_channel_t made = {.name = name, .waits_for = "", .ms_to_half = -1};
    made.counts[PROGRESS_TOTAL] = counts[0];
    made.counts[PROGRESS_DELIVERED] = counts[1];
    made.counts[PROGRESS_FAILED] = counts[2];
    made.counts[PROGRESS_SUPPRESSED] = counts[3];
    made.counts[PROGRESS_UNKNOWN] = counts[4];
    made.counts[PROGRESS_ACCEPTED] = counts[5];
    made.counts[PROGRESS_LEASED] = counts[6];
    return made;
}

static progress_t
sample(void)
{
    progress_t progress = {.id = "B-0000001K",
                           .title = "全国防灾减灾日主题宣传活动通知（第一波次）",
                           .state = "sending",
                           .drill = true,
                           .audience = 20000,
                           .channel_count = 3};
    progress.channels[0] = channel("sms", (int64_t[]){20000, 17000, 40, 60, 1, 900, 512});
    progress.channels[1] = channel("wechat", (int64_t[]){20000, 0, 0, 0, 0, 0, 0});
    progress.channels[2] = channel("mail", (int64_t[]){20000, 20000, 0, 0, 0, 0, 0});
    progress.channels[0].waits_for = "no drill worker for sms; start one, or wait for the others";
    return progress;
}

/* Draws without colour; the number of lines. */
static size_t
draw(const progress_t *progress, size_t width, cr_str_t *picture)
{
    bars_t bars = {.progress = progress,
                   .per_s = {1234, 0, 0.5},
                   .elapsed_ms = 3723000,
                   .width = width,
                   .trouble = "crierd at http://127.0.0.1:8787 does not answer: 连不上"};
    cr_str_clear(picture);
    size_t lines = bars_draw(&bars, picture);
    CU_ASSERT_EQUAL(cr_str_err(picture), CR_OK);
    return lines;
}

static void
no_line_reaches_the_last_column_at_any_width_in_either_language(void)
{
    progress_t progress = sample();
    cr_str_t picture;
    cr_str_init(&picture, PICTURE_BYTES_MAX);
    for (int chinese = 0; chinese < 2; chinese++) {
        words_set_chinese(chinese);
        for (size_t width = 40; width < 200; width++) {
            size_t lines = draw(&progress, width, &picture), seen = 0;
            for (const char *at = cr_str_text(&picture); *at != '\0'; seen++) {
                size_t length = strcspn(at, "\n");
                CU_ASSERT_TRUE(cr_text_width((cr_slice_t){at, length}) < width);
                at += length + 1;
            }
            CU_ASSERT_EQUAL(lines, seen);
        }
    }
    words_set_chinese(false);
    cr_str_fini(&picture);
}

/* The bar of one channel: the letters before its percentage. */
static void
bar_letters(const int64_t counts[7], size_t letters[128])
{
    progress_t progress = {.id = "", .title = "", .state = "", .channel_count = 1};
    progress.channels[0] = channel("sms", counts);
    cr_str_t picture;
    cr_str_init(&picture, PICTURE_BYTES_MAX);
    bars_t bars = {.progress = &progress, .width = 80, .trouble = ""};
    bars_draw(&bars, &picture);
    memset(letters, 0, 128 * sizeof *letters);
    const char *line = strchr(cr_str_text(&picture), '\n') + 1;
    size_t from = strlen("SMS "), to = strcspn(line, "%");
    for (size_t i = from; i < to; i++)
        letters[(unsigned char)line[i] & 127]++;
    cr_str_fini(&picture);
}

static void
a_bar_is_always_full_and_in_proportion(void)
{
    size_t letters[128];
    bar_letters((int64_t[]){1000, 500, 250, 0, 0, 125, 125}, letters);
    size_t width = letters['#'] + letters['x'] + letters['>'];
    CU_ASSERT_TRUE(width > 30);
    CU_ASSERT_EQUAL(letters['#'], (width + 1) / 2);
    CU_ASSERT_EQUAL(letters['.'], 0);
    for (int64_t delivered = 0; delivered <= 7; delivered++) {
        size_t parts[128];
        bar_letters((int64_t[]){7, delivered, 0, 7 - delivered, 0, 0, 0}, parts);
        CU_ASSERT_EQUAL(parts['.'], 0);
        CU_ASSERT_TRUE(parts['#'] + parts['-'] > 40);
    }
    bar_letters((int64_t[]){10, 0, 0, 0, 0, 0, 0}, letters);
    CU_ASSERT_EQUAL(letters['#'], 0);
    bar_letters((int64_t[]){0, 0, 0, 0, 0, 0, 0}, letters);
    CU_ASSERT_EQUAL(letters['.'], 0);
}

static void
a_hundred_percent_is_said_only_of_the_last_one(void)
{
    progress_t progress = {.id = "B", .title = "", .state = "sending", .channel_count = 1};
    cr_str_t line;
    cr_str_init(&line, PICTURE_BYTES_MAX);
    progress.channels[0] = channel("sms", (int64_t[]){100000, 99999, 0, 0, 0, 1, 0});
    bars_line(&progress, &line);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&line), "B sending  SMS 99% 99999/100000");
    progress.channels[0] = channel("sms", (int64_t[]){100000, 99998, 0, 1, 1, 0, 0});
    cr_str_clear(&line);
    bars_line(&progress, &line);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&line), "B sending  SMS 100% 100000/100000");
    cr_str_fini(&line);
}

static void
colour_is_an_addition(void)
{
    progress_t progress = sample();
    cr_str_t picture;
    cr_str_init(&picture, PICTURE_BYTES_MAX);
    draw(&progress, 80, &picture);
    CU_ASSERT_PTR_NULL(strchr(cr_str_text(&picture), '\033'));
    bars_t bars = {.progress = &progress, .width = 80, .colour = true, .trouble = ""};
    cr_str_clear(&picture);
    bars_draw(&bars, &picture);
    CU_ASSERT_PTR_NOT_NULL(strstr(cr_str_text(&picture), "\033[42m"));
    cr_str_fini(&picture);
}

/* -- progress -- */

static bool
adds_up(const char *json)
{
    json_t *broadcast = json_loads(json, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(broadcast);
    progress_t progress;
    progress_read(broadcast, &progress);
    bool sum = progress_adds_up(&progress);
    json_decref(broadcast);
    return sum;
}

#define BROADCAST(state, counts)                                                                   \
    "{\"state\":\"" state "\",\"audience\":10,\"channels\":[\"sms\"],\"counts\":{\"sms\":" counts  \
    "}}"

#define GOOD                                                                                       \
    "{\"total\":10,\"delivered\":7,\"failed\":1,\"suppressed\":1,\"unknown\":1,\"reasons\":{"      \
    "\"failed_blocked\":1,\"suppressed_optout\":1}}"

static void
only_a_finished_broadcast_with_a_reason_for_everybody_adds_up(void)
{
    CU_ASSERT_TRUE(adds_up(BROADCAST("finished", GOOD)));
    CU_ASSERT_FALSE(adds_up(BROADCAST("sending", GOOD)));
    CU_ASSERT_FALSE(adds_up(BROADCAST("cancelled", GOOD)));
    static const char *const bad[] = {
        BROADCAST("finished", "{\"total\":10,\"delivered\":9}"),
        BROADCAST("finished", "{\"total\":10,\"delivered\":9,\"accepted\":1}"),
        BROADCAST("finished", "{\"total\":9,\"delivered\":9}"),
        BROADCAST("finished", "{\"total\":10,\"delivered\":9,\"failed\":1}"),
        BROADCAST("finished", "{\"total\":10,\"delivered\":9,\"suppressed\":1,\"reasons\":{"
                              "\"suppressed_optout\":2}}"),
        "{\"state\":\"finished\",\"audience\":10,\"channels\":[\"sms\"],\"counts\":{}}",
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++)
        CU_ASSERT_FALSE(adds_up(bad[i]));
    CU_ASSERT_TRUE(adds_up("{\"state\":\"finished\",\"audience\":0,\"channels\":[\"sms\"],"
                           "\"counts\":{\"sms\":{\"total\":0}}}"));
}

static void
a_document_that_is_not_what_we_expect_is_read_as_nothing(void)
{
    static const char *const odd[] = {
        "{}", "[]", "{\"channels\":[1,null,\"sms\"],\"counts\":[]}",
        "{\"channels\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}",
        "{\"state\":7,\"counts\":{\"sms\":3},\"channels\":[\"sms\"]}"};
    for (size_t i = 0; i < CR_COUNT(odd); i++)
        CU_ASSERT_FALSE(adds_up(odd[i]));
}

static void
the_rate_is_that_of_the_last_few_looks(void)
{
    meter_t meter = {0};
    CU_ASSERT_EQUAL(meter_update(&meter, 0, 0), 0);
    double per_s = 0;
    for (int64_t i = 1; i <= 50; i++)
        per_s = meter_update(&meter, i * 200000, i * 100);
    CU_ASSERT_TRUE(per_s > 499 && per_s < 501);
    for (int64_t i = 51; i <= 50 + METER_SAMPLES; i++)
        per_s = meter_update(&meter, i * 200000, 5000);
    CU_ASSERT_EQUAL(per_s, 0);
}

CU_TestInfo cr_tests[] = {
    {"no line reaches the last column at any width in either language",
     no_line_reaches_the_last_column_at_any_width_in_either_language},
    {"a bar is always full and in proportion", a_bar_is_always_full_and_in_proportion},
    {"a hundred percent is said only of the last one",
     a_hundred_percent_is_said_only_of_the_last_one},
    {"colour is an addition", colour_is_an_addition},
    {"only a finished broadcast with a reason for everybody adds up",
     only_a_finished_broadcast_with_a_reason_for_everybody_adds_up},
    {"a document that is not what we expect is read as nothing",
     a_document_that_is_not_what_we_expect_is_read_as_nothing},
    {"the rate is that of the last few looks", the_rate_is_that_of_the_last_few_looks},
    CU_TEST_INFO_NULL,
};
