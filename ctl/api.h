/*
 * api - the blocking HTTP client that every command uses
 *
 * Speaks docs/http-api.md: JSON in and out, bearer token, problems turned into faults. Every POST
 * carries a random Idempotency-Key, and a request whose answer was lost on the way is sent once
 * more with the same key, so that nothing is done twice.
 *
 * Errors     CR_INVAL (400, 413, 415, 422), CR_DENIED (401, 403, or a token that others can read),
 *            CR_NOTFOUND, CR_CONFLICT, CR_AGAIN (429, 503), CR_CLOSED and CR_TIMEOUT (crierd does
 *            not answer), CR_IO (a file), CR_CORRUPT (the answer makes no sense). The fault given
 *            to api_new says more.
 * Ownership  answers belong to the caller; a body passed in belongs to the module.
 * Limits     answers of 64 MiB; 5 s to connect, 60 s for an answer, 1 h for an import or export.
 * Threads    none.
 */
#ifndef API_H
#define API_H

#include <jansson.h>
#include <stdio.h>

#include "cr_base.h"

typedef struct api api_t;

/* `token_file` is read at the first request; NULL: no token. The texts and `fault` are borrowed. */
api_t *api_new(const char *url, const char *token_file, cr_fault_t *fault);
void api_destroy(api_t **self_p);

/* The path made of a literal, an escaped value, a literal ...; the list ends with NULL. Lives until
 * the next call. */
const char *api_path(api_t *self, const char *literal, ...) __attribute__((sentinel));

cr_err_t api_get(api_t *self, const char *path, json_t **answer) CR_MUST_USE;
cr_err_t api_post(api_t *self, const char *path, json_t *body, json_t **answer) CR_MUST_USE;
cr_err_t api_patch(api_t *self, const char *path, json_t *body, json_t **answer) CR_MUST_USE;
cr_err_t api_put(api_t *self, const char *path, json_t *body, json_t **answer) CR_MUST_USE;
cr_err_t api_delete(api_t *self, const char *path) CR_MUST_USE;

/* How much of a file has gone; `total_bytes` is -1 when it is not known. */
typedef void api_progress_fn(int64_t sent_bytes, int64_t total_bytes);
/* `file` is read to its end; `progress` may be NULL. */
cr_err_t api_upload(api_t *self, const char *path, FILE *file, api_progress_fn *progress,
                    json_t **answer) CR_MUST_USE;
/* Appends what comes to `file`. */
cr_err_t api_download(api_t *self, const char *path, FILE *file) CR_MUST_USE;

/* The problem document of the last refusal (RFC 9457), NULL when there was none. Borrowed. */
const json_t *api_problem(const api_t *self);

#endif
