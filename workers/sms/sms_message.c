#include "sms_message.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "runtime/json_text.h"
#include "sms_outcome.h"

#define OPEN_BRACKET "\xe3\x80\x90"  /* U+3010 */
#define CLOSE_BRACKET "\xe3\x80\x91" /* U+3011 */

enum { PARAMETER_BYTES_MAX = 16 * 1024 };

static void
append_encoded(cr_str_t *out, cr_slice_t value)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < value.length; i++) {
        unsigned char c = (unsigned char)value.text[i];
        if (c < 0x80 && (isalnum(c) || strchr("-_.~", c))) {
            cr_str_append_char(out, (char)c);
            continue;
        }
        const char escaped[3] = {'%', digits[c >> 4], digits[c & 15]};
        cr_str_append(out, escaped, sizeof escaped);
    }
}

static void
append_field(cr_str_t *out, const char *name, cr_slice_t value)
{
    if (out->length > 0)
        cr_str_append_char(out, '&');
    cr_str_append_text(out, name);
    cr_str_append_char(out, '=');
    append_encoded(out, value);
}

static bool
take_prefix(cr_slice_t *text, cr_slice_t prefix)
{
    if (text->length < prefix.length || memcmp(text->text, prefix.text, prefix.length) != 0)
        return false;
    text->text += prefix.length;
    text->length -= prefix.length;
    return true;
}

/* The text without the signature at its head; as it is when it has none. */
static cr_slice_t
unsigned_text(const message_t *message)
{
    cr_slice_t rest = message->text;
    bool is_signed = take_prefix(&rest, CR_SLICE(OPEN_BRACKET)) &&
                     take_prefix(&rest, message->sender) &&
                     take_prefix(&rest, CR_SLICE(CLOSE_BRACKET));
    return is_signed ? rest : message->text;
}

cr_err_t
sms_message_form(const message_t *message, const sms_template_t *template, cr_str_t *out)
{
    cr_str_t parameter;
    cr_str_init(&parameter, PARAMETER_BYTES_MAX);
    cr_str_append_char(&parameter, '{');
    json_text_append(&parameter, cr_slice_of(template->parameter));
    cr_str_append_char(&parameter, ':');
    json_text_append(&parameter, unsigned_text(message));
    cr_str_append_char(&parameter, '}');
    cr_err_t err = cr_str_err(&parameter);
    if (err == CR_OK) {
        append_field(out, "PhoneNumbers", message->address);
        append_field(out, "SignName", message->sender);
        append_field(out, "TemplateCode", cr_slice_of(template->code));
        append_field(out, "TemplateParam", cr_str_slice(&parameter));
        append_field(out, "OutId", cr_slice_of(message->reference));
        err = cr_str_err(out);
    }
    cr_str_fini(&parameter);
    return err;
}

/* One report; what is not about a message of ours is passed over. */
static cr_err_t
read_report(const json_t *report, news_t *news)
{
    const char *reference = json_string_value(json_object_get(report, "out_id"));
    const char *code = json_string_value(json_object_get(report, "err_code"));
    cr_delivery_t delivery;
    if (!reference || cr_reference_parse(cr_slice_of(reference), &delivery) != CR_OK)
        return CR_OK;
    bool success = json_is_true(json_object_get(report, "success"));
    const receipt_t receipt = {
        .reference = cr_slice_of(reference),
        .gateway_id = CR_SLICE(""),
        .outcome = sms_receipt_outcome(success, cr_slice_of(code ? code : "")),
    };
    return news_receipt(news, &receipt);
}

cr_err_t
sms_receipts_read(cr_slice_t body, news_t *news)
{
    json_t *reports = json_loadb(body.text, body.length, 0, NULL);
    cr_err_t err = json_is_array(reports) ? CR_OK : CR_INVAL;
    size_t i;
    json_t *report;
    json_array_foreach(reports, i, report)
    {
        if (err == CR_OK)
            err = read_report(report, news);
    }
    json_decref(reports);
    return err;
}
