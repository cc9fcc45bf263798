#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cr_test.h"
#include "openapi.h"
#include "routes.h"

const char cr_suite[] = "routes";

static void
a_request_finds_its_route_or_learns_which_methods_there_are(void)
{
    static const struct {
        const char *method, *target, *pattern, *allow;
    } cases[] = {
        {"GET", "/v1/me", "/v1/me", ""},
        {"HEAD", "/v1/me", "/v1/me", ""},
        {"GET", "/v1/me?x=1", "/v1/me", ""},
        {"GET", "/v1/recipients/export", "/v1/recipients/export", ""},
        {"GET", "/v1/recipients/P1", "/v1/recipients/{id}", ""},
        {"POST", "/v1/recipients/P1/opt-out", "/v1/recipients/{id}/opt-out", ""},
        {"GET", "/v1/broadcasts/B-1/deliveries/P%2F1", "/v1/broadcasts/{id}/deliveries/{recipient}",
         ""},
        {"GET", "/", "/", ""},
        {"GET", "/?a", "/", ""},
        {"DELETE", "/v1/broadcasts", NULL, "GET, HEAD, POST"},
        {"GET", "/v1/recipients/import", NULL, "POST"},
        {"get", "/v1/me", NULL, "GET, HEAD"},
        {"GET", "/v1/me/", NULL, ""},
        {"GET", "/v1//me", NULL, ""},
        {"GET", "/v1/recipients/", NULL, ""},
        {"GET", "/v1/%6De", NULL, ""},
        {"GET", "*", NULL, ""},
        {"GET", "", NULL, ""},
        {"GET", "http://x/v1/me", NULL, ""},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_str_t allow;
        cr_str_init(&allow, 47);
        const route_t *route = route_find(cases[i].method, cases[i].target, &allow);
        CU_ASSERT_EQUAL(route != NULL, cases[i].pattern != NULL);
        if (route && cases[i].pattern)
            CU_ASSERT_STRING_EQUAL(route->pattern, cases[i].pattern);
        if (!route)
            CU_ASSERT_STRING_EQUAL(cr_str_text(&allow), cases[i].allow);
        cr_str_fini(&allow);
    }
}

static void
every_methods_list_fits_its_header(void)
{
    size_t count;
    const route_t *routes = route_table(&count);
    for (size_t i = 0; i < count; i++) {
        cr_str_t allow;
        cr_str_init(&allow, 47);
        CU_ASSERT_PTR_NULL(route_find("NONE", routes[i].pattern, &allow));
        CU_ASSERT_EQUAL(cr_str_err(&allow), CR_OK);
        CU_ASSERT(allow.length > 0);
        cr_str_fini(&allow);
    }
}

static void
path_and_query_become_arguments_or_are_refused_by_name(void)
{
    static const struct {
        const char *method, *target, *arguments, *member;
    } cases[] = {
        {"GET", "/v1/me", "{}", NULL},
        {"GET", "/v1/templates/fzr-day", "{\"name\": \"fzr-day\"}", NULL},
        {"GET", "/v1/recipients/%E5%BC%A0%203", "{\"id\": \"张 3\"}", NULL},
        {"GET", "/v1/recipients/a+b", "{\"id\": \"a+b\"}", NULL},
        {"GET", "/v1/recipients/e%CC%81", "{\"id\": \"é\"}", NULL}, /* NFC */
        {"POST", "/v1/recipients/P1/opt-out", "{\"id\": \"P1\", \"opted_out\": true}", NULL},
        {"POST", "/v1/recipients/P1/opt-in", "{\"id\": \"P1\", \"opted_out\": false}", NULL},
        {"GET", "/v1/broadcasts/B-1/deliveries/P1", "{\"id\": \"B-1\", \"recipient\": \"P1\"}",
         NULL},
        {"GET", "/v1/audience?select=town%3A%E5%AD%94+%26+%28all%29",
         "{\"select\": \"town:孔 & (all)\"}", NULL},
        {"GET", "/v1/audience?select=a%3Db=c", "{\"select\": \"a=b=c\"}", NULL},
        {"GET", "/v1/audience?select=", "{\"select\": \"\"}", NULL},
        {"GET", "/v1/audience?select", "{\"select\": \"\"}", NULL},
        {"GET", "/v1/broadcasts?state=draft&limit=50&cursor=x",
         "{\"state\": \"draft\", \"limit\": \"50\", \"cursor\": \"x\"}", NULL},
        {"POST", "/v1/recipients/import?skip_bad=1", "{\"skip_bad\": \"1\"}", NULL},
        {"GET", "/v1/audience?select=all&select=all", NULL, "select"},
        {"GET", "/v1/audience?selct=all", NULL, "selct"},
        {"GET", "/v1/audience?s\xff=all", NULL, "s?"},
        {"GET", "/v1/me?a=1", NULL, "a"},
        {"GET", "/v1/broadcasts?limit=-1", NULL, "limit"},
        {"GET", "/v1/broadcasts?limit=", NULL, "limit"},
        {"GET", "/v1/broadcasts?limit=12345678901", NULL, "limit"},
        {"POST", "/v1/recipients/import?skip_bad=yes", NULL, "skip_bad"},
        {"GET", "/v1/audience?select=%", NULL, "select"},
        {"GET", "/v1/audience?select=%4", NULL, "select"},
        {"GET", "/v1/audience?select=%4g", NULL, "select"},
        {"GET", "/v1/audience?select=%FF", NULL, "select"},
        {"GET", "/v1/audience?select=a%00b", NULL, "select"},
        {"GET", "/v1/audience?select=a%1Bb", NULL, "select"},
        {"GET", "/v1/audience?select=a%E2%80%AEb", NULL, "select"}, /* a bidi override */
        {"GET", "/v1/recipients/a%2Fb", NULL, "id"},
        {"GET", "/v1/recipients/a%0Ab", NULL, "id"},
        {"GET", "/v1/recipients/a%00", NULL, "id"},
        {"GET", "/v1/templates/%C0%AF", NULL, "name"}, /* an overlong '/' */
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_str_t allow;
        cr_str_init(&allow, 47);
        const route_t *route = route_find(cases[i].method, cases[i].target, &allow);
        cr_str_fini(&allow);
        CU_ASSERT_PTR_NOT_NULL_FATAL(route);
        json_t *arguments = NULL;
        char member[ROUTE_MEMBER_MAX];
        cr_fault_t fault = {0};
        cr_err_t err = route_arguments(route, cases[i].target, &arguments, member, &fault);
        CU_ASSERT_EQUAL(err, cases[i].member ? CR_INVAL : CR_OK);
        if (cases[i].arguments) {
            json_t *wanted = json_loads(cases[i].arguments, 0, NULL);
            CU_ASSERT(json_equal(arguments, wanted));
            json_decref(wanted);
        } else {
            CU_ASSERT_STRING_EQUAL(member, cases[i].member);
            CU_ASSERT(strncmp(fault.text, member, strlen(member)) == 0);
        }
        json_decref(arguments);
    }
}

static void
what_is_too_long_is_refused(void)
{
    char target[300] = "/v1/recipients/";
    memset(target + strlen(target), 'a', 257);
    cr_str_t allow;
    cr_str_init(&allow, 47);
    const route_t *route = route_find("GET", target, &allow);
    cr_str_fini(&allow);
    CU_ASSERT_PTR_NOT_NULL_FATAL(route);
    json_t *arguments = NULL;
    char member[ROUTE_MEMBER_MAX];
    cr_fault_t fault;
    CU_ASSERT_EQUAL(route_arguments(route, target, &arguments, member, &fault), CR_TOOBIG);
    CU_ASSERT_STRING_EQUAL(member, "id");
    CU_ASSERT_PTR_NULL(arguments);
}

/* -- openapi.json ------------------------------------------------------------------------------ */

static json_t *description;

static const json_t *
resolved(const json_t *node)
{
    const char *reference = json_string_value(json_object_get(node, "$ref"));
    if (!reference)
        return node;
    const json_t *at = description;
    for (const char *part = strchr(reference, '/'); part; part = strchr(part, '/')) {
        part++;
        at = json_object_getn(at, part, strcspn(part, "/"));
    }
    return at;
}

static const json_t *
operation_of(const route_t *route)
{
    const json_t *path = json_object_get(json_object_get(description, "paths"), route->pattern);
    char method[8] = "";
    for (size_t i = 0; route->method[i] && i + 1 < sizeof method; i++)
        method[i] = (char)(route->method[i] | 0x20);
    return json_object_get(path, method);
}

/* Whether the operation, or its path, has the parameter. */
static bool
has_parameter(const route_t *route, const char *name, const char *place)
{
    const json_t *lists[] = {
        json_object_get(operation_of(route), "parameters"),
        json_object_get(json_object_get(json_object_get(description, "paths"), route->pattern),
                        "parameters"),
    };
    size_t index;
    const json_t *item;
    for (size_t i = 0; i < CR_COUNT(lists); i++)
        json_array_foreach(lists[i], index, item)
        {
            const json_t *known = resolved(item);
            const char *known_name = json_string_value(json_object_get(known, "name"));
            const char *known_place = json_string_value(json_object_get(known, "in"));
            if (strcmp(known_name, name) == 0 && strcmp(known_place, place) == 0)
                return true;
        }
    return false;
}

static size_t
query_count(const route_t *route)
{
    size_t count = 0, index;
    const json_t *item;
    json_array_foreach(json_object_get(operation_of(route), "parameters"), index, item) count +=
        strcmp(json_string_value(json_object_get(resolved(item), "in")), "query") == 0;
    return count;
}

static void
check_described(const route_t *route)
{
    static const char *const media[] = {NULL, "application/json", "text/csv",
                                        "application/x-www-form-urlencoded"};
    const json_t *operation = operation_of(route);
    CU_ASSERT_PTR_NOT_NULL(operation);
    if (!operation)
        return;
    char status[8];
    snprintf(status, sizeof status, "%u", route->success);
    CU_ASSERT_PTR_NOT_NULL(json_object_get(json_object_get(operation, "responses"), status));
    const json_t *body = json_object_get(operation, "requestBody");
    CU_ASSERT_EQUAL(body != NULL, route->body != ROUTE_BODY_NONE);
    if (body && media[route->body])
        CU_ASSERT_PTR_NOT_NULL(
            json_object_get(json_object_get(body, "content"), media[route->body]));
    bool open = json_array_size(json_object_get(operation, "security")) == 0 &&
                json_object_get(operation, "security");
    CU_ASSERT_EQUAL(open, route->page != ROUTE_PLAN || route->is_open);
    CU_ASSERT_EQUAL(has_parameter(route, "Idempotency-Key", "header"),
                    strcmp(route->method, "POST") == 0 && !route->is_open);
    size_t queries = 0;
    for (; queries < ROUTE_QUERY_MAX && route->query[queries].name; queries++)
        CU_ASSERT(has_parameter(route, route->query[queries].name, "query"));
    CU_ASSERT_EQUAL(query_count(route), queries);
    for (const char *hole = strchr(route->pattern, '{'); hole; hole = strchr(hole + 1, '{')) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(hole + 1, "}"), hole + 1);
        CU_ASSERT(has_parameter(route, name, "path"));
    }
}

static bool
is_routed(const char *pattern, const char *method)
{
    size_t count;
    const route_t *routes = route_table(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(routes[i].pattern, pattern) == 0 && strcasecmp(routes[i].method, method) == 0)
            return true;
    return false;
}

static void
routes_and_their_description_say_the_same(void)
{
    cr_slice_t text = openapi_text();
    json_error_t error;
    description = json_loadb(text.text, text.length, JSON_REJECT_DUPLICATES, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(description);
    size_t count;
    const route_t *routes = route_table(&count);
    for (size_t i = 0; i < count; i++)
        check_described(&routes[i]);
    const char *path, *method;
    json_t *item, *operation;
    json_object_foreach(json_object_get(description, "paths"), path, item)
        json_object_foreach(item, method, operation)
            CU_ASSERT(strcmp(method, "parameters") == 0 || is_routed(path, method));
    json_decref(description);
}

CU_TestInfo cr_tests[] = {
    {"a request finds its route or learns which methods there are",
     a_request_finds_its_route_or_learns_which_methods_there_are},
    {"every methods list fits its header", every_methods_list_fits_its_header},
    {"path and query become arguments or are refused by name",
     path_and_query_become_arguments_or_are_refused_by_name},
    {"what is too long is refused", what_is_too_long_is_refused},
    {"routes and their description say the same", routes_and_their_description_say_the_same},
    CU_TEST_INFO_NULL,
};
