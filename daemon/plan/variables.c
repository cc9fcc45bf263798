#include <string.h>

#include "cr_text.h"
#include "wording.h"

cr_slice_t
wording_value(const json_t *variables, cr_slice_t name)
{
    const json_t *value = json_object_getn(variables, name.text, name.length);
    return (cr_slice_t){json_string_value(value), json_string_length(value)};
}

/* ---- each value by itself ---- */

static cr_err_t
check_value(const template_t *self, const char *name, const json_t *value, cr_fault_t *fault)
{
    cr_slice_t text = {json_string_value(value), json_string_length(value)};
    size_t at;
    uint32_t code;
    if (!template_has_variable(self, cr_slice_of(name)))
        return cr_fault_set(fault, CR_INVAL, "variables.%.64s: the template does not declare it",
                            name);
    if (!text.text || text.length == 0)
        return cr_fault_set(fault, CR_INVAL, "variables.%s: a string with text is needed", name);
    if (cr_text_find_forbidden(text, &at, &code))
        return cr_fault_set(fault, CR_INVAL,
                            "variables.%s, character %zu: the character U+%04X must not be sent",
                            name, cr_text_length((cr_slice_t){text.text, at}) + 1, code);
    if (cr_text_length(text) > TEMPLATE_VALUE_MAX)
        return cr_fault_set(fault, CR_INVAL, "variables.%s: is over %d characters", name,
                            TEMPLATE_VALUE_MAX);
    return CR_OK;
}

static cr_err_t
check_values(const template_t *self, json_t *variables, cr_fault_t *fault)
{
    if (variables && !json_is_object(variables))
        return cr_fault_set(fault, CR_INVAL, "variables: an object is needed");
    const char *name;
    json_t *value;
    json_object_foreach(variables, name, value)
    {
        cr_err_t err = check_value(self, name, value, fault);
        if (err)
            return err;
    }
    return CR_OK;
}

/* ---- each value where it is used ---- */

static cr_err_t
check_use(const wording_text_t *text, const json_t *variables, cr_slice_t name,
          const wording_place_t *place)
{
    char path[WORDING_PATH_MAX];
    cr_slice_t value = wording_value(variables, name);
    const char *reason = NULL;
    if (!value.text)
        reason = "has no value";
    else if (text->rules & WORDING_ONE_LINE && cr_text_has_line_break(value))
        reason = "a line break is not possible";
    if (!reason)
        return CR_OK;
    return cr_fault_set(place->fault, CR_INVAL, "variables.%.*s: %s; %s uses it", (int)name.length,
                        name.text, reason, wording_path(place, text->is_field, text->name, path));
}

static cr_err_t
check_text(const template_t *self, const wording_text_t *text, const json_t *variables,
           const wording_place_t *place)
{
    cr_fill_piece_t piece;
    cr_err_t err = CR_OK;
    for (size_t at = 0; !err && cr_fill_next(cr_slice_of(*text->text), &at, &piece);)
        if (piece.kind == CR_FILL_NAME && template_has_variable(self, piece.text))
            err = check_use(text, variables, piece.text, place);
    return err;
}

static cr_err_t
check_uses(const template_t *self, const json_t *variables, template_language_t *language,
           const wording_place_t *place)
{
    wording_text_t texts[WORDING_TEXTS_MAX];
    size_t count = wording_texts(&language->channel[place->channel], place->channel, texts);
    cr_err_t err = CR_OK;
    for (size_t i = 0; !err && i < count; i++)
        err = check_text(self, &texts[i], variables, place);
    return err;
}

/* ---- what they make of the wordings ---- */

static cr_err_t
check_sizes(const template_t *self, const json_t *variables, cr_channel_t channel,
            cr_fault_t *fault)
{
    dispatch_content_t *content = NULL;
    cr_err_t err = template_content(self, channel, variables, false, &content);
    if (err)
        return cr_fault_set(fault, err, "variables: %s", cr_err_text(err));
    for (size_t i = 0; !err && i < content->wording_count; i++) {
        wording_place_t place = {content->wordings[i].language, channel, fault};
        err = wording_check_size(&content->wordings[i], &place);
    }
    template_content_destroy(&content);
    return err;
}

static cr_err_t
check_channel(const template_t *self, const json_t *variables, cr_channel_t channel,
              cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    for (size_t i = 0; !err && i < self->language_count; i++) {
        wording_place_t place = {self->languages[i].language, channel, fault};
        if (self->languages[i].has[channel])
            err = check_uses(self, variables, &self->languages[i], &place);
    }
    return err ? err : check_sizes(self, variables, channel, fault);
}

cr_err_t
template_check_variables(const template_t *self, json_t *variables, unsigned channels,
                         cr_fault_t *fault)
{
    cr_err_t err = check_values(self, variables, fault);
    for (size_t channel = 0; !err && channel < CR_CHANNEL_COUNT; channel++)
        if (channels & template_channels(self) & 1u << channel)
            err = check_channel(self, variables, (cr_channel_t)channel, fault);
    return err;
}
