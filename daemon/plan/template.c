#include "template.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_text.h"
#include "wording.h"

enum {
    TITLE_MAX = 100, /* characters */
    SENDER_MAX = 20, /* characters */
    LANGUAGE_MAX = 35,
    VARIABLE_MAX = 32, /* characters */
    SHORT_BYTES = 512
};

/* ---- reading JSON strictly ---- */

typedef bool is_member_fn(const void *context, const char *name);

static cr_err_t
check_members(json_t *object, const char *path, is_member_fn *is_member, const void *context,
              cr_fault_t *fault)
{
    if (!json_is_object(object))
        return cr_fault_set(fault, CR_INVAL, "%s: an object is needed", path);
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (!is_member(context, name))
            return cr_fault_set(fault, CR_INVAL, "%s.%s: unknown member", path, name);
    }
    return CR_OK;
}

static cr_err_t
normalise(cr_slice_t text, size_t bytes, char **out)
{
    cr_str_t normal;
    cr_str_init(&normal, bytes);
    cr_err_t err = cr_text_normalise(text, &normal);
    if (!err) {
        *out = cr_str_take(&normal);
        err = *out ? CR_OK : CR_NOMEM;
    }
    cr_str_fini(&normal);
    return err;
}

/* The string in `value`, in normalisation form C. `path` names it. */
static cr_err_t
read_text(const json_t *value, const char *path, size_t bytes, char **out, cr_fault_t *fault)
{
    cr_slice_t text = {json_string_value(value), json_string_length(value)};
    if (!text.text)
        return cr_fault_set(fault, CR_INVAL, "%s: a string is needed", path);
    if (text.length == 0 || strlen(text.text) != text.length)
        return cr_fault_set(fault, CR_INVAL, "%s: is empty or holds NUL", path);
    cr_err_t err = normalise(text, bytes, out);
    if (err == CR_TOOBIG)
        return cr_fault_set(fault, CR_INVAL, "%s: is over %zu bytes", path, bytes);
    return err ? cr_fault_set(fault, err, "%s: %s", path, cr_err_text(err)) : CR_OK;
}

/* One clean line of at most `characters`. */
static cr_err_t
read_line(const json_t *value, const char *path, size_t characters, char **out, cr_fault_t *fault)
{
    cr_err_t err = read_text(value, path, SHORT_BYTES, out, fault);
    if (err)
        return err;
    CR_ASSERT(*out != NULL);
    cr_slice_t text = cr_slice_of(*out);
    size_t at;
    uint32_t code;
    if (cr_text_find_forbidden(text, &at, &code) || cr_text_has_line_break(text))
        return cr_fault_set(fault, CR_INVAL, "%s: one line without control characters is needed",
                            path);
    if (cr_text_length(text) > characters)
        return cr_fault_set(fault, CR_INVAL, "%s: is over %zu characters", path, characters);
    return CR_OK;
}

/* ---- the head of the document ---- */

static bool
is_head_member(const void *context, const char *name)
{
    static const char *const names[] = {"name", "title", "variables", "sender", "wordings"};
    (void)context;
    for (size_t i = 0; i < CR_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool
is_name(const char *name)
{
    return strlen(name) <= TEMPLATE_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name);
}

/* Letters of any script, digits and _: a dot would look like attr.KEY. */
static bool
is_variable(const char *name)
{
    cr_slice_t text = cr_slice_of(name);
    for (size_t i = 0; i < text.length; i++)
        if (text.text[i] != '_' && (unsigned char)text.text[i] < 0x80 &&
            !isalnum((unsigned char)text.text[i]))
            return false;
    return text.length <= CR_FILL_NAME_MAX && !wording_is_recipient(text);
}

bool
template_has_variable(const template_t *self, cr_slice_t name)
{
    for (size_t i = 0; i < self->variable_count; i++)
        if (cr_slice_equal(name, cr_slice_of(self->variables[i])))
            return true;
    return false;
}

static cr_err_t
read_variable(template_t *self, const json_t *item, cr_fault_t *fault)
{
    char *name = NULL;
    cr_err_t err = read_line(item, "variables", VARIABLE_MAX, &name, fault);
    if (!err && !is_variable(name))
        err = cr_fault_set(fault, CR_INVAL,
                           "variables: \"%s\" is not letters, digits and _, or it is a name of the "
                           "recipient's",
                           name);
    if (!err && template_has_variable(self, cr_slice_of(name)))
        err = cr_fault_set(fault, CR_INVAL, "variables: \"%s\" is there twice", name);
    if (err)
        free(name);
    else
        self->variables[self->variable_count++] = name;
    return err;
}

static cr_err_t
read_variables(template_t *self, const json_t *array, cr_fault_t *fault)
{
    if (array && !json_is_array(array))
        return cr_fault_set(fault, CR_INVAL, "variables: an array is needed");
    if (json_array_size(array) > WORDING_VARIABLES_MAX)
        return cr_fault_set(fault, CR_INVAL, "variables: at most %d may be", WORDING_VARIABLES_MAX);
    cr_err_t err = CR_OK;
    for (size_t i = 0; !err && i < json_array_size(array); i++)
        err = read_variable(self, json_array_get(array, i), fault);
    return err;
}

static cr_err_t
read_sender(template_t *self, const json_t *value, const char *sender, cr_fault_t *fault)
{
    if (!value) {
        self->sender = strdup(sender);
        return self->sender ? CR_OK : cr_fault_set(fault, CR_NOMEM, "%s", cr_err_text(CR_NOMEM));
    }
    cr_err_t err = read_line(value, "sender", SENDER_MAX, &self->sender, fault);
    if (!err &&
        (strpbrk(self->sender, "{}") || strstr(self->sender, "【") || strstr(self->sender, "】")))
        err = cr_fault_set(fault, CR_INVAL, "sender: is given without brackets");
    return err;
}

static cr_err_t
read_head(template_t *self, json_t *document, const char *sender, cr_fault_t *fault)
{
    cr_err_t err = check_members(document, "template", is_head_member, NULL, fault);
    if (!err)
        err = read_line(json_object_get(document, "name"), "name", TEMPLATE_NAME_MAX, &self->name,
                        fault);
    if (!err && !is_name(self->name))
        err = cr_fault_set(fault, CR_INVAL, "name: only a-z 0-9 . _ - may be in it");
    if (!err)
        err =
            read_line(json_object_get(document, "title"), "title", TITLE_MAX, &self->title, fault);
    if (!err)
        err = read_sender(self, json_object_get(document, "sender"), sender, fault);
    return err ? err : read_variables(self, json_object_get(document, "variables"), fault);
}

/* ---- wordings ---- */

static bool
is_wording_member(const void *context, const char *name)
{
    cr_channel_t channel = *(const cr_channel_t *)context;
    const wording_member_t *member;
    for (size_t row = 0; (member = wording_next_member(channel, &row)) != NULL;)
        if (strcmp(member->name, name) == 0)
            return true;
    return channel == CR_CHANNEL_WECHAT && strcmp(name, "fields") == 0;
}

static bool
is_channel(const void *context, const char *name)
{
    cr_channel_t channel;
    (void)context;
    return cr_channel_parse(name, &channel) == CR_OK;
}

static cr_err_t
read_texts(dispatch_wording_t *wording, const json_t *object, const wording_place_t *place)
{
    const wording_member_t *member;
    for (size_t row = 0; (member = wording_next_member(place->channel, &row)) != NULL;) {
        const json_t *value = json_object_get(object, member->name);
        if (!value && !(member->rules & WORDING_REQUIRED))
            continue;
        char path[WORDING_PATH_MAX];
        cr_err_t err = read_text(value, wording_path(place, false, member->name, path),
                                 member->bytes, wording_slot(wording, member), place->fault);
        if (err)
            return err;
    }
    return CR_OK;
}

static cr_err_t
read_fields(dispatch_wording_t *wording, json_t *object, const wording_place_t *place)
{
    const char *name;
    json_t *value;
    size_t i = 0;
    json_object_foreach(object, name, value)
    {
        char path[WORDING_PATH_MAX];
        wording->field_names[i] = strdup(name);
        if (!wording->field_names[i])
            return cr_fault_set(place->fault, CR_NOMEM, "%s", cr_err_text(CR_NOMEM));
        cr_err_t err = read_text(value, wording_path(place, true, name, path), SHORT_BYTES,
                                 &wording->field_values[i], place->fault);
        if (err)
            return err;
        i++;
    }
    return CR_OK;
}

/* A gateway refuses a short message that does not begin with the sender's registered signature. */
static cr_err_t
sign(dispatch_wording_t *wording, const char *sender)
{
    cr_str_t text;
    cr_str_init(&text, WORDING_TEXT_BYTES);
    cr_str_appendf(&text, "【%s】", sender);
    if (strncmp(wording->text, cr_str_text(&text), text.length) != 0) {
        cr_str_append_text(&text, wording->text);
        char *whole = cr_str_take(&text);
        if (whole) {
            free(wording->text);
            wording->text = whole;
        }
    }
    cr_err_t err = cr_str_err(&text);
    cr_str_fini(&text);
    return err;
}

static cr_err_t
check_wording(const template_t *self, dispatch_wording_t *wording, const wording_place_t *place)
{
    cr_err_t err = wording_check(self, wording, place);
    if (!err && place->channel == CR_CHANNEL_SMS)
        err = sign(wording, self->sender);
    return err ? err : wording_check_size(wording, place);
}

static cr_err_t
read_wording(const template_t *self, dispatch_wording_t *wording, json_t *object,
             const wording_place_t *place)
{
    char path[WORDING_PATH_MAX];
    wording_path(place, false, NULL, path);
    cr_err_t err = check_members(object, path, is_wording_member, &place->channel, place->fault);
    if (err)
        return err;
    json_t *fields = json_object_get(object, "fields");
    size_t count = json_object_size(fields);
    if (count > WORDING_FIELDS_MAX || (fields && !json_is_object(fields)))
        return cr_fault_set(place->fault, CR_INVAL, "%s.fields: an object of at most %d is needed",
                            path, WORDING_FIELDS_MAX);
    err = wording_init(wording, place->language, count);
    if (!err)
        err = read_texts(wording, object, place);
    if (!err)
        err = read_fields(wording, fields, place);
    return err ? err : check_wording(self, wording, place);
}

/* A BCP 47 tag as people write it: "zh-CN". */
static bool
is_language(const char *tag)
{
    size_t length = strlen(tag), primary = strcspn(tag, "-");
    if (length > LANGUAGE_MAX || primary < 2 || primary > 3 || tag[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)tag[i]) && tag[i] != '-')
            return false;
    return true;
}

static cr_err_t
read_channels(template_t *self, template_language_t *language, json_t *channels, cr_fault_t *fault)
{
    const char *name;
    json_t *object;
    json_object_foreach(channels, name, object)
    {
        cr_channel_t channel = CR_CHANNEL_COUNT;
        CR_ASSERT(cr_channel_parse(name, &channel) == CR_OK);
        wording_place_t place = {language->language, channel, fault};
        language->has[channel] = true;
        cr_err_t err = read_wording(self, &language->channel[channel], object, &place);
        if (err)
            return err;
    }
    return CR_OK;
}

static cr_err_t
read_language(template_t *self, const char *tag, json_t *channels, cr_fault_t *fault)
{
    if (self->language_count == WORDING_LANGUAGES_MAX)
        return cr_fault_set(fault, CR_INVAL, "wordings: at most %d languages may be",
                            WORDING_LANGUAGES_MAX);
    if (!is_language(tag))
        return cr_fault_set(fault, CR_INVAL, "wordings.%.*s: is no language like zh-CN",
                            LANGUAGE_MAX, tag);
    char path[64];
    snprintf(path, sizeof(path), "wordings.%s", tag);
    cr_err_t err = check_members(channels, path, is_channel, NULL, fault);
    if (err)
        return err;
    template_language_t *language = &self->languages[self->language_count++];
    language->language = strdup(tag);
    if (!language->language)
        return cr_fault_set(fault, CR_NOMEM, "%s", cr_err_text(CR_NOMEM));
    return read_channels(self, language, channels, fault);
}

static cr_err_t
read_wordings(template_t *self, json_t *wordings, cr_fault_t *fault)
{
    if (!json_is_object(wordings))
        return cr_fault_set(fault, CR_INVAL, "wordings: an object of languages is needed");
    const char *tag;
    json_t *channels;
    json_object_foreach(wordings, tag, channels)
    {
        cr_err_t err = read_language(self, tag, channels, fault);
        if (err)
            return err;
    }
    if (template_channels(self) == 0)
        return cr_fault_set(fault, CR_INVAL, "wordings: there is no wording at all");
    return CR_OK;
}

/* ---- the whole ---- */

static template_t *
template_new(void)
{
    template_t *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->languages = calloc(WORDING_LANGUAGES_MAX, sizeof(*self->languages));
    if (!self->languages)
        template_destroy(&self);
    return self;
}

cr_err_t
template_parse(json_t *document, const char *sender, template_t **self, cr_fault_t *fault)
{
    template_t *made = template_new();
    if (!made)
        return cr_fault_set(fault, CR_NOMEM, "%s", cr_err_text(CR_NOMEM));
    cr_err_t err = read_head(made, document, sender, fault);
    if (!err)
        err = read_wordings(made, json_object_get(document, "wordings"), fault);
    if (err)
        template_destroy(&made);
    else
        *self = made;
    return err;
}

void
template_destroy(template_t **self_p)
{
    template_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->variable_count; i++)
        free(self->variables[i]);
    for (size_t i = 0; i < self->language_count; i++) {
        for (size_t channel = 0; channel < CR_CHANNEL_COUNT; channel++)
            wording_fini(&self->languages[i].channel[channel]);
        free(self->languages[i].language);
    }
    free(self->languages);
    free(self->name);
    free(self->title);
    free(self->sender);
    free(self);
    *self_p = NULL;
}

const char *
template_name(const template_t *self)
{
    return self->name;
}

const char *
template_title(const template_t *self)
{
    return self->title;
}

const char *
template_sender(const template_t *self)
{
    return self->sender;
}

unsigned
template_channels(const template_t *self)
{
    unsigned channels = 0;
    for (size_t i = 0; i < self->language_count; i++)
        for (size_t channel = 0; channel < CR_CHANNEL_COUNT; channel++)
            channels |= self->languages[i].has[channel] ? 1u << channel : 0;
    return channels;
}
