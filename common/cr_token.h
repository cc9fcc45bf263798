/*
 * cr_token - a text that comes back from outside and proves that we made it
 *
 * Links and return addresses of mails carry a delivery's reference through foreign hands. Behind it
 * stands a MAC under a key of ours, for one purpose: a token of a link is none of a return address.
 *
 * Source     HMAC-SHA-256 (RFC 2104), its first 12 bytes in hexadecimal: with a reference and
 *            "bounces+" they fit into the 64 bytes of a local part.
 * Threads    none; pure. Needs sodium_init.
 */
#ifndef CR_TOKEN_H
#define CR_TOKEN_H

#include "cr_str.h"

#define CR_TOKEN_BOUNCE "bounce"
#define CR_TOKEN_UNSUBSCRIBE "unsubscribe"

enum { CR_TOKEN_KEY_BYTES = 32, CR_TOKEN_MAC_TEXT = 24 };

/* Appends "TEXT.MAC". */
void cr_token_append(cr_str_t *out, const uint8_t key[CR_TOKEN_KEY_BYTES], const char *purpose,
                     cr_slice_t text);
/* What stands before the last dot; CR_DENIED when the rest is not its MAC. */
cr_err_t cr_token_check(cr_slice_t token, const uint8_t key[CR_TOKEN_KEY_BYTES],
                        const char *purpose, cr_slice_t *text) CR_MUST_USE;

#endif
