#include "wechat_event.h"

#include <string.h>

#include "xml.h"

static const struct {
    const char *type, *event; /* MsgType and Event; NULL: any */
    wechat_event_kind_t kind;
} kinds[] = {
    {"event", "TEMPLATESENDJOBFINISH", WECHAT_EVENT_RESULT},
    {"event", "MASSSENDJOBFINISH", WECHAT_EVENT_MASS},
    {"event", "subscribe", WECHAT_EVENT_CAME},
    {"event", "unsubscribe", WECHAT_EVENT_LEFT},
    {"text", NULL, WECHAT_EVENT_TEXT},
};

static wechat_event_kind_t
kind_of(const char *type, const char *event)
{
    for (size_t i = 0; i < CR_COUNT(kinds); i++)
        if (strcmp(kinds[i].type, type) == 0 &&
            (!kinds[i].event || strcmp(kinds[i].event, event) == 0))
            return kinds[i].kind;
    return WECHAT_EVENT_OTHER;
}

static cr_err_t
check(const wechat_event_t *event)
{
    bool has_result = *event->msgid && *event->status;
    bool has_sender = *event->from;
    switch (event->kind) {
    case WECHAT_EVENT_OTHER:
        return CR_OK;
    case WECHAT_EVENT_RESULT:
    case WECHAT_EVENT_MASS:
        return has_result && strlen(event->msgid) < sizeof event->msgid - 1 ? CR_OK : CR_INVAL;
    default:
        return has_sender ? CR_OK : CR_INVAL;
    }
}

cr_err_t
wechat_event_read(cr_slice_t xml, wechat_event_t *event)
{
    char type[16], name[32];
    *event = (wechat_event_t){0};
    xmlDoc *document = xml_read(xml);
    if (!document)
        return CR_INVAL;
    xml_child(document, "MsgType", type, sizeof type);
    xml_child(document, "Event", name, sizeof name);
    event->kind = kind_of(type, name);
    const struct {
        const char *name;
        char *out;
        size_t size;
    } texts[] = {
        {"FromUserName", event->from, sizeof event->from},
        {"CreateTime", event->created, sizeof event->created},
        {"Status", event->status, sizeof event->status},
        {"SentCount", event->sent, sizeof event->sent},
        {"ErrorCount", event->failed, sizeof event->failed},
        {"Content", event->text, sizeof event->text},
    };
    for (size_t i = 0; i < CR_COUNT(texts); i++)
        xml_child(document, texts[i].name, texts[i].out, texts[i].size);
    if (!xml_child(document, "MsgID", event->msgid, sizeof event->msgid)) /* of events */
        xml_child(document, "MsgId", event->msgid, sizeof event->msgid);  /* of messages */
    xmlFreeDoc(document);
    return check(event);
}

void
wechat_event_key(const wechat_event_t *event, cr_str_t *out)
{
    cr_str_appendf(out, "%d\n%s\n%s\n%s", (int)event->kind, event->from, event->created,
                   event->msgid);
}
