/*
 * head - the header fields of a request that Crier reads, and what makes them unacceptable
 *
 * All of them may come once only: a doubled Content-Length or Host, or Content-Length beside
 * Transfer-Encoding, is how one request is smuggled inside another.
 *
 * Source     RFC 9112 section 6.3 (framing), RFC 6750 (bearer tokens), RFC 9110 section 8.3.
 * Ownership  values are borrowed from the connection and live as long as the request.
 * Threads    none; pure.
 */
#ifndef HEAD_H
#define HEAD_H

#include "routes.h"

#define HEAD_FIELD_LIST(X)                                                                         \
    X(HOST, "Host")                                                                                \
    X(LENGTH, "Content-Length")                                                                    \
    X(ENCODING, "Transfer-Encoding")                                                               \
    X(TYPE, "Content-Type")                                                                        \
    X(AUTHORIZATION, "Authorization")                                                              \
    X(KEY, "Idempotency-Key")                                                                      \
    X(EXPECT, "Expect")

typedef enum {
#define X(field, name) HEAD_##field,
    HEAD_FIELD_LIST(X)
#undef X
        HEAD_FIELD_COUNT
} head_field_t;

typedef struct {
    const char *value[HEAD_FIELD_COUNT]; /* NULL: absent */
    unsigned count[HEAD_FIELD_COUNT];
} head_t;

/* Takes one field of the request; unknown names are ignored. */
void head_note(head_t *self, const char *name, const char *value);

/* CR_INVAL: the framing cannot be trusted, so the connection must not be used again. */
cr_err_t head_check_framing(const head_t *self, cr_fault_t *fault) CR_MUST_USE;
bool head_has_body(const head_t *self);
/* The declared length; 0 for a chunked body. */
uint64_t head_body_length(const head_t *self);

/* The bearer token. CR_DENIED: there is none. */
cr_err_t head_token(const head_t *self, const char **token, cr_fault_t *fault) CR_MUST_USE;
/* CR_INVAL: a body of another media type than the route takes. Only for requests with a body. */
cr_err_t head_check_type(const head_t *self, route_body_t body, cr_fault_t *fault) CR_MUST_USE;
/* CR_INVAL: not 1 to 255 visible ASCII characters. */
cr_err_t head_check_key(const head_t *self, cr_fault_t *fault) CR_MUST_USE;

#endif
