#include "reply.h"

#include <inttypes.h>
#include <jansson.h>
#include <time.h>

#include "cr_clock.h"
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
push(reply_t *self, cr_slice_t phone, cr_slice_t text)
{
    char sent[32], number[24];
    time_t now = (time_t)(cr_clock_wall_us() / CR_US_PER_S);
    struct tm local;
    CR_ASSERT(localtime_r(&now, &local));
    strftime(sent, sizeof sent, "%Y-%m-%d %H:%M:%S", &local);
    snprintf(number, sizeof number, "%" PRIu64, ++self->sequence);
    json_t *said = json_pack("{s:s%,s:s,s:s%,s:s,s:s}", "phone_number", phone.text, phone.length,
                             "send_time", sent, "content", text.text, text.length, "dest_code",
                             "10690001", "sequence_id", number);
    receipts_add(self->gateway->receipts, cr_clock_mono_us(), json_dumps(said, JSON_COMPACT));
    json_decref(said);
}

static void
say(reply_t *self, cr_slice_t phone, cr_slice_t text, web_answer_t *answer)
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
    if (*receipts_url(self->gateway->receipts) == '\0') {
        refuse(answer, 409, "nobody is connected who takes replies");
        return;
    }
    push(self, phone, text);
    cr_str_append_text(&answer->body, "{}");
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
