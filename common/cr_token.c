#include "cr_token.h"

#include <sodium.h>
#include <string.h>

static void
make_mac(const uint8_t *key, const char *purpose, cr_slice_t text, char out[CR_TOKEN_MAC_TEXT + 1])
{
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, CR_TOKEN_KEY_BYTES);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)text.text, text.length);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(out, CR_TOKEN_MAC_TEXT + 1, mac, CR_TOKEN_MAC_TEXT / 2);
}

void
cr_token_append(cr_str_t *out, const uint8_t key[CR_TOKEN_KEY_BYTES], const char *purpose,
                cr_slice_t text)
{
    char mac[CR_TOKEN_MAC_TEXT + 1];
    make_mac(key, purpose, text, mac);
    cr_str_append_slice(out, text);
    cr_str_append_char(out, '.');
    cr_str_append(out, mac, CR_TOKEN_MAC_TEXT);
}

cr_err_t
cr_token_check(cr_slice_t token, const uint8_t key[CR_TOKEN_KEY_BYTES], const char *purpose,
               cr_slice_t *text)
{
    if (token.length <= CR_TOKEN_MAC_TEXT + 1 ||
        token.text[token.length - CR_TOKEN_MAC_TEXT - 1] != '.')
        return CR_DENIED;
    cr_slice_t said = {token.text, token.length - CR_TOKEN_MAC_TEXT - 1};
    char mac[CR_TOKEN_MAC_TEXT + 1];
    make_mac(key, purpose, said, mac);
    if (sodium_memcmp(said.text + said.length + 1, mac, CR_TOKEN_MAC_TEXT) != 0)
        return CR_DENIED;
    *text = said;
    return CR_OK;
}
