#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_test.h"
#include "plan/plan.h"
#include "plan/users.h"

const char cr_suite[] = "users";

static const char created[] = "2026-05-01T08:00:00.000+08:00";
static const char later[] = "2026-06-01T08:00:00.000+08:00";

/* A token that only its number decides. */
static const char *
token_of(unsigned number, char token[USERS_TOKEN_TEXT])
{
    snprintf(token, USERS_TOKEN_TEXT, "%064x", number);
    return token;
}

static cr_err_t
add(users_t *users, const char *arguments, unsigned token, cr_fault_t *fault)
{
    char text[USERS_TOKEN_TEXT];
    const user_t *user = NULL;
    json_t *object = json_loads(arguments, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    cr_err_t err = users_add(users, object, created, token_of(token, text), &user, fault);
    CU_ASSERT((user != NULL) == (err == CR_OK));
    json_decref(object);
    return err;
}

static void
add_planner(users_t *users)
{
    CU_ASSERT_EQUAL_FATAL(
        add(users, "{\"name\":\"zhang\",\"person\":\"张三\",\"roles\":[\"planner\",\"operator\"]}",
            1, NULL),
        CR_OK);
}

static void
the_token_finds_its_user_and_no_other_does(void)
{
    users_t *users = users_new();
    char token[USERS_TOKEN_TEXT];
    add_planner(users);
    const user_t *user = users_authenticate(users, token_of(1, token));
    CU_ASSERT_PTR_NOT_NULL_FATAL(user);
    CU_ASSERT_STRING_EQUAL(user->name, "zhang");
    CU_ASSERT_EQUAL(user->roles, 1u << PLAN_ROLE_PLANNER | 1u << PLAN_ROLE_OPERATOR);
    CU_ASSERT_PTR_NULL(users_authenticate(users, token_of(2, token)));
    static const char *const wrong[] = {"", "1", "zz", "00000000000000000000000000000001"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++)
        CU_ASSERT_PTR_NULL(users_authenticate(users, wrong[i]));
    CU_ASSERT_PTR_NULL(users_authenticate(
        users, "000000000000000000000000000000000000000000000000000000000000000100"));
    users_destroy(&users);
}

static void
a_user_that_breaks_a_rule_is_refused_with_the_member(void)
{
    static const struct {
        const char *arguments;
        cr_err_t err;
        const char *text;
    } cases[] = {
        {"{\"name\":\"Zhang\",\"person\":\"a\",\"roles\":[\"duty\"]}", CR_INVAL, "name:"},
        {"{\"name\":\"\",\"person\":\"a\",\"roles\":[\"duty\"]}", CR_INVAL, "name:"},
        {"{\"person\":\"a\",\"roles\":[\"duty\"]}", CR_INVAL, "name:"},
        {"{\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"person\":\"a\",\"roles\":[\"duty\"]}",
         CR_INVAL, "name:"},
        {"{\"name\":\"a\",\"person\":\" \",\"roles\":[\"duty\"]}", CR_INVAL, "person:"},
        {"{\"name\":\"a\",\"person\":\"a\\nb\",\"roles\":[\"duty\"]}", CR_INVAL, "person:"},
        {"{\"name\":\"a\",\"person\":7,\"roles\":[\"duty\"]}", CR_INVAL, "person:"},
        {"{\"name\":\"a\",\"person\":\"a\",\"roles\":[]}", CR_INVAL, "roles:"},
        {"{\"name\":\"a\",\"person\":\"a\",\"roles\":\"duty\"}", CR_INVAL, "roles:"},
        {"{\"name\":\"a\",\"person\":\"a\",\"roles\":[\"root\"]}", CR_INVAL, "root"},
        {"{\"name\":\"a\",\"person\":\"a\",\"roles\":[\"duty\"],\"token\":\"x\"}", CR_INVAL,
         "token: unknown"},
        {"{\"name\":\"zhang\",\"person\":\"b\",\"roles\":[\"duty\"]}", CR_EXISTS, "zhang"},
        {"{\"name\":\"a\",\"person\":\"a\",\"roles\":[\"planner\",\"approver\"]}", CR_CONFLICT,
         "planner and approver"},
        {"{\"name\":\"z2\",\"person\":\" 张三\",\"roles\":[\"approver\"]}", CR_CONFLICT,
         "planner as user zhang"},
    };
    users_t *users = users_new();
    add_planner(users);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_fault_t fault = {0};
        CU_ASSERT_EQUAL(add(users, cases[i].arguments, 9, &fault), cases[i].err);
        CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, cases[i].text));
    }
    users_destroy(&users);
}

static void
a_second_account_may_have_any_role_that_does_not_complete_the_pair(void)
{
    users_t *users = users_new();
    add_planner(users);
    CU_ASSERT_EQUAL(
        add(users, "{\"name\":\"z2\",\"person\":\"张三\",\"roles\":[\"duty\"]}", 2, NULL), CR_OK);
    CU_ASSERT_EQUAL(
        add(users, "{\"name\":\"li\",\"person\":\"李四\",\"roles\":[\"approver\"]}", 3, NULL),
        CR_OK);
    users_destroy(&users);
}

static void
a_revoked_user_may_not_call_and_frees_the_person_but_not_the_name(void)
{
    users_t *users = users_new();
    const user_t *user = NULL;
    char token[USERS_TOKEN_TEXT];
    add_planner(users);
    CU_ASSERT_EQUAL_FATAL(users_revoke(users, "zhang", later, &user, NULL), CR_OK);
    CU_ASSERT_STRING_EQUAL(user->revoked, later);
    CU_ASSERT_PTR_NULL(users_authenticate(users, token_of(1, token)));
    CU_ASSERT_EQUAL(users_revoke(users, "zhang", later, &user, NULL), CR_CONFLICT);
    CU_ASSERT_EQUAL(users_revoke(users, "nobody", later, &user, NULL), CR_NOTFOUND);
    CU_ASSERT_EQUAL(
        add(users, "{\"name\":\"zhang\",\"person\":\"b\",\"roles\":[\"duty\"]}", 2, NULL),
        CR_EXISTS);
    CU_ASSERT_EQUAL(
        add(users, "{\"name\":\"z2\",\"person\":\"张三\",\"roles\":[\"approver\"]}", 3, NULL),
        CR_OK);
    users_destroy(&users);
}

static void
what_could_not_be_stored_is_undone(void)
{
    users_t *users = users_new();
    char token[USERS_TOKEN_TEXT];
    const user_t *user = NULL;
    add_planner(users);
    json_t *before = users_document(users_find(users, "zhang"));
    CU_ASSERT_EQUAL(users_revoke(users, "zhang", later, &user, NULL), CR_OK);
    CU_ASSERT_EQUAL(users_put(users, before, NULL), CR_OK);
    CU_ASSERT_PTR_NOT_NULL(users_authenticate(users, token_of(1, token)));
    users_remove(users, "zhang");
    users_remove(users, "zhang");
    CU_ASSERT_PTR_NULL(users_find(users, "zhang"));
    CU_ASSERT_PTR_NULL(users_authenticate(users, token_of(1, token)));
    json_decref(before);
    users_destroy(&users);
}

static void
a_stored_document_brings_the_user_back(void)
{
    users_t *users = users_new(), *loaded = users_new();
    char token[USERS_TOKEN_TEXT];
    add_planner(users);
    json_t *document = users_document(users_find(users, "zhang"));
    CU_ASSERT_EQUAL(users_put(loaded, document, NULL), CR_OK);
    const user_t *user = users_authenticate(loaded, token_of(1, token));
    CU_ASSERT_PTR_NOT_NULL_FATAL(user);
    json_t *again = users_document(user);
    CU_ASSERT(json_equal(document, again));
    json_object_set_new(document, "token_hash", json_string("12"));
    CU_ASSERT_EQUAL(users_put(loaded, document, NULL), CR_CORRUPT);
    json_object_del(again, "roles");
    CU_ASSERT_EQUAL(users_put(loaded, again, NULL), CR_CORRUPT);
    json_decref(document);
    json_decref(again);
    users_destroy(&users);
    users_destroy(&loaded);
}

static void
the_view_holds_no_hash_and_the_list_is_in_the_order_of_names(void)
{
    users_t *users = users_new();
    add_planner(users);
    CU_ASSERT_EQUAL(
        add(users, "{\"name\":\"li\",\"person\":\"李四\",\"roles\":[\"approver\"]}", 3, NULL),
        CR_OK);
    json_t *list = users_list(users);
    char *text = json_dumps(list, JSON_COMPACT);
    CU_ASSERT_STRING_EQUAL(
        text, "[{\"name\":\"li\",\"person\":\"李四\",\"roles\":[\"approver\"],\"created\":"
              "\"2026-05-01T08:00:00.000+08:00\",\"revoked\":null},"
              "{\"name\":\"zhang\",\"person\":\"张三\",\"roles\":[\"planner\",\"operator\"],"
              "\"created\":\"2026-05-01T08:00:00.000+08:00\",\"revoked\":null}]");
    free(text);
    json_decref(list);
    users_destroy(&users);
}

static void
the_administrator_comes_from_a_token_file_and_cannot_be_revoked(void)
{
    users_t *users = users_new();
    char token[USERS_TOKEN_TEXT];
    const user_t *user = NULL;
    CU_ASSERT_EQUAL(users_set_admin(users, "short", created, NULL), CR_INVAL);
    CU_ASSERT_EQUAL(users_set_admin(users, "00000000000000000000000000000001", created, NULL),
                    CR_INVAL);
    users_new_token(token);
    CU_ASSERT_EQUAL(strlen(token), 64);
    CU_ASSERT_EQUAL(users_set_admin(users, token, created, NULL), CR_OK);
    user = users_authenticate(users, token);
    CU_ASSERT_PTR_NOT_NULL_FATAL(user);
    CU_ASSERT_STRING_EQUAL(user->person, "Administrator");
    CU_ASSERT_EQUAL(user->roles, 1u << PLAN_ROLE_ADMIN);
    CU_ASSERT_EQUAL(users_revoke(users, "admin", later, &user, NULL), CR_CONFLICT);
    users_destroy(&users);
}

static cr_err_t
add_numbered(users_t *users, unsigned number)
{
    char arguments[128];
    snprintf(arguments, sizeof(arguments),
             "{\"name\":\"u%u\",\"person\":\"p%u\",\"roles\":[\"auditor\"]}", number, number);
    return add(users, arguments, number + 1, NULL);
}

static void
many_users_are_each_found_after_one_has_gone(void)
{
    users_t *users = users_new();
    char token[USERS_TOKEN_TEXT];
    size_t found = 0;
    for (unsigned i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(add_numbered(users, i), CR_OK);
    users_remove(users, "u100");
    for (unsigned i = 0; i < 200; i++)
        found += users_authenticate(users, token_of(i + 1, token)) != NULL;
    CU_ASSERT_EQUAL(found, 199);
    users_destroy(&users);
}

#define T(name)                                                                                    \
    {                                                                                              \
#name, name                                                                                \
    }
CU_TestInfo cr_tests[] = {
    T(the_token_finds_its_user_and_no_other_does),
    T(a_user_that_breaks_a_rule_is_refused_with_the_member),
    T(a_second_account_may_have_any_role_that_does_not_complete_the_pair),
    T(a_revoked_user_may_not_call_and_frees_the_person_but_not_the_name),
    T(what_could_not_be_stored_is_undone),
    T(a_stored_document_brings_the_user_back),
    T(the_view_holds_no_hash_and_the_list_is_in_the_order_of_names),
    T(the_administrator_comes_from_a_token_file_and_cannot_be_revoked),
    T(many_users_are_each_found_after_one_has_gone),
    CU_TEST_INFO_NULL,
};
