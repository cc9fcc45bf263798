#include "audience/selector.h"

#include <stdio.h>
#include <stdlib.h>

#include "people.h"

const char cr_suite[] = "selector";

static const char people[] =
    "id,name,phone,openid,email,division,groups,roles,language,village\n"
    "P0,a,19930000000,,,370124104000,farmer,informant,zh-CN,孔村\n"
    "P1,b,,oTest0000000000000000000001,,370124104205,farmer;volunteer,,zh-CN,李 沟\n"
    "P2,c,19930000002,,c@pingyin.test,370124107000,worker,,en-US,孔村\n"
    "P3,d,,,,370124400000,worker;volunteer,informant,zh-CN,\n"
    "P4,e,,,,,,,,\n";

/* Ordinals as text, "0 2"; "?" when it was refused. */
static const char *
selected(const directory_t *directory, const char *text, char out[64])
{
    cr_fault_t fault = {0};
    roaring_bitmap_t *members;
    if (selector_select(text, directory, &members, &fault) != CR_OK)
        return "?";
    char *at = out;
    *at = '\0';
    for (uint32_t i = 0; i < directory_size(directory); i++)
        if (roaring_bitmap_contains(members, i))
            at += snprintf(at, 8, at == out ? "%u" : " %u", i);
    roaring_bitmap_free(members);
    return out;
}

static void
every_term_and_operator_selects_whom_it_says(void)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"all", "0 1 2 3 4"},
        {"town:孔村镇", "0 1"},
        {"town:Kongcun", "0 1"},
        {"town:370124104000", "0 1"},
        {"town:370124104", "0 1"},
        {"town:平阴县", "0 1 2 3"},
        {"town:\"Pingyin Economic Development Zone\"", "3"},
        {"town:玫瑰镇", ""}, /* known, but nobody lives there */
        {"division:370124104205", "1"},
        {"division:3701241", "0 1 2"},
        {"division:370124106", ""},
        {"group:farmer", "0 1"},
        {"role:informant", "0 3"},
        {"lang:en-US", "2"},
        {"attr:village=孔村", "0 2"},
        {"attr:village=\"李 沟\"", "1"},
        {"attr:\"village\" = “孔村”", "0 2"},
        {"id:P3", "3"},
        {"has:sms", "0 2"},
        {"has:wechat", "1"},
        {"has:mail", "2"},
        {"group:farmer & group:volunteer", "1"},
        {"group:farmer | group:worker", "0 1 2 3"},
        {"!group:farmer", "2 3 4"},
        {"!!group:farmer", "0 1"},
        {"group:farmer & !role:informant", "1"},
        {"group:worker | group:farmer & role:informant", "0 2 3"}, /* & binds closer than | */
        {"(group:worker | group:farmer) & role:informant", "0 3"},
        {"!group:farmer & role:informant", "3"}, /* ! closer than & */
        {"!(group:farmer & role:informant)", "1 2 3 4"},
        {"town:孔村镇&（group:farmer｜role:informant）", "0 1"},
        {"！group：farmer＆role：informant", "3"},
        {"  group : farmer\n&　id:“P0” ", "0"},
        {"all & all | id:P0", "0 1 2 3 4"},
        {"group:farmer & !group:farmer", ""},
    };
    char out[64];
    directory_t *directory = people_of(people);
    for (size_t i = 0; i < CR_COUNT(cases); i++)
        CU_ASSERT_STRING_EQUAL(selected(directory, cases[i].text, out), cases[i].wanted);
    directory_unref(&directory);
}

static void
a_mistake_is_shown_at_its_column(void)
{
    static const struct {
        const char *text;
        size_t column;
    } cases[] = {
        {"", 1},
        {"   ", 4},
        {"group:farmer &", 15},
        {"group:farmer & ", 16},
        {"group:farmer group:worker", 14},
        {"(group:farmer", 14},
        {"group:farmer)", 13},
        {"()", 2},
        {"& all", 1},
        {"farmer", 7},
        {"group:", 7},
        {"group:\"\"", 7},
        {"town:“孔村镇", 6},
        {"town:孔村镇 & & all", 12},
        {"attr:village", 13},
        {"attr:village=", 14},
        {"attr:=x", 6},
        {"division:37x", 10},
        {"all\xE2\x80\x8B", 4},
        {"\xD5\xC5", 1},
    };
    directory_t *directory = people_of(people);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_fault_t fault = {0};
        roaring_bitmap_t *members = NULL;
        CU_ASSERT_EQUAL(selector_select(cases[i].text, directory, &members, &fault), CR_INVAL);
        CU_ASSERT_EQUAL(fault.column, cases[i].column);
        CU_ASSERT_EQUAL(fault.line, 1);
        CU_ASSERT_PTR_NULL(members);
    }
    directory_unref(&directory);
}

static void
an_unknown_name_is_shown_at_its_column_with_what_was_meant(void)
{
    static const struct {
        const char *text;
        size_t column;
        const char *ending;
    } cases[] = {
        {"town:孔庄镇", 6, "unknown town \"孔庄镇\"; did you mean \"孔村镇\"?"},
        {"group:farmer & town:孔庄镇", 21, "; did you mean \"孔村镇\"?"},
        {"town:Kongchun", 6, "; did you mean \"Kongcun\"?"},
        {"town:北京市", 6, "unknown town \"北京市\""},
        {"group:farmers", 7, "; did you mean \"farmer\"?"},
        {"role:“informer”", 6, "unknown role \"informer\""},
        {"lang:zh-TW", 6, "unknown language \"zh-TW\""},
        {"lang:zh-CM", 6, "; did you mean \"zh-CN\"?"},
        {"attr:vilage=孔村", 6, "unknown attribute \"vilage\"; did you mean \"village\"?"},
        {"attr:village=孔家", 14, "unknown value \"孔家\"; did you mean \"孔村\"?"},
        {"id:P9", 4, "unknown id \"P9\""},
        {"has:mails", 5, "; did you mean \"mail\"?"},
        {"all & tawn:孔村镇", 7, "unknown term \"tawn\"; did you mean \"town\"?"},
        {"unconfirmed:B-0000001K", 1, "unknown term \"unconfirmed\""},
        {"division:11", 10, "unknown division \"11\""},
    };
    directory_t *directory = people_of(people);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_fault_t fault = {0};
        roaring_bitmap_t *members = NULL;
        CU_ASSERT_EQUAL(selector_select(cases[i].text, directory, &members, &fault), CR_NOTFOUND);
        CU_ASSERT_EQUAL(fault.column, cases[i].column);
        size_t length = strlen(fault.text), ending = strlen(cases[i].ending);
        CU_ASSERT_TRUE_FATAL(length >= ending);
        CU_ASSERT_STRING_EQUAL(fault.text + length - ending, cases[i].ending);
    }
    directory_unref(&directory);
}

static cr_err_t
parse(const char *text, cr_fault_t *fault)
{
    selector_t *self = NULL;
    cr_err_t err = selector_parse(text, &self, fault);
    CU_ASSERT_EQUAL(self == NULL, err != CR_OK);
    selector_destroy(&self);
    return err;
}

static void
absurd_nesting_and_length_are_refused(void)
{
    char text[5000];
    cr_fault_t fault;
    for (int depth = 63; depth < 67; depth++) {
        snprintf(text, sizeof text, "%.*sall%.*s", depth,
                 "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((", depth,
                 "))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))");
        CU_ASSERT_EQUAL(parse(text, &fault), depth <= 64 ? CR_OK : CR_INVAL);
    }
    CU_ASSERT_EQUAL(fault.column, 65);
    memset(text, '!', 1000);
    memcpy(text + 1000, "all", 4);
    CU_ASSERT_EQUAL(parse(text, &fault), CR_INVAL);
    memset(text, ' ', sizeof text);
    memcpy(text, "all", 3);
    text[4096] = '\0';
    CU_ASSERT_EQUAL(parse(text, &fault), CR_OK);
    text[4096] = ' ';
    text[4097] = '\0';
    CU_ASSERT_EQUAL(parse(text, &fault), CR_INVAL);
    CU_ASSERT_EQUAL(fault.column, 1);
}

static cr_err_t
resolve(void *context, cr_slice_t key, cr_slice_t value, roaring_bitmap_t **members,
        cr_fault_t *fault)
{
    (void)context;
    (void)fault;
    if (!people_is(key, "got"))
        return people_is(key, "failed") ? CR_AGAIN : CR_NOTFOUND;
    CU_ASSERT_TRUE(people_is(value, "B-0000001K"));
    *members = roaring_bitmap_of(2, 1, 3);
    return CR_OK;
}

static void
terms_about_broadcasts_are_resolved_by_the_caller(void)
{
    static const struct {
        const char *text;
        cr_err_t err;
    } cases[] = {
        {"group:volunteer & got:B-0000001K", CR_OK},
        {"got:B-0000001K & failed:B-0000001K", CR_AGAIN},
        {"all & unconfirmed:B-0000001K", CR_NOTFOUND},
    };
    directory_t *directory = people_of(people);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_fault_t fault = {0};
        selector_t *self;
        roaring_bitmap_t *members = NULL;
        CU_ASSERT_EQUAL_FATAL(selector_parse(cases[i].text, &self, &fault), CR_OK);
        CU_ASSERT_EQUAL(selector_evaluate(self, directory, resolve, NULL, &members, &fault),
                        cases[i].err);
        CU_ASSERT_EQUAL(members != NULL, cases[i].err == CR_OK);
        if (members) {
            CU_ASSERT_EQUAL(roaring_bitmap_get_cardinality(members), 2);
            roaring_bitmap_free(members);
        }
        selector_destroy(&self);
    }
    directory_unref(&directory);
}

/*
 * Random selectors over random people against an obvious model: every person is asked about every
 * term, one after the other. The model reads the same text with a recursion of its own.
 */
enum { CROWD = 3000, ROUNDS = 400 };

static uint32_t
dice(uint32_t sides)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % sides;
}

typedef struct {
    uint32_t town, groups, language, village;
    bool has_phone;
} person_t;

static directory_t *
random_people(person_t *crowd)
{
    cr_str_t csv;
    cr_str_init(&csv, 4 << 20);
    cr_str_append_text(&csv, "id,phone,division,groups,language,village\n");
    for (uint32_t i = 0; i < CROWD; i++) {
        person_t *p = &crowd[i];
        *p = (person_t){dice(4), dice(8), dice(2), dice(9), dice(3) > 0};
        cr_str_appendf(&csv, "P%u,%s,37012410%u000,%s%s%s,%s,v%u\n", i,
                       p->has_phone ? "19930000001" : "", 2 + p->town, p->groups & 1 ? "g0;" : "",
                       p->groups & 2 ? "g1;" : "", p->groups & 4 ? "g2;" : "",
                       p->language ? "zh-CN" : "en", p->village);
    }
    CU_ASSERT_EQUAL_FATAL(cr_str_err(&csv), CR_OK);
    directory_t *directory = people_of(cr_str_text(&csv));
    cr_str_fini(&csv);
    return directory;
}

static const char *const towns[] = {"东阿镇", "孝直镇", "孔村镇", "洪范池镇"};

/* Writes a random expression and says in `member` who it selects. */
static void
random_expression(cr_str_t *out, const person_t *crowd, int depth, bool member[CROWD])
{
    uint32_t kind = depth == 0 ? 3 + dice(6) : dice(9), value = dice(3);
    bool right[CROWD];
    if (kind < 2) {
        cr_str_append_text(out, dice(2) ? "(" : "（");
        random_expression(out, crowd, depth - 1, member);
        cr_str_append_text(out, kind == 0 ? " & " : "｜");
        random_expression(out, crowd, depth - 1, right);
        cr_str_append_text(out, dice(2) ? ")" : "）");
        for (uint32_t i = 0; i < CROWD; i++)
            member[i] = kind == 0 ? member[i] && right[i] : member[i] || right[i];
        return;
    }
    if (kind == 2) {
        cr_str_append_char(out, '!');
        random_expression(out, crowd, depth - 1, member);
        for (uint32_t i = 0; i < CROWD; i++)
            member[i] = !member[i];
        return;
    }
    switch (kind) {
    case 3:
        cr_str_appendf(out, "town:%s", towns[value]);
        break;
    case 4:
        cr_str_appendf(out, "group:g%u", value);
        break;
    case 5:
        cr_str_appendf(out, "attr:village=v%u", value);
        break;
    case 6:
        cr_str_append_text(out, "lang:zh-CN");
        break;
    case 7:
        cr_str_append_text(out, "has:sms");
        break;
    default:
        cr_str_appendf(out, "id:P%u", value);
    }
    for (uint32_t i = 0; i < CROWD; i++) {
        const person_t *p = &crowd[i];
        const bool answers[] = {p->town == value, p->groups >> value & 1, p->village == value,
                                p->language == 1, p->has_phone,           i == value};
        member[i] = answers[kind - 3];
    }
}

static void
random_selectors_agree_with_asking_every_person(void)
{
    static person_t crowd[CROWD];
    directory_t *directory = random_people(crowd);
    for (int round = 0; round < ROUNDS; round++) {
        bool member[CROWD];
        cr_fault_t fault = {0};
        roaring_bitmap_t *selected_ones;
        cr_str_t text;
        cr_str_init(&text, 4096);
        random_expression(&text, crowd, (int)dice(5), member);
        CU_ASSERT_EQUAL_FATAL(
            selector_select(cr_str_text(&text), directory, &selected_ones, &fault), CR_OK);
        uint32_t wrong = 0;
        for (uint32_t i = 0; i < CROWD; i++)
            wrong += roaring_bitmap_contains(selected_ones, i) != member[i];
        CU_ASSERT_EQUAL(wrong, 0);
        roaring_bitmap_free(selected_ones);
        cr_str_fini(&text);
    }
    directory_unref(&directory);
}

CU_TestInfo cr_tests[] = {
    {"every term and operator selects whom it says", every_term_and_operator_selects_whom_it_says},
    {"a mistake is shown at its column", a_mistake_is_shown_at_its_column},
    {"an unknown name is shown at its column with what was meant",
     an_unknown_name_is_shown_at_its_column_with_what_was_meant},
    {"absurd nesting and length are refused", absurd_nesting_and_length_are_refused},
    {"terms about broadcasts are resolved by the caller",
     terms_about_broadcasts_are_resolved_by_the_caller},
    {"random selectors agree with asking every person",
     random_selectors_agree_with_asking_every_person},
    CU_TEST_INFO_NULL};
