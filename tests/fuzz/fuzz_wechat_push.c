/*
 * Somebody pushes anything to a WeChat worker: as an event, as a signed body in the plain mode, and as
 * an envelope of the safe mode.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "callback.h"
#include "fuzz.h"
#include "wechat_event.h"

enum { NOW_S = 1778548000, XML_MAX = 1 << 20 };

static void
read_event(cr_slice_t xml)
{
    wechat_event_t event;
    cr_str_t key;
    if (wechat_event_read(xml, &event) != CR_OK)
        return;
    if (strlen(event.text) > NEWS_TEXT_MAX || strlen(event.from) > NEWS_ADDRESS_MAX)
        abort();
    cr_str_init(&key, sizeof event);
    wechat_event_key(&event, &key);
    if (cr_str_err(&key) != CR_OK)
        abort();
    cr_str_fini(&key);
}

static void
open_push(const char *aes_key, cr_slice_t body)
{
    callback_t *self = NULL;
    cr_str_t xml;
    const callback_query_t query = {"1778548000", "nonce9",
                                    "3a0ea4b3f5fafc87fb02326c46cc4c9e8a803623",
                                    "3a0ea4b3f5fafc87fb02326c46cc4c9e8a803623"};
    if (sodium_init() < 0 || callback_new("sandbox-token", aes_key, "wx1", &self) != CR_OK)
        abort();
    cr_str_init(&xml, XML_MAX);
    if (callback_open(self, &query, body, NOW_S, &xml) == CR_OK)
        read_event(cr_str_slice(&xml));
    cr_str_fini(&xml);
    callback_destroy(&self);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const cr_slice_t body = {(const char *)bytes, length};
    if (length > XML_MAX)
        return 0;
    read_event(body);
    open_push(NULL, body);
    open_push("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", body);
    return 0;
}
