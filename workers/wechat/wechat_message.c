#include "wechat_message.h"

#include <string.h>

#include "runtime/json_text.h"

static void
append_member(cr_str_t *out, const char *name, cr_slice_t value)
{
    json_text_append(out, cr_slice_of(name));
    cr_str_append_char(out, ':');
    json_text_append(out, value);
    cr_str_append_char(out, ',');
}

/* "0000001K.w.4711" of "0000001K.w.4711.2". */
static cr_slice_t
message_key(const message_t *message)
{
    const char *last = strrchr(message->reference, '.');
    return (cr_slice_t){message->reference, (size_t)(last - message->reference)};
}

static void
append_data(cr_str_t *out, const message_t *message)
{
    cr_str_append_text(out, "\"data\":{");
    for (size_t i = 0; i < message->field_count; i++) {
        if (i > 0)
            cr_str_append_char(out, ',');
        json_text_append(out, message->fields[i].name);
        cr_str_append_text(out, ":{\"value\":");
        json_text_append(out, message->fields[i].value);
        cr_str_append_char(out, '}');
    }
    cr_str_append_text(out, "}}");
}

cr_err_t
wechat_template_json(const message_t *message, cr_str_t *out)
{
    cr_str_append_char(out, '{');
    append_member(out, "touser", message->address);
    append_member(out, "template_id", message->template_id);
    if (message->url.length > 0)
        append_member(out, "url", message->url);
    append_member(out, "client_msg_id", message_key(message));
    append_data(out, message);
    return cr_str_err(out);
}

cr_err_t
wechat_subscription_json(const message_t *message, cr_str_t *out)
{
    cr_str_append_char(out, '{');
    append_member(out, "touser", message->address);
    append_member(out, "template_id", message->template_id);
    if (message->url.length > 0)
        append_member(out, "page", message->url);
    append_data(out, message);
    return cr_str_err(out);
}
