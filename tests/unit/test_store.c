#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_test.h"
#include "dedup.h"
#include "map.h"
#include "reference.h"

const char cr_suite[] = "store";

static store_message_t
message_of(cr_channel_t channel, const char *address, const char *reference)
{
    return (store_message_t){.channel = channel,
                             .address = cr_slice_of(address),
                             .reference = cr_slice_of(reference),
                             .title = CR_SLICE("title"),
                             .content = CR_SLICE("content")};
}

static void
add(store_t *store, cr_channel_t channel, const char *address, const char *reference)
{
    const store_message_t message = message_of(channel, address, reference);
    CU_ASSERT_EQUAL_FATAL(store_add(store, &message), CR_OK);
}

static void
what_was_put_in_comes_out(void)
{
    store_t *store = store_new(10, 10000);
    const store_message_t in = {.channel = CR_CHANNEL_SMS,
                                .parts = 3,
                                .time_us = 77,
                                .failure = "gone",
                                .address = CR_SLICE("13800001234"),
                                .reference = CR_SLICE("0000001K.s.7.1"),
                                .title = CR_SLICE("平阴科普"),
                                .content = CR_SLICE("a\0b")};
    store_message_t out;
    CU_ASSERT_EQUAL(store_newest(store), 0);
    CU_ASSERT_FALSE(store_at(store, 0, &out));
    CU_ASSERT_EQUAL(store_add(store, &in), CR_OK);
    CU_ASSERT_TRUE_FATAL(store_at(store, store_newest(store), &out));
    CU_ASSERT(out.channel == in.channel && out.parts == 3 && out.time_us == 77);
    CU_ASSERT_STRING_EQUAL(out.failure, "gone");
    CU_ASSERT(cr_slice_equal(out.address, in.address));
    CU_ASSERT(cr_slice_equal(out.reference, in.reference));
    CU_ASSERT(cr_slice_equal(out.title, in.title));
    CU_ASSERT(cr_slice_equal(out.content, in.content));
    store_destroy(&store);
    CU_ASSERT_PTR_NULL(store);
}

static void
the_same_rank_on_three_channels_is_one_person(void)
{
    store_t *store = store_new(10, 10000);
    add(store, CR_CHANNEL_SMS, "13800001234", "0000001K.s.7.2");
    add(store, CR_CHANNEL_SMS, "13800001234", "0000001K.s.8.1"); /* a shared phone */
    add(store, CR_CHANNEL_WECHAT, "oTEST", "0000001K.w.7.1");
    add(store, CR_CHANNEL_MAIL, "a@b.test", "0000001K.m.7");
    add(store, CR_CHANNEL_MAIL, "c@d.test", "a stranger's");
    uint64_t of_mail = store_of_address(store, CR_SLICE("a@b.test"));
    CU_ASSERT_EQUAL(of_mail, 4);
    CU_ASSERT_EQUAL(store_of_person(store, 1), of_mail);
    CU_ASSERT_EQUAL(store_before_of_person(store, 4), 3);
    CU_ASSERT_EQUAL(store_before_of_person(store, 3), 1);
    CU_ASSERT_EQUAL(store_before_of_person(store, 1), 0);
    CU_ASSERT_EQUAL(store_of_person(store, 5), 0);
    CU_ASSERT_EQUAL(store_of_address(store, CR_SLICE("13800001234")), 2);
    CU_ASSERT_EQUAL(store_before_of_address(store, 2), 1);
    store_destroy(&store);
}

static void
the_oldest_go_first_by_number_and_by_bytes(void)
{
    store_t *store = store_new(3, 10000);
    for (int i = 0; i < 5; i++)
        add(store, CR_CHANNEL_SMS, i % 2 ? "odd" : "even", "0000001K.s.7.1");
    CU_ASSERT(store_oldest(store) == 3 && store_newest(store) == 5);
    CU_ASSERT_EQUAL(store_of_address(store, CR_SLICE("odd")), 4);
    CU_ASSERT_EQUAL(store_before_of_address(store, 4), 0); /* number 2 has gone */
    CU_ASSERT_EQUAL(store_before_of_person(store, 3), 0);
    store_destroy(&store);

    store = store_new(100, 60); /* two messages of 30 bytes */
    add(store, CR_CHANNEL_SMS, "1380", "0000001K.s.7.1");
    add(store, CR_CHANNEL_SMS, "1381", "0000001K.s.8.1");
    add(store, CR_CHANNEL_SMS, "1382", "0000001K.s.9.1");
    CU_ASSERT_EQUAL(store_oldest(store), 2);
    CU_ASSERT_EQUAL(store_of_address(store, CR_SLICE("1380")), 0);
    store_message_t big = message_of(CR_CHANNEL_SMS, "1383", "0000001K.s.9.1");
    big.content =
        CR_SLICE("this text alone is longer than sixty bytes, which is all there is room for");
    CU_ASSERT_EQUAL(store_add(store, &big), CR_TOOBIG);
    CU_ASSERT_EQUAL(store_newest(store), 3);
    store_destroy(&store);
}

static void
a_repeated_message_is_known(void)
{
    store_t *store = store_new(10, 10000);
    add(store, CR_CHANNEL_MAIL, "a@b.test", "0000001K.m.7");
    add(store, CR_CHANNEL_MAIL, "a@b.test", "0000001K.m.9");
    const store_message_t same = message_of(CR_CHANNEL_MAIL, "a@b.test", "0000001K.m.7");
    const store_message_t other = message_of(CR_CHANNEL_MAIL, "a@b.test", "0000001K.m.8");
    const store_message_t elsewhere = message_of(CR_CHANNEL_MAIL, "c@b.test", "0000001K.m.7");
    CU_ASSERT_TRUE(store_holds(store, &same));
    CU_ASSERT_FALSE(store_holds(store, &other));
    CU_ASSERT_FALSE(store_holds(store, &elsewhere));
    store_destroy(&store);
}

/* A map against an array, with keys that fall on each other. */
static void
a_map_agrees_with_its_model_through_many_changes(void)
{
    enum { KEYS = 64, STEPS = 200000 };
    uint64_t model[KEYS] = {0};
    map_t *map = map_new(KEYS);
    srandom(1);
    for (int step = 0; step < STEPS; step++) {
        uint64_t index = (uint64_t)random() % KEYS;
        uint64_t key = 1 + index * 32; /* only a few homes in the table */
        uint64_t value = 0;
        if (random() % 2) {
            model[index] = (uint64_t)step + 1;
            map_put(map, key, model[index]);
        } else {
            model[index] = 0;
            map_remove(map, key);
        }
        index = (uint64_t)random() % KEYS;
        bool found = map_find(map, 1 + index * 32, &value);
        CU_ASSERT_FATAL(found == (model[index] != 0) && value == model[index]);
    }
    map_destroy(&map);
}

static void
what_was_seen_is_forgotten_by_time_and_by_number(void)
{
    dedup_t *seen = dedup_new(2, 1000);
    uint64_t value = 0;
    dedup_add(seen, 11, 1, 0);
    dedup_add(seen, 12, 2, 500);
    CU_ASSERT(dedup_find(seen, 11, 999, &value) && value == 1);
    CU_ASSERT_FALSE(dedup_find(seen, 11, 1000, &value));
    CU_ASSERT(dedup_find(seen, 12, 1000, &value) && value == 2);
    dedup_add(seen, 13, 3, 1000);
    dedup_add(seen, 14, 4, 1000);
    CU_ASSERT_FALSE(dedup_find(seen, 12, 1000, &value));
    CU_ASSERT(dedup_find(seen, 14, 1000, &value) && value == 4);
    dedup_destroy(&seen);
}

static void
a_mail_names_its_reference_in_its_message_id(void)
{
    static const struct {
        const char *mail, *reference;
    } cases[] = {
        {"From: a\r\nMessage-ID: <0000001K.m.7@crier.test>\r\n\r\nx", "0000001K.m.7"},
        {"message-id:\r\n <0000001K.m.7@crier.test>\r\n\r\n", "0000001K.m.7"},
        {"Message-ID: 0000001K.m.7@crier.test\r\n\r\n", ""},
        {"Message-ID: <no-at>\r\n\r\n", ""},
        {"From: a\r\n\r\nMessage-ID: <body@x>\r\n", ""},
        {"Message-ID: <unended@x", ""},
        {"", ""},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_slice_t found = reference_of_mail(cr_slice_of(cases[i].mail));
        CU_ASSERT(cr_slice_equal(found, cr_slice_of(cases[i].reference)));
    }
}

static void
only_our_own_references_are_read(void)
{
    static const struct {
        const char *text;
        bool ours;
    } cases[] = {
        {"0000001K.s.7.1", true},
        {"0000001K.m.7", true},
        {"13800001234", false},
        {"", false},
        {"0000001K.x.7", false},
        {"0000001K.s.07", false},
        {"0000001K.s.", false},
        {"0000001K.m.7.1.1", false},
        {"a b\nc", false},
        {"0000001K.m.77777777777777777777777777777777777777777777", false},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_delivery_t delivery;
        CU_ASSERT_EQUAL(reference_read(cr_slice_of(cases[i].text), &delivery) == CR_OK,
                        cases[i].ours);
    }
}

CU_TestInfo cr_tests[] = {
    {"what was put in comes out", what_was_put_in_comes_out},
    {"the same rank on three channels is one person",
     the_same_rank_on_three_channels_is_one_person},
    {"the oldest go first, by number and by bytes", the_oldest_go_first_by_number_and_by_bytes},
    {"a repeated message is known", a_repeated_message_is_known},
    {"a map agrees with its model", a_map_agrees_with_its_model_through_many_changes},
    {"what was seen is forgotten", what_was_seen_is_forgotten_by_time_and_by_number},
    {"a mail names its reference", a_mail_names_its_reference_in_its_message_id},
    {"only our own references are read", only_our_own_references_are_read},
    CU_TEST_INFO_NULL,
};
