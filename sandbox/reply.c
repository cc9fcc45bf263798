#include "reply.h"

#include <jansson.h>

#include "cr_text.h"
#include "phone.h"

enum { CHARACTERS_MAX = 70 }; /* of one short message */

static void
refuse(web_answer_t *answer, unsigned status, const char *why)
{
    answer->status = status;
    cr_str_appendf(&answer->body, "{\"error\":\"%s\"}", why);
}

static void
say(const reply_t *self, cr_slice_t phone, cr_slice_t text, web_answer_t *answer)
{
    for (size_t i = 0; i < REPLY_CENTRES; i++) {
        smsc_t *centre = *self->centres[i];
        if (!smsc_has_receiver(centre))
            continue;
        if (smsc_reply(centre, phone, text, 0) == CR_OK)
            cr_str_append_text(&answer->body, "{}");
        else
            refuse(answer, 503, "too much waits");
        return;
    }
    refuse(answer, 409, "nobody is connected who takes replies");
}

void
reply_answer(void *context, const web_request_t *request, web_answer_t *answer)
{
    cr_slice_t body = web_body(request);
    json_t *asked = json_loadb(body.text, body.length, JSON_REJECT_DUPLICATES, NULL);
    const char *address = json_string_value(json_object_get(asked, "address"));
    const char *text = json_string_value(json_object_get(asked, "text"));
    size_t length = text ? cr_text_length(cr_slice_of(text)) : 0;
    if (!address || !phone_exists(cr_slice_of(address)))
        refuse(answer, 400, "address: a phone is needed");
    else if (length < 1 || length > CHARACTERS_MAX)
        refuse(answer, 400, "text: 1 to 70 characters are needed");
    else
        say(context, cr_slice_of(address), cr_slice_of(text), answer);
    json_decref(asked);
}
