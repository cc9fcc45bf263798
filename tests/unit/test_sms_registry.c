#include "registry.h"

#include "cr_test.h"

const char cr_suite[] = "sms registry";

static registry_t *
read_text(const char *text)
{
    registry_t *registry = NULL;
    CU_ASSERT_EQUAL_FATAL(registry_read(cr_slice_of(text), &registry, NULL), CR_OK);
    return registry;
}

static bool
has(const registry_t *registry, const char *text)
{
    return registry_has(registry, cr_slice_of(text));
}

static void
only_registered_signatures_count(void)
{
    registry_t *registry = read_text("# of China Mobile\n\nregistered 【平阴科普】\n"
                                     "pending 【平阴县科协】\nrefused 【通知】\n");
    CU_ASSERT(has(registry, "【平阴科普】您好"));
    CU_ASSERT(has(registry, "【平阴科普】"));
    CU_ASSERT_FALSE(has(registry, "【平阴县科协】您好"));
    CU_ASSERT_FALSE(has(registry, "【通知】您好"));
    CU_ASSERT_FALSE(has(registry, "您好【平阴科普】"));
    CU_ASSERT_FALSE(has(registry, "【平阴科普您好"));
    CU_ASSERT_FALSE(has(registry, ""));
    registry_destroy(&registry);
}

static void
a_text_must_be_a_registered_template(void)
{
    static const struct {
        const char *text;
        bool has;
    } cases[] = {
        {"【科普】王明您好，今天有雨。", true},
        {"【科普】您好，今天有雨。", true},
        {"【科普】王明您好，今天有雨。请", false},
        {"【科普】王明你好，今天有雨。", false},
        {"【科普】验证码1234", true},
        {"【科普】您的验证码1234", false},
        {"【科普】开会。", true},
        {"【科普】开会", false},
        {"【科普】开会。开会。", false},
    };
    registry_t *registry = read_text("registered 【科普】\nregistered {}您好，{}有雨。\n"
                                     "registered 验证码{}\nregistered 开会。\npending {}");
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        CU_ASSERT_EQUAL(has(registry, cases[i].text), cases[i].has);
    registry_destroy(&registry);
}

static void
a_wrong_line_is_named(void)
{
    registry_t *registry = NULL;
    cr_fault_t fault = {0};
    CU_ASSERT_EQUAL(registry_read(CR_SLICE("registered 【科普】\n【科普】\n"), &registry, &fault),
                    CR_INVAL);
    CU_ASSERT_EQUAL(fault.line, 2);
    CU_ASSERT_EQUAL(registry_read(CR_SLICE("registered \xff"), &registry, &fault), CR_INVAL);
    CU_ASSERT_EQUAL(registry_load("/nonexistent", &registry, &fault), CR_IO);
    CU_ASSERT_PTR_NULL(registry);
}

CU_TestInfo cr_tests[] = {
    {"only registered signatures count", only_registered_signatures_count},
    {"a text must be a registered template", a_text_must_be_a_registered_template},
    {"a wrong line is named", a_wrong_line_is_named},
    CU_TEST_INFO_NULL,
};
