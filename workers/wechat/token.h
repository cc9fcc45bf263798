/*
 * token - the access token of an account: fetched once, refreshed before it ends
 *
 * One fetch runs at a time; whoever needs a token meanwhile waits for on_token. While a refresh
 * runs the old token is still good. A token that the platform does not know any more is dropped by
 * its generation, so that ten refusals of one token cost one fetch.
 *
 * Secrets    token and secret are part of URLs and bodies, and are never logged.
 * Threads    none.
 * Source     developers.weixin.qq.com, stable_token (normal mode: every worker of an account gets the
 *            same token while it is valid); developer.work.weixin.qq.com, gettoken.
 */
#ifndef TOKEN_H
#define TOKEN_H

#include "cr_http.h"

typedef struct token token_t;

typedef struct {
    const char *url;  /* of the request that gives a token */
    const char *body; /* of a POST; NULL: it is a GET */
    long timeout_ms;
    const char *ca_file; /* "": the system's authorities */
} token_config_t;

/* CR_OK: there is a token now; CR_DENIED: the account is refused; CR_AGAIN: none could be had. */
typedef void token_on_token_fn(void *context, cr_err_t err);

/* Everything is borrowed until token_destroy. */
token_t *token_new(zloop_t *loop, cr_http_t *http, const token_config_t *config,
                   token_on_token_fn *on_token, void *context);
/* Destroy the cr_http_t first: a fetch may be running. */
void token_destroy(token_t **self_p);

/* NULL when there is none; then a fetch runs, and on_token will be called from the loop. */
const char *token_get(token_t *self, uint64_t *generation);
void token_drop(token_t *self, uint64_t generation);

#endif
