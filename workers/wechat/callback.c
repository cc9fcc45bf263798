#include "callback.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "seen.h"
#include "xml.h"

enum {
    SHA1_BYTES = 20,
    KEY_BYTES = 32,
    KEY_TEXT = 43, /* base64 without its last '=' */
    IV_BYTES = 16,
    PAD_BLOCK = 32,
    HEAD_BYTES = 20, /* 16 random, 4 of length */
    BODY_BYTES_MAX = 1 << 20
};

struct callback {
    char *token, *receiver;
    bool safe;
    uint8_t key[KEY_BYTES];
    seen_t *seen;
};

/* The platform draws all 43 characters at random, also the last, of which only four bits count:
 * libsodium wants the other two to be 0. */
static bool
decode_key(const char *text, uint8_t key[KEY_BYTES])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char exact[KEY_TEXT];
    size_t length = 0;
    const char *last = strlen(text) == KEY_TEXT ? strchr(alphabet, text[KEY_TEXT - 1]) : NULL;
    if (!last)
        return false;
    memcpy(exact, text, KEY_TEXT);
    exact[KEY_TEXT - 1] = alphabet[(size_t)(last - alphabet) & ~(size_t)3];
    bool whole = sodium_base642bin(key, KEY_BYTES, exact, KEY_TEXT, NULL, &length, NULL,
                                   sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0;
    sodium_memzero(exact, sizeof exact);
    return whole && length == KEY_BYTES;
}

cr_err_t
callback_new(const char *token, const char *aes_key, const char *receiver, callback_t **self_p)
{
    callback_t *self = calloc(1, sizeof *self);
    if (!self)
        return CR_NOMEM;
    self->token = strdup(token);
    self->receiver = strdup(receiver);
    self->seen = seen_new();
    self->safe = aes_key != NULL;
    cr_err_t err = self->token && self->receiver && self->seen ? CR_OK : CR_NOMEM;
    if (err == CR_OK && aes_key && !decode_key(aes_key, self->key))
        err = CR_INVAL;
    if (err != CR_OK)
        callback_destroy(&self);
    *self_p = self;
    return err;
}

void
callback_destroy(callback_t **self_p)
{
    callback_t *self = *self_p;
    if (!self)
        return;
    sodium_memzero(self->key, sizeof self->key);
    seen_destroy(&self->seen);
    free(self->token);
    free(self->receiver);
    free(self);
    *self_p = NULL;
}

/* ---- signature ------------------------------------------------------------------------------ */

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
    return errno == 0 && end != timestamp && *end == '\0' && seconds >= now_s - CALLBACK_WINDOW_S &&
           seconds <= now_s + CALLBACK_WINDOW_S;
}

/* Whether `signature` is the hex SHA-1 of the parts in ascending order. Sorts them. */
static bool
is_signed(const char **parts, size_t count, const char *signature)
{
    char hex[2 * SHA1_BYTES + 1];
    uint8_t hash[SHA1_BYTES];
    gnutls_hash_hd_t sum;
    if (strlen(signature) != sizeof hex - 1 || gnutls_hash_init(&sum, GNUTLS_DIG_SHA1) != 0)
        return false;
    qsort(parts, count, sizeof *parts, compare);
    int failed = 0;
    for (size_t i = 0; i < count; i++)
        failed |= gnutls_hash(sum, parts[i], strlen(parts[i]));
    gnutls_hash_deinit(sum, hash);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    return failed == 0 && sodium_memcmp(hex, signature, sizeof hex - 1) == 0;
}

static void
append_stamp(const callback_query_t *query, cr_str_t *out)
{
    cr_str_appendf(out, "%s\n%s", query->timestamp, query->nonce);
}

static bool
is_fresh(const callback_t *self, const callback_query_t *query, int64_t now_s)
{
    cr_str_t stamp;
    cr_str_init(&stamp, BODY_BYTES_MAX);
    append_stamp(query, &stamp);
    bool fresh = is_recent(query->timestamp, now_s) && cr_str_err(&stamp) == CR_OK &&
                 !seen_has(self->seen, cr_str_slice(&stamp), now_s, 2 * CALLBACK_WINDOW_S + 1);
    cr_str_fini(&stamp);
    return fresh;
}

void
callback_use(callback_t *self, const callback_query_t *query, int64_t now_s)
{
    cr_str_t stamp;
    cr_str_init(&stamp, BODY_BYTES_MAX);
    append_stamp(query, &stamp);
    if (cr_str_err(&stamp) == CR_OK)
        seen_add(self->seen, cr_str_slice(&stamp), now_s);
    cr_str_fini(&stamp);
}

/* ---- safe mode ------------------------------------------------------------------------------ */

static bool
decrypt_in_place(const callback_t *self, uint8_t *bytes, size_t length)
{
    uint8_t iv_bytes[IV_BYTES];
    gnutls_cipher_hd_t cipher;
    memcpy(iv_bytes, self->key, sizeof iv_bytes);
    const gnutls_datum_t key = {(unsigned char *)(uintptr_t)self->key, KEY_BYTES};
    const gnutls_datum_t iv = {iv_bytes, sizeof iv_bytes};
    if (gnutls_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_CBC, &key, &iv) != 0)
        return false;
    bool done = gnutls_cipher_decrypt(cipher, bytes, length) == 0;
    gnutls_cipher_deinit(cipher);
    return done;
}

/* 16 random bytes, the length (big endian), the text, the receiver, padding of 1 to 32. */
static cr_err_t
unwrap(const callback_t *self, const uint8_t *bytes, size_t length, cr_str_t *out)
{
    size_t pad = bytes[length - 1], receiver = strlen(self->receiver);
    if (pad < 1 || pad > PAD_BLOCK || length < HEAD_BYTES + pad)
        return CR_INVAL;
    size_t text = (size_t)bytes[16] << 24 | (size_t)bytes[17] << 16 | (size_t)bytes[18] << 8 |
                  (size_t)bytes[19];
    size_t left = length - HEAD_BYTES - pad;
    if (text > left || left - text != receiver ||
        memcmp(bytes + HEAD_BYTES + text, self->receiver, receiver) != 0)
        return CR_INVAL;
    cr_str_append(out, bytes + HEAD_BYTES, text);
    return cr_str_err(out);
}

static cr_err_t
decrypt(const callback_t *self, const char *base64, cr_str_t *out)
{
    size_t text = strlen(base64), length = 0;
    uint8_t *bytes = malloc(text + 1);
    if (!bytes)
        return CR_NOMEM;
    bool whole = sodium_base642bin(bytes, text + 1, base64, text, "\r\n ", &length, NULL,
                                   sodium_base64_VARIANT_ORIGINAL) == 0 &&
                 length > 0 && length % IV_BYTES == 0 && decrypt_in_place(self, bytes, length);
    cr_err_t err = whole ? unwrap(self, bytes, length, out) : CR_INVAL;
    free(bytes);
    return err;
}

static cr_err_t
open_safe(const callback_t *self, const callback_query_t *query, const char *encrypted,
          cr_str_t *out)
{
    const char *parts[] = {self->token, query->timestamp, query->nonce, encrypted};
    if (!is_signed(parts, CR_COUNT(parts), query->msg_signature))
        return CR_DENIED;
    return decrypt(self, encrypted, out);
}

static cr_err_t
check_plain(const callback_t *self, const callback_query_t *query)
{
    const char *parts[] = {self->token, query->timestamp, query->nonce};
    return is_signed(parts, CR_COUNT(parts), query->signature) ? CR_OK : CR_DENIED;
}

static cr_err_t
open_envelope(const callback_t *self, const callback_query_t *query, cr_slice_t body, cr_str_t *out)
{
    cr_str_t encrypted;
    cr_str_init(&encrypted, BODY_BYTES_MAX);
    xmlDoc *document = xml_read(body);
    cr_err_t err =
        document ? xml_append_child(document, "Encrypt", &encrypted) : CR_DENIED; /* not signed */
    xmlFreeDoc(document);
    if (err == CR_OK)
        err = open_safe(self, query, cr_str_text(&encrypted), out);
    cr_str_fini(&encrypted);
    return err == CR_NOTFOUND ? CR_DENIED : err;
}

cr_err_t
callback_open(const callback_t *self, const callback_query_t *query, cr_slice_t body, int64_t now_s,
              cr_str_t *xml)
{
    if (!is_fresh(self, query, now_s))
        return CR_DENIED;
    if (self->safe)
        return open_envelope(self, query, body, xml);
    cr_err_t err = check_plain(self, query);
    if (err != CR_OK)
        return err;
    cr_str_append_slice(xml, body);
    return cr_str_err(xml);
}

cr_err_t
callback_echo(const callback_t *self, const callback_query_t *query, const char *echo,
              int64_t now_s, cr_str_t *out)
{
    if (!is_recent(query->timestamp, now_s))
        return CR_DENIED;
    if (self->safe &&
        *query->msg_signature) /* WeCom; WeChat checks the address in plain mode always */
        return open_safe(self, query, echo, out);
    cr_err_t err = check_plain(self, query);
    if (err != CR_OK)
        return err;
    cr_str_append_text(out, echo);
    return cr_str_err(out);
}
