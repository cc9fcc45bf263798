/* Deliveries as the messages their recipients read. */
#include "cr_lease.h"
#include "cr_test.h"
#include "runtime/render.h"

static bool
reads(cr_slice_t text, const char *expected)
{
    return cr_slice_equal(text, cr_slice_of(expected));
}

static cr_err_t
render(const lease_spec_t *spec, size_t position, message_t *message, render_t *renderer)
{
    static batch_t *batch;
    batch_destroy(&batch);
    batch = spec ? lease_batch(spec) : NULL;
    return batch ? render_message(renderer, batch, position, message) : CR_OK;
}

static void
every_part_is_filled_for_its_own_recipient(void)
{
    const lease_spec_t spec = {.lease = 1,
                               .channel = CR_CHANNEL_WECHAT,
                               .count = 3,
                               .broadcast = 51,
                               .first_rank = 512,
                               .sender = "平阴科普",
                               .text = "{name}：{{演练}}",
                               .subject = "致{name}",
                               .html = "<p>{name}</p>",
                               .url = "https://example.test/{name}",
                               .template_id = "T1",
                               .field_name = "thing1",
                               .field_value = "{name}您好"};
    render_t *renderer = render_new();
    message_t message;
    CU_ASSERT_EQUAL(render(&spec, 2, &message, renderer), CR_OK);
    CU_ASSERT_STRING_EQUAL(message.reference, "0000001K.w.514.1");
    CU_ASSERT_TRUE(reads(message.address, "address-2"));
    CU_ASSERT_TRUE(reads(message.sender, "平阴科普"));
    CU_ASSERT_TRUE(reads(message.text, "name-2：{演练}"));
    CU_ASSERT_TRUE(reads(message.subject, "致name-2"));
    CU_ASSERT_TRUE(reads(message.html, "<p>name-2</p>"));
    CU_ASSERT_TRUE(reads(message.url, "https://example.test/name-2"));
    CU_ASSERT_TRUE(reads(message.template_id, "T1"));
    CU_ASSERT_EQUAL(message.field_count, 1);
    CU_ASSERT_TRUE(reads(message.fields[0].name, "thing1"));
    CU_ASSERT_TRUE(reads(message.fields[0].value, "name-2您好"));
    render(NULL, 0, NULL, NULL);
    render_destroy(&renderer);
}

static void
a_wording_that_cannot_be_filled_is_refused(void)
{
    static const struct {
        lease_spec_t spec;
        cr_err_t err;
    } cases[] = {
        {{.count = 1, .text = "{nobody}"}, CR_NOTFOUND},
        {{.count = 1, .text = "{name"}, CR_INVAL},
        {{.count = 1, .subject = "one\nBcc: all@example.test"}, CR_INVAL},
        {{.count = 1, .field_name = "thing1", .field_value = "{nobody}"}, CR_NOTFOUND},
    };
    render_t *renderer = render_new();
    message_t message;
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        CU_ASSERT_EQUAL(render(&cases[i].spec, 0, &message, renderer), cases[i].err);
    render(NULL, 0, NULL, NULL);
    render_destroy(&renderer);
}

const char cr_suite[] = "render";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(every_part_is_filled_for_its_own_recipient),
    TEST(a_wording_that_cannot_be_filled_is_refused),
    CU_TEST_INFO_NULL,
};
