/*
 * callback - opens what a platform pushes: signature, age, replay, and the safe mode's AES
 *
 * Plain: `signature` is the SHA-1 of token, timestamp and nonce, and says nothing about the body;
 * what carries it is taken once. Safe: `msg_signature` is also over the encrypted body, which only
 * who has the key can make, and which names the account it is for. With a key only that is taken.
 *
 * Once       a timestamp and nonce count as used from callback_use on, so that a push that could not
 *            be taken may come again.
 * Time       an argument, in seconds of the wall clock.
 * Source     developers.weixin.qq.com, message encryption; the same algorithm in WeCom.
 */
#ifndef CALLBACK_H
#define CALLBACK_H

#include "cr_str.h"

enum { CALLBACK_WINDOW_S = 300 };

typedef struct callback callback_t;

typedef struct {
    const char *timestamp, *nonce, *signature, *msg_signature; /* of the query; "" when absent */
} callback_query_t;

/* `aes_key` is the platform's EncodingAESKey (43 characters), NULL for the plain mode. `receiver` is
 * the account's AppID or CorpID. Texts are copied. CR_INVAL: not such a key; CR_NOMEM. */
cr_err_t callback_new(const char *token, const char *aes_key, const char *receiver,
                      callback_t **self) CR_MUST_USE;
void callback_destroy(callback_t **self_p);

/* Appends the XML of a pushed body. CR_DENIED: wrong signature, too old, or used before; CR_INVAL:
 * signed, but not what the platform sends. */
cr_err_t callback_open(const callback_t *self, const callback_query_t *query, cr_slice_t body,
                       int64_t now_s, cr_str_t *xml) CR_MUST_USE;
/* Appends what the check of the address must be answered with. The same errors. */
cr_err_t callback_echo(const callback_t *self, const callback_query_t *query, const char *echo,
                       int64_t now_s, cr_str_t *out) CR_MUST_USE;
/* This push is taken: it is not taken again. */
void callback_use(callback_t *self, const callback_query_t *query, int64_t now_s);

#endif
