#include "view.h"

#include <inttypes.h>
#include <string.h>

#include "table.h"

enum { VALUE_BYTES_MAX = 64 << 10, TIME_LENGTH = 19 };

static void
write_text(cr_str_t *out, const json_t *value)
{
    if (json_is_string(value))
        cr_str_append_text(out, json_string_value(value));
    else if (json_is_integer(value))
        cr_str_appendf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

static void
write_name(cr_str_t *out, const json_t *value)
{
    if (json_is_string(value))
        cr_str_append_text(out, word_for(json_string_value(value)));
}

static void
write_time(cr_str_t *out, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text)
        return;
    size_t length = strlen(text) < TIME_LENGTH ? strlen(text) : TIME_LENGTH;
    for (size_t i = 0; i < length; i++)
        cr_str_append_char(out, text[i] == 'T' ? ' ' : text[i]);
}

static void
write_flag(cr_str_t *out, const json_t *value)
{
    cr_str_append_text(out, word(json_is_true(value) ? W_YES : W_NO));
}

static void write_names(cr_str_t *out, const json_t *value);

/* "SMS=12, WeChat=3"; an object or a list in an object stands in brackets. */
static void
write_members(cr_str_t *out, const json_t *object)
{
    const char *key, *gap = "";
    json_t *member;
    json_object_foreach((json_t *)object, key, member)
    {
        if (json_is_integer(member) && json_integer_value(member) == 0)
            continue;
        cr_str_appendf(out, "%s%s=", gap, word_for(key));
        gap = ", ";
        if (json_is_object(member) || json_is_array(member)) {
            cr_str_append_char(out, '(');
            write_names(out, member);
            cr_str_append_char(out, ')');
        } else
            write_text(out, member);
    }
}

static void
write_names(cr_str_t *out, const json_t *value)
{
    size_t index;
    json_t *member;
    json_array_foreach(value, index, member)
    {
        cr_str_append_text(out, index > 0 ? ", " : "");
        write_name(out, member);
    }
    write_members(out, value);
}

static void
write_ms(cr_str_t *out, const json_t *value)
{
    if (json_is_integer(value))
        cr_str_appendf(out, "%.2f s", (double)json_integer_value(value) / 1000);
}

static void
write_wait(cr_str_t *out, const json_t *value)
{
    if (json_is_string(value))
        words_wait(out, json_string_value(value));
}

static const struct {
    void (*write)(cr_str_t *out, const json_t *value);
    bool right;
} kinds[] = {
    [VIEW_TEXT] = {write_text, false},  [VIEW_NAME] = {write_name, false},
    [VIEW_NUMBER] = {write_text, true}, [VIEW_TIME] = {write_time, false},
    [VIEW_FLAG] = {write_flag, false},  [VIEW_NAMES] = {write_names, false},
    [VIEW_MS] = {write_ms, true},       [VIEW_WAIT] = {write_wait, false},
};

void
view_append(cr_str_t *out, view_kind_t kind, const json_t *value)
{
    kinds[kind].write(out, value);
}

static void
add_cell(table_t *table, const json_t *object, const view_field_t *field, const char *absent)
{
    cr_str_t text;
    cr_str_init(&text, VALUE_BYTES_MAX);
    view_append(&text, field->kind, json_object_get(object, field->member));
    table_cell(table, text.length > 0 ? cr_str_text(&text) : absent);
    cr_str_fini(&text);
}

cr_err_t
view_list(const json_t *items, const view_field_t *fields)
{
    table_t *table = table_new();
    for (const view_field_t *field = fields; field->member; field++)
        table_column(table, word(field->title), kinds[field->kind].right);
    size_t index;
    json_t *item;
    json_array_foreach(items, index, item)
    {
        for (const view_field_t *field = fields; field->member; field++)
            add_cell(table, item, field, "-");
    }
    return table_finish(&table);
}

static bool
is_shown(const json_t *value)
{
    return value && !json_is_null(value) && !json_is_false(value) &&
           !(json_is_string(value) && json_string_length(value) == 0) &&
           !(json_is_array(value) && json_array_size(value) == 0) &&
           !(json_is_object(value) && json_object_size(value) == 0);
}

cr_err_t
view_record(const json_t *object, const view_field_t *fields)
{
    table_t *table = table_new();
    table_column(table, "", false);
    table_column(table, "", false);
    for (const view_field_t *field = fields; field->member; field++) {
        if (!is_shown(json_object_get(object, field->member)))
            continue;
        table_cell(table, word(field->title));
        add_cell(table, object, field, "-");
    }
    return table_finish(&table);
}

cr_err_t
view_json(const json_t *document)
{
    if (json_dumpf(document, stdout, JSON_INDENT(2)) != 0 && !ferror(stdout))
        return CR_NOMEM;
    putchar('\n');
    return CR_OK;
}
