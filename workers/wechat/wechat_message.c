#include "wechat_message.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/json_text.h"

enum { SHA1_BYTES = 20, SIGNED_BYTES_MAX = 1024 };

/* ---- template/send -------------------------------------------------------------------------- */

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

cr_err_t
wechat_message_json(const message_t *message, cr_str_t *out)
{
    cr_str_append_char(out, '{');
    append_member(out, "touser", message->address);
    append_member(out, "template_id", message->template_id);
    if (message->url.length > 0)
        append_member(out, "url", message->url);
    append_member(out, "client_msg_id", message_key(message));
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
    return cr_str_err(out);
}

/* ---- events --------------------------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

static bool
is_recent(const char *timestamp, int64_t now_s)
{
    char *end;
    errno = 0;
    long long seconds = strtoll(timestamp, &end, 10);
    return errno == 0 && end != timestamp && *end == '\0' && seconds > 0 &&
           seconds >= now_s - WECHAT_SIGNATURE_WINDOW_S &&
           seconds <= now_s + WECHAT_SIGNATURE_WINDOW_S;
}

bool
wechat_signature_is_right(const char *token, const char *timestamp, const char *nonce,
                          const char *signature, int64_t now_s)
{
    const char *parts[] = {token, timestamp, nonce};
    char hex[2 * SHA1_BYTES + 1];
    uint8_t hash[SHA1_BYTES];
    if (!is_recent(timestamp, now_s) || strlen(signature) != sizeof hex - 1)
        return false;
    qsort(parts, CR_COUNT(parts), sizeof *parts, compare);
    cr_str_t text;
    cr_str_init(&text, SIGNED_BYTES_MAX);
    for (size_t i = 0; i < CR_COUNT(parts); i++)
        cr_str_append_text(&text, parts[i]);
    bool whole = cr_str_err(&text) == CR_OK &&
                 gnutls_hash_fast(GNUTLS_DIG_SHA1, cr_str_text(&text), text.length, hash) == 0;
    cr_str_fini(&text);
    return whole && sodium_memcmp(sodium_bin2hex(hex, sizeof hex, hash, sizeof hash), signature,
                                  sizeof hex - 1) == 0;
}

/* The text of a child element, to be freed with xmlFree; NULL when there is none. */
static xmlChar *
child_text(const xmlNode *root, const char *name)
{
    for (const xmlNode *node = root->children; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0)
            return xmlNodeGetContent(node);
    return NULL;
}

static cr_slice_t
slice_of_xml(const xmlChar *text)
{
    return cr_slice_of(text ? (const char *)text : "");
}

static cr_err_t
read_result(const xmlNode *root, wechat_event_t *event)
{
    xmlChar *msgid = child_text(root, "MsgID"), *status = child_text(root, "Status");
    cr_slice_t id = slice_of_xml(msgid);
    cr_err_t err = status && id.length > 0 && id.length < sizeof event->msgid ? CR_OK : CR_INVAL;
    if (err == CR_OK) {
        memcpy(event->msgid, id.text, id.length + 1);
        event->outcome = wechat_event_outcome(slice_of_xml(status));
        event->is_result = true;
    }
    xmlFree(msgid);
    xmlFree(status);
    return err;
}

static cr_err_t
read_root(const xmlNode *root, wechat_event_t *event)
{
    xmlChar *kind = child_text(root, "Event");
    bool is_result = cr_slice_equal(slice_of_xml(kind), CR_SLICE("TEMPLATESENDJOBFINISH"));
    xmlFree(kind);
    return is_result ? read_result(root, event) : CR_OK;
}

cr_err_t
wechat_event_read(cr_slice_t xml, wechat_event_t *event)
{
    *event = (wechat_event_t){0};
    xmlDoc *document = xmlReadMemory(xml.text, (int)xml.length, NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!document)
        return CR_INVAL;
    /* A document type could define entities: nothing that brings one is an event. */
    const xmlNode *root = xmlDocGetRootElement(document);
    cr_err_t err = !document->intSubset && root ? read_root(root, event) : CR_INVAL;
    xmlFreeDoc(document);
    return err;
}
