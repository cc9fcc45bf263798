#include "wechat_token.h"

#include <sodium.h>
#include <string.h>

#include "cr_clock.h"

#define RENEW_BEFORE_US (300 * CR_US_PER_S)

static int64_t
renew_before_us(const wechat_tokens_t *self)
{
    return self->ttl_us / 2 < RENEW_BEFORE_US ? self->ttl_us / 2 : RENEW_BEFORE_US;
}

static void
make(wechat_token_t *token, int64_t expires_us)
{
    unsigned char bytes[WECHAT_TOKEN_BYTES];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(token->text, sizeof token->text, bytes, sizeof bytes);
    token->expires_us = expires_us;
}

const wechat_token_t *
wechat_tokens_give(wechat_tokens_t *self, bool force, int64_t now_us)
{
    if (!force && self->current.expires_us - renew_before_us(self) > now_us)
        return &self->current;
    self->previous = self->current;
    make(&self->current, now_us + self->ttl_us);
    if (force)
        self->previous.expires_us = 0;
    return &self->current;
}

wechat_token_state_t
wechat_tokens_check(const wechat_tokens_t *self, const char *text, int64_t now_us)
{
    const wechat_token_t *const known[] = {&self->current, &self->previous};
    for (size_t i = 0; i < CR_COUNT(known); i++)
        if (known[i]->expires_us > 0 && strcmp(known[i]->text, text) == 0)
            return known[i]->expires_us > now_us ? WECHAT_TOKEN_GOOD : WECHAT_TOKEN_EXPIRED;
    return WECHAT_TOKEN_UNKNOWN;
}
