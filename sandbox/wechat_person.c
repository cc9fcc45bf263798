#include "wechat_person.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "cr_clock.h"

enum { TEXT_BYTES_MAX = 2048, ADDRESS_BYTES_MAX = 128, EVENT_BYTES_MAX = 4096 };

/* Inside CDATA, whose end it must not be. */
static bool
is_content(const char *text, size_t most)
{
    return text && *text && strlen(text) <= most && !strstr(text, "]]>");
}

static char *
event_of(const char *openid, const char *does, const char *text)
{
    cr_str_t xml;
    int64_t now_us = cr_clock_wall_us();
    cr_str_init(&xml, EVENT_BYTES_MAX);
    cr_str_appendf(&xml,
                   "<xml><ToUserName><![CDATA[gh_sandbox]]></ToUserName><FromUserName><![CDATA[%s"
                   "]]></FromUserName><CreateTime>%" PRId64 "</CreateTime>",
                   openid, now_us / CR_US_PER_S);
    if (text)
        cr_str_appendf(&xml,
                       "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[%s]]></Content><MsgId>"
                       "%" PRId64 "</MsgId></xml>",
                       text, now_us);
    else
        cr_str_appendf(
            &xml, "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[%s]]></Event></xml>", does);
    return cr_str_take(&xml);
}

static const char *
push(gateway_t *gateway, const json_t *asked)
{
    const char *openid = json_string_value(json_object_get(asked, "address"));
    const char *does = json_string_value(json_object_get(asked, "does"));
    const char *text = json_string_value(json_object_get(asked, "text"));
    bool writes = does && strcmp(does, "text") == 0;
    if (!is_content(openid, ADDRESS_BYTES_MAX))
        return "address: an openid is needed";
    if (!writes && (!does || (strcmp(does, "subscribe") != 0 && strcmp(does, "unsubscribe") != 0)))
        return "does: text, subscribe or unsubscribe";
    if (writes && !is_content(text, TEXT_BYTES_MAX))
        return "text: 1 to 2048 bytes are needed";
    receipts_add(gateway->receipts, cr_clock_mono_us(),
                 event_of(openid, does, writes ? text : NULL));
    return NULL;
}

void
wechat_person_answer(void *context, const web_request_t *request, web_answer_t *answer)
{
    cr_slice_t body = web_body(request);
    json_t *asked = json_loadb(body.text, body.length, JSON_REJECT_DUPLICATES, NULL);
    const char *why = push(context, asked);
    answer->status = why ? 400 : 200;
    if (why)
        cr_str_appendf(&answer->body, "{\"error\":\"%s\"}", why);
    else
        cr_str_append_text(&answer->body, "{}");
    json_decref(asked);
}
