/*
 * wechat_token - the access tokens of one account
 *
 * A token is given again until shortly before its end; then a new one is made and both are good for
 * a while. A forced refresh ends the old one at once.
 *
 * Time       callers pass `now_us`, monotonic.
 */
#ifndef WECHAT_TOKEN_H
#define WECHAT_TOKEN_H

#include "cr_base.h"

enum { WECHAT_TOKEN_BYTES = 64, WECHAT_TOKEN_TEXT = WECHAT_TOKEN_BYTES * 2 + 1 };

typedef struct {
    char text[WECHAT_TOKEN_TEXT];
    int64_t expires_us; /* 0: none was made */
} wechat_token_t;

typedef struct {
    wechat_token_t current, previous;
    int64_t ttl_us;
} wechat_tokens_t;

typedef enum { WECHAT_TOKEN_GOOD, WECHAT_TOKEN_EXPIRED, WECHAT_TOKEN_UNKNOWN } wechat_token_state_t;

/* The token to use now, made if need be. */
const wechat_token_t *wechat_tokens_give(wechat_tokens_t *self, bool force, int64_t now_us);
wechat_token_state_t wechat_tokens_check(const wechat_tokens_t *self, const char *text,
                                         int64_t now_us);

#endif
