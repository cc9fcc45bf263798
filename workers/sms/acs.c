#include "acs.h"

#include <sodium.h>
#include <string.h>

#define ALGORITHM "ACS3-HMAC-SHA256"
#define SIGNED_HEADERS                                                                             \
    "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"

enum { CANONICAL_BYTES_MAX = 16 * 1024 };

const char *
acs_hash(cr_slice_t body, char out[ACS_HASH_TEXT_MAX])
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const uint8_t *)body.text, body.length);
    return sodium_bin2hex(out, ACS_HASH_TEXT_MAX, hash, sizeof hash);
}

static void
append_canonical(const acs_request_t *request, cr_str_t *out)
{
    cr_str_appendf(out, "%s\n%s\n%s\n", request->method, request->path, request->query);
    if (request->content_type)
        cr_str_appendf(out, "content-type:%s\n", request->content_type);
    cr_str_appendf(out, "host:%s\nx-acs-action:%s\nx-acs-content-sha256:%s\n", request->host,
                   request->action, request->content_hash);
    cr_str_appendf(out, "x-acs-date:%s\nx-acs-signature-nonce:%s\nx-acs-version:%s\n\n",
                   request->date, request->nonce, request->version);
    cr_str_appendf(out, "%s%s\n%s", request->content_type ? "content-type;" : "", SIGNED_HEADERS,
                   request->content_hash);
}

static const char *
sign(const char *secret, const char *text, char out[ACS_HASH_TEXT_MAX])
{
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const uint8_t *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)text, strlen(text));
    crypto_auth_hmacsha256_final(&state, mac);
    return sodium_bin2hex(out, ACS_HASH_TEXT_MAX, mac, sizeof mac);
}

void
acs_authorize(const acs_request_t *request, const char *key_id, const char *secret, cr_str_t *out)
{
    cr_str_t canonical;
    char hash[ACS_HASH_TEXT_MAX], signature[ACS_HASH_TEXT_MAX];
    char to_sign[sizeof ALGORITHM + ACS_HASH_TEXT_MAX];
    cr_str_init(&canonical, CANONICAL_BYTES_MAX);
    append_canonical(request, &canonical);
    if (cr_str_err(&canonical) != CR_OK) /* no memory: an empty signature is refused over there */
        cr_str_clear(&canonical);
    snprintf(to_sign, sizeof to_sign, "%s\n%s", ALGORITHM,
             acs_hash(cr_str_slice(&canonical), hash));
    cr_str_fini(&canonical);
    cr_str_appendf(out, "%s Credential=%s,SignedHeaders=%s%s,Signature=%s", ALGORITHM, key_id,
                   request->content_type ? "content-type;" : "", SIGNED_HEADERS,
                   sign(secret, to_sign, signature));
}
