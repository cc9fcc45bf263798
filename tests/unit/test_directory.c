#include "audience/directory.h"

#include <stdio.h>
#include <stdlib.h>

#include "audience/index.h"
#include "people.h"

const char cr_suite[] = "directory";

static const char family[] =
    "id,name,phone,openid,email,division,groups,roles,language,guardian,village\n"
    "P1,张伟,19931234567,oTest0000000000000000000001,z@pingyin.test,370124104000,farmer;volunteer,"
    "informant,zh-CN,,孔村\n"
    "P2,张小明,,,,370124104000,teenager,,zh-CN,P1,孔村\n"
    "P3,John,+4915112345678,,j@pingyin.test,370124001205,worker,,en-US,,\n"
    "P4,李四,,,,,,,,P9,\n"
    "P9,李大,19930000009,,,370124107000,elderly,,,,望口山村\n";

/* `count` people with an attribute "n" of `values` different values. */
static char *
crowd(uint32_t count, uint32_t values)
{
    cr_str_t csv;
    cr_str_init(&csv, 64 << 20);
    cr_str_append_text(&csv, "id,name,phone,openid,email,division,groups,roles,language,n\n");
    for (uint32_t i = 0; i < count; i++)
        cr_str_appendf(&csv,
                       "P%08u,王%u,1993%07u,oTest%023u,r%u@pingyin.test,37012410%u000,"
                       "g%u;all,role%u,zh-CN,%u\n",
                       i, i % 97, i, i, i, 2 + i % 6, i % 5, i % 3, i % values);
    char *text = cr_str_take(&csv);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    return text;
}

static directory_t *
crowd_of(uint32_t count, uint32_t values)
{
    char *csv = crowd(count, values);
    directory_t *self = people_of(csv);
    free(csv);
    return self;
}

static void
what_was_imported_is_read_back(void)
{
    directory_t *self = people_of(family);
    recipient_t who;
    CU_ASSERT_EQUAL(directory_size(self), 5);
    CU_ASSERT_TRUE_FATAL(directory_get(self, 0, &who));
    CU_ASSERT_TRUE(people_is(who.id, "P1"));
    CU_ASSERT_TRUE(people_is(who.name, "张伟"));
    CU_ASSERT_TRUE(people_is(who.phone, "19931234567"));
    CU_ASSERT_TRUE(people_is(who.openid, "oTest0000000000000000000001"));
    CU_ASSERT_TRUE(people_is(who.email, "z@pingyin.test"));
    CU_ASSERT_TRUE(people_is(who.division, "370124104000"));
    CU_ASSERT_TRUE(people_is(who.division_name, "孔村镇"));
    CU_ASSERT_TRUE(people_is(who.language, "zh-CN"));
    CU_ASSERT_EQUAL(who.guardian, DIRECTORY_NONE);
    CU_ASSERT_FALSE(directory_get(self, 5, &who));
    CU_ASSERT_EQUAL(directory_find(self, CR_SLICE("P9")), 4);
    CU_ASSERT_EQUAL(directory_find(self, CR_SLICE("P5")), DIRECTORY_NONE);
    directory_unref(&self);
    CU_ASSERT_PTR_NULL(self);
}

static void
a_template_finds_its_words(void)
{
    static const struct {
        uint32_t ordinal;
        const char *key, *value;
    } cases[] = {
        {0, "name", "张伟"},
        {0, "town", "孔村镇"},
        {0, "id", "P1"},
        {0, "division", "370124104000"},
        {0, "language", "zh-CN"},
        {0, "village", "孔村"},
        {0, "attr.village", "孔村"},
        {2, "village", ""},
        {2, "town", "榆山街道"}, /* a village's township */
        {3, "town", ""},
        {0, "phone", ""}, /* never a word of a template */
        {0, "nothing", ""},
        {9, "name", ""},
    };
    directory_t *self = people_of(family);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_slice_t value = directory_value(self, cases[i].ordinal, cr_slice_of(cases[i].key));
        CU_ASSERT_TRUE(people_is(value, cases[i].value));
    }
    CU_ASSERT_EQUAL(directory_attribute_count(self), 1);
    CU_ASSERT_TRUE(people_is(directory_attribute(self, 0), "village"));
    directory_unref(&self);
}

static void
a_child_is_reached_through_the_guardian_who_may_stand_later(void)
{
    directory_t *self = people_of(family);
    recipient_t child;
    CU_ASSERT_TRUE_FATAL(directory_get(self, 3, &child));
    CU_ASSERT_EQUAL(child.guardian, 4);
    CU_ASSERT_TRUE(people_is(directory_address(self, 3, CR_CHANNEL_SMS), "19930000009"));
    CU_ASSERT_TRUE(people_is(directory_address(self, 1, CR_CHANNEL_MAIL), "z@pingyin.test"));
    CU_ASSERT_TRUE(people_is(directory_address(self, 3, CR_CHANNEL_MAIL), ""));
    CU_ASSERT_TRUE(roaring_bitmap_contains(directory_reachable(self, CR_CHANNEL_SMS), 3));
    CU_ASSERT_FALSE(roaring_bitmap_contains(directory_reachable(self, CR_CHANNEL_MAIL), 3));
    CU_ASSERT_EQUAL(roaring_bitmap_get_cardinality(directory_reachable(self, CR_CHANNEL_WECHAT)),
                    2);
    directory_unref(&self);
}

/* Over the ends of segments, with children and ordinals that nobody has. */
static void
many_are_read_as_each_alone(void)
{
    enum { PEOPLE = 2 * DIRECTORY_SEGMENT + 10, ASKED = PEOPLE / 3 + 4 };
    intake_result_t result = {0};
    directory_t *self = people_apply(
        crowd_of(PEOPLE, 7), "id,phone,guardian\nP00000006,,P00000001\nP00001026,,\n", &result);
    uint32_t ordinals[ASKED];
    cr_slice_t out[ASKED];
    for (uint32_t i = 0; i < ASKED; i++)
        ordinals[i] = 3 * i;
    directory_addresses(self, CR_CHANNEL_SMS, ordinals, ASKED, out);
    for (uint32_t i = 0; i < ASKED; i++)
        CU_ASSERT_TRUE(
            cr_slice_equal(out[i], directory_address(self, ordinals[i], CR_CHANNEL_SMS)));
    CU_ASSERT_TRUE(people_is(out[2], "19930000001") && people_is(out[342], ""));
    directory_values(self, CR_SLICE("n"), ordinals, ASKED, out);
    for (uint32_t i = 0; i < ASKED; i++)
        CU_ASSERT_TRUE(cr_slice_equal(out[i], directory_value(self, ordinals[i], CR_SLICE("n"))));
    CU_ASSERT_TRUE(people_is(out[5], "1") && people_is(out[ASKED - 1], ""));
    intake_result_fini(&result);
    directory_unref(&self);
}

static void
groups_are_lists_and_tags(void)
{
    directory_t *self = people_of(family);
    cr_str_t text;
    cr_str_init(&text, 100);
    directory_append_groups(self, 0, &text);
    cr_str_append_char(&text, '|');
    directory_append_roles(self, 0, &text);
    CU_ASSERT_STRING_EQUAL(cr_str_text(&text), "farmer;volunteer|informant");
    cr_str_fini(&text);
    const roaring_bitmap_t *tag = directory_tag(self, DIRECTORY_TAG_GROUP, CR_SLICE("volunteer"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(tag);
    CU_ASSERT_EQUAL(roaring_bitmap_get_cardinality(tag), 1);
    tag = directory_tag(self, DIRECTORY_TAG_ATTRIBUTE, CR_SLICE("village=孔村"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(tag);
    CU_ASSERT_EQUAL(roaring_bitmap_get_cardinality(tag), 2);
    CU_ASSERT_PTR_NULL(directory_tag(self, DIRECTORY_TAG_ROLE, CR_SLICE("volunteer")));
    CU_ASSERT_PTR_NULL(directory_tag(self, DIRECTORY_TAG_ATTRIBUTE, CR_SLICE("village")));
    directory_unref(&self);
}

typedef struct {
    size_t tags;
    uint64_t members;
} sum_t;

static void
on_tag(void *context, cr_slice_t name, const roaring_bitmap_t *members)
{
    sum_t *sum = context;
    CU_ASSERT_TRUE(name.length > 0);
    sum->tags++;
    sum->members += roaring_bitmap_get_cardinality(members);
}

static void
every_tag_holds_exactly_its_people(void)
{
    static const struct {
        directory_tag_kind_t kind;
        sum_t wanted;
    } cases[] = {
        {DIRECTORY_TAG_DIVISION, {6, 5000}},  {DIRECTORY_TAG_GROUP, {6, 10000}},
        {DIRECTORY_TAG_ROLE, {3, 5000}},      {DIRECTORY_TAG_LANGUAGE, {1, 5000}},
        {DIRECTORY_TAG_ATTRIBUTE, {7, 5000}},
    };
    directory_t *self = crowd_of(5000, 7);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        sum_t sum = {0};
        directory_each_tag(self, cases[i].kind, on_tag, &sum);
        CU_ASSERT_EQUAL(sum.tags, cases[i].wanted.tags);
        CU_ASSERT_EQUAL(sum.members, cases[i].wanted.members);
    }
    const roaring_bitmap_t *tag = directory_tag(self, DIRECTORY_TAG_GROUP, CR_SLICE("g3"));
    for (uint32_t i = 0; i < 5000; i++)
        CU_ASSERT_EQUAL(roaring_bitmap_contains(tag, i), i % 5 == 3);
    directory_unref(&self);
}

static void
an_attribute_with_too_many_values_is_kept_but_is_no_tag(void)
{
    directory_t *self = crowd_of(5000, 4097);
    sum_t sum = {0};
    directory_each_tag(self, DIRECTORY_TAG_ATTRIBUTE, on_tag, &sum);
    CU_ASSERT_EQUAL(sum.tags, 0);
    CU_ASSERT_EQUAL(directory_attribute_count(self), 1);
    CU_ASSERT_TRUE(people_is(directory_value(self, 4999, CR_SLICE("n")), "902"));
    directory_unref(&self);
    self = crowd_of(5000, 4096);
    directory_each_tag(self, DIRECTORY_TAG_ATTRIBUTE, on_tag, &sum);
    CU_ASSERT_EQUAL(sum.tags, 4096);
    directory_unref(&self);
}

static void
a_recipient_costs_at_most_20_bytes_beside_the_strings(void)
{
    enum { PEOPLE = 20000, STRINGS = 9 + 4 + 11 + 28 + 20 };
    directory_t *self = crowd_of(PEOPLE, 7);
    CU_ASSERT_TRUE(directory_bytes(self) < (20 + STRINGS) * (size_t)PEOPLE);
    CU_ASSERT_TRUE(directory_bytes(self) > STRINGS * (size_t)PEOPLE);
    directory_unref(&self);
}

static const uint8_t key[CR_KEY_BYTES] = "a key of thirty-two bytes, or so";

/* Seals every segment of `from` as generation 7 and opens it in `to`; byte `flip` is damaged. */
static cr_err_t
move_segments(const directory_t *from, directory_t *to, uint32_t generation, size_t flip)
{
    cr_err_t err = CR_OK;
    for (uint32_t i = 0; i < directory_segment_count(from) && err == CR_OK; i++) {
        uint8_t *blob;
        size_t length;
        CU_ASSERT_EQUAL_FATAL(directory_seal(from, i, 7, key, &blob, &length), CR_OK);
        if (flip < length)
            blob[flip] ^= 1;
        err = directory_unseal(to, i, generation, key, blob, length);
        free(blob);
    }
    return err;
}

static void
what_was_sealed_is_the_same_when_opened(void)
{
    directory_t *self = crowd_of(2500, 7), *opened = people_nobody();
    CU_ASSERT_EQUAL(directory_segment_count(self), 3);
    CU_ASSERT_EQUAL_FATAL(move_segments(self, opened, 7, SIZE_MAX), CR_OK);
    CU_ASSERT_EQUAL_FATAL(directory_index(opened), CR_OK);
    CU_ASSERT_EQUAL(directory_size(opened), 2500);
    for (uint32_t i = 0; i < 2500; i++) {
        recipient_t a, b;
        CU_ASSERT_TRUE(directory_get(self, i, &a) && directory_get(opened, i, &b));
        CU_ASSERT_TRUE(cr_slice_equal(a.id, b.id) && cr_slice_equal(a.email, b.email));
        CU_ASSERT_TRUE(cr_slice_equal(directory_value(self, i, CR_SLICE("n")),
                                      directory_value(opened, i, CR_SLICE("n"))));
        CU_ASSERT_EQUAL(directory_find(opened, a.id), i);
    }
    CU_ASSERT_TRUE(
        roaring_bitmap_equals(directory_tag(self, DIRECTORY_TAG_GROUP, CR_SLICE("g1")),
                              directory_tag(opened, DIRECTORY_TAG_GROUP, CR_SLICE("g1"))));
    directory_unref(&self);
    directory_unref(&opened);
}

static void
a_blob_that_was_touched_or_moved_is_refused(void)
{
    directory_t *self = people_of(family), *opened = directory_new();
    uint8_t *blob;
    size_t length;
    CU_ASSERT_EQUAL_FATAL(directory_seal(self, 0, 7, key, &blob, &length), CR_OK);
    CU_ASSERT_PTR_NULL(memmem(blob, length, "19931234567", 11));
    for (size_t at = 0; at < length; at += at < 64 ? 1 : 37)
        CU_ASSERT_EQUAL(move_segments(self, opened, 7, at), CR_CORRUPT);
    CU_ASSERT_EQUAL(move_segments(self, opened, 8, SIZE_MAX), CR_CORRUPT);
    CU_ASSERT_EQUAL(directory_unseal(opened, 1, 7, key, blob, length), CR_CORRUPT);
    for (size_t less = 1; less <= length; less += 11)
        CU_ASSERT_EQUAL(directory_unseal(opened, 0, 7, key, blob, length - less), CR_CORRUPT);
    const uint8_t other[CR_KEY_BYTES] = "another";
    CU_ASSERT_EQUAL(directory_unseal(opened, 0, 7, other, blob, length), CR_CORRUPT);
    CU_ASSERT_EQUAL(directory_unseal(opened, 0, 7, key, blob, length), CR_OK);
    free(blob);
    directory_unref(&self);
    directory_unref(&opened);
}

/* Segment 0 of one directory beside segment 1 of another that holds one of the same people. */
static void
the_same_id_in_two_segments_is_damage(void)
{
    char *csv = crowd(DIRECTORY_SEGMENT, 7);
    directory_t *first = people_of(csv), *opened = directory_new();
    for (char *at = csv; (at = strstr(at, "\nP")); at++)
        at[1] = 'Q';
    intake_result_t result = {0};
    directory_t *other = people_apply(people_of(csv), "id\nP00000000\n", &result);
    uint8_t *blob;
    size_t length;
    CU_ASSERT_EQUAL_FATAL(move_segments(first, opened, 7, SIZE_MAX), CR_OK);
    CU_ASSERT_EQUAL_FATAL(directory_seal(other, 1, 7, key, &blob, &length), CR_OK);
    CU_ASSERT_EQUAL(directory_unseal(opened, 1, 7, key, blob, length), CR_OK);
    CU_ASSERT_EQUAL(directory_index(opened), CR_CORRUPT);
    free(blob);
    free(csv);
    intake_result_fini(&result);
    directory_unref(&first);
    directory_unref(&other);
    directory_unref(&opened);
}

/* A segment that is left out, or one that follows a segment which is not full. */
static void
segments_out_of_order_are_damage(void)
{
    directory_t *whole = crowd_of(DIRECTORY_SEGMENT + 1, 7), *few = people_of(family);
    directory_t *opened = directory_new();
    uint8_t *blob;
    size_t length;
    CU_ASSERT_EQUAL_FATAL(directory_seal(whole, 1, 7, key, &blob, &length), CR_OK);
    CU_ASSERT_EQUAL(directory_unseal(opened, 1, 7, key, blob, length), CR_CORRUPT);
    CU_ASSERT_EQUAL_FATAL(move_segments(few, opened, 7, SIZE_MAX), CR_OK);
    CU_ASSERT_EQUAL(directory_unseal(opened, 1, 7, key, blob, length), CR_CORRUPT);
    free(blob);
    directory_unref(&whole);
    directory_unref(&few);
    directory_unref(&opened);
}

static void
ids_of_one_hash_are_different_people(void)
{
    static const char *const ids[] = {"P00729171", "P00963704"};
    CU_ASSERT_EQUAL(index_hash(cr_slice_of(ids[0])), index_hash(cr_slice_of(ids[1])));
    directory_t *self = people_of("id,name\nP00729171,a\nP00963704,b\n");
    for (uint32_t i = 0; i < CR_COUNT(ids); i++)
        CU_ASSERT_EQUAL(directory_find(self, cr_slice_of(ids[i])), i);
    directory_unref(&self);
}

static void
an_attribute_that_nobody_has_is_not_kept(void)
{
    directory_t *self = people_of("id,a,b\nP1,,x\nP2,,\n");
    CU_ASSERT_EQUAL(directory_attribute_count(self), 1);
    CU_ASSERT_TRUE(people_is(directory_attribute(self, 0), "b"));
    CU_ASSERT_TRUE(people_is(directory_value(self, 0, CR_SLICE("b")), "x"));
    directory_unref(&self);
}

static cr_err_t
load_divisions(const char *text, cr_fault_t *fault)
{
    char file[] = "/tmp/crier-divisions-XXXXXX";
    int fd = mkstemp(file);
    FILE *stream = fdopen(fd, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    fputs(text, stream);
    fclose(stream);
    directory_t *self = directory_new();
    cr_err_t err = directory_set_divisions(self, file, fault);
    directory_unref(&self);
    remove(file);
    return err;
}

static void
a_wrong_file_of_divisions_is_refused_with_its_line(void)
{
    static const struct {
        const char *text;
        cr_err_t err;
        size_t line;
    } cases[] = {
        {"code,name,kind,english\n370124104000,孔村镇,town,Kongcun\n", CR_OK, 0},
        {"name,code,kind,english\n", CR_INVAL, 1},
        {"code,name,kind,english\n37012410400,孔村镇,town,\n", CR_INVAL, 2},
        {"code,name,kind,english\n370124104000,,town,\n", CR_INVAL, 2},
        {"code,name,kind,english\n370124104000,孔村镇,town\n", CR_INVAL, 2},
        {"code,name,kind,english\n370124104000,a,town,\n370124104000,b,town,\n", CR_EXISTS, 3},
        {"code,name,kind,english\n370124104000,a,town,\n370124105000,a,town,\n", CR_EXISTS, 3},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_fault_t fault = {0};
        CU_ASSERT_EQUAL(load_divisions(cases[i].text, &fault), cases[i].err);
        CU_ASSERT_EQUAL(fault.line, cases[i].line);
    }
    cr_fault_t fault = {0};
    directory_t *self = directory_new();
    CU_ASSERT_EQUAL(directory_set_divisions(self, "/nonexistent.csv", &fault), CR_NOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "/nonexistent.csv"));
    directory_unref(&self);
}

static void
nobody_is_a_directory_too(void)
{
    directory_t *self = directory_new();
    CU_ASSERT_EQUAL(directory_size(self), 0);
    CU_ASSERT_EQUAL(directory_segment_count(self), 0);
    CU_ASSERT_EQUAL(directory_find(self, CR_SLICE("P1")), DIRECTORY_NONE);
    CU_ASSERT_TRUE(roaring_bitmap_is_empty(directory_everyone(self)));
    CU_ASSERT_TRUE(people_is(directory_address(self, 0, CR_CHANNEL_SMS), ""));
    CU_ASSERT_EQUAL(directory_index(self), CR_OK);
    directory_unref(&self);
}

CU_TestInfo cr_tests[] = {
    {"what was imported is read back", what_was_imported_is_read_back},
    {"a template finds its words", a_template_finds_its_words},
    {"a child is reached through the guardian, who may stand later",
     a_child_is_reached_through_the_guardian_who_may_stand_later},
    {"many are read as each alone", many_are_read_as_each_alone},
    {"groups are lists and tags", groups_are_lists_and_tags},
    {"every tag holds exactly its people", every_tag_holds_exactly_its_people},
    {"an attribute with too many values is kept but is no tag",
     an_attribute_with_too_many_values_is_kept_but_is_no_tag},
    {"a recipient costs at most 20 bytes beside the strings",
     a_recipient_costs_at_most_20_bytes_beside_the_strings},
    {"what was sealed is the same when opened", what_was_sealed_is_the_same_when_opened},
    {"a blob that was touched or moved is refused", a_blob_that_was_touched_or_moved_is_refused},
    {"the same id in two segments is damage", the_same_id_in_two_segments_is_damage},
    {"segments out of order are damage", segments_out_of_order_are_damage},
    {"ids of one hash are different people", ids_of_one_hash_are_different_people},
    {"an attribute that nobody has is not kept", an_attribute_that_nobody_has_is_not_kept},
    {"a wrong file of divisions is refused with its line",
     a_wrong_file_of_divisions_is_refused_with_its_line},
    {"nobody is a directory too", nobody_is_a_directory_too},
    CU_TEST_INFO_NULL};
