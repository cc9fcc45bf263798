#include <string.h>

#include "cr_fill.h"
#include "cr_test.h"

const char cr_suite[] = "fill";

static const char *const values[][2] = {
    {"name", "张三"}, {"mark", "<b>&'\""}, {"braces", "{name}"}, {"empty", ""}};

static bool
value_of(void *context, cr_slice_t name, cr_slice_t *value)
{
    (*(size_t *)context)++;
    for (size_t i = 0; i < CR_COUNT(values); i++) {
        if (cr_slice_equal(name, cr_slice_of(values[i][0]))) {
            *value = cr_slice_of(values[i][1]);
            return true;
        }
    }
    return false;
}

static void
check_fill(const char *text, cr_fill_mode_t mode, cr_err_t err, const char *expected)
{
    cr_str_t out;
    size_t asked = 0;
    cr_str_init(&out, 256);
    CU_ASSERT_EQUAL(cr_fill(cr_slice_of(text), mode, value_of, &asked, &out), err);
    if (!err)
        CU_ASSERT_STRING_EQUAL(cr_str_text(&out), expected);
    cr_str_fini(&out);
}

static void
placeholders_become_values_and_doubled_braces_become_braces(void)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"您好", "您好"},
        {"{name}您好", "张三您好"},
        {"{name}{name}", "张三张三"},
        {"a{empty}b", "ab"},
        {"{{name}}", "{name}"},
        {"{{{name}}}", "{张三}"},
        {"{{}}", "{}"},
        {"{braces}", "{name}"},
        {"{mark}", "<b>&'\""},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        check_fill(cases[i].text, CR_FILL_PLAIN, CR_OK, cases[i].expected);
}

static void
html_escapes_values_and_leaves_the_text_around_them(void)
{
    check_fill("<p>{mark} & {name}</p>", CR_FILL_HTML, CR_OK,
               "<p>&lt;b&gt;&amp;&#39;&quot; & 张三</p>");
}

static void
a_brace_without_its_other_half_is_malformed(void)
{
    static const char *const cases[] = {"{",  "}",     "a{name", "a}b", "{na{me}",
                                        "{}", "{a b}", "{a\n}",  "{{{", "}}}"};
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        check_fill(cases[i], CR_FILL_PLAIN, CR_INVAL, NULL);
}

static void
a_name_is_at_most_64_bytes(void)
{
    char text[80] = "{";
    memset(text + 1, 'x', 64);
    text[65] = '}';
    check_fill(text, CR_FILL_PLAIN, CR_NOTFOUND, NULL);
    text[65] = 'x';
    text[66] = '}';
    check_fill(text, CR_FILL_PLAIN, CR_INVAL, NULL);
}

static void
a_name_that_nobody_knows_is_told(void)
{
    check_fill("{name} {other}", CR_FILL_PLAIN, CR_NOTFOUND, NULL);
}

static void
more_than_the_limit_is_refused(void)
{
    cr_str_t out;
    size_t asked = 0;
    cr_str_init(&out, 11);
    CU_ASSERT_EQUAL(cr_fill(cr_slice_of("{name}{name}"), CR_FILL_PLAIN, value_of, &asked, &out),
                    CR_TOOBIG);
    CU_ASSERT_EQUAL(asked, 2);
    cr_str_fini(&out);
}

static void
pieces_cover_the_text_without_gaps(void)
{
    static const char text[] = "a{{b{name}c}}{town}";
    char joined[sizeof(text)] = "";
    size_t length = 0, names = 0;
    cr_fill_piece_t piece;
    for (size_t at = 0; cr_fill_next(CR_SLICE("a{{b{name}c}}{town}"), &at, &piece);) {
        CU_ASSERT_FATAL(length + piece.raw.length < sizeof(joined));
        memcpy(joined + length, piece.raw.text, piece.raw.length);
        length += piece.raw.length;
        names += piece.kind == CR_FILL_NAME;
        CU_ASSERT_EQUAL(at, length);
    }
    CU_ASSERT_STRING_EQUAL(joined, text);
    CU_ASSERT_EQUAL(names, 2);
}

#define T(name)                                                                                    \
    {                                                                                              \
#name, name                                                                                \
    }
CU_TestInfo cr_tests[] = {
    T(placeholders_become_values_and_doubled_braces_become_braces),
    T(html_escapes_values_and_leaves_the_text_around_them),
    T(a_brace_without_its_other_half_is_malformed),
    T(a_name_is_at_most_64_bytes),
    T(a_name_that_nobody_knows_is_told),
    T(more_than_the_limit_is_refused),
    T(pieces_cover_the_text_without_gaps),
    CU_TEST_INFO_NULL,
};
