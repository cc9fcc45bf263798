#include "routes.h"

#include <string.h>

#include "target.h"

/* clang-format off */
#define ASK(method_, pattern_, verb_, body_, ...) \
    {.method = (method_), .pattern = (pattern_), .verb = PLAN_##verb_, .body = ROUTE_BODY_##body_, .success = __VA_ARGS__}
#define SHOW(pattern_, page_) {.method = "GET", .pattern = (pattern_), .success = 200, .page = ROUTE_##page_}
#define QUERY(...) .query = {__VA_ARGS__}
#define PAGING {"limit", ROUTE_NUMBER}, {"cursor", ROUTE_TEXT}
#define FIXED(name, value) .fixed = {name, value}

static const route_t routes[] = {
    ASK("GET", "/v1/me", WHOAMI, NONE, 200),
    ASK("GET", "/v1/users", USER_LIST, NONE, 200),
    ASK("POST", "/v1/users", USER_ADD, JSON, 201),
    ASK("DELETE", "/v1/users/{name}", USER_REVOKE, NONE, 204),
    ASK("POST", "/v1/recipients/import", RECIPIENT_IMPORT, CSV, 200, QUERY({"skip_bad", ROUTE_FLAG})),
    ASK("GET", "/v1/recipients/export", RECIPIENT_EXPORT, NONE, 200),
    ASK("GET", "/v1/recipients/{id}", RECIPIENT_SHOW, NONE, 200),
    ASK("POST", "/v1/recipients/{id}/opt-out", RECIPIENT_OPTOUT, JSON, 200, FIXED("opted_out", true)),
    ASK("POST", "/v1/recipients/{id}/opt-in", RECIPIENT_OPTOUT, JSON, 200, FIXED("opted_out", false)),
    ASK("POST", "/v1/recipients/{id}/good-address", RECIPIENT_GOOD_ADDRESS, JSON, 200),
    ASK("GET", "/v1/audience", AUDIENCE_COUNT, NONE, 200, QUERY({"select", ROUTE_TEXT})),
    ASK("GET", "/v1/templates", TEMPLATE_LIST, NONE, 200),
    ASK("GET", "/v1/templates/{name}", TEMPLATE_SHOW, NONE, 200),
    ASK("PUT", "/v1/templates/{name}", TEMPLATE_PUT, JSON, 200),
    ASK("POST", "/v1/templates/{name}/preview", TEMPLATE_PREVIEW, JSON, 200),
    ASK("GET", "/v1/broadcasts", BROADCAST_LIST, NONE, 200, QUERY({"state", ROUTE_TEXT}, PAGING)),
    ASK("POST", "/v1/broadcasts", BROADCAST_DRAFT, JSON, 201),
    ASK("GET", "/v1/broadcasts/{id}", BROADCAST_SHOW, NONE, 200),
    ASK("POST", "/v1/broadcasts/{id}/submit", BROADCAST_SUBMIT, JSON, 200),
    ASK("POST", "/v1/broadcasts/{id}/approve", BROADCAST_APPROVE, JSON, 200),
    ASK("POST", "/v1/broadcasts/{id}/reject", BROADCAST_REJECT, JSON, 200),
    ASK("POST", "/v1/broadcasts/{id}/send", BROADCAST_SEND, JSON, 200),
    ASK("POST", "/v1/broadcasts/{id}/pause", BROADCAST_PAUSE, JSON, 200),
    ASK("POST", "/v1/broadcasts/{id}/resume", BROADCAST_RESUME, JSON, 200),
    ASK("POST", "/v1/broadcasts/{id}/cancel", BROADCAST_CANCEL, JSON, 200),
    ASK("GET", "/v1/broadcasts/{id}/deliveries/{recipient}", BROADCAST_EXPLAIN, NONE, 200),
    ASK("GET", "/v1/broadcasts/{id}/unknown", BROADCAST_UNKNOWN, NONE, 200),
    ASK("POST", "/v1/broadcasts/{id}/unknown", BROADCAST_ORDER, JSON, 200),
    ASK("GET", "/v1/queue", QUEUE, NONE, 200),
    ASK("GET", "/v1/workers", WORKERS, NONE, 200),
    ASK("POST", "/v1/workers/{name}/drain", WORKER_DRAIN, JSON, 200, FIXED("drain", true)),
    ASK("POST", "/v1/workers/{name}/undrain", WORKER_DRAIN, JSON, 200, FIXED("drain", false)),
    ASK("GET", "/v1/gateways", GATEWAYS, NONE, 200),
    ASK("PATCH", "/v1/gateways/{name}", GATEWAY_SET, JSON, 200),
    ASK("GET", "/v1/status", STATUS, NONE, 200),
    ASK("GET", "/v1/replies", REPLIES, NONE, 200,
        QUERY({"recipient", ROUTE_TEXT}, {"since", ROUTE_TEXT}, PAGING)),
    ASK("GET", "/v1/audit", AUDIT, NONE, 200, QUERY(PAGING)),
    {.method = "POST", .pattern = "/u/{token}", .verb = PLAN_UNSUBSCRIBE, .body = ROUTE_BODY_FORM, .is_open = true, .success = 200},
    SHOW("/u/{token}", UNSUBSCRIBE),
    SHOW("/", INDEX),
    SHOW("/v1/openapi.json", OPENAPI),
    SHOW("/metrics", METRICS),
    SHOW("/healthz", HEALTHZ),
    SHOW("/readyz", READYZ),
};
/* clang-format on */

const route_t *
route_table(size_t *count)
{
    *count = CR_COUNT(routes);
    return routes;
}

static bool
segment_matches(cr_slice_t wanted, cr_slice_t seen)
{
    if (wanted.length > 0 && wanted.text[0] == '{')
        return seen.length > 0;
    return cr_slice_equal(wanted, seen);
}

/* A literal segment comes before a hole in the table, so the first match is the right one. */
static bool
path_matches(const char *pattern, const char *target)
{
    cr_slice_t wanted, seen;
    while (target_next_segment(&pattern, &wanted))
        if (!target_next_segment(&target, &seen) || !segment_matches(wanted, seen))
            return false;
    return !target_next_segment(&target, &seen);
}

static void
allow_append(cr_str_t *allow, const char *method)
{
    cr_str_appendf(allow, "%s%s", allow->length ? ", " : "", method);
    if (strcmp(method, "GET") == 0)
        cr_str_append_text(allow, ", HEAD");
}

const route_t *
route_find(const char *method, const char *target, cr_str_t *allow)
{
    const char *asked = strcmp(method, "HEAD") == 0 ? "GET" : method;
    const char *pattern = NULL;
    for (size_t i = 0; i < CR_COUNT(routes); i++) {
        if (pattern ? strcmp(routes[i].pattern, pattern) != 0
                    : !path_matches(routes[i].pattern, target))
            continue;
        if (strcmp(routes[i].method, asked) == 0)
            return &routes[i];
        pattern = routes[i].pattern;
        allow_append(allow, routes[i].method);
    }
    return NULL;
}

/* The name as it came, undecoded; cut when absurdly long, and ASCII for the answer's sake. */
static void
member_set(char member[ROUTE_MEMBER_MAX], cr_slice_t name)
{
    size_t length = name.length < ROUTE_MEMBER_MAX ? name.length : ROUTE_MEMBER_MAX - 1;
    for (size_t i = 0; i < length; i++)
        member[i] = name.text[i] > ' ' && name.text[i] <= '~' ? name.text[i] : '?';
    member[length] = '\0';
}

static bool
is_all_digits(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

static cr_err_t
check_type(route_type_t type, const char *value, cr_fault_t *fault)
{
    if (type == ROUTE_NUMBER && (!is_all_digits(value) || strlen(value) > 9))
        return cr_fault_set(fault, CR_INVAL, "must be a whole number");
    if (type == ROUTE_FLAG && strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return cr_fault_set(fault, CR_INVAL, "must be 0 or 1");
    return CR_OK;
}

static cr_err_t
argument_set(json_t *arguments, const char *member, cr_str_t *value)
{
    json_t *text = json_stringn(cr_str_text(value), value->length);
    return json_object_set_new(arguments, member, text) == 0 ? CR_OK : CR_NOMEM;
}

static cr_err_t
read_hole(json_t *arguments, cr_slice_t raw, const char *member, cr_fault_t *fault)
{
    cr_str_t value;
    cr_str_init(&value, TARGET_NAME_BYTES_MAX);
    cr_err_t err = target_decode_name(raw, &value, fault);
    if (err == CR_OK)
        err = argument_set(arguments, member, &value);
    cr_str_fini(&value);
    return err;
}

static cr_err_t
read_holes(const route_t *route, const char *target, json_t *arguments,
           char member[ROUTE_MEMBER_MAX], cr_fault_t *fault)
{
    const char *pattern = route->pattern;
    cr_slice_t wanted, seen;
    while (target_next_segment(&pattern, &wanted) && target_next_segment(&target, &seen)) {
        if (wanted.length == 0 || wanted.text[0] != '{')
            continue;
        member_set(member, (cr_slice_t){wanted.text + 1, wanted.length - 2});
        cr_err_t err = read_hole(arguments, seen, member, fault);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

static const route_query_t *
query_find(const route_t *route, const char *name)
{
    for (size_t i = 0; i < ROUTE_QUERY_MAX && route->query[i].name; i++)
        if (strcmp(route->query[i].name, name) == 0)
            return &route->query[i];
    return NULL;
}

static cr_err_t
read_parameter(const route_t *route, cr_slice_t raw, const char *member, json_t *arguments,
               cr_fault_t *fault)
{
    const route_query_t *known = query_find(route, member);
    if (!known)
        return cr_fault_set(fault, CR_INVAL, "is not a parameter of this resource");
    if (json_object_get(arguments, member))
        return cr_fault_set(fault, CR_INVAL, "is given twice");
    cr_str_t value;
    cr_str_init(&value, TARGET_VALUE_BYTES_MAX);
    cr_err_t err = target_decode_value(raw, &value, fault);
    if (err == CR_OK)
        err = check_type(known->type, cr_str_text(&value), fault);
    if (err == CR_OK)
        err = argument_set(arguments, member, &value);
    cr_str_fini(&value);
    return err;
}

static cr_err_t
read_query(const route_t *route, const char *target, json_t *arguments,
           char member[ROUTE_MEMBER_MAX], cr_fault_t *fault)
{
    const char *at = target_query(target);
    cr_slice_t name, value;
    while (target_next_parameter(&at, &name, &value)) {
        member_set(member, name);
        cr_err_t err = read_parameter(route, value, member, arguments, fault);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

static cr_err_t
set_fixed(const route_t *route, json_t *arguments)
{
    if (!route->fixed.name)
        return CR_OK;
    json_t *value = json_boolean(route->fixed.value);
    return json_object_set_new(arguments, route->fixed.name, value) == 0 ? CR_OK : CR_NOMEM;
}

cr_err_t
route_arguments(const route_t *route, const char *target, json_t **arguments,
                char member[ROUTE_MEMBER_MAX], cr_fault_t *fault)
{
    cr_fault_t why = {0};
    json_t *own = json_object();
    member[0] = '\0';
    cr_err_t err = own ? read_holes(route, target, own, member, &why) : CR_NOMEM;
    if (err == CR_OK)
        err = read_query(route, target, own, member, &why);
    if (err == CR_OK)
        err = set_fixed(route, own);
    if (err != CR_OK) {
        json_decref(own);
        return cr_fault_set(fault, err, "%s: %s", member, *why.text ? why.text : cr_err_text(err));
    }
    *arguments = own;
    return CR_OK;
}
