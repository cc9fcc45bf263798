#include "reply_record.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_FORMAT = 1,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    OVERHEAD = 1 + NONCE + TAG
};

/* What it is bound to: no segment is taken for a reply. */
static const unsigned char purpose[] = "crier reply 1";

static cr_err_t
seal(cr_slice_t text, const uint8_t key[CR_KEY_BYTES], cr_str_t *out)
{
    unsigned char *sealed = malloc(OVERHEAD + text.length);
    if (!sealed || sodium_init() < 0) {
        free(sealed);
        return CR_NOMEM;
    }
    sealed[0] = RECORD_FORMAT;
    randombytes_buf(sealed + 1, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + 1 + NONCE, NULL,
                                               (const unsigned char *)text.text, text.length,
                                               purpose, sizeof purpose, NULL, sealed + 1, key);
    cr_str_append(out, sealed, OVERHEAD + text.length);
    free(sealed);
    return cr_str_err(out);
}

cr_err_t
reply_record_seal(const json_t *record, const uint8_t key[CR_KEY_BYTES], cr_str_t *out)
{
    char *text = json_dumps(record, JSON_COMPACT);
    if (!text)
        return CR_NOMEM;
    size_t length = strlen(text);
    cr_err_t err = seal((cr_slice_t){text, length}, key, out);
    sodium_memzero(text, length);
    free(text);
    return err;
}

json_t *
reply_record_open(cr_slice_t sealed, const uint8_t key[CR_KEY_BYTES])
{
    const unsigned char *bytes = (const unsigned char *)sealed.text;
    if (sealed.length <= OVERHEAD || bytes[0] != RECORD_FORMAT)
        return NULL;
    unsigned long long length;
    unsigned char *text = malloc(sealed.length);
    json_t *record = NULL;
    if (text && crypto_aead_xchacha20poly1305_ietf_decrypt(text, &length, NULL, bytes + 1 + NONCE,
                                                           sealed.length - 1 - NONCE, purpose,
                                                           sizeof purpose, bytes + 1, key) == 0)
        record = json_loadb((const char *)text, (size_t)length, 0, NULL);
    if (text)
        sodium_memzero(text, sealed.length);
    free(text);
    return record;
}
