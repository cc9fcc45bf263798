#include "wording.h"

static json_t *
fields_object(const dispatch_wording_t *wording)
{
    json_t *fields = json_object();
    for (size_t i = 0; i < wording->field_count; i++)
        json_object_set_new(fields, wording->field_names[i], json_string(wording->field_values[i]));
    return fields;
}

json_t *
wording_object(dispatch_wording_t *wording, cr_channel_t channel)
{
    json_t *object = json_object();
    const wording_member_t *member;
    for (size_t row = 0; (member = wording_next_member(channel, &row)) != NULL;) {
        const char *text = *wording_slot(wording, member);
        if (text)
            json_object_set_new(object, member->name, json_string(text));
    }
    if (channel == CR_CHANNEL_WECHAT)
        json_object_set_new(object, "fields", fields_object(wording));
    return object;
}

static json_t *
channels_object(template_language_t *language)
{
    json_t *object = json_object();
    for (size_t i = 0; i < CR_CHANNEL_COUNT; i++)
        if (language->has[i])
            json_object_set_new(object, cr_channel_name((cr_channel_t)i),
                                wording_object(&language->channel[i], (cr_channel_t)i));
    return object;
}

static json_t *
variables_array(const template_t *self)
{
    json_t *array = json_array();
    for (size_t i = 0; i < self->variable_count; i++)
        json_array_append_new(array, json_string(self->variables[i]));
    return array;
}

json_t *
template_document(const template_t *self)
{
    json_t *wordings = json_object();
    for (size_t i = 0; i < self->language_count; i++)
        json_object_set_new(wordings, self->languages[i].language,
                            channels_object(&self->languages[i]));
    return json_pack("{s:s, s:s, s:o, s:s, s:o}", "name", self->name, "title", self->title,
                     "variables", variables_array(self), "sender", self->sender, "wordings",
                     wordings);
}

json_t *
template_row(const template_t *self)
{
    json_t *channels = json_array(), *languages = json_array();
    unsigned bits = template_channels(self);
    for (size_t i = 0; i < CR_CHANNEL_COUNT; i++)
        if (bits & 1u << i)
            json_array_append_new(channels, json_string(cr_channel_name((cr_channel_t)i)));
    for (size_t i = 0; i < self->language_count; i++)
        json_array_append_new(languages, json_string(self->languages[i].language));
    return json_pack("{s:s, s:s, s:o, s:o}", "name", self->name, "title", self->title, "channels",
                     channels, "languages", languages);
}

json_t *
wording_size_object(const cr_sms_size_t *size)
{
    return json_pack("{s:s, s:i, s:i}", "encoding", size->ucs2 ? "UCS-2" : "GSM-7", "units",
                     (int)size->units, "parts", (int)size->parts);
}

static json_t *
check_object(const template_language_t *language)
{
    cr_sms_size_t size = {0};
    if (wording_measure(cr_slice_of(language->channel[CR_CHANNEL_SMS].text), &size) != CR_OK)
        return NULL;
    json_t *object = json_pack("{s:s, s:s}", "language", language->language, "channel",
                               cr_channel_name(CR_CHANNEL_SMS));
    json_object_update_new(object, wording_size_object(&size));
    return object;
}

json_t *
template_checks(const template_t *self)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < self->language_count; i++)
        if (self->languages[i].has[CR_CHANNEL_SMS])
            json_array_append_new(checks, check_object(&self->languages[i]));
    return checks;
}
