/*
 * api - calls of a platform that wants an access token with each
 *
 * A call waits for the token where there is none. A token that the platform does not know any more
 * is dropped, fetched once, and the call is made once more. Where the server speaks HTTP/2, one
 * connection carries them all.
 *
 * Loop       `finish` is called from the loop, exactly once for each api_send that returned CR_OK.
 * Counts     what is no answer of the platform is counted by its name, and logged.
 * Limits     as many calls as api_new was told; bodies of 64 KiB, answers of 1 MiB.
 */
#ifndef API_H
#define API_H

#include "answer.h"
#include "runtime/gateway.h"
#include "token.h"

typedef struct api api_t;
typedef struct api_call api_call_t;

typedef void api_finish_fn(void *owner, api_call_t *call, const answer_t *answer, cr_slice_t body);

struct api_call {
    /* The owner's; the API only carries them. */
    gateway_done_fn *done;
    void *context;
    bool subscription;
    api_call_t *next;
    /* The API's. */
    api_t *api;
    cr_str_t body;
    const char *path;
    api_finish_fn *finish;
    uint64_t generation; /* of the token it was posted with */
    bool repeated;       /* after its token was refused */
};

typedef struct {
    zloop_t *loop;
    const char *url; /* without a path */
    token_config_t token;
    const answer_code_t *codes;
    uint32_t calls;
    void *owner;
} api_config_t;

/* Texts are borrowed. NULL: memory. */
api_t *api_new(const api_config_t *config);
/* Calls that run are dropped without `finish`. */
void api_destroy(api_t **self_p);

/* A call with an empty body, to be filled and then sent or given back. NULL: all are under way. */
api_call_t *api_take(api_t *self);
void api_give(api_call_t *call);
/* `path` is borrowed for ever. The call is the owner's again when `finish` is called, which gives it
 * back. CR_NOMEM: it was given back. */
cr_err_t api_send(api_call_t *call, const char *path, api_finish_fn *finish) CR_MUST_USE;

#endif
