/*
 * reply_record - one reply as it is kept: sealed, since it is personal data
 *
 * One byte of format, the nonce, and the JSON of the record under XChaCha20-Poly1305 (libsodium) with
 * the key of the directory's segments, so that a stolen dump shows neither numbers nor texts.
 *
 * Upgrade    members are only added; another cipher or encoding takes a new RECORD_FORMAT and the
 *            reader keeps the old one.
 * Threads    none.
 */
#ifndef PLAN_REPLY_RECORD_H
#define PLAN_REPLY_RECORD_H

#include <jansson.h>

#include "cr_keys.h"
#include "cr_str.h"

/* Appends the sealed record. CR_NOMEM, CR_TOOBIG. */
cr_err_t reply_record_seal(const json_t *record, const uint8_t key[CR_KEY_BYTES],
                           cr_str_t *out) CR_MUST_USE;
/* NULL: it was sealed with another key, or is damaged. */
json_t *reply_record_open(cr_slice_t sealed, const uint8_t key[CR_KEY_BYTES]);

#endif
