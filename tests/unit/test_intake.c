#include "audience/intake.h"

#include <stdio.h>
#include <stdlib.h>

#include "people.h"

const char cr_suite[] = "intake";

#define HEAD "id,name,phone\n"
#define OPENID "oTest0000000000000000000001"

static const struct {
    const char *column, *value;
    const char *stored; /* NULL: refused */
} values[] = {
    {"phone", "19931234567", "19931234567"},
    {"phone", "199 3123-4567", "19931234567"},
    {"phone", "+86 199 3123 4567", "19931234567"},
    {"phone", "0086-199-3123-4567", "19931234567"},
    {"phone", "+4915112345678", "+4915112345678"},
    {"phone", "+12345678", "+12345678"},
    {"phone", "+123456789012345", "+123456789012345"},
    {"phone", "+1234567", NULL},
    {"phone", "+1234567890123456", NULL},
    {"phone", "+0123456789", NULL},
    {"phone", "123", NULL},
    {"phone", "12931234567", NULL},
    {"phone", "199312345678", NULL},
    {"phone", "+8653187883287", NULL},
    {"phone", "1993123456x", NULL},
    {"phone", "199+31234567", NULL},
    {"phone", "１９９３１２３４５６７", NULL},
    {"openid", OPENID, OPENID},
    {"openid", "oAbc_-789012345678901234567", "oAbc_-789012345678901234567"},
    {"openid", "xTest000000000000000000001", NULL},
    {"openid", "oTest", NULL},
    {"openid", "oTest00000000000000000 0001", NULL},
    {"openid", "oTest00000000000000000000000000001", NULL},
    {"email", "a.b+c@pingyin.test", "a.b+c@pingyin.test"},
    {"email", "a@b", NULL},
    {"email", "ab.test", NULL},
    {"email", "a@b@c.test", NULL},
    {"email", ".a@b.test", NULL},
    {"email", "a..b@c.test", NULL},
    {"email", "a.@b.test", NULL},
    {"email", "张@b.test", NULL},
    {"email", "a b@c.test", NULL},
    {"email", "a@-b.test", NULL},
    {"email", "a@b-.test", NULL},
    {"email", "a@b..test", NULL},
    {"email", "a@b.test.", NULL},
    {"email", "a@", NULL},
    {"email", "@b.test", NULL},
    {"email", "\"a@b.test\nbcc:x\"", NULL},
    {"email", "a12345678901234567890123456789012345678901234567890123456789abcde@b.test", NULL},
    {"division", "370124104000", "370124104000"},
    {"division", "370124104", NULL},
    {"division", "37012410400x", NULL},
    {"division", "孔村镇", NULL},
    {"language", "zh-cn", "zh-CN"},
    {"language", "ZH-hans-CN", "zh-Hans-CN"},
    {"language", "en", "en"},
    {"language", "e", NULL},
    {"language", "english", NULL},
    {"language", "zh_CN", NULL},
    {"language", "zh-", NULL},
    {"groups", " farmer ; volunteer;;farmer", "farmer;volunteer"},
    {"groups", "村民", "村民"},
    {"groups", "farmer；volunteer", NULL},
    {"groups", "a&b", NULL},
    {"groups", "a（b）", NULL},
    {"name", "  张 三 ", "张 三"},
    {"name", "Jose\xCC\x81", "Jos\xC3\xA9"}, /* becomes NFC */
    {"name",
     "a\xE2\x80\xAE"
     "b",
     NULL}, /* right-to-left override */
    {"name", "\"a\nb\"", NULL},
    {"name", "\" a \"", "a"},
    {"name", "a\tb", NULL},
    {"name", "\xD5\xC5", NULL}, /* GBK */
    {"name", "\"a \"\"b\"\"\"", "a \"b\""},
    {"village", "孔村", "孔村"},
    {"village", "a\x01", NULL},
    {"opt_out", "sms;wechat", ""},
    {"opt_out", "phone", NULL},
    {"guardian", "P1", NULL}, /* of P1 */
    {"guardian", "P 2", NULL},
};

static cr_slice_t
field_of(const directory_t *directory, const char *column)
{
    recipient_t who;
    cr_slice_t nothing = {"", 0};
    CU_ASSERT_TRUE_FATAL(directory_get(directory, 0, &who));
    return strcmp(column, "phone") == 0    ? who.phone
           : strcmp(column, "openid") == 0 ? who.openid
           : strcmp(column, "email") == 0  ? who.email
           : strcmp(column, "groups") == 0 ? nothing
                                           : directory_value(directory, 0, cr_slice_of(column));
}

static void
check_stored(size_t i, const char *csv)
{
    directory_t *directory = people_of(csv);
    cr_str_t groups;
    cr_str_init(&groups, 1000);
    directory_append_groups(directory, 0, &groups);
    bool is_groups = strcmp(values[i].column, "groups") == 0;
    cr_slice_t stored = is_groups ? cr_str_slice(&groups) : field_of(directory, values[i].column);
    CU_ASSERT_TRUE(people_is(stored, values[i].stored));
    cr_str_fini(&groups);
    directory_unref(&directory);
}

static void
check_refused(size_t i, const char *csv)
{
    intake_t *intake = people_read(csv);
    CU_ASSERT_EQUAL_FATAL(intake_bad_count(intake), 1);
    const intake_bad_row_t *bad = intake_bad_row(intake, 0);
    CU_ASSERT_EQUAL(bad->line, 2);
    CU_ASSERT_PTR_EQUAL(strstr(bad->reason, values[i].column), bad->reason);
    CU_ASSERT_PTR_NULL(strlen(values[i].value) > 5 ? strstr(bad->reason, values[i].value) : NULL);
    intake_destroy(&intake);
}

static void
values_are_stored_in_one_form_or_refused_by_column_and_reason(void)
{
    for (size_t i = 0; i < CR_COUNT(values); i++) {
        char csv[512];
        snprintf(csv, sizeof csv, "id,%s\nP1,%s\n", values[i].column, values[i].value);
        if (values[i].stored)
            check_stored(i, csv);
        else
            check_refused(i, csv);
    }
}

/* Files that cannot be used at all: fault with line and, where there is one, the column's name. */
static const struct {
    const char *csv;
    size_t line;
    const char *text;
} broken[] = {
    {"name,phone\na,19931234567\n", 1, "id"},
    {"id,name,name\n1,a,b\n", 1, "name"},
    {"id,Name,name\n1,a,b\n", 1, "name"},
    {"id,,name\n1,a,b\n", 1, "column 2"},
    {"id,a=b\n1,a\n", 1, "column 2"},
    {"id,\xD5\xC5\n1,a\n", 1, "UTF-8"},
    {"\xFF\xFEi", 1, "UTF-8"},
    {HEAD "N1,\"a,19931234567\n", 2, "quote"},
    {HEAD "N1,a,\nN2,\"a\n\nb\"c,\n", 3, "quote"},
    {HEAD "N1,a,\nN2,a\"b,\n", 3, "quote"},
    {HEAD, 2, "no rows"},
    {HEAD "\n\n", 2, "no rows"},
    {"", 0, "empty"},
    {"\xEF\xBB\xBF", 0, "empty"},
};

static cr_err_t
read_in_pieces(intake_t *intake, const char *csv, size_t length, size_t piece, cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    for (size_t at = 0; at < length && err == CR_OK; at += piece)
        err = intake_feed(intake, csv + at, piece < length - at ? piece : length - at, fault);
    return err == CR_OK ? intake_finish(intake, fault) : err;
}

static void
a_broken_file_is_refused_with_its_place(void)
{
    for (size_t i = 0; i < CR_COUNT(broken); i++)
        for (size_t piece = 1; piece < 5; piece += 3) {
            cr_fault_t fault = {0};
            intake_t *intake = intake_new();
            cr_err_t err =
                read_in_pieces(intake, broken[i].csv, strlen(broken[i].csv), piece, &fault);
            CU_ASSERT_EQUAL(err, CR_INVAL);
            CU_ASSERT_EQUAL(fault.line, broken[i].line);
            CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, broken[i].text));
            intake_destroy(&intake);
        }
}

static void
a_row_that_is_wrong_is_named_by_line_and_stops_nothing_else(void)
{
    static const struct {
        const char *row, *reason;
    } cases[] = {
        {"P2,b", "fewer fields"},    {"P2,b,,", "more fields"},
        {",b,", "id: empty"},        {"P1,b,", "id: doubled, it stands on line 2"},
        {"P2,b,123", "phone: "},     {"P 2,b,", "id: "},
        {"P2,\"a\x01\",", "name: "},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char csv[256];
        snprintf(csv, sizeof csv, HEAD "P1,a,\n\n%s\nP3,\"c\nc\",\nP4,d,", cases[i].row);
        intake_t *intake = people_read(csv);
        CU_ASSERT_EQUAL(intake_rows(intake), 4);
        CU_ASSERT_EQUAL_FATAL(intake_bad_count(intake), 2);
        CU_ASSERT_EQUAL(intake_bad_row(intake, 0)->line, 4);
        CU_ASSERT_PTR_NOT_NULL(strstr(intake_bad_row(intake, 0)->reason, cases[i].reason));
        CU_ASSERT_EQUAL(intake_bad_row(intake, 1)->line, 5);
        intake_destroy(&intake);
    }
}

static void
nul_bytes_make_a_row_bad(void)
{
    static const char csv[] = HEAD "N1,a\0b,\nN2,b,\0\n\0,a,\n";
    cr_fault_t fault;
    intake_t *intake = intake_new();
    CU_ASSERT_EQUAL(read_in_pieces(intake, csv, sizeof csv - 1, 7, &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(intake_bad_count(intake), 3);
    CU_ASSERT_EQUAL(intake_bad_row(intake, 0)->line, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(intake_bad_row(intake, 0)->reason, "name"));
    intake_destroy(&intake);
}

static void
a_huge_field_or_row_is_refused_before_it_fills_the_memory(void)
{
    static char x[32 << 10];
    cr_fault_t fault = {0};
    memset(x, 'x', sizeof x);
    intake_t *intake = intake_new();
    CU_ASSERT_EQUAL(intake_feed(intake, HEAD "N1,", strlen(HEAD "N1,"), &fault), CR_OK);
    size_t fed = 0;
    while (intake_feed(intake, x, sizeof x, &fault) == CR_OK && fed < 100)
        fed++;
    CU_ASSERT_EQUAL(fed, 2); /* 64 KiB are a field, more are not */
    CU_ASSERT_EQUAL(fault.line, 2);
    CU_ASSERT_EQUAL(fault.column, 2);
    CU_ASSERT_EQUAL(intake_finish(intake, &fault), CR_INVAL);
    intake_destroy(&intake);

    intake = intake_new(); /* 64 KiB that end with a piece, and one byte more */
    CU_ASSERT_EQUAL(intake_feed(intake, HEAD "N1,x", strlen(HEAD "N1,x"), &fault), CR_OK);
    CU_ASSERT_EQUAL(intake_feed(intake, x, sizeof x, &fault), CR_OK);
    x[sizeof x - 1] = ',';
    CU_ASSERT_EQUAL(intake_feed(intake, x, sizeof x, &fault), CR_OK);
    CU_ASSERT_EQUAL(intake_feed(intake, "\n", 1, &fault), CR_OK);
    CU_ASSERT_EQUAL(intake_bad_count(intake), 1);
    intake_destroy(&intake);
    x[sizeof x - 1] = 'x';

    intake = intake_new();
    CU_ASSERT_EQUAL(intake_feed(intake, HEAD "N1,xx", strlen(HEAD "N1,xx"), &fault), CR_OK);
    CU_ASSERT_EQUAL(intake_feed(intake, x, sizeof x, &fault), CR_OK);
    x[sizeof x - 1] = ',';
    CU_ASSERT_EQUAL(intake_feed(intake, x, sizeof x, &fault), CR_INVAL);
    intake_destroy(&intake);
    x[sizeof x - 1] = 'x';

    intake = intake_new();
    fed = 0;
    CU_ASSERT_EQUAL(intake_feed(intake, HEAD, strlen(HEAD), &fault), CR_OK);
    while (intake_feed(intake, x, sizeof x, &fault) == CR_OK && fed < 100) {
        fed++;
        if (intake_feed(intake, ",", 1, &fault) != CR_OK)
            break;
    }
    CU_ASSERT_EQUAL(fed, 9);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "256 KiB"));
    intake_destroy(&intake);
}

static void
more_than_10000_bad_rows_end_the_intake(void)
{
    cr_fault_t fault = {0};
    intake_t *intake = intake_new();
    cr_err_t err = intake_feed(intake, HEAD, strlen(HEAD), &fault);
    size_t rows = 0;
    for (; err == CR_OK && rows < 20000; rows++)
        err = intake_feed(intake, ",\xD5\xC5,\n", 6, &fault);
    CU_ASSERT_EQUAL(err, CR_TOOBIG);
    CU_ASSERT_EQUAL(rows, 10001);
    CU_ASSERT_EQUAL(fault.line, 2);
    intake_destroy(&intake);
}

/* The same rows whatever the pieces, line ends and quotes. */
static void
pieces_line_ends_and_quotes_change_nothing(void)
{
    static const char *const forms[] = {
        "id,name,phone\nP1,张三,19931234567\nP2,\"a,\"\"b\"\"\",\n",
        "\xEF\xBB\xBFid,name,phone\r\nP1,张三,19931234567\r\nP2,\"a,\"\"b\"\"\",\r\n",
        "\"id\",\"name\",\"phone\"\n\nP1 , 张三 ,\" 19931234567 \"\nP2,\"a,\"\"b\"\"\",",
        "ID,NAME,Phone\nP1,\"张三\",199-3123-4567\n\n\nP2,\"a,\"\"b\"\"\",\n\n",
    };
    for (size_t i = 0; i < CR_COUNT(forms); i++)
        for (size_t piece = 1; piece < 8; piece++) {
            cr_fault_t fault;
            intake_result_t result = {0};
            directory_t *next = NULL, *base = people_nobody();
            intake_t *intake = intake_new();
            CU_ASSERT_EQUAL_FATAL(read_in_pieces(intake, forms[i], strlen(forms[i]), piece, &fault),
                                  CR_OK);
            CU_ASSERT_EQUAL_FATAL(intake_apply(intake, base, false, &next, &result, &fault), CR_OK);
            CU_ASSERT_EQUAL(result.added, 2);
            CU_ASSERT_TRUE(people_is(directory_address(next, 0, CR_CHANNEL_SMS), "19931234567"));
            CU_ASSERT_TRUE(people_is(directory_value(next, 0, CR_SLICE("name")), "张三"));
            CU_ASSERT_TRUE(people_is(directory_value(next, 1, CR_SLICE("name")), "a,\"b\""));
            intake_result_fini(&result);
            intake_destroy(&intake);
            directory_unref(&next);
            directory_unref(&base);
        }
}

/* "ｘ" begins with the first byte of a byte order mark. */
static void
what_only_begins_like_a_byte_order_mark_is_kept(void)
{
    directory_t *self = people_of("ｘ,id\ny,P1\n");
    CU_ASSERT_TRUE(people_is(directory_value(self, 0, cr_slice_of("ｘ")), "y"));
    directory_unref(&self);
}

static void
an_update_keeps_ordinals_and_what_the_file_does_not_speak_of(void)
{
    intake_result_t result = {0};
    directory_t *self =
        people_of("id,name,phone,village\nP1,a,19930000001,x\nP2,b,19930000002,y\n");
    self = people_apply(self, "phone,id,size\n19930000009,P2,big\n,P3,\n", &result);
    CU_ASSERT_EQUAL(result.added, 1);
    CU_ASSERT_EQUAL(result.updated, 1);
    CU_ASSERT_EQUAL(directory_find(self, CR_SLICE("P2")), 1);
    CU_ASSERT_EQUAL(directory_find(self, CR_SLICE("P3")), 2);
    CU_ASSERT_TRUE(people_is(directory_address(self, 1, CR_CHANNEL_SMS), "19930000009"));
    CU_ASSERT_TRUE(people_is(directory_value(self, 1, CR_SLICE("name")), "b"));
    CU_ASSERT_TRUE(people_is(directory_value(self, 1, CR_SLICE("village")), "y"));
    CU_ASSERT_TRUE(people_is(directory_value(self, 1, CR_SLICE("size")), "big"));
    CU_ASSERT_TRUE(people_is(directory_value(self, 0, CR_SLICE("size")), ""));
    /* a column that is there and empty clears */
    self = people_apply(self, "id,phone\nP2,\n", &result);
    CU_ASSERT_TRUE(people_is(directory_address(self, 1, CR_CHANNEL_SMS), ""));
    CU_ASSERT_FALSE(roaring_bitmap_contains(directory_reachable(self, CR_CHANNEL_SMS), 1));
    CU_ASSERT_EQUAL(directory_size(self), 3);
    intake_result_fini(&result);
    directory_unref(&self);
}

static char *
numbered(uint32_t first, uint32_t count, const char *name)
{
    cr_str_t csv;
    cr_str_init(&csv, 16 << 20);
    cr_str_append_text(&csv, "id,name\n");
    for (uint32_t i = first; i < first + count; i++)
        cr_str_appendf(&csv, "P%u,%s\n", i, name);
    return cr_str_take(&csv);
}

static void
only_segments_that_change_are_touched_and_the_old_version_stays(void)
{
    char *all = numbered(0, 3000, "a"), *some = numbered(1100, 50, "b");
    char *more = numbered(2990, 2000, "a");
    intake_result_t result = {0};
    directory_t *first = people_apply(people_nobody(), all, &result);
    CU_ASSERT_EQUAL(roaring_bitmap_get_cardinality(result.touched), 3);

    directory_t *same = people_apply(directory_ref(first), all, &result);
    CU_ASSERT_EQUAL(result.unchanged, 3000);
    CU_ASSERT_TRUE(roaring_bitmap_is_empty(result.touched));

    directory_t *second = people_apply(directory_ref(first), some, &result);
    CU_ASSERT_EQUAL(result.updated, 50);
    CU_ASSERT_TRUE(roaring_bitmap_contains(result.touched, 1));
    CU_ASSERT_EQUAL(roaring_bitmap_get_cardinality(result.touched), 1);
    CU_ASSERT_TRUE(people_is(directory_value(first, 1100, CR_SLICE("name")), "a"));
    CU_ASSERT_TRUE(people_is(directory_value(second, 1100, CR_SLICE("name")), "b"));

    directory_t *third = people_apply(directory_ref(second), more, &result);
    CU_ASSERT_EQUAL(result.unchanged, 10);
    CU_ASSERT_EQUAL(result.added, 1990);
    CU_ASSERT_EQUAL(roaring_bitmap_get_cardinality(result.touched),
                    3); /* 2 is filled up; 3, 4 new */
    CU_ASSERT_EQUAL(directory_size(third), 4990);
    for (uint32_t i = 0; i < 4990; i++) {
        char id[16];
        snprintf(id, sizeof id, "P%u", i);
        CU_ASSERT_EQUAL(directory_find(third, cr_slice_of(id)), i);
    }
    free(all);
    free(some);
    free(more);
    intake_result_fini(&result);
    directory_unref(&first);
    directory_unref(&same);
    directory_unref(&second);
    directory_unref(&third);
}

static void
all_or_nothing_unless_bad_rows_are_to_be_skipped(void)
{
    cr_fault_t fault = {0};
    intake_result_t result = {0};
    directory_t *base = people_of("id\nP0\n"), *next = NULL;
    intake_t *intake = people_read(HEAD "P1,a,19931234567\nP2,b,123\nP3,c,\n");
    CU_ASSERT_EQUAL(intake_apply(intake, base, false, &next, &result, &fault), CR_INVAL);
    CU_ASSERT_EQUAL(fault.line, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "phone"));
    CU_ASSERT_PTR_NULL(next);
    CU_ASSERT_PTR_NULL(result.touched);
    CU_ASSERT_EQUAL_FATAL(intake_apply(intake, base, true, &next, &result, &fault), CR_OK);
    CU_ASSERT_EQUAL(result.rows, 3);
    CU_ASSERT_EQUAL(result.added, 2);
    CU_ASSERT_EQUAL(result.bad, 1);
    CU_ASSERT_EQUAL(directory_size(base), 1);
    CU_ASSERT_EQUAL(directory_size(next), 3);
    intake_destroy(&intake);
    intake_result_fini(&result);
    directory_unref(&base);
    directory_unref(&next);
}

static void
an_unknown_guardian_is_refused_with_the_line(void)
{
    cr_fault_t fault = {0};
    intake_result_t result = {0};
    directory_t *base = people_of("id\nP0\n"), *next = NULL;
    intake_t *intake = people_read("id,guardian\nP1,P0\nP2,P3\nP3,\nP4,P9\n");
    CU_ASSERT_EQUAL(intake_apply(intake, base, false, &next, &result, &fault), CR_INVAL);
    CU_ASSERT_EQUAL(fault.line, 5);
    CU_ASSERT_EQUAL_FATAL(intake_apply(intake, base, true, &next, &result, &fault), CR_OK);
    next = people_apply(next, "id,phone\nP9,19930000009\n", &result); /* now the guardian comes */
    CU_ASSERT_TRUE(people_is(directory_address(next, 4, CR_CHANNEL_SMS), "19930000009"));
    CU_ASSERT_TRUE(roaring_bitmap_contains(directory_reachable(next, CR_CHANNEL_SMS), 4));
    intake_destroy(&intake);
    intake_result_fini(&result);
    directory_unref(&base);
    directory_unref(&next);
}

static void
opting_out_is_reported_by_channel_and_ordinal(void)
{
    intake_result_t result = {0};
    directory_t *self = people_of("id\nP0\nP1\n");
    self = people_apply(self, "id,opt_out\nP1,sms\nP5,wechat; mail\nP0,\n", &result);
    CU_ASSERT_EQUAL(result.unchanged, 2);
    CU_ASSERT_EQUAL(result.added, 1);
    static const struct {
        cr_channel_t channel;
        uint32_t ordinal;
    } wanted[] = {{CR_CHANNEL_SMS, 1}, {CR_CHANNEL_WECHAT, 2}, {CR_CHANNEL_MAIL, 2}};
    for (size_t i = 0; i < CR_COUNT(wanted); i++) {
        const roaring_bitmap_t *out = result.opted_out[wanted[i].channel];
        CU_ASSERT_EQUAL(roaring_bitmap_get_cardinality(out), 1);
        CU_ASSERT_TRUE(roaring_bitmap_contains(out, wanted[i].ordinal));
    }
    intake_result_fini(&result);
    directory_unref(&self);
}

CU_TestInfo cr_tests[] = {
    {"values are stored in one form or refused by column and reason",
     values_are_stored_in_one_form_or_refused_by_column_and_reason},
    {"a broken file is refused with its place", a_broken_file_is_refused_with_its_place},
    {"a row that is wrong is named by line and stops nothing else",
     a_row_that_is_wrong_is_named_by_line_and_stops_nothing_else},
    {"NUL bytes make a row bad", nul_bytes_make_a_row_bad},
    {"a huge field or row is refused before it fills the memory",
     a_huge_field_or_row_is_refused_before_it_fills_the_memory},
    {"more than 10,000 bad rows end the intake", more_than_10000_bad_rows_end_the_intake},
    {"pieces, line ends and quotes change nothing", pieces_line_ends_and_quotes_change_nothing},
    {"what only begins like a byte order mark is kept",
     what_only_begins_like_a_byte_order_mark_is_kept},
    {"an update keeps ordinals and what the file does not speak of",
     an_update_keeps_ordinals_and_what_the_file_does_not_speak_of},
    {"only segments that change are touched and the old version stays",
     only_segments_that_change_are_touched_and_the_old_version_stays},
    {"all or nothing, unless bad rows are to be skipped",
     all_or_nothing_unless_bad_rows_are_to_be_skipped},
    {"an unknown guardian is refused with the line", an_unknown_guardian_is_refused_with_the_line},
    {"opting out is reported by channel and ordinal",
     opting_out_is_reported_by_channel_and_ordinal},
    CU_TEST_INFO_NULL};
