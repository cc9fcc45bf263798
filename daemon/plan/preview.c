#include <stdlib.h>
#include <string.h>

#include "cr_status.h"
#include "cr_text.h"
#include "wording.h"

/* The wording in the reader's language, else the default. */
static dispatch_wording_t *
choose(const dispatch_content_t *content, cr_slice_t language)
{
    for (size_t i = 0; i < content->wording_count; i++)
        if (cr_slice_equal(cr_slice_of(content->wordings[i].language), language))
            return &content->wordings[i];
    return &content->wordings[0];
}

static cr_err_t
fill_text(const wording_text_t *text, const template_reader_t *reader)
{
    cr_str_t filled;
    cr_str_init(&filled, 8 * WORDING_TEXT_BYTES);
    cr_err_t err =
        cr_fill(cr_slice_of(*text->text), text->rules & WORDING_HTML ? CR_FILL_HTML : CR_FILL_PLAIN,
                reader->value, reader->context, &filled);
    char *whole = err ? NULL : strdup(cr_str_text(&filled));
    cr_str_fini(&filled);
    if (!whole)
        return err ? err : CR_NOMEM;
    free(*text->text);
    *text->text = whole;
    return CR_OK;
}

static cr_err_t
fill_wording(dispatch_wording_t *wording, cr_channel_t channel, const template_reader_t *reader)
{
    wording_text_t texts[WORDING_TEXTS_MAX];
    size_t count = wording_texts(wording, channel, texts);
    cr_err_t err = CR_OK;
    for (size_t i = 0; !err && i < count; i++)
        err = fill_text(&texts[i], reader);
    return err;
}

/* ---- what each channel adds ---- */

static void
add_sms(json_t *object, const dispatch_wording_t *wording, const char *sender, cr_slice_t address)
{
    char masked[32];
    (void)sender;
    cr_sms_size_t size = cr_sms_measure(cr_slice_of(wording->text));
    json_object_update_new(object, wording_size_object(&size));
    json_object_set_new(object, "address", json_string(cr_mask_phone(address, masked)));
}

static void
add_wechat(json_t *object, const dispatch_wording_t *wording, const char *sender,
           cr_slice_t address)
{
    char masked[32];
    (void)wording;
    (void)sender;
    json_object_set_new(object, "address", json_string(cr_mask_openid(address, masked)));
}

static void
add_mail(json_t *object, const dispatch_wording_t *wording, const char *sender, cr_slice_t address)
{
    char masked[80];
    (void)wording;
    json_object_set_new(object, "from", json_string(sender));
    json_object_set_new(object, "address", json_string(cr_mask_email(address, masked)));
}

typedef void add_fn(json_t *object, const dispatch_wording_t *wording, const char *sender,
                    cr_slice_t address);
static add_fn *const adds[CR_CHANNEL_COUNT] = {
    [CR_CHANNEL_SMS] = add_sms,
    [CR_CHANNEL_WECHAT] = add_wechat,
    [CR_CHANNEL_MAIL] = add_mail,
};

/* ---- the whole ---- */

static const char *
suppression(const template_reader_t *reader, cr_channel_t channel)
{
    if (reader->suppressed[channel])
        return reader->suppressed[channel];
    return reader->address[channel].length == 0 ? cr_status_name(CR_STATUS_SUPPRESSED_ADDRESS)
                                                : NULL;
}

/* What the channel would show; NULL: memory, or a value that is not known. */
static json_t *
show_content(const template_t *self, cr_channel_t channel, dispatch_content_t *content,
             const template_reader_t *reader)
{
    dispatch_wording_t *wording = choose(content, reader->language);
    if (fill_wording(wording, channel, reader) != CR_OK)
        return NULL;
    json_t *object = wording_object(wording, channel);
    adds[channel](object, wording, self->sender, reader->address[channel]);
    return object;
}

static json_t *
show_channel(const template_t *self, cr_channel_t channel, const json_t *variables,
             const template_reader_t *reader)
{
    const char *suppressed = suppression(reader, channel);
    if (suppressed)
        return json_pack("{s:s}", "suppressed", suppressed);
    dispatch_content_t *content = NULL;
    if (template_content(self, channel, variables, false, &content) != CR_OK)
        return NULL;
    json_t *object = show_content(self, channel, content, reader);
    template_content_destroy(&content);
    return object;
}

/* The language of the wordings that the reader gets. */
static const char *
language_for(const template_t *self, cr_slice_t language)
{
    for (size_t i = 0; i < self->language_count; i++)
        if (cr_slice_equal(cr_slice_of(self->languages[i].language), language))
            return self->languages[i].language;
    return self->languages[0].language;
}

cr_err_t
template_preview(const template_t *self, json_t *variables, const template_reader_t *reader,
                 json_t **preview, cr_fault_t *fault)
{
    unsigned channels = template_channels(self);
    cr_err_t err = template_check_variables(self, variables, channels, fault);
    if (err)
        return err;
    json_t *made =
        json_pack("{s:s, s:s}", "to", reader->id, "language", language_for(self, reader->language));
    bool whole = made;
    for (size_t i = 0; whole && i < CR_CHANNEL_COUNT; i++)
        if (channels & 1u << i)
            whole =
                json_object_set_new(made, cr_channel_name((cr_channel_t)i),
                                    show_channel(self, (cr_channel_t)i, variables, reader)) == 0;
    if (!whole) {
        json_decref(made);
        return cr_fault_set(fault, CR_NOMEM, "%s", cr_err_text(CR_NOMEM));
    }
    *preview = made;
    return CR_OK;
}
