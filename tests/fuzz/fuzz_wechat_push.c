/*
 * Somebody pushes anything to a WeChat worker: as an event, as a signed body in the plain mode, and as
 * a signed ciphertext of the safe mode.
 */
#include <gnutls/crypto.h>
#include <sodium.h>
#include <stdio.h>
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

static int
compare(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

/* What the platform would sign it with. */
static void
sign(const char *encrypted, char hex[41])
{
    const char *parts[] = {"sandbox-token", "1778548000", "nonce9", encrypted};
    uint8_t hash[20];
    gnutls_hash_hd_t sum;
    if (gnutls_hash_init(&sum, GNUTLS_DIG_SHA1) != 0)
        abort();
    qsort(parts, CR_COUNT(parts), sizeof *parts, compare);
    for (size_t i = 0; i < CR_COUNT(parts); i++)
        gnutls_hash(sum, parts[i], strlen(parts[i]));
    gnutls_hash_deinit(sum, hash);
    sodium_bin2hex(hex, 41, hash, sizeof hash);
}

static void
open_push(const callback_t *callback, const char *msg_signature, cr_slice_t body)
{
    cr_str_t xml;
    const callback_query_t query = {"1778548000", "nonce9",
                                    "3a0ea4b3f5fafc87fb02326c46cc4c9e8a803623", msg_signature};
    cr_str_init(&xml, XML_MAX);
    if (callback_open(callback, &query, body, NOW_S, &xml) == CR_OK)
        read_event(cr_str_slice(&xml));
    cr_str_fini(&xml);
}

/* The bytes as the ciphertext, so that what they decrypt to is looked at. */
static void
open_sealed(const callback_t *callback, const uint8_t *bytes, size_t length)
{
    static char base64[2 * XML_MAX], body[2 * XML_MAX + 64];
    char signature[41];
    sodium_bin2base64(base64, sizeof base64, bytes, length - length % 16,
                      sodium_base64_VARIANT_ORIGINAL);
    sign(base64, signature);
    snprintf(body, sizeof body, "<xml><Encrypt>%s</Encrypt></xml>", base64);
    open_push(callback, signature, cr_slice_of(body));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static callback_t *plain, *safe;
    const cr_slice_t body = {(const char *)bytes, length};
    if (length > XML_MAX)
        return 0;
    if (!plain &&
        (sodium_init() < 0 || callback_new("sandbox-token", NULL, "wx1", &plain) != CR_OK ||
         callback_new("sandbox-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wx1",
                      &safe) != CR_OK))
        abort();
    read_event(body);
    open_push(plain, "", body);
    open_push(safe, "", body);
    open_sealed(safe, bytes, length);
    return 0;
}
