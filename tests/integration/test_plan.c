#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_test.h"
#include "dispatch/trail.h"
#include "plan_world.h"

const char cr_suite[] = "plan";

static json_int_t
count_of(const world_t *world, const char *class_name)
{
    const json_t *sms = json_object_get(json_object_get(world->body, "counts"), "sms");
    return json_integer_value(json_object_get(sms, class_name));
}

static char *
send_one(world_t *world)
{
    char *id = world_submit(world, PLANNER, "");
    CU_ASSERT_EQUAL_FATAL(world_move(world, APPROVER, PLAN_BROADCAST_APPROVE, id), 200);
    CU_ASSERT_EQUAL_FATAL(world_move(world, PLANNER, PLAN_BROADCAST_SEND, id), 200);
    return id;
}

static void
a_broadcast_goes_from_draft_to_finished_and_survives_a_restart(void)
{
    world_t world;
    world_open(&world);
    char *id = send_one(&world);
    CU_ASSERT_TRUE_FATAL(world_await(&world, id, "finished"));
    CU_ASSERT_EQUAL(count_of(&world, "delivered"), 3);
    CU_ASSERT_EQUAL(world.seen.last_total, 3);
    json_t *before = json_incref(world.body);
    world_stop(&world);
    world_start(&world);
    CU_ASSERT_EQUAL(world_move(&world, OPERATOR, PLAN_BROADCAST_SHOW, id), 200);
    CU_ASSERT_TRUE(json_equal(world.body, before));
    CU_ASSERT_EQUAL(world_call(&world, PLANNER, PLAN_AUDIENCE_COUNT, "{'select':'all'}"), 200);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(world.body, "count")), 3);
    CU_ASSERT_EQUAL(world_call(&world, PLANNER, PLAN_TEMPLATE_SHOW, "{'name':'fzr'}"), 200);
    CU_ASSERT_TRUE(world_await_count(&world.seen.starts, 1));
    json_decref(before);
    free(id);
    world_close(&world);
}

static void
what_was_sending_is_taken_up_again_and_what_was_cancelled_is_settled(void)
{
    world_t world;
    world_open(&world);
    world.seen.finishes = false;
    char *sending = send_one(&world), *paused = send_one(&world), *cancelled = send_one(&world);
    CU_ASSERT_EQUAL(world_move(&world, OPERATOR, PLAN_BROADCAST_PAUSE, paused), 200);
    CU_ASSERT_EQUAL(world_move(&world, PLANNER, PLAN_BROADCAST_CANCEL, cancelled), 200);
    CU_ASSERT_TRUE(world_await_count(&world.seen.cancels, 1));
    CU_ASSERT_EQUAL(world_move(&world, OPERATOR, PLAN_BROADCAST_RESUME, cancelled), 409);
    world_stop(&world);
    world_start(&world);
    CU_ASSERT_TRUE(world_await_count(&world.seen.restarts_served, 3));
    CU_ASSERT_TRUE(world_await_count(&world.seen.cancels, 2));
    CU_ASSERT_TRUE(world_await(&world, sending, "sending"));
    CU_ASSERT_EQUAL(count_of(&world, "waiting"), 3);
    CU_ASSERT_TRUE(world_await(&world, paused, "paused"));
    world.seen.finishes = true;
    world_stop(&world);
    world_start(&world);
    CU_ASSERT_TRUE(world_await(&world, sending, "finished"));
    CU_ASSERT_TRUE(world_await(&world, paused, "finished"));
    CU_ASSERT_TRUE(world_await(&world, cancelled, "cancelled"));
    CU_ASSERT_EQUAL(count_of(&world, "delivered"), 3);
    free(sending);
    free(paused);
    free(cancelled);
    world_close(&world);
}

static void
nobody_approves_what_the_same_person_wrote(void)
{
    world_t world;
    world_open(&world);
    char *id = world_submit(&world, DUTY, "");
    CU_ASSERT_EQUAL(world_move(&world, DUTY, PLAN_BROADCAST_APPROVE, id), 403);
    CU_ASSERT_EQUAL(world_move(&world, DUTY_AS_APPROVER, PLAN_BROADCAST_APPROVE, id), 403);
    CU_ASSERT_TRUE(world_await(&world, id, "submitted"));
    CU_ASSERT_EQUAL(world_move(&world, APPROVER, PLAN_BROADCAST_APPROVE, id), 200);
    free(id);
    world_close(&world);
}

static void
strangers_and_wrong_roles_are_refused_and_unknown_members_are_named(void)
{
    static const char draft[] = "{'template':'fzr','to':'all','variables':{'place':'hall'}}";
    static const char misspelt[] = "{'template':'fzr','to':'all','chanels':['sms']}";
    world_t world;
    world_open(&world);
    CU_ASSERT_EQUAL(world_call(&world, APPROVER, PLAN_BROADCAST_DRAFT, draft), 403);
    CU_ASSERT_EQUAL(world_call(&world, PLANNER, PLAN_USER_LIST, "{}"), 403);
    CU_ASSERT_EQUAL(world_call(&world, PLANNER, PLAN_BROADCAST_DRAFT, misspelt), 400);
    CU_ASSERT_STRING_EQUAL(world_text(&world, "member"), "chanels");
    CU_ASSERT_EQUAL(world_call(&world, ADMIN, PLAN_USER_REVOKE, "{'name':'planner'}"), 204);
    CU_ASSERT_EQUAL(world_call(&world, PLANNER, PLAN_WHOAMI, "{}"), 401);
    world_stop(&world);
    world_start(&world);
    CU_ASSERT_EQUAL(world_call(&world, PLANNER, PLAN_WHOAMI, "{}"), 401);
    CU_ASSERT_EQUAL(world_call(&world, DUTY, PLAN_WHOAMI, "{}"), 200);
    world_close(&world);
}

static void
a_template_changed_after_submission_cannot_be_approved(void)
{
    world_t world;
    world_open(&world);
    char *id = world_submit(&world, PLANNER, "");
    CU_ASSERT_EQUAL(world_call(&world, PLANNER, PLAN_TEMPLATE_PUT,
                               "{'name':'fzr','title':'Day','variables':['place'],'wordings':"
                               "{'zh-CN':{'sms':{'text':'flee from {place}'}}}}"),
                    200);
    CU_ASSERT_EQUAL(world_move(&world, APPROVER, PLAN_BROADCAST_APPROVE, id), 409);
    free(id);
    world_close(&world);
}

static void
an_answered_change_is_answered_the_same_again(void)
{
    static const char body[] = "{'template':'fzr','to':'all','variables':{'place':'hall'}}";
    static const char other[] = "{'template':'fzr','to':'id:P1','variables':{'place':'hall'}}";
    world_t world;
    world_open(&world);
    CU_ASSERT_EQUAL(world_call_key(&world, PLANNER, PLAN_BROADCAST_DRAFT, body, "k"), 201);
    CU_ASSERT_FALSE(world.replayed);
    json_t *first = json_incref(world.body);
    CU_ASSERT_EQUAL(world_call_key(&world, PLANNER, PLAN_BROADCAST_DRAFT, body, "k"), 201);
    CU_ASSERT_TRUE(world.replayed && json_equal(first, world.body));
    CU_ASSERT_EQUAL(world_call_key(&world, PLANNER, PLAN_BROADCAST_DRAFT, other, "k"), 422);
    CU_ASSERT_EQUAL(world_call_key(&world, DUTY, PLAN_BROADCAST_DRAFT, other, "k"), 201);
    CU_ASSERT_FALSE(world.replayed);
    world_stop(&world);
    world_start(&world);
    CU_ASSERT_EQUAL(world_call_key(&world, PLANNER, PLAN_BROADCAST_DRAFT, body, "k"), 201);
    CU_ASSERT_TRUE(world.replayed && json_equal(first, world.body));
    json_decref(first);
    world_close(&world);
}

static void
without_redis_reads_answer_and_writes_change_nothing(void)
{
    world_t world;
    world_open(&world);
    CU_ASSERT_EQUAL_FATAL(world_call(&world, PLANNER, PLAN_BROADCAST_DRAFT,
                                     "{'template':'fzr','to':'all','variables':{'place':'hall'}}"),
                          201);
    char *id = strdup(world_text(&world, "id"));
    kill(world.redis, SIGSTOP);
    CU_ASSERT_EQUAL(world_move(&world, PLANNER, PLAN_BROADCAST_SUBMIT, id), 503);
    CU_ASSERT_EQUAL(world_move(&world, PLANNER, PLAN_BROADCAST_SHOW, id), 200);
    CU_ASSERT_STRING_EQUAL(world_text(&world, "state"), "draft");
    CU_ASSERT_EQUAL(world_call(&world, PLANNER, PLAN_READY, "{}"), 503);
    CU_ASSERT_EQUAL(world_import(&world, "id,name\nP9,Eve\n"), 503);
    kill(world.redis, SIGCONT);
    int64_t end = cr_clock_mono_us() + 10 * CR_US_PER_S;
    int status = 503;
    while (status == 503 && cr_clock_mono_us() < end)
        status = world_move(&world, PLANNER, PLAN_BROADCAST_SUBMIT, id);
    CU_ASSERT_EQUAL(status, 200);
    CU_ASSERT_EQUAL(world_import(&world, "id,name\nP9,Eve\n"), 200);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(world.body, "recipients")), 4);
    free(id);
    world_close(&world);
}

static void
a_scheduled_broadcast_goes_at_its_time_also_when_that_passed_while_we_were_down(void)
{
    world_t world;
    char soon[64], text[CR_TIME_TEXT_MAX];
    world_open(&world);
    snprintf(soon, sizeof soon, ",'at':'%s'",
             cr_time_format(cr_clock_wall_us() + CR_US_PER_S, text));
    char *first = world_submit(&world, PLANNER, soon),
         *second = world_submit(&world, PLANNER, soon);
    CU_ASSERT_EQUAL(world_move(&world, APPROVER, PLAN_BROADCAST_APPROVE, first), 200);
    CU_ASSERT_STRING_EQUAL(world_text(&world, "state"), "scheduled");
    CU_ASSERT_EQUAL(world_move(&world, PLANNER, PLAN_BROADCAST_SEND, first), 409);
    CU_ASSERT_TRUE(world_await(&world, first, "finished"));
    CU_ASSERT_EQUAL(world_move(&world, APPROVER, PLAN_BROADCAST_APPROVE, second), 200);
    world_stop(&world);
    world_start(&world);
    CU_ASSERT_TRUE(world_await(&world, second, "finished"));
    CU_ASSERT_EQUAL(world.seen.starts - world.seen.restarts, 2);
    free(first);
    free(second);
    world_close(&world);
}

static void
what_nobody_sent_expires(void)
{
    world_t world;
    char soon[64], text[CR_TIME_TEXT_MAX];
    world_open(&world);
    snprintf(soon, sizeof soon, ",'expires':'%s'",
             cr_time_format(cr_clock_wall_us() + CR_US_PER_S, text));
    char *id = world_submit(&world, PLANNER, soon);
    CU_ASSERT_TRUE(world_await(&world, id, "expired"));
    CU_ASSERT_EQUAL(world_move(&world, APPROVER, PLAN_BROADCAST_APPROVE, id), 409);
    free(id);
    world_close(&world);
}

static void
an_opt_out_is_shown_told_to_dispatch_and_kept(void)
{
    world_t world;
    world_open(&world);
    CU_ASSERT_EQUAL(world_call(&world, OPERATOR, PLAN_RECIPIENT_OPTOUT,
                               "{'id':'P1','channels':['sms','mail'],'opted_out':true}"),
                    200);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(world.body, "opted_out")), 2);
    CU_ASSERT_STRING_EQUAL(world_text(&world, "phone"), "199****4567");
    CU_ASSERT_TRUE(world_await_count(&world.seen.optouts, 2));
    CU_ASSERT_EQUAL(world_call(&world, OPERATOR, PLAN_RECIPIENT_OPTOUT,
                               "{'id':'P1','channels':['mail'],'opted_out':false}"),
                    200);
    world_stop(&world);
    world.seen.optouts = 0;
    world_start(&world);
    CU_ASSERT_TRUE(world_await_count(&world.seen.optouts, 1));
    CU_ASSERT_EQUAL(world_call(&world, OPERATOR, PLAN_AUDIENCE_COUNT, "{'select':'all'}"), 200);
    const json_t *channels = json_object_get(world.body, "channels");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(channels, "sms")), 1);
    world_close(&world);
}

static json_int_t
sum_of_towns(const world_t *world)
{
    const json_t *towns = json_object_get(world->body, "towns");
    json_int_t sum = 0;
    for (size_t i = 0; i < json_array_size(towns); i++)
        sum += json_integer_value(json_object_get(json_array_get(towns, i), "count"));
    return sum;
}

static void
an_import_opts_out_who_asks_for_it_and_towns_add_up(void)
{
    static const char csv[] = "id,name,phone,division,opt_out\n"
                              "P1,Ann,19931234567,370124001000,\n"
                              "P2,Bob,19931234568,370124102000,sms\n"
                              "P3,Cyd,,370124102000,sms;mail\n";
    world_t world;
    world_open(&world);
    CU_ASSERT_EQUAL(world_import(&world, csv), 200);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(world.body, "updated")), 3);
    CU_ASSERT_TRUE(world_await_count(&world.seen.optouts, 3));
    CU_ASSERT_EQUAL(world_import(&world, csv), 200);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(world.body, "unchanged")), 3);
    CU_ASSERT_EQUAL(world.seen.optouts, 3);
    CU_ASSERT_EQUAL(world_call(&world, OPERATOR, PLAN_AUDIENCE_COUNT, "{'select':'all'}"), 200);
    const json_t *channels = json_object_get(world.body, "channels");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(channels, "sms")), 1);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(world.body, "towns")), 2);
    CU_ASSERT_EQUAL(sum_of_towns(&world), 3);
    world_stop(&world);
    world_start(&world);
    CU_ASSERT_EQUAL(world_call(&world, OPERATOR, PLAN_RECIPIENT_SHOW, "{'id':'P3'}"), 200);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(world.body, "opted_out")), 2);
    CU_ASSERT_STRING_EQUAL(world_text(&world, "town"), "东阿镇");
    world_close(&world);
}

static void
an_import_with_a_bad_row_changes_nothing_and_names_it(void)
{
    world_t world;
    world_open(&world);
    CU_ASSERT_EQUAL(world_import(&world, "id,name,phone\nP8,Eve,19931234569\nP9,Fay,123\n"), 422);
    const json_t *rows = json_object_get(world.body, "bad_rows");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_array_get(rows, 0), "line")), 3);
    CU_ASSERT_EQUAL(world_call(&world, OPERATOR, PLAN_RECIPIENT_SHOW, "{'id':'P8'}"), 404);
    CU_ASSERT_EQUAL(world_import(&world, "id,name,phone\nP8,Eve,19931234569\n"), 200);
    world_close(&world);
}

static size_t
bad_addresses_of(world_t *world, const char *recipient)
{
    char arguments[32];
    snprintf(arguments, sizeof arguments, "{'id':'%s'}", recipient);
    CU_ASSERT_EQUAL(world_call(world, OPERATOR, PLAN_RECIPIENT_SHOW, arguments), 200);
    return json_array_size(json_object_get(world->body, "bad_addresses"));
}

static void
a_person_whose_address_is_good_stays_so_when_older_news_crosses_the_word(void)
{
    world_t world;
    world_open(&world);
    static const char word[] = "{'id':'P1','channels':['sms']}";
    CU_ASSERT_EQUAL(world_call(&world, OPERATOR, PLAN_RECIPIENT_GOOD_ADDRESS, word), 200);
    CU_ASSERT_EQUAL(world_call(&world, OPERATOR, PLAN_QUEUE, "{}"), 200); /* after that news */
    CU_ASSERT_EQUAL(bad_addresses_of(&world, "P1"), 0);
    CU_ASSERT_EQUAL(bad_addresses_of(&world, "P2"), 1);
    world_close(&world);
}

/* What dispatch would have stored of rank 0. */
static void
store_delivery(uint64_t broadcast)
{
    zsock_t *ledger = zsock_new_pair(">inproc://ledger-dispatch");
    ledger_op_t *op = ledger_op_new(LEDGER_BLOCK);
    trail_t trail = {.kind = TRAIL_REPORT, .at_us = 1, .worker = "sms-1", .count = 1};
    trail.attempts[0] = 1;
    trail.outcomes[0] = CR_STATUS_HANDED;
    op->broadcast = broadcast;
    op->channel = CR_CHANNEL_SMS;
    op->length = 1;
    op->status[0] = CR_STATUS_HANDED;
    op->trail_bytes = trail_encode(&trail, op->trail);
    ledger_send(ledger, &op);
    op = ledger_receive(ledger);
    CU_ASSERT_EQUAL(op->err, CR_OK);
    ledger_op_destroy(&op);
    zsock_destroy(&ledger);
}

static int
explain(world_t *world, const char *id, const char *recipient)
{
    char arguments[96];
    snprintf(arguments, sizeof arguments, "{'id':'%s','recipient':'%s'}", id, recipient);
    return world_call(world, OPERATOR, PLAN_BROADCAST_EXPLAIN, arguments);
}

static void
what_dispatch_does_not_hold_any_more_is_explained_from_the_store(void)
{
    world_t world;
    world_open(&world);
    char *id = send_one(&world), *draft = world_submit(&world, PLANNER, "");
    CU_ASSERT_TRUE_FATAL(world_await(&world, id, "finished"));
    store_delivery(1);
    CU_ASSERT_EQUAL(explain(&world, id, "P1"), 200);
    const json_t *sms = json_object_get(json_object_get(world.body, "channels"), "sms");
    const json_t *attempts = json_object_get(sms, "attempts");
    CU_ASSERT_TRUE(json_is_true(json_object_get(world.body, "in_audience")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(sms, "status")), "handed");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(sms, "address")), "199****4567");
    CU_ASSERT_EQUAL(json_array_size(attempts), 1);
    CU_ASSERT_EQUAL(explain(&world, id, "P2"), 200);
    sms = json_object_get(json_object_get(world.body, "channels"), "sms");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(world.body, "rank")), 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(sms, "status")), "waiting");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(sms, "attempts")), 0);
    CU_ASSERT_EQUAL(world_import(&world, "id,name,phone\nP9,Eve,19931234569\n"), 200);
    CU_ASSERT_EQUAL(explain(&world, id, "P9"), 200);
    CU_ASSERT_TRUE(json_is_false(json_object_get(world.body, "in_audience")));
    CU_ASSERT_TRUE(json_is_null(json_object_get(world.body, "rank")));
    CU_ASSERT_EQUAL(explain(&world, draft, "P1"), 409);
    free(id);
    free(draft);
    world_close(&world);
}

static void
every_change_is_in_the_audit(void)
{
    world_t world;
    world_open(&world);
    char *id = send_one(&world);
    CU_ASSERT_TRUE(world_await(&world, id, "finished"));
    CU_ASSERT_EQUAL(world_call(&world, ADMIN, PLAN_AUDIT, "{'limit':'4'}"), 200);
    static const char *const newest[] = {"broadcast_settled", "broadcast_send", "broadcast_approve",
                                         "broadcast_submit"};
    const json_t *items = json_object_get(world.body, "items");
    CU_ASSERT_EQUAL_FATAL(json_array_size(items), CR_COUNT(newest));
    for (size_t i = 0; i < CR_COUNT(newest); i++) {
        const json_t *line = json_array_get(items, i);
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(line, "what")), newest[i]);
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(line, "object")), id);
    }
    CU_ASSERT_NOT_EQUAL(strlen(world_text(&world, "next")), 0);
    free(id);
    world_close(&world);
}

static void
nothing_is_promised_after_a_newer_daemon(void)
{
    world_t world;
    ledger_t *newer;
    cr_fault_t fault;
    world_open(&world);
    ledger_config_t config = {
        .redis_url = world.redis_url, .password_file = "", .timeout_ms = 1000};
    CU_ASSERT_EQUAL_FATAL(ledger_open(&config, &newer, &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(ledger_take(newer, WORLD_NAME, &fault), CR_OK);
    char *arguments = "{'name':'late','person':'L. Ate','roles':['auditor']}";
    CU_ASSERT_EQUAL(world_call(&world, ADMIN, PLAN_USER_ADD, arguments), 503);
    CU_ASSERT_EQUAL(ledger_over(world.ledger), CR_CONFLICT);
    CU_ASSERT_EQUAL(world_call(&world, PLANNER, PLAN_WHOAMI, "{}"), 503);
    ledger_destroy(&newer);
    world_close(&world);
}

CU_TestInfo cr_tests[] = {
    {"a broadcast goes from draft to finished and survives a restart",
     a_broadcast_goes_from_draft_to_finished_and_survives_a_restart},
    {"what was sending is taken up again and what was cancelled is settled",
     what_was_sending_is_taken_up_again_and_what_was_cancelled_is_settled},
    {"nobody approves what the same person wrote", nobody_approves_what_the_same_person_wrote},
    {"strangers and wrong roles are refused, and unknown members are named",
     strangers_and_wrong_roles_are_refused_and_unknown_members_are_named},
    {"a template changed after submission cannot be approved",
     a_template_changed_after_submission_cannot_be_approved},
    {"an answered change is answered the same again",
     an_answered_change_is_answered_the_same_again},
    {"without Redis reads answer and writes change nothing",
     without_redis_reads_answer_and_writes_change_nothing},
    {"a scheduled broadcast goes at its time, also when that passed while we were down",
     a_scheduled_broadcast_goes_at_its_time_also_when_that_passed_while_we_were_down},
    {"what nobody sent expires", what_nobody_sent_expires},
    {"an opt-out is shown, told to dispatch, and kept",
     an_opt_out_is_shown_told_to_dispatch_and_kept},
    {"an import opts out who asks for it, and towns add up",
     an_import_opts_out_who_asks_for_it_and_towns_add_up},
    {"a person whose address is good stays so when older news crosses the word",
     a_person_whose_address_is_good_stays_so_when_older_news_crosses_the_word},
    {"an import with a bad row changes nothing and names it",
     an_import_with_a_bad_row_changes_nothing_and_names_it},
    {"what dispatch does not hold any more is explained from the store",
     what_dispatch_does_not_hold_any_more_is_explained_from_the_store},
    {"every change is in the audit", every_change_is_in_the_audit},
    {"nothing is promised after a newer daemon", nothing_is_promised_after_a_newer_daemon},
    CU_TEST_INFO_NULL,
};
