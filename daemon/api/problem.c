#include "problem.h"

#include <microhttpd.h>
#include <string.h>

#include "cr_text.h"

static const unsigned statuses[CR_ERR_COUNT] = {
    [CR_OK] = 200,      [CR_INVAL] = 400,    [CR_RANGE] = 400,   [CR_NOTFOUND] = 404,
    [CR_EXISTS] = 409,  [CR_CONFLICT] = 409, [CR_DENIED] = 403,  [CR_TOOBIG] = 413,
    [CR_CORRUPT] = 500, [CR_AGAIN] = 503,    [CR_TIMEOUT] = 503, [CR_CLOSED] = 503,
    [CR_NOMEM] = 503,   [CR_IO] = 503,
};

unsigned
problem_status(cr_err_t err)
{
    CR_ASSERT(err < CR_ERR_COUNT);
    return statuses[err];
}

static cr_slice_t
suggestion_of(const char *text)
{
    static const char before[] = "; did you mean \"", after[] = "\"?";
    const char *at = strstr(text, before);
    if (!at)
        return (cr_slice_t){"", 0};
    at += sizeof before - 1;
    size_t length = strlen(at);
    size_t tail = sizeof after - 1;
    if (length < tail || strcmp(at + length - tail, after) != 0)
        return (cr_slice_t){"", 0};
    return (cr_slice_t){at, length - tail};
}

static void
set_place(json_t *self, const char *name, size_t place)
{
    if (place > 0)
        json_object_set_new(self, name, json_integer((json_int_t)place));
}

/* A library's text may have been cut in the middle of a character. */
static const char *
detail_of(const cr_fault_t *fault)
{
    bool fit = *fault->text && cr_text_is_utf8(cr_slice_of(fault->text));
    return fit ? fault->text : cr_err_text(fault->code);
}

json_t *
problem_new(unsigned status, const cr_fault_t *fault, const char *member, const json_t *extra)
{
    const char *detail = detail_of(fault);
    json_t *self = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title",
                             MHD_get_reason_phrase_for(status), "status", (int)status, "detail",
                             detail, "code", cr_err_name(fault->code));
    if (!self)
        return NULL;
    set_place(self, "line", fault->line);
    set_place(self, "column", fault->column);
    if (member && *member)
        json_object_set_new(self, "member", json_string(member));
    cr_slice_t suggestion = suggestion_of(detail);
    if (suggestion.length > 0)
        json_object_set_new(self, "suggestion", json_stringn(suggestion.text, suggestion.length));
    if (extra)
        json_object_update_missing(self, (json_t *)(uintptr_t)extra); /* only reads it */
    return self;
}
