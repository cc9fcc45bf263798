/*
 * request - one request from its first header to its answer
 *
 * The head is judged before the body is read: framing, route, token, media type, size, path and
 * query, in this order; the first objection is the answer. A JSON body is gathered up to its limit;
 * a CSV body goes to intake as it comes, and not before the caller's token and role were found good.
 *
 * After an objection the rest of a body is read and dropped (up to a limit), because a client that
 * is still sending would see a reset instead of the answer.
 *
 * Threads    a request belongs to its connection's thread.
 * Limits     a body slower than 16 KiB/s after its first minute ends the connection.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "answer.h"
#include "api.h"

typedef struct request request_t;

/* `state` is what the daemon does instead of serving, or NULL; `target` is copied. NULL: memory. */
request_t *request_new(const api_config_t *config, const char *state, const char *target);
void request_destroy(request_t **self_p);

/* The head is there; `plan` is the thread's client. MHD_NO ends the connection. */
enum MHD_Result request_begin(request_t *self, struct MHD_Connection *connection,
                              const char *method, plan_client_t *plan);
bool request_has_begun(const request_t *self);
enum MHD_Result request_feed(request_t *self, const void *bytes, size_t length);
/* The body is complete: decides, unless that was done, and answers. */
enum MHD_Result request_finish(request_t *self, struct MHD_Connection *connection);
/* Counts and logs what became of it; nothing when it was never answered. */
void request_account(const request_t *self);

#endif
