#include "acs.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_str.h"

#define ALGORITHM "ACS3-HMAC-SHA256"
#define TOLERANCE_US (15 * 60 * CR_US_PER_S)

enum {
    CANONICAL_BYTES_MAX = 128 * 1024,
    HASH_HEX = crypto_hash_sha256_BYTES * 2 + 1,
    PAIRS_MAX = 64
};

static const acs_refusal_t incomplete = {400, "IncompleteSignature",
                                         "A part of the signature is missing."};
static const acs_refusal_t unknown_key = {404, "InvalidAccessKeyId.NotFound",
                                          "Specified access key is not found."};
static const acs_refusal_t expired = {400, "InvalidTimeStamp.Expired",
                                      "Specified time stamp or date value is expired."};
static const acs_refusal_t mismatch = {400, "SignatureDoesNotMatch",
                                       "Specified signature is not matched with our calculation."};

/* What the signature must cover; a header that is not signed could be changed on the way. */
static const char *const must_be_signed[] = {
    "host",       "x-acs-action",          "x-acs-content-sha256",
    "x-acs-date", "x-acs-signature-nonce", "x-acs-version",
};

typedef struct {
    cr_slice_t credential, signed_headers, signature;
} authorization_t;

static void
sha256_hex(cr_slice_t text, char out[HASH_HEX])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)text.text, text.length);
    sodium_bin2hex(out, HASH_HEX, hash, sizeof hash);
}

static void
hmac_hex(const char *secret, cr_slice_t text, char out[HASH_HEX])
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text.text, text.length);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(out, HASH_HEX, mac, sizeof mac);
}

/* The value of `name=` up to the next comma. */
static cr_slice_t
part_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    if (!at)
        return CR_SLICE("");
    at += strlen(name);
    return (cr_slice_t){at, strcspn(at, ",")};
}

static bool
authorization_read(const char *text, authorization_t *out)
{
    if (!text || strncmp(text, ALGORITHM " ", sizeof ALGORITHM) != 0)
        return false;
    *out = (authorization_t){part_of(text, "Credential="), part_of(text, "SignedHeaders="),
                             part_of(text, "Signature=")};
    return out->credential.length > 0 && out->signed_headers.length > 0 &&
           out->signature.length > 0;
}

static cr_slice_t
take(cr_slice_t *rest, char end)
{
    const char *at = rest->length ? memchr(rest->text, end, rest->length) : NULL;
    cr_slice_t taken = {rest->text, at ? (size_t)(at - rest->text) : rest->length};
    size_t used = taken.length + (at != NULL);
    *rest = (cr_slice_t){rest->text + used, rest->length - used};
    return taken;
}

static bool
is_signed(cr_slice_t names, const char *name)
{
    while (names.length > 0)
        if (cr_slice_equal(take(&names, ';'), cr_slice_of(name)))
            return true;
    return false;
}

static bool
covers_enough(cr_slice_t names)
{
    for (size_t i = 0; i < CR_COUNT(must_be_signed); i++)
        if (!is_signed(names, must_be_signed[i]))
            return false;
    return true;
}

static cr_slice_t
trimmed(const char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    return (cr_slice_t){text, length};
}

static bool
append_headers(cr_str_t *out, const acs_request_t *request, cr_slice_t names)
{
    while (names.length > 0) {
        cr_slice_t name = take(&names, ';');
        char text[128];
        if (name.length >= sizeof text)
            return false;
        memcpy(text, name.text, name.length);
        text[name.length] = '\0';
        const char *value = request->header(request->context, text);
        if (!value)
            return false;
        cr_str_append_slice(out, name);
        cr_str_append_char(out, ':');
        cr_str_append_slice(out, trimmed(value));
        cr_str_append_char(out, '\n');
    }
    return true;
}

static int
compare_pairs(const void *a, const void *b)
{
    const cr_slice_t *left = a, *right = b;
    size_t length = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->text, right->text, length);
    return order ? order : (left->length > right->length) - (left->length < right->length);
}

static bool
append_query(cr_str_t *out, cr_slice_t query)
{
    cr_slice_t pairs[PAIRS_MAX] = {{0}};
    size_t count = 0;
    for (; query.length > 0; count++) {
        if (count == PAIRS_MAX)
            return false;
        pairs[count] = take(&query, '&');
    }
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            cr_str_append_char(out, '&');
        cr_str_append_slice(out, pairs[i]);
        if (!memchr(pairs[i].text, '=', pairs[i].length))
            cr_str_append_char(out, '=');
    }
    return true;
}

/* The request as both sides write it down before they sign it. */
static bool
append_canonical(cr_str_t *out, const acs_request_t *request, cr_slice_t names, const char *hash)
{
    cr_str_appendf(out, "%s\n%s\n", request->method, request->path);
    if (!append_query(out, request->query))
        return false;
    cr_str_append_char(out, '\n');
    if (!append_headers(out, request, names))
        return false;
    cr_str_append_char(out, '\n');
    cr_str_append_slice(out, names);
    cr_str_appendf(out, "\n%s", hash);
    return cr_str_err(out) == CR_OK;
}

static bool
signature_matches(const acs_request_t *request, const authorization_t *given, const char *secret)
{
    char body_hash[HASH_HEX], hash[HASH_HEX], expected[HASH_HEX];
    sha256_hex(request->body, body_hash);
    if (given->signature.length != HASH_HEX - 1)
        return false;
    cr_str_t text;
    cr_str_init(&text, CANONICAL_BYTES_MAX);
    bool whole = append_canonical(&text, request, given->signed_headers, body_hash);
    sha256_hex(cr_str_slice(&text), hash);
    cr_str_clear(&text);
    cr_str_appendf(&text, ALGORITHM "\n%s", hash);
    hmac_hex(secret, cr_str_slice(&text), expected);
    cr_str_fini(&text);
    return whole && sodium_memcmp(expected, given->signature.text, HASH_HEX - 1) == 0;
}

const acs_refusal_t *
acs_check(const acs_request_t *request, const acs_key_t *key, int64_t wall_us)
{
    authorization_t given;
    if (!authorization_read(request->header(request->context, "authorization"), &given) ||
        !covers_enough(given.signed_headers))
        return &incomplete;
    for (size_t i = 0; i < CR_COUNT(must_be_signed); i++)
        if (!request->header(request->context, must_be_signed[i]))
            return &incomplete;
    if (!cr_slice_equal(given.credential, cr_slice_of(key->id)))
        return &unknown_key;
    int64_t signed_us;
    if (cr_time_parse(request->header(request->context, "x-acs-date"), &signed_us) != CR_OK ||
        llabs(signed_us - wall_us) > TOLERANCE_US)
        return &expired;
    return signature_matches(request, &given, key->secret) ? NULL : &mismatch;
}
