#include "sms_message.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
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
sms_batch_text(const message_t *message, const sms_template_t *template, cr_str_t *out)
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
        append_field(out, "SignName", message->sender);
        append_field(out, "TemplateCode", cr_slice_of(template->code));
        append_field(out, "TemplateParam", cr_str_slice(&parameter));
        err = cr_str_err(out);
    }
    cr_str_fini(&parameter);
    return err;
}

cr_err_t
sms_message_form(const message_t *message, const sms_template_t *template, cr_str_t *out)
{
    append_field(out, "PhoneNumbers", message->address);
    cr_err_t err = sms_batch_text(message, template, out);
    append_field(out, "OutId", cr_slice_of(message->reference));
    return err == CR_OK ? cr_str_err(out) : err;
}

cr_err_t
sms_batch_form(cr_slice_t phones, cr_slice_t text, cr_str_t *out)
{
    append_field(out, "PhoneNumbers", phones);
    cr_str_append_char(out, '&');
    cr_str_append_slice(out, text);
    return cr_str_err(out);
}

const char *
sms_batch_id(const char *biz_id, const char *phone, char out[SMS_BATCH_ID_MAX])
{
    snprintf(out, SMS_BATCH_ID_MAX, "%.64s/%.24s", biz_id, phone);
    return out;
}

/* What a report is about: our reference, or the id of a number in a batch. False: neither. */
static bool
read_name(const json_t *report, bool by_id, char id[SMS_BATCH_ID_MAX], receipt_t *receipt)
{
    const char *reference = json_string_value(json_object_get(report, "out_id"));
    const char *biz_id = json_string_value(json_object_get(report, "biz_id"));
    const char *phone = json_string_value(json_object_get(report, "phone_number"));
    cr_delivery_t delivery;
    receipt->reference = receipt->gateway_id = CR_SLICE("");
    if (by_id) {
        if (!biz_id || !phone)
            return false;
        receipt->gateway_id = cr_slice_of(sms_batch_id(biz_id, phone, id));
        return true;
    }
    if (!reference || cr_reference_parse(cr_slice_of(reference), &delivery) != CR_OK)
        return false;
    receipt->reference = cr_slice_of(reference);
    return true;
}

/* One report; what is not about a message of ours is passed over. */
static cr_err_t
read_report(const json_t *report, const sms_reader_t *reader)
{
    char id[SMS_BATCH_ID_MAX];
    receipt_t receipt;
    if (!read_name(report, reader->by_id, id, &receipt))
        return CR_OK;
    const char *code = json_string_value(json_object_get(report, "err_code"));
    bool success = json_is_true(json_object_get(report, "success"));
    receipt.outcome = sms_receipt_outcome(success, cr_slice_of(code ? code : ""));
    cr_err_t err = news_receipt(reader->news, &receipt);
    if (err == CR_OK && reader->pull && !reader->by_id)
        pull_told(reader->pull, receipt.reference.text);
    return err;
}

static cr_err_t
read_reply(const json_t *reply, news_t *news)
{
    const char *phone = json_string_value(json_object_get(reply, "phone_number"));
    const char *text = json_string_value(json_object_get(reply, "content"));
    if (!phone || *phone == '\0')
        return CR_OK;
    const reply_t said = {CRIER__V1__REPLIES__KIND__TEXT, cr_slice_of(phone), cr_slice_of(text)};
    return news_reply(news, &said);
}

/* What a resident wrote has a content, what became of a message has none. */
static cr_err_t
read_one(const json_t *element, const sms_reader_t *reader)
{
    bool written = json_is_string(json_object_get(element, "content"));
    return written ? read_reply(element, reader->news) : read_report(element, reader);
}

cr_err_t
sms_push_read(cr_slice_t body, const sms_reader_t *reader)
{
    json_t *elements = json_loadb(body.text, body.length, 0, NULL);
    cr_err_t err = json_is_array(elements) ? CR_OK : CR_INVAL;
    size_t i;
    json_t *element;
    json_array_foreach(elements, i, element)
    {
        if (err == CR_OK)
            err = read_one(element, reader);
    }
    json_decref(elements);
    return err;
}

cr_err_t
sms_details_form(const pull_item_t *item, cr_str_t *out)
{
    append_field(out, "PhoneNumber", cr_slice_of(item->phone));
    append_field(out, "SendDate", cr_slice_of(item->day));
    append_field(out, "PageSize", CR_SLICE("50"));
    append_field(out, "CurrentPage", CR_SLICE("1"));
    return cr_str_err(out);
}

cr_status_t
sms_details_outcome(const cr_http_answer_t *answer, const char *reference)
{
    enum { UNDER_WAY = 1, FAILED, DELIVERED }; /* SendStatus */
    if (!answer->answered)
        return CR_STATUS_ACCEPTED;
    json_t *body = json_loadb(answer->body.text, answer->body.length, 0, NULL);
    json_t *list = json_object_get(json_object_get(body, "SmsSendDetailDTOs"), "SmsSendDetailDTO");
    cr_status_t outcome = CR_STATUS_ACCEPTED;
    size_t i;
    json_t *detail;
    json_array_foreach(list, i, detail)
    {
        const char *id = json_string_value(json_object_get(detail, "OutId"));
        const char *code = json_string_value(json_object_get(detail, "ErrCode"));
        json_int_t status = json_integer_value(json_object_get(detail, "SendStatus"));
        if (id && strcmp(id, reference) == 0 && (status == FAILED || status == DELIVERED))
            outcome = sms_receipt_outcome(status == DELIVERED, cr_slice_of(code ? code : ""));
    }
    json_decref(body);
    return outcome;
}
