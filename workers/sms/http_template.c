#include "http_template.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cr_fill.h"

enum { TEXT_BYTES_MAX = 64 * 1024, DEPTH_MAX = 16 };

typedef struct {
    const message_t *message;
    cr_slice_t secret;
} values_t;

static bool
value_of(void *context, cr_slice_t name, cr_slice_t *value)
{
    const values_t *values = context;
    const struct {
        const char *name;
        cr_slice_t value;
    } known[] = {
        {"address", values->message->address},
        {"text", values->message->text},
        {"sender", values->message->sender},
        {"reference", cr_slice_of(values->message->reference)},
        {"secret", values->secret},
    };
    for (size_t i = 0; i < CR_COUNT(known); i++)
        if (cr_slice_equal(cr_slice_of(known[i].name), name)) {
            *value = known[i].value;
            return true;
        }
    return false;
}

/* ---- URLs, forms, headers ------------------------------------------------------------------- */

static void
append_encoded(cr_str_t *out, cr_slice_t value)
{
    for (size_t i = 0; i < value.length; i++) {
        unsigned char c = (unsigned char)value.text[i];
        if (c < 0x80 && (isalnum(c) || strchr("-_.~", c)))
            cr_str_append_char(out, (char)c);
        else
            cr_str_appendf(out, "%%%02X", c);
    }
}

static bool
has_break(cr_slice_t value)
{
    return memchr(value.text, '\n', value.length) || memchr(value.text, '\r', value.length);
}

static cr_err_t
append_value(const http_template_t *self, cr_slice_t value, cr_str_t *out)
{
    if (self->form == HTTP_LINE && has_break(value))
        return CR_INVAL;
    if (self->form == HTTP_LINE)
        cr_str_append_slice(out, value);
    else
        append_encoded(out, value);
    return CR_OK;
}

static cr_err_t
fill_text(const http_template_t *self, values_t *values, cr_str_t *out)
{
    size_t at = 0;
    cr_fill_piece_t piece;
    cr_err_t err = CR_OK;
    while (err == CR_OK && cr_fill_next(self->text, &at, &piece)) {
        cr_slice_t value;
        if (piece.kind == CR_FILL_LITERAL)
            cr_str_append_slice(out, piece.text);
        else if (piece.kind == CR_FILL_NAME && value_of(values, piece.text, &value))
            err = append_value(self, value, out);
        else
            err = CR_INVAL;
    }
    return err == CR_OK ? cr_str_err(out) : err;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static cr_err_t fill_json(json_t *value, values_t *values, unsigned depth);

/* The filled text in place of the template's. */
static cr_err_t
fill_string(json_t *value, values_t *values)
{
    cr_str_t filled;
    cr_str_init(&filled, TEXT_BYTES_MAX);
    cr_slice_t text = {json_string_value(value), json_string_length(value)};
    cr_err_t err = cr_fill(text, CR_FILL_PLAIN, value_of, values, &filled);
    if (err == CR_OK && json_string_setn(value, cr_str_text(&filled), filled.length) != 0)
        err = CR_INVAL; /* not UTF-8 */
    cr_str_fini(&filled);
    return err;
}

static cr_err_t
fill_members(json_t *object, values_t *values, unsigned depth)
{
    const char *name;
    json_t *member;
    cr_err_t err = CR_OK;
    json_object_foreach(object, name, member)
    {
        if (err == CR_OK)
            err = fill_json(member, values, depth + 1);
    }
    return err;
}

static cr_err_t
fill_json(json_t *value, values_t *values, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return CR_INVAL;
    if (json_is_string(value))
        return fill_string(value, values);
    if (json_is_object(value))
        return fill_members(value, values, depth);
    cr_err_t err = CR_OK;
    for (size_t i = 0; err == CR_OK && i < json_array_size(value); i++)
        err = fill_json(json_array_get(value, i), values, depth + 1);
    return err;
}

static cr_err_t
fill_tree(const http_template_t *self, values_t *values, cr_str_t *out)
{
    json_t *tree = json_deep_copy(self->json);
    cr_err_t err = tree ? fill_json(tree, values, 0) : CR_NOMEM;
    char *text = err == CR_OK ? json_dumps(tree, JSON_COMPACT) : NULL;
    if (text)
        cr_str_append_text(out, text);
    else if (err == CR_OK)
        err = CR_NOMEM;
    free(text);
    json_decref(tree);
    return err == CR_OK ? cr_str_err(out) : err;
}

/* ---- the template --------------------------------------------------------------------------- */

cr_err_t
http_template_fill(const http_template_t *self, const message_t *message, const char *secret,
                   cr_str_t *out)
{
    values_t values = {message, cr_slice_of(secret)};
    return self->form == HTTP_JSON ? fill_tree(self, &values, out) : fill_text(self, &values, out);
}

/* Every placeholder must be known before the first message. */
static cr_err_t
try_out(const http_template_t *self)
{
    static const message_t message = {.address = {"", 0}, .text = {"", 0}, .sender = {"", 0}};
    cr_str_t ignored;
    cr_str_init(&ignored, TEXT_BYTES_MAX);
    cr_err_t err = http_template_fill(self, &message, "", &ignored);
    cr_str_fini(&ignored);
    return err;
}

cr_err_t
http_template_init(http_template_t *self, http_form_t form, const char *text, cr_fault_t *fault)
{
    json_error_t error;
    *self = (http_template_t){.form = form, .text = cr_slice_of(text)};
    if (form == HTTP_JSON) {
        self->json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
        if (!self->json)
            return cr_fault_set(fault, CR_INVAL, "not JSON: %s", error.text);
    }
    return try_out(self) == CR_OK
               ? CR_OK
               : cr_fault_set(fault, CR_INVAL,
                              "a placeholder other than {address}, {text}, {sender}, {reference}, "
                              "{secret}, or half of one");
}

void
http_template_fini(http_template_t *self)
{
    json_decref(self->json);
    self->json = NULL;
}
