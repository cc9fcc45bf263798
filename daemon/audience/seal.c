/* A sealed segment: one byte of format, the nonce, the encrypted block with its tag. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "version.h"

enum {
    SEAL_FORMAT = 1,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    OVERHEAD = 1 + NONCE + TAG
};

_Static_assert((int)CR_KEY_BYTES == (int)crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");

/* What a blob is bound to: it opens only in its own place and generation. */
typedef struct {
    uint8_t bytes[9];
} place_t;

static place_t
place_of(uint32_t segment, uint32_t generation)
{
    place_t place = {{SEAL_FORMAT}};
    for (size_t i = 0; i < 4; i++) {
        place.bytes[1 + i] = (uint8_t)(segment >> (8 * i));
        place.bytes[5 + i] = (uint8_t)(generation >> (8 * i));
    }
    return place;
}

uint32_t
directory_segment_count(const directory_t *self)
{
    return self->segment_count;
}

cr_err_t
directory_seal(const directory_t *self, uint32_t segment, uint32_t generation,
               const uint8_t key[CR_KEY_BYTES], uint8_t **blob, size_t *length)
{
    CR_ASSERT(segment < self->segment_count);
    if (sodium_init() < 0)
        return CR_IO;
    size_t block_length;
    const uint8_t *block = segment_block(self->segments[segment], &block_length);
    place_t place = place_of(segment, generation);
    uint8_t *sealed = malloc(OVERHEAD + block_length);
    if (!sealed)
        return CR_NOMEM;
    sealed[0] = SEAL_FORMAT;
    randombytes_buf(sealed + 1, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + 1 + NONCE, NULL, block, block_length,
                                               place.bytes, sizeof place.bytes, NULL, sealed + 1,
                                               key);
    *blob = sealed;
    *length = OVERHEAD + block_length;
    return CR_OK;
}

static cr_err_t
decrypt(const place_t *place, const uint8_t key[CR_KEY_BYTES], const uint8_t *blob, size_t length,
        segment_t **segment)
{
    uint8_t *block = malloc(length);
    if (!block)
        return CR_NOMEM;
    unsigned long long block_length;
    cr_err_t err = CR_CORRUPT;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(block, &block_length, NULL, blob + 1 + NONCE,
                                                   length - 1 - NONCE, place->bytes,
                                                   sizeof place->bytes, blob + 1, key) == 0)
        err = segment_decode(block, (size_t)block_length, segment);
    sodium_memzero(block, length);
    free(block);
    return err;
}

cr_err_t
directory_unseal(directory_t *self, uint32_t segment, uint32_t generation,
                 const uint8_t key[CR_KEY_BYTES], const uint8_t *blob, size_t length)
{
    if (sodium_init() < 0)
        return CR_IO;
    if (length <= OVERHEAD || blob[0] != SEAL_FORMAT || segment != self->segment_count)
        return CR_CORRUPT;
    place_t place = place_of(segment, generation);
    segment_t *opened;
    cr_err_t err = decrypt(&place, key, blob, length, &opened);
    if (err != CR_OK)
        return err;
    err = version_append(self, &opened);
    if (err != CR_OK)
        segment_unref(&opened);
    return err;
}
