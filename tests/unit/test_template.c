#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_test.h"
#include "cr_text.h"
#include "plan/template.h"

const char cr_suite[] = "template";

static const char sender[] = "平阴科普";

static const char good[] =
    "{'name':'fzr','title':'防灾','variables':['place','time'],'wordings':{"
    "'zh-CN':{'sms':{'text':'{name}您好，{time}在{place}'},"
    "'wechat':{'template_id':'TM1','url':'https://kp.test/a',"
    "'fields':{'phrase1':'提醒','thing2':'{place}','thing3':'{town}的{attr.crop}'}},"
    "'mail':{'subject':'{place}活动','text':'{name}：{place}',"
    "'html':'<html><body style=\\\"a\\\"><p>{name}：{place}</p></body></html>'}},"
    "'en-US':{'sms':{'text':'Dear {name}, {place} {{free}}'}}}}";

/* JSON with ' for ", which C reads better. */
static json_t *
json_of(const char *text)
{
    json_error_t error;
    char *quoted = strdup(text);
    for (char *c = quoted; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *json = json_loads(quoted, 0, &error);
    free(quoted);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    return json;
}

static cr_err_t
parse(const char *text, template_t **template, cr_fault_t *fault)
{
    json_t *document = json_of(text);
    cr_err_t err = template_parse(document, sender, template, fault);
    json_decref(document);
    return err;
}

static template_t *
parse_good(void)
{
    template_t *template = NULL;
    CU_ASSERT_EQUAL_FATAL(parse(good, &template, NULL), CR_OK);
    return template;
}

/* ---- authoring ---- */

static void
check_refusal(const char *document, const char *place, const char *reason)
{
    template_t *template = NULL;
    cr_fault_t fault = {0};
    CU_ASSERT_EQUAL(parse(document, &template, &fault), CR_INVAL);
    CU_ASSERT_PTR_NULL(template);
    bool told = strstr(fault.text, place) && strstr(fault.text, reason);
    if (!told)
        printf("\n  %s\n  said: %s\n", document, fault.text);
    CU_ASSERT(told);
}

static void
a_document_of_another_shape_is_refused_with_the_member(void)
{
    static const char *const cases[][3] = {
        {"{'name':'a','title':'t','wordings':{},'color':1}", "template.color", "unknown"},
        {"{'title':'t','wordings':{}}", "name", "string"},
        {"{'name':'A b','title':'t','wordings':{}}", "name", "a-z"},
        {"{'name':'a','title':'','wordings':{}}", "title", "empty"},
        {"{'name':'a','title':7,'wordings':{}}", "title", "string"},
        {"{'name':'a','title':'a\\nb','wordings':{}}", "title", "one line"},
        {"{'name':'a','title':'t','sender':'【a】','wordings':{}}", "sender", "brackets"},
        {"{'name':'a','title':'t','variables':'x','wordings':{}}", "variables", "array"},
        {"{'name':'a','title':'t','variables':['x','x'],'wordings':{}}", "variables", "twice"},
        {"{'name':'a','title':'t','variables':['name'],'wordings':{}}", "variables", "recipient"},
        {"{'name':'a','title':'t','variables':['attr.x'],'wordings':{}}", "variables", "attr.x"},
        {"{'name':'a','title':'t'}", "wordings", "object"},
        {"{'name':'a','title':'t','wordings':{}}", "wordings", "no wording"},
        {"{'name':'a','title':'t','wordings':{'zh-CN':{}}}", "wordings", "no wording"},
        {"{'name':'a','title':'t','wordings':{'chinese':{}}}", "wordings.chinese", "language"},
        {"{'name':'a','title':'t','wordings':{'zh-CN':{'fax':{}}}}", "wordings.zh-CN.fax",
         "unknown"},
        {"{'name':'a','title':'t','wordings':{'zh-CN':[]}}", "wordings.zh-CN", "object"},
        {"{'name':'a','title':'t','wordings':{'zh-CN':{'sms':{}}}}", "wordings.zh-CN.sms.text",
         "string"},
        {"{'name':'a','title':'t','wordings':{'zh-CN':{'sms':{'text':'a','html':'b'}}}}",
         "wordings.zh-CN.sms.html", "unknown"},
        {"{'name':'a','title':'t','wordings':{'zh-CN':{'wechat':{'template_id':'a','fields':3}}}}",
         "wordings.zh-CN.wechat.fields", "object"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        check_refusal(cases[i][0], cases[i][1], cases[i][2]);
}

#define DOCUMENT(wording)                                                                          \
    "{'name':'a','title':'t','variables':['place'],'wordings':{'zh-CN':{" wording "}}}"
#define SMS(text) DOCUMENT("'sms':{'text':'" text "'}")
#define FIELDS(fields) DOCUMENT("'wechat':{'template_id':'T','fields':{" fields "}}")
#define MAIL(subject, text) DOCUMENT("'mail':{'subject':'" subject "','text':'" text "'}")

static void
a_text_that_cannot_be_sent_is_refused_with_its_place(void)
{
    static const char *const cases[][3] = {
        {SMS("您好{plce}"), "wordings.zh-CN.sms.text, character 3", "{plce}"},
        {SMS("您好{attr.}"), "sms.text, character 3", "{attr.}"},
        {SMS("您好{attr.name}"), "sms.text, character 3", "{attr.name}"},
        {SMS("您好{"), "sms.text, character 3", "brace"},
        {SMS("您好}，{place}"), "sms.text, character 3", "brace"},
        {SMS("您\\u200b好"), "sms.text, character 2", "U+200B"},
        {SMS("您\\u0007好"), "sms.text, character 2", "U+0007"},
        {MAIL("活动\\n通知", "a"), "wordings.zh-CN.mail.subject, character 3", "line break"},
        {MAIL("活动\\r通知", "a"), "mail.subject, character 3", "U+000D"},
        {MAIL("a", "{who}"), "mail.text, character 1", "{who}"},
        {FIELDS("'thing1':'一二三四五六七八九十一二三四五六七八九十一'"),
         "wordings.zh-CN.wechat.fields.thing1", "20 characters here, this has 21"},
        {FIELDS("'thing1':'一二三四五六七{name}{place}'"), "fields.thing1", "this has 21"},
        {FIELDS("'thing1':'a','phrase2':'一二三四五六'"), "fields.phrase2", "5 Han"},
        {FIELDS("'thing1':'a','name2':'一二三四五六七八九十一'"), "fields.name2", "this has 22"},
        {FIELDS("'thing1':'a','name2':'{name}{name}{name}'"), "fields.name2", "this has 24"},
        {FIELDS("'thing1':'a','number2':'12a'"), "fields.number2, character 3", "digits"},
        {FIELDS("'thing1':'a','letter2':'ab1'"), "fields.letter2, character 3", "letters"},
        {FIELDS("'thing1':'a','character_string2':'A-1号'"),
         "fields.character_string2, character 4", "letters"},
        {FIELDS("'thing1':'a','character_string2':'123456789012345678901234567890123'"),
         "fields.character_string2", "this has 33"},
        {FIELDS("'thing1':'a\\nb'"), "fields.thing1, character 2", "line break"},
        {FIELDS("'thing 1':'a'"), "fields.thing 1", "named"},
        {FIELDS("'time1':'9:00'"), "wechat.fields", "thing field"},
        {DOCUMENT("'wechat':{'template_id':'{place}','fields':{'thing1':'a'}}"),
         "wechat.template_id, character 1", "no placeholder"},
        {DOCUMENT("'wechat':{'template_id':'T','url':'kp.test','fields':{'thing1':'a'}}"),
         "wechat.url, character 1", "https://"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        check_refusal(cases[i][0], cases[i][1], cases[i][2]);
}

static void
limits_are_reached_and_placeholders_are_not_taken_for_their_names(void)
{
    static const char *const cases[] = {
        FIELDS("'thing1':'一二三四五六七八九十一二三四五六七八九十'"),
        FIELDS("'thing1':'{place}一二三四五六七八九十'"),
        FIELDS("'thing1':'a','number2':'{place}','phrase3':'一二三四五'"),
        FIELDS("'thing1':'a','name2':'一二三四五六七八九十','keyword3':'其他'"),
        SMS("{{place}} {id} {language} {attr.crop}"),
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        template_t *template = NULL;
        CU_ASSERT_EQUAL(parse(cases[i], &template, NULL), CR_OK);
        template_destroy(&template);
    }
}

/* A template whose SMS is `count` times "一". */
static cr_err_t
parse_long(size_t count, cr_fault_t *fault)
{
    template_t *template = NULL;
    cr_str_t text;
    cr_str_init(&text, 1 << 20);
    for (size_t i = 0; i < count; i++)
        cr_str_append_text(&text, "一");
    json_t *document = json_pack("{s:s, s:s, s:{s:{s:{s:s}}}}", "name", "a", "title", "t",
                                 "wordings", "zh-CN", "sms", "text", cr_str_text(&text));
    cr_err_t err = template_parse(document, sender, &template, fault);
    json_decref(document);
    template_destroy(&template);
    cr_str_fini(&text);
    return err;
}

static void
an_sms_of_more_than_10_parts_is_refused_with_its_signature_counted(void)
{
    cr_fault_t fault = {0};
    CU_ASSERT_EQUAL(parse_long(670 - 6, NULL), CR_OK);
    CU_ASSERT_EQUAL(parse_long(670 - 5, &fault), CR_INVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "sms.text"));
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "11 short messages"));
    CU_ASSERT_EQUAL(parse_long(1366, &fault), CR_INVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "over 4096 bytes"));
}

static void
the_place_of_a_fault_is_its_column_too(void)
{
    template_t *template = NULL;
    cr_fault_t fault = {0};
    CU_ASSERT_EQUAL(parse(SMS("您好{plce}"), &template, &fault), CR_INVAL);
    CU_ASSERT_EQUAL(fault.column, 3);
}

static const char *
sms_text(json_t *document, const char *language)
{
    json_t *wordings = json_object_get(document, "wordings");
    json_t *sms = json_object_get(json_object_get(wordings, language), "sms");
    return json_string_value(json_object_get(sms, "text"));
}

static void
the_signature_is_put_before_an_sms_once(void)
{
    template_t *template = parse_good(), *again = NULL;
    json_t *document = template_document(template);
    CU_ASSERT_STRING_EQUAL(sms_text(document, "zh-CN"), "【平阴科普】{name}您好，{time}在{place}");
    CU_ASSERT_EQUAL_FATAL(template_parse(document, "别人", &again, NULL), CR_OK);
    json_t *second = template_document(again);
    CU_ASSERT(json_equal(document, second));
    CU_ASSERT_STRING_EQUAL(template_sender(again), sender);
    json_decref(document);
    json_decref(second);
    template_destroy(&template);
    template_destroy(&again);
}

static void
texts_are_kept_in_normalisation_form_c(void)
{
    template_t *template = NULL;
    CU_ASSERT_EQUAL_FATAL(parse(SMS("Jose\xCC\x81"), &template, NULL), CR_OK);
    json_t *document = template_document(template);
    CU_ASSERT_STRING_EQUAL(sms_text(document, "zh-CN"), "【平阴科普】Jos\xC3\xA9");
    json_decref(document);
    template_destroy(&template);
}

static void
checks_count_placeholders_at_their_typical_length(void)
{
    template_t *template = parse_good();
    json_t *checks = template_checks(template);
    /* 6 signature, 4 name, 3, 10 time, 1, 10 place; 6, 5, 4, 2, 10, 7 */
    json_t *expected = json_of("[{'language':'zh-CN','channel':'sms','encoding':'UCS-2',"
                               "'units':34,'parts':1},{'language':'en-US','channel':'sms',"
                               "'encoding':'UCS-2','units':34,'parts':1}]");
    CU_ASSERT(json_equal(checks, expected));
    json_decref(checks);
    json_decref(expected);
    template_destroy(&template);
}

static void
the_row_of_the_list_names_channels_and_languages(void)
{
    template_t *template = parse_good();
    json_t *row = template_row(template);
    json_t *expected = json_of("{'name':'fzr','title':'防灾','channels':['sms','wechat','mail'],"
                               "'languages':['zh-CN','en-US']}");
    CU_ASSERT(json_equal(row, expected));
    CU_ASSERT_EQUAL(template_channels(template), 7);
    json_decref(row);
    json_decref(expected);
    template_destroy(&template);
}

/* ---- variables ---- */

static void
values_that_do_not_fit_are_refused_with_the_member(void)
{
    enum { SMS_ONLY = 1, ALL = 7 };
    static const struct {
        const char *variables;
        unsigned channels;
        const char *place, *reason; /* NULL: good */
    } cases[] = {
        {"{'place':'广场','time':'9时'}", ALL, NULL, NULL},
        {"{'place':'广场'}", 1u << CR_CHANNEL_MAIL, NULL, NULL},
        {"{'place':'广\\n场','time':'9时'}", SMS_ONLY, NULL, NULL},
        {"{'place':'广场'}", SMS_ONLY, "variables.time", "no value"},
        {"{}", ALL, "variables.time", "no value"},
        {"[]", ALL, "variables", "object"},
        {"{'place':'广场','time':'9时','who':'x'}", ALL, "variables.who", "declare"},
        {"{'place':'广场','time':9}", ALL, "variables.time", "string"},
        {"{'place':'广场','time':''}", ALL, "variables.time", "string"},
        {"{'place':'广\\u202e场','time':'9时'}", ALL, "variables.place, character 2", "U+202E"},
        {"{'place':'广\\n场','time':'9时'}", ALL, "variables.place", "fields.thing2 uses it"},
        {"{'place':'一二三四五六七八九十一二三四五六七八九十一','time':'9时'}", ALL,
         "wordings.zh-CN.wechat.fields.thing2", "this has 21"},
    };
    template_t *template = parse_good();
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_fault_t fault = {0};
        json_t *variables = json_of(cases[i].variables);
        cr_err_t err = template_check_variables(template, variables, cases[i].channels, &fault);
        CU_ASSERT_EQUAL(err, cases[i].place ? CR_INVAL : CR_OK);
        if (cases[i].place) {
            CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, cases[i].place));
            CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, cases[i].reason));
        }
        json_decref(variables);
    }
    template_destroy(&template);
}

static void
a_value_of_more_than_500_characters_is_refused(void)
{
    template_t *template = parse_good();
    char value[502];
    memset(value, 'x', 501);
    value[501] = '\0';
    cr_fault_t fault = {0};
    json_t *variables = json_pack("{s:s, s:s}", "place", value, "time", "9");
    CU_ASSERT_EQUAL(template_check_variables(template, variables, 1, &fault), CR_INVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "variables.place: is over 500"));
    json_decref(variables);
    template_destroy(&template);
}

/* ---- content ---- */

static dispatch_content_t *
content_of(const template_t *template, cr_channel_t channel, const char *place, bool drill)
{
    dispatch_content_t *content = NULL;
    json_t *variables = json_pack("{s:s, s:s}", "place", place, "time", "9时");
    CU_ASSERT_EQUAL_FATAL(template_content(template, channel, variables, drill, &content), CR_OK);
    json_decref(variables);
    return content;
}

static void
content_fills_in_variables_and_leaves_the_recipient(void)
{
    template_t *template = parse_good();
    dispatch_content_t *sms = content_of(template, CR_CHANNEL_SMS, "{广}场", false);
    CU_ASSERT_EQUAL_FATAL(sms->wording_count, 2);
    CU_ASSERT_STRING_EQUAL(sms->wordings[0].language, "zh-CN");
    CU_ASSERT_STRING_EQUAL(sms->wordings[0].text, "【平阴科普】{name}您好，9时在{{广}}场");
    CU_ASSERT_STRING_EQUAL(sms->wordings[1].text, "【平阴科普】Dear {name}, {{广}}场 {{free}}");
    CU_ASSERT_EQUAL_FATAL(sms->column_count, 1);
    CU_ASSERT_STRING_EQUAL(sms->columns[0], "name");
    template_content_destroy(&sms);
    template_destroy(&template);
}

static void
columns_are_keys_of_the_directory(void)
{
    template_t *template = parse_good();
    dispatch_content_t *wechat = content_of(template, CR_CHANNEL_WECHAT, "广场", false);
    CU_ASSERT_EQUAL_FATAL(wechat->wording_count, 1);
    CU_ASSERT_EQUAL_FATAL(wechat->wordings[0].field_count, 3);
    CU_ASSERT_STRING_EQUAL(wechat->wordings[0].template_id, "TM1");
    CU_ASSERT_STRING_EQUAL(wechat->wordings[0].field_names[2], "thing3");
    CU_ASSERT_STRING_EQUAL(wechat->wordings[0].field_values[2], "{town}的{crop}");
    CU_ASSERT_EQUAL_FATAL(wechat->column_count, 2);
    CU_ASSERT_STRING_EQUAL(wechat->columns[0], "town");
    CU_ASSERT_STRING_EQUAL(wechat->columns[1], "crop");
    template_content_destroy(&wechat);
    template_destroy(&template);
}

static void
values_are_escaped_in_html_only(void)
{
    template_t *template = parse_good();
    dispatch_content_t *mail = content_of(template, CR_CHANNEL_MAIL, "<b>&", false);
    CU_ASSERT_STRING_EQUAL(mail->wordings[0].subject, "<b>&活动");
    CU_ASSERT_STRING_EQUAL(mail->wordings[0].text, "{name}：<b>&");
    CU_ASSERT_PTR_NOT_NULL(strstr(mail->wordings[0].html, "<p>{name}：&lt;b&gt;&amp;</p>"));
    template_content_destroy(&mail);
    template_destroy(&template);
}

static void
a_drill_says_so_before_everything_else(void)
{
    template_t *template = parse_good();
    dispatch_content_t *sms = content_of(template, CR_CHANNEL_SMS, "广场", true);
    CU_ASSERT_STRING_EQUAL(sms->wordings[0].text, "【平阴科普】【演练】{name}您好，9时在广场");
    CU_ASSERT_STRING_EQUAL(sms->wordings[1].text, "【平阴科普】[DRILL] Dear {name}, 广场 {{free}}");
    dispatch_content_t *wechat = content_of(template, CR_CHANNEL_WECHAT, "广场", true);
    CU_ASSERT_STRING_EQUAL(wechat->wordings[0].field_values[0], "提醒");
    CU_ASSERT_STRING_EQUAL(wechat->wordings[0].field_values[1], "【演练】广场");
    dispatch_content_t *mail = content_of(template, CR_CHANNEL_MAIL, "广场", true);
    CU_ASSERT_STRING_EQUAL(mail->wordings[0].subject, "【演练】广场活动");
    CU_ASSERT_EQUAL(strncmp(mail->wordings[0].text, "【演练】", strlen("【演练】")), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(mail->wordings[0].html, "<body style=\"a\"><p><strong>【演练】"));
    template_content_destroy(&sms);
    template_content_destroy(&wechat);
    template_content_destroy(&mail);
    template_destroy(&template);
}

static void
a_thing_field_without_room_says_nothing_but_that_it_is_a_drill(void)
{
    template_t *template = parse_good();
    dispatch_content_t *fits =
        content_of(template, CR_CHANNEL_WECHAT, "一二三四五六七八九十一二三四五六", true);
    CU_ASSERT_STRING_EQUAL(fits->wordings[0].field_values[1],
                           "【演练】一二三四五六七八九十一二三四五六");
    dispatch_content_t *full =
        content_of(template, CR_CHANNEL_WECHAT, "一二三四五六七八九十一二三四五六七", true);
    CU_ASSERT_STRING_EQUAL(full->wordings[0].field_values[1], "【演练】");
    template_content_destroy(&fits);
    template_content_destroy(&full);
    template_destroy(&template);
}

static void
a_channel_without_wording_has_no_content(void)
{
    template_t *template = NULL;
    dispatch_content_t *content = NULL;
    CU_ASSERT_EQUAL_FATAL(parse(SMS("您好"), &template, NULL), CR_OK);
    CU_ASSERT_EQUAL(template_content(template, CR_CHANNEL_MAIL, NULL, false, &content),
                    CR_NOTFOUND);
    CU_ASSERT_PTR_NULL(content);
    template_destroy(&template);
}

/* ---- preview ---- */

static bool
zhang_san(void *context, cr_slice_t key, cr_slice_t *value)
{
    static const char *const values[][2] = {
        {"name", "张<三>"}, {"town", "孔村镇"}, {"crop", "玫瑰"}};
    (void)context;
    *value = CR_SLICE("");
    for (size_t i = 0; i < CR_COUNT(values); i++)
        if (cr_slice_equal(key, cr_slice_of(values[i][0])))
            *value = cr_slice_of(values[i][1]);
    return true;
}

static json_t *
preview_for(const template_reader_t *reader)
{
    template_t *template = parse_good();
    json_t *variables = json_of("{'place':'广场','time':'9时'}"), *preview = NULL;
    CU_ASSERT_EQUAL_FATAL(template_preview(template, variables, reader, &preview, NULL), CR_OK);
    json_decref(variables);
    template_destroy(&template);
    return preview;
}

static void
a_preview_is_what_the_person_would_read(void)
{
    template_reader_t reader = {.id = "P1", .language = CR_SLICE("zh-CN"), .value = zhang_san};
    reader.address[CR_CHANNEL_SMS] = CR_SLICE("19931234567");
    reader.address[CR_CHANNEL_WECHAT] = CR_SLICE("oTest0000000009xYz");
    reader.address[CR_CHANNEL_MAIL] = CR_SLICE("zhang@pingyin.test");
    json_t *preview = preview_for(&reader);
    json_t *expected = json_of(
        "{'to':'P1','language':'zh-CN',"
        "'sms':{'text':'【平阴科普】张<三>您好，9时在广场','encoding':'UCS-2','units':18,"
        "'parts':1,'address':'199****4567'},"
        "'wechat':{'template_id':'TM1','url':'https://kp.test/a','fields':{'phrase1':'提醒',"
        "'thing2':'广场','thing3':'孔村镇的玫瑰'},'address':'oTes...9xYz'},"
        "'mail':{'subject':'广场活动','text':'张<三>：广场','html':'<html><body style=\\\"a\\\">"
        "<p>张&lt;三&gt;：广场</p></body></html>','from':'平阴科普',"
        "'address':'z***@pingyin.test'}}");
    if (!json_equal(preview, expected))
        json_dumpf(preview, stdout, JSON_INDENT(1));
    CU_ASSERT(json_equal(preview, expected));
    json_decref(preview);
    json_decref(expected);
}

static const char *
suppressed(const json_t *preview, const char *channel)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(preview, channel), "suppressed"));
    return text ? text : "";
}

static void
a_channel_that_would_not_reach_the_person_says_why(void)
{
    template_reader_t reader = {.id = "P1", .language = CR_SLICE("fr-FR"), .value = zhang_san};
    reader.address[CR_CHANNEL_SMS] = CR_SLICE("19931234567");
    reader.suppressed[CR_CHANNEL_SMS] = "suppressed_optout";
    json_t *preview = preview_for(&reader);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(preview, "language")), "zh-CN");
    CU_ASSERT_STRING_EQUAL(suppressed(preview, "sms"), "suppressed_optout");
    CU_ASSERT_STRING_EQUAL(suppressed(preview, "wechat"), "suppressed_address");
    CU_ASSERT_STRING_EQUAL(suppressed(preview, "mail"), "suppressed_address");
    json_decref(preview);
}

static void
the_language_of_the_person_is_chosen_where_there_is_a_wording(void)
{
    template_reader_t reader = {.id = "P1", .language = CR_SLICE("en-US"), .value = zhang_san};
    reader.address[CR_CHANNEL_SMS] = CR_SLICE("19931234567");
    reader.address[CR_CHANNEL_MAIL] = CR_SLICE("zhang@pingyin.test");
    json_t *preview = preview_for(&reader);
    const char *sms = json_string_value(json_object_get(json_object_get(preview, "sms"), "text"));
    const char *mail =
        json_string_value(json_object_get(json_object_get(preview, "mail"), "subject"));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(preview, "language")), "en-US");
    CU_ASSERT_STRING_EQUAL(sms, "【平阴科普】Dear 张<三>, 广场 {free}");
    CU_ASSERT_STRING_EQUAL(mail, "广场活动");
    json_decref(preview);
}

static void
a_preview_without_the_values_is_refused(void)
{
    template_t *template = parse_good();
    template_reader_t reader = {.id = "P1", .language = CR_SLICE("zh-CN"), .value = zhang_san};
    json_t *preview = NULL;
    CU_ASSERT_EQUAL(template_preview(template, NULL, &reader, &preview, NULL), CR_INVAL);
    CU_ASSERT_PTR_NULL(preview);
    template_destroy(&template);
}

/* ---- what we ship ---- */

static void
check_shipped(const char *file)
{
    template_t *template = NULL;
    cr_fault_t fault = {0};
    json_t *document = json_load_file(file, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(document);
    CU_ASSERT_EQUAL(template_parse(document, sender, &template, &fault), CR_OK);
    if (!template) {
        printf("\n  %s: %s\n", file, fault.text);
        json_decref(document);
        return;
    }
    CU_ASSERT_EQUAL(template_channels(template), 7);
    json_t *checks = template_checks(template);
    size_t i;
    json_t *check;
    json_array_foreach(checks, i, check)
        CU_ASSERT(json_integer_value(json_object_get(check, "parts")) <= 3);
    CU_ASSERT_EQUAL(json_array_size(checks), 2);
    json_decref(checks);
    json_decref(document);
    template_destroy(&template);
}

static void
every_shipped_template_passes_and_is_short(void)
{
    glob_t files;
    CU_ASSERT_EQUAL_FATAL(glob(CRIER_TEMPLATES "/*.json", 0, NULL, &files), 0);
    CU_ASSERT(files.gl_pathc >= 4);
    for (size_t i = 0; i < files.gl_pathc; i++)
        check_shipped(files.gl_pathv[i]);
    globfree(&files);
}

#define T(name)                                                                                    \
    {                                                                                              \
#name, name                                                                                \
    }
CU_TestInfo cr_tests[] = {
    T(a_document_of_another_shape_is_refused_with_the_member),
    T(a_text_that_cannot_be_sent_is_refused_with_its_place),
    T(limits_are_reached_and_placeholders_are_not_taken_for_their_names),
    T(an_sms_of_more_than_10_parts_is_refused_with_its_signature_counted),
    T(the_place_of_a_fault_is_its_column_too),
    T(the_signature_is_put_before_an_sms_once),
    T(texts_are_kept_in_normalisation_form_c),
    T(checks_count_placeholders_at_their_typical_length),
    T(the_row_of_the_list_names_channels_and_languages),
    T(values_that_do_not_fit_are_refused_with_the_member),
    T(a_value_of_more_than_500_characters_is_refused),
    T(content_fills_in_variables_and_leaves_the_recipient),
    T(columns_are_keys_of_the_directory),
    T(values_are_escaped_in_html_only),
    T(a_drill_says_so_before_everything_else),
    T(a_thing_field_without_room_says_nothing_but_that_it_is_a_drill),
    T(a_channel_without_wording_has_no_content),
    T(a_preview_is_what_the_person_would_read),
    T(a_channel_that_would_not_reach_the_person_says_why),
    T(the_language_of_the_person_is_chosen_where_there_is_a_wording),
    T(a_preview_without_the_values_is_refused),
    T(every_shipped_template_passes_and_is_short),
    CU_TEST_INFO_NULL,
};
