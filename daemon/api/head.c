#include "head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KEY_MAX = 255, LENGTH_DIGITS_MAX = 18 };

static const char *const names[HEAD_FIELD_COUNT] = {
#define X(field, name) name,
    HEAD_FIELD_LIST(X)
#undef X
};

void
head_note(head_t *self, const char *name, const char *value)
{
    for (size_t i = 0; i < HEAD_FIELD_COUNT; i++) {
        if (strcasecmp(names[i], name) != 0)
            continue;
        self->value[i] = value ? value : "";
        self->count[i]++;
    }
}

static bool
is_length(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length <= LENGTH_DIGITS_MAX && strspn(text, "0123456789") == length;
}

cr_err_t
head_check_framing(const head_t *self, cr_fault_t *fault)
{
    for (size_t i = 0; i < HEAD_FIELD_COUNT; i++)
        if (self->count[i] > 1)
            return cr_fault_set(fault, CR_INVAL, "%s is given %u times", names[i], self->count[i]);
    const char *length = self->value[HEAD_LENGTH], *encoding = self->value[HEAD_ENCODING];
    if (length && encoding)
        return cr_fault_set(fault, CR_INVAL,
                            "Content-Length and Transfer-Encoding exclude each other");
    if (encoding && strcasecmp(encoding, "chunked") != 0)
        return cr_fault_set(fault, CR_INVAL, "Transfer-Encoding can only be chunked");
    if (length && !is_length(length))
        return cr_fault_set(fault, CR_INVAL, "Content-Length is not a number");
    return CR_OK;
}

uint64_t
head_body_length(const head_t *self)
{
    return self->value[HEAD_LENGTH] ? strtoull(self->value[HEAD_LENGTH], NULL, 10) : 0;
}

bool
head_has_body(const head_t *self)
{
    return self->value[HEAD_ENCODING] || head_body_length(self) > 0;
}

static bool
is_visible(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

cr_err_t
head_token(const head_t *self, const char **token, cr_fault_t *fault)
{
    static const char scheme[] = "Bearer ";
    const char *value = self->value[HEAD_AUTHORIZATION];
    if (!value || strncasecmp(value, scheme, sizeof scheme - 1) != 0)
        return cr_fault_set(fault, CR_DENIED, "a bearer token is needed");
    value += strspn(value + sizeof scheme - 1, " ") + sizeof scheme - 1;
    if (*value == '\0' || !is_visible(value, strlen(value)))
        return cr_fault_set(fault, CR_DENIED, "this is not a bearer token");
    *token = value;
    return CR_OK;
}

cr_err_t
head_check_type(const head_t *self, route_body_t body, cr_fault_t *fault)
{
    static const char *const wanted[][2] = {
        [ROUTE_BODY_JSON] = {"application/json"},
        [ROUTE_BODY_CSV] = {"text/csv"},
        [ROUTE_BODY_FORM] = {"application/x-www-form-urlencoded", "multipart/form-data"},
    };
    const char *value = self->value[HEAD_TYPE] ? self->value[HEAD_TYPE] : "";
    size_t length = strcspn(value, "; \t");
    for (size_t i = 0; i < CR_COUNT(wanted[body]) && wanted[body][i]; i++)
        if (length == strlen(wanted[body][i]) && strncasecmp(value, wanted[body][i], length) == 0)
            return CR_OK;
    return cr_fault_set(fault, CR_INVAL, "Content-Type must be %s", wanted[body][0]);
}

cr_err_t
head_check_key(const head_t *self, cr_fault_t *fault)
{
    const char *key = self->value[HEAD_KEY];
    size_t length = key ? strlen(key) : 1;
    if (length < 1 || length > KEY_MAX || (key && !is_visible(key, length)))
        return cr_fault_set(fault, CR_INVAL,
                            "Idempotency-Key must be 1 to %d visible ASCII characters", KEY_MAX);
    return CR_OK;
}
