#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_test.h"
#include "plan/arguments.h"
#include "plan/broadcast.h"

const char cr_suite[] = "broadcast";

/* 2026-05-01 00:00 UTC */
static const int64_t now = INT64_C(1777593600) * CR_US_PER_S;
static const int64_t two_hours = 2 * 3600 * CR_US_PER_S;

static json_t *
json_of(const char *text)
{
    char *quoted = strdup(text);
    for (char *c = quoted; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *json = json_loads(quoted, 0, NULL);
    free(quoted);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    return json;
}

static template_t *
template_of(const char *sms)
{
    template_t *template = NULL;
    json_t *document = json_pack("{s:s,s:s,s:[s],s:{s:{s:{s:s},s:{s:s,s:s}}}}", "name", "fzr",
                                 "title", "Day", "variables", "place", "wordings", "zh-CN", "sms",
                                 "text", sms, "mail", "subject", "Day", "text", "at {place}");
    CU_ASSERT_EQUAL_FATAL(template_parse(document, "Office", &template, NULL), CR_OK);
    json_decref(document);
    return template;
}

static cr_err_t
draft(const char *arguments_text, bool may_emergency, json_t **document, cr_fault_t *fault)
{
    template_t *template = template_of("come to {place}");
    json_t *arguments = json_of(arguments_text);
    broadcast_draft_t about = {.template = template,
                               .author = {"planner", "P. Lanner", now},
                               .may_emergency = may_emergency,
                               .expires_default_us = two_hours};
    cr_err_t err = broadcast_draft(&about, arguments, document, fault);
    json_decref(arguments);
    template_destroy(&template);
    return err;
}

static const char plain[] = "{'template':'fzr','to':'all','variables':{'place':'hall'}}";

static json_t *
draft_plain(void)
{
    json_t *document = NULL;
    CU_ASSERT_EQUAL_FATAL(draft(plain, false, &document, NULL), CR_OK);
    return document;
}

static broadcast_t *
broadcast_of(json_t *document)
{
    broadcast_t *broadcast = NULL;
    cr_fault_t fault = {.text = ""};
    CU_ASSERT_EQUAL_FATAL(broadcast_new(42, document, &broadcast, &fault), CR_OK);
    return broadcast;
}

/* ---- drafts ---- */

static void
a_draft_takes_the_defaults_that_are_documented(void)
{
    broadcast_t *broadcast = broadcast_of(draft_plain());
    CU_ASSERT_EQUAL(broadcast->state, LIFECYCLE_DRAFT);
    CU_ASSERT_EQUAL(broadcast->lane, CR_LANE_ROUTINE);
    CU_ASSERT_EQUAL(broadcast->channels, 1u << CR_CHANNEL_SMS | 1u << CR_CHANNEL_MAIL);
    CU_ASSERT_EQUAL(broadcast->expires_us, now + two_hours);
    CU_ASSERT_EQUAL(broadcast->at_us, 0);
    CU_ASSERT_FALSE(broadcast->drill || broadcast->allow_empty || broadcast->resend_unknown);
    CU_ASSERT_STRING_EQUAL(broadcast->author_person, "P. Lanner");
    CU_ASSERT_PTR_NULL(broadcast->submitter_person);
    broadcast_destroy(&broadcast);
}

static void
the_default_expiry_counts_from_the_time_it_goes(void)
{
    json_t *document = NULL;
    CU_ASSERT_EQUAL_FATAL(draft("{'template':'fzr','to':'all','variables':{'place':'hall'},"
                                "'at':'2026-05-02T00:00:00Z'}",
                                false, &document, NULL),
                          CR_OK);
    broadcast_t *broadcast = broadcast_of(document);
    CU_ASSERT_EQUAL(broadcast->at_us, now + 24 * 3600 * CR_US_PER_S);
    CU_ASSERT_EQUAL(broadcast->expires_us, broadcast->at_us + two_hours);
    broadcast_destroy(&broadcast);
}

static void
the_lane_decides_about_unknown_outcomes_unless_the_author_does(void)
{
    static const struct {
        const char *members;
        bool resend;
        cr_err_t err;
    } cases[] = {
        {"'lane':'emergency'", true, CR_OK},
        {"'lane':'urgent'", false, CR_OK},
        {"'lane':'bulk','unknown':'resend'", true, CR_OK},
        {"'lane':'emergency','unknown':'wait'", false, CR_INVAL},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        json_t *document = NULL;
        char text[160];
        snprintf(text, sizeof text, "{'template':'fzr','to':'all','variables':{'place':'hall'},%s}",
                 cases[i].members);
        CU_ASSERT_EQUAL(draft(text, true, &document, NULL), cases[i].err);
        if (cases[i].err != CR_OK)
            continue;
        broadcast_t *broadcast = broadcast_of(document);
        CU_ASSERT_EQUAL(broadcast->resend_unknown, cases[i].resend);
        broadcast_destroy(&broadcast);
    }
}

static void
what_is_wrong_in_a_draft_is_refused_by_name(void)
{
    static const struct {
        const char *members, *name;
        cr_err_t err;
    } cases[] = {
        {"'variables':{}", "place", CR_INVAL},
        {"'variables':{'place':'x','plaice':'y'}", "plaice", CR_INVAL},
        {"'variables':{'place':'x'},'channels':['wechat']", "wechat", CR_INVAL},
        {"'variables':{'place':'x'},'channels':['fax']", "fax", CR_INVAL},
        {"'variables':{'place':'x'},'channels':['sms','sms']", "twice", CR_INVAL},
        {"'variables':{'place':'x'},'channels':[]", "channels", CR_INVAL},
        {"'variables':{'place':'x'},'lane':'fast'", "lane", CR_INVAL},
        {"'variables':{'place':'x'},'lane':'emergency'", "duty", CR_DENIED},
        {"'variables':{'place':'x'},'expires':'2026-04-30T23:59:59Z'", "expires", CR_INVAL},
        {"'variables':{'place':'x'},'at':'2026-05-03T00:00:00Z','expires':'2026-05-03T00:00:00Z'",
         "after at", CR_INVAL},
        {"'variables':{'place':'x'},'unknown':'forget'", "resend or wait", CR_INVAL},
        {"'variables':{'place':'x'},'at':'tomorrow'", "at: not a time", CR_INVAL},
        {"'variables':{'place':'x'},'note':'a\\u202Eb'", "note", CR_INVAL},
        {"'variables':{'place':'x'},'through_quiet':''", "wants the reason", CR_INVAL},
        {"'variables':{'place':'x'},'through_quiet':'a\\u202Eb'", "through_quiet", CR_INVAL},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char text[256];
        json_t *document = NULL;
        cr_fault_t fault = {.text = ""};
        snprintf(text, sizeof text, "{'template':'fzr','to':'all',%s}", cases[i].members);
        CU_ASSERT_EQUAL(draft(text, false, &document, &fault), cases[i].err);
        CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, cases[i].name));
        CU_ASSERT_PTR_NULL(document);
    }
}

static void
duty_may_use_the_emergency_lane(void)
{
    json_t *document = NULL;
    CU_ASSERT_EQUAL_FATAL(
        draft("{'template':'fzr','to':'all','variables':{'place':'x'},'lane':'emergency'}", true,
              &document, NULL),
        CR_OK);
    json_decref(document);
}

/* Hashes of documents from before these options must stay what they were. */
static void
what_most_broadcasts_have_not_is_not_in_their_document(void)
{
    json_t *document = NULL;
    CU_ASSERT_EQUAL_FATAL(draft("{'template':'fzr','to':'all','variables':{'place':'x'},"
                                "'unique_addresses':true,'through_quiet':'the dam'}",
                                false, &document, NULL),
                          CR_OK);
    broadcast_t *broadcast = broadcast_of(document);
    CU_ASSERT_TRUE(broadcast->unique_addresses && broadcast->through_quiet);
    broadcast_destroy(&broadcast);
    CU_ASSERT_EQUAL_FATAL(draft("{'template':'fzr','to':'all','variables':{'place':'x'},"
                                "'unique_addresses':false}",
                                false, &document, NULL),
                          CR_OK);
    CU_ASSERT_PTR_NULL(json_object_get(document, "unique_addresses"));
    CU_ASSERT_PTR_NULL(json_object_get(document, "through_quiet"));
    broadcast = broadcast_of(document);
    CU_ASSERT_FALSE(broadcast->unique_addresses || broadcast->through_quiet);
    broadcast_destroy(&broadcast);
}

/* ---- the hash ---- */

static void
the_hash_changes_with_everything_an_approval_covers(void)
{
    static const struct {
        const char *member, *value;
        bool covered;
    } cases[] = {
        {"to", "'group:farmer'", true},
        {"lane", "'bulk'", true},
        {"channels", "['sms']", true},
        {"variables", "{'place':'elsewhere'}", true},
        {"drill", "true", true},
        {"at", "1", true},
        {"expires", "1", true},
        {"resend_unknown", "true", true},
        {"unique_addresses", "true", true},
        {"through_quiet", "'the dam'", true},
        {"template", "{'name':'b'}", true},
        {"note", "'other'", false},
        {"audience", "7", false},
        {"state", "'sending'", false},
    };
    json_t *document = draft_plain();
    char before[BROADCAST_HASH_TEXT], after[BROADCAST_HASH_TEXT];
    CU_ASSERT_STRING_EQUAL(broadcast_hash(document, before), argument_text(document, "hash"));
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char text[64];
        snprintf(text, sizeof text, "{'v':%s}", cases[i].value);
        json_t *other = json_copy(document), *value = json_of(text);
        json_object_set(other, cases[i].member, json_object_get(value, "v"));
        bool changed = strcmp(broadcast_hash(other, after), before) != 0;
        CU_ASSERT_EQUAL(changed, cases[i].covered);
        json_decref(value);
        json_decref(other);
    }
    json_decref(document);
}

static void
a_changed_wording_renews_the_hash_when_it_is_submitted(void)
{
    json_t *document = draft_plain();
    char *before = strdup(argument_text(document, "hash"));
    template_t *same = template_of("come to {place}"), *changed = template_of("go to {place}");
    CU_ASSERT_EQUAL(broadcast_refresh(document, same, NULL), CR_OK);
    CU_ASSERT_STRING_EQUAL(argument_text(document, "hash"), before);
    CU_ASSERT_EQUAL(broadcast_refresh(document, changed, NULL), CR_OK);
    CU_ASSERT_STRING_NOT_EQUAL(argument_text(document, "hash"), before);
    template_destroy(&same);
    template_destroy(&changed);
    free(before);
    json_decref(document);
}

/* ---- the record ---- */

static void
a_document_that_is_stored_and_read_again_is_the_same_broadcast(void)
{
    broadcast_t *broadcast = broadcast_of(draft_plain());
    char *stored = json_dumps(broadcast->document, 0);
    broadcast_t *again = broadcast_of(json_loads(stored, 0, NULL));
    CU_ASSERT_TRUE(json_equal(broadcast->document, again->document));
    CU_ASSERT_EQUAL(again->expires_us, broadcast->expires_us);
    CU_ASSERT_STRING_EQUAL(again->template_name, "fzr");
    free(stored);
    broadcast_destroy(&broadcast);
    broadcast_destroy(&again);
}

static void
a_damaged_document_is_refused_with_the_member(void)
{
    static const struct {
        const char *member, *value, *place;
    } cases[] = {
        {"format", "2", "format"},      {"state", "'floating'", "state"}, {"lane", "'x'", "lane"},
        {"channels", "['fax']", "fax"}, {"channels", "[1]", "channels"},  {"to", "7", "to"},
        {"template", "{}", "template"}, {"hash", "null", "hash"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char text[64];
        cr_fault_t fault = {.text = ""};
        broadcast_t *broadcast = NULL;
        snprintf(text, sizeof text, "{'v':%s}", cases[i].value);
        json_t *document = draft_plain(), *value = json_of(text);
        json_object_set(document, cases[i].member, json_object_get(value, "v"));
        json_decref(value);
        CU_ASSERT_EQUAL(broadcast_new(1, document, &broadcast, &fault), CR_CORRUPT);
        CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, cases[i].place));
    }
}

static void
an_amendment_leaves_the_record_alone_until_it_is_adopted(void)
{
    broadcast_t *broadcast = broadcast_of(draft_plain());
    broadcast_actor_t actor = {"approver", "A. Prover", now + 1};
    json_t *amended = broadcast_amend(broadcast, LIFECYCLE_SUBMITTED, &actor);
    CU_ASSERT_EQUAL(broadcast->state, LIFECYCLE_DRAFT);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(broadcast->document, "moves")), 1);
    broadcast_adopt(broadcast, amended);
    CU_ASSERT_EQUAL(broadcast->state, LIFECYCLE_SUBMITTED);
    const json_t *moves = json_object_get(broadcast->document, "moves");
    CU_ASSERT_EQUAL(json_array_size(moves), 2);
    CU_ASSERT_STRING_EQUAL(argument_text(json_array_get(moves, 1), "by"), "approver");
    broadcast_destroy(&broadcast);
}

/* ---- the view ---- */

static json_int_t
number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void
counts_add_up_by_class_and_name_their_reasons(void)
{
    json_t *document = draft_plain();
    json_object_set_new(document, "started", json_integer(now));
    broadcast_t *broadcast = broadcast_of(document);
    broadcast->counts = calloc(CR_CHANNEL_COUNT, sizeof *broadcast->counts);
    dispatch_counts_t *sms = &broadcast->counts[CR_CHANNEL_SMS];
    sms->total = 21;
    sms->leased = 3;
    sms->by_status[CR_STATUS_WAITING] = 4;
    sms->by_status[CR_STATUS_RETRY_1] = 1;
    sms->by_status[CR_STATUS_RETRY_3] = 1;
    sms->by_status[CR_STATUS_DELIVERED] = 5;
    sms->by_status[CR_STATUS_UNCONFIRMED] = 2;
    sms->by_status[CR_STATUS_FAILED_ADDRESS] = 2;
    sms->by_status[CR_STATUS_SUPPRESSED_OPTOUT] = 6;
    sms->half_us = now + 1500;
    json_t *view = broadcast_view(broadcast), *counts = json_object_get(view, "counts");
    const json_t *shown = json_object_get(counts, "sms");
    const json_t *reasons = json_object_get(shown, "reasons");
    json_int_t sum = 0;
    for (int i = 0; i < CR_STATUS_CLASS_COUNT; i++)
        sum += number(shown, cr_status_class_name((cr_status_class_t)i));
    CU_ASSERT_EQUAL(sum, 21);
    CU_ASSERT_EQUAL(number(shown, "total"), 21);
    CU_ASSERT_EQUAL(number(shown, "leased"), 3);
    CU_ASSERT_EQUAL(number(shown, "retry"), 2);
    CU_ASSERT_EQUAL(number(shown, "delivered"), 7);
    CU_ASSERT_EQUAL(json_object_size(reasons), 3);
    CU_ASSERT_EQUAL(number(reasons, "unconfirmed"), 2);
    CU_ASSERT_EQUAL(number(reasons, "suppressed_optout"), 6);
    CU_ASSERT_EQUAL(number(reasons, "failed_address"), 2);
    CU_ASSERT_EQUAL(number(shown, "ms_to_half"), 1);
    CU_ASSERT_TRUE(json_is_null(json_object_get(shown, "ms_to_last")));
    CU_ASSERT_PTR_NULL(json_object_get(counts, "wechat"));
    json_decref(view);
    broadcast_destroy(&broadcast);
}

static void
stored_counts_are_shown_when_dispatch_is_done_with_it(void)
{
    json_t *document = draft_plain();
    json_object_set_new(document, "counts", json_of("{'sms':{'total':3}}"));
    broadcast_t *broadcast = broadcast_of(document);
    json_t *counts = broadcast_counts(broadcast);
    CU_ASSERT_EQUAL(number(json_object_get(counts, "sms"), "total"), 3);
    json_decref(counts);
    broadcast_destroy(&broadcast);
}

static void
a_restarted_broadcast_is_counted_from_its_bytes(void)
{
    broadcast_t *broadcast = broadcast_of(draft_plain());
    cr_status_t sms[] = {CR_STATUS_DELIVERED, CR_STATUS_WAITING, CR_STATUS_DELIVERED};
    dispatch_broadcast_t restart = {.audience = roaring_bitmap_from_range(10, 13, 1)};
    restart.status[CR_CHANNEL_SMS] = sms;
    broadcast_count(broadcast, &restart);
    CU_ASSERT_EQUAL(broadcast->counts[CR_CHANNEL_SMS].by_status[CR_STATUS_DELIVERED], 2);
    CU_ASSERT_EQUAL(broadcast->counts[CR_CHANNEL_SMS].by_status[CR_STATUS_WAITING], 1);
    CU_ASSERT_EQUAL(broadcast->counts[CR_CHANNEL_MAIL].by_status[CR_STATUS_WAITING], 3);
    CU_ASSERT_EQUAL(broadcast->counts[CR_CHANNEL_MAIL].total, 3);
    CU_ASSERT_EQUAL(broadcast->counts[CR_CHANNEL_WECHAT].total, 0);
    roaring_bitmap_free(restart.audience);
    broadcast_destroy(&broadcast);
}

static void
the_view_has_every_documented_member_and_no_stored_template(void)
{
    static const char *const members[] = {"id",
                                          "state",
                                          "template",
                                          "title",
                                          "to",
                                          "channels",
                                          "lane",
                                          "drill",
                                          "variables",
                                          "hash",
                                          "author",
                                          "approver",
                                          "reason",
                                          "note",
                                          "created",
                                          "submitted",
                                          "approved",
                                          "at",
                                          "expires",
                                          "started",
                                          "finished",
                                          "audience",
                                          "counts",
                                          "moves",
                                          "author_person",
                                          "unique_addresses",
                                          "through_quiet",
                                          "sent_in_quiet"};
    broadcast_t *broadcast = broadcast_of(draft_plain());
    json_t *view = broadcast_view(broadcast);
    for (size_t i = 0; i < CR_COUNT(members); i++)
        CU_ASSERT_PTR_NOT_NULL(json_object_get(view, members[i]));
    CU_ASSERT_STRING_EQUAL(argument_text(view, "id"), "B-0000001A");
    CU_ASSERT_STRING_EQUAL(argument_text(view, "template"), "fzr");
    CU_ASSERT_STRING_EQUAL(argument_text(view, "title"), "Day");
    CU_ASSERT_TRUE(json_is_null(json_object_get(view, "started")));
    CU_ASSERT_TRUE(json_is_string(json_object_get(view, "created")));
    json_decref(view);
    broadcast_destroy(&broadcast);
}

CU_TestInfo cr_tests[] = {
    {"a draft takes the defaults that are documented",
     a_draft_takes_the_defaults_that_are_documented},
    {"the default expiry counts from the time it goes",
     the_default_expiry_counts_from_the_time_it_goes},
    {"the lane decides about unknown outcomes unless the author does",
     the_lane_decides_about_unknown_outcomes_unless_the_author_does},
    {"what is wrong in a draft is refused by name", what_is_wrong_in_a_draft_is_refused_by_name},
    {"duty may use the emergency lane", duty_may_use_the_emergency_lane},
    {"what most broadcasts have not is not in their document",
     what_most_broadcasts_have_not_is_not_in_their_document},
    {"the hash changes with everything an approval covers",
     the_hash_changes_with_everything_an_approval_covers},
    {"a changed wording renews the hash when it is submitted",
     a_changed_wording_renews_the_hash_when_it_is_submitted},
    {"a document that is stored and read again is the same broadcast",
     a_document_that_is_stored_and_read_again_is_the_same_broadcast},
    {"a damaged document is refused with the member",
     a_damaged_document_is_refused_with_the_member},
    {"an amendment leaves the record alone until it is adopted",
     an_amendment_leaves_the_record_alone_until_it_is_adopted},
    {"counts add up by class and name their reasons",
     counts_add_up_by_class_and_name_their_reasons},
    {"stored counts are shown when dispatch is done with it",
     stored_counts_are_shown_when_dispatch_is_done_with_it},
    {"a restarted broadcast is counted from its bytes",
     a_restarted_broadcast_is_counted_from_its_bytes},
    {"the view has every documented member and no stored template",
     the_view_has_every_documented_member_and_no_stored_template},
    CU_TEST_INFO_NULL,
};
