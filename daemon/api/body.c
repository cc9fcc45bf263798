#include "body.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

static bool
is_too_deep(cr_slice_t text)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.text[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\')
            i++;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
        if (depth > DEPTH_MAX)
            return true;
    }
    return false;
}

/* jansson names the doubled member only in its text: duplicate object key near '"to"'. */
static void
member_of(const json_error_t *error, char member[ROUTE_MEMBER_MAX])
{
    static const char near[] = "near '\"";
    const char *at = strstr(error->text, near);
    if (json_error_code(error) != json_error_duplicate_key || !at)
        return;
    at += sizeof near - 1;
    snprintf(member, ROUTE_MEMBER_MAX, "%.*s", (int)strcspn(at, "\""), at);
}

cr_err_t
body_parse(cr_slice_t text, json_t **object, char member[ROUTE_MEMBER_MAX], cr_fault_t *fault)
{
    member[0] = '\0';
    if (is_too_deep(text))
        return cr_fault_set(fault, CR_INVAL, "the body is nested over %d levels deep", DEPTH_MAX);
    json_error_t error = {.text = "out of memory"};
    json_t *parsed = text.length > 0
                         ? json_loadb(text.text, text.length, JSON_REJECT_DUPLICATES, &error)
                         : json_object();
    if (!parsed) {
        member_of(&error, member);
        return cr_fault_set_at(fault, CR_INVAL, (size_t)error.line, (size_t)error.column,
                               "not JSON: %s", error.text);
    }
    if (!json_is_object(parsed)) {
        json_decref(parsed);
        return cr_fault_set(fault, CR_INVAL, "the body must be a JSON object");
    }
    *object = parsed;
    return CR_OK;
}

cr_err_t
body_merge(json_t *arguments, json_t *body, char member[ROUTE_MEMBER_MAX], cr_fault_t *fault)
{
    const char *name;
    json_t *value;
    json_object_foreach(body, name, value)
    {
        const json_t *given = json_object_get(arguments, name);
        if (!given)
            continue;
        snprintf(member, ROUTE_MEMBER_MAX, "%s", name);
        if (!json_is_string(value) || !json_equal(given, value))
            return cr_fault_set(fault, CR_INVAL, "%s: the path says otherwise", name);
    }
    member[0] = '\0';
    return json_object_update(arguments, body) == 0 ? CR_OK : CR_NOMEM;
}
