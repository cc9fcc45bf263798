#include "arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_id.h"
#include "cr_text.h"

static bool
is_texts(const json_t *value)
{
    if (!json_is_array(value))
        return false;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)))
            return false;
    return true;
}

static bool
has_type(const json_t *value, argument_type_t type)
{
    switch (type) {
    case ARGUMENT_TEXT:
        return json_is_string(value);
    case ARGUMENT_FLAG:
        return json_is_boolean(value);
    case ARGUMENT_TEXTS:
        return is_texts(value);
    case ARGUMENT_OBJECT:
        return json_is_object(value);
    case ARGUMENT_ANY:
        break;
    }
    return true;
}

static const char *const type_words[] = {
    [ARGUMENT_TEXT] = "a string",
    [ARGUMENT_FLAG] = "true or false",
    [ARGUMENT_TEXTS] = "an array of strings",
    [ARGUMENT_OBJECT] = "an object",
    [ARGUMENT_ANY] = "anything",
};

static const argument_t *
find(const argument_t *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static cr_err_t
refuse(cr_fault_t *fault, char member[ARGUMENTS_MEMBER_MAX], const char *name, const char *why)
{
    snprintf(member, ARGUMENTS_MEMBER_MAX, "%s", name);
    return cr_fault_set(fault, CR_INVAL, "%.60s: %s", name, why);
}

cr_err_t
arguments_have(const json_t *arguments, const argument_t *table, char member[ARGUMENTS_MEMBER_MAX],
               cr_fault_t *fault)
{
    for (; table->name; table++) {
        const json_t *value = json_object_get(arguments, table->name);
        char why[48];
        if (!value && table->required)
            return refuse(fault, member, table->name, "is missing");
        if (!value || has_type(value, table->type))
            continue;
        snprintf(why, sizeof why, "must be %s", type_words[table->type]);
        return refuse(fault, member, table->name, why);
    }
    return CR_OK;
}

cr_err_t
arguments_check(const json_t *arguments, const argument_t *table, char member[ARGUMENTS_MEMBER_MAX],
                cr_fault_t *fault)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)arguments, name, value)
    {
        if (!find(table, name))
            return refuse(fault, member, name, "no such member");
    }
    return arguments_have(arguments, table, member, fault);
}

const char *
argument_text(const json_t *arguments, const char *name)
{
    return json_string_value(json_object_get(arguments, name));
}

bool
argument_flag(const json_t *arguments, const char *name)
{
    return json_is_true(json_object_get(arguments, name));
}

cr_err_t
argument_number(const json_t *arguments, const char *name, uint64_t most, uint64_t otherwise,
                uint64_t *out, cr_fault_t *fault)
{
    const char *text = argument_text(arguments, name);
    if (!text) {
        *out = otherwise;
        return CR_OK;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0 || value > most)
        return cr_fault_set(fault, CR_INVAL, "%s: must be a number from 1 to %" PRIu64, name, most);
    *out = value;
    return CR_OK;
}

cr_err_t
argument_note(const json_t *arguments, const char *name, size_t most, const char **out,
              cr_fault_t *fault)
{
    const char *text = argument_text(arguments, name);
    cr_slice_t slice = cr_slice_of(text);
    size_t at;
    uint32_t code;
    if (cr_text_length(slice) > most)
        return cr_fault_set(fault, CR_INVAL, "%s: over %zu characters", name, most);
    if (cr_text_find_forbidden(slice, &at, &code))
        return cr_fault_set(fault, CR_INVAL, "%s: the character U+%04" PRIX32 " is not allowed",
                            name, code);
    *out = text ? text : "";
    return CR_OK;
}

cr_err_t
argument_channels(const json_t *arguments, const char *name, unsigned otherwise, unsigned *out,
                  cr_fault_t *fault)
{
    const json_t *names = json_object_get(arguments, name);
    if (!names) {
        *out = otherwise;
        return CR_OK;
    }
    unsigned channels = 0;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *text = json_string_value(json_array_get(names, i));
        cr_channel_t channel;
        if (cr_channel_parse(text, &channel) != CR_OK)
            return cr_fault_set(fault, CR_INVAL, "%s: no such channel: %.40s", name, text);
        if (channels & (1u << channel))
            return cr_fault_set(fault, CR_INVAL, "%s: %s is named twice", name, text);
        channels |= 1u << channel;
    }
    if (channels == 0)
        return cr_fault_set(fault, CR_INVAL, "%s: at least one is needed", name);
    *out = channels;
    return CR_OK;
}

json_t *
channels_json(unsigned channels)
{
    json_t *names = json_array();
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        if (channels & (1u << channel))
            json_array_append_new(names, json_string(cr_channel_name((cr_channel_t)channel)));
    return names;
}
