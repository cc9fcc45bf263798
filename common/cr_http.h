/*
 * cr_http - HTTP requests by libcurl, many at once on a zloop
 *
 * Gateways submit through one cr_http_t on the worker's loop; crierctl has its own blocking client.
 * Connections are kept and re-used. Redirects are not followed; only http and https are
 * spoken (for SMTP libcurl blocks its caller, see workers/mail/courier.h); TLS certificates are
 * checked unless a CA file says what to trust.
 *
 * Ownership  the easy handle of a request belongs to the module from cr_http_submit on.
 * Threads    one cr_http_t belongs to one loop.
 */
#ifndef CR_HTTP_H
#define CR_HTTP_H

#include <curl/curl.h>
#include <czmq.h>

#include "cr_str.h"

typedef struct cr_http cr_http_t;

typedef struct {
    bool answered; /* false: no complete answer; `sent` says whether it may have been taken */
    bool sent;   /* the request left, or part of it did: without an answer the outcome is unknown */
    long status; /* of HTTP */
    cr_slice_t body;        /* lives until the callback returns */
    int64_t retry_after_ms; /* from Retry-After; 0: none */
    const char *error;      /* for people; "" when answered */
    int64_t elapsed_us;
} cr_http_answer_t;

typedef void cr_http_done_fn(void *context, const cr_http_answer_t *answer);

/* `connections` bounds what is kept open; more requests than that wait inside libcurl. */
cr_http_t *cr_http_new(zloop_t *loop, size_t connections);
/* Requests still running are dropped without their callback. */
void cr_http_destroy(cr_http_t **self_p);

/* A handle with the module's limits and the time-out set; add body and headers, then submit, which
 * every handle that was given out must be. NULL: memory. */
CURL *cr_http_request(cr_http_t *self, const char *url, long timeout_ms);
/* Headers are freed by the module when the request is done; `headers` may be NULL. Done is called
 * from the loop, never from inside this call. CR_NOMEM. */
cr_err_t cr_http_submit(cr_http_t *self, CURL *request, struct curl_slist *headers,
                        cr_http_done_fn *done, void *context) CR_MUST_USE;
size_t cr_http_running(const cr_http_t *self);

#endif
