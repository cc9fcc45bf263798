/*
 * api - HTTP in front of plan: routes, tokens, problems, limits, metrics
 *
 * libmicrohttpd's threads parse and answer; what must be decided is asked of plan (plan_call). No
 * state of its own.
 *
 * Source     RFC 9110, RFC 9457 (problems), RFC 3339 (times), RFC 6750 (bearer tokens),
 * docs/http-api.md. Limits     body 1 MiB except imports; headers 16 KiB; idle connections are
 * closed after 30 s.
 */
#ifndef API_H
#define API_H

#include "cr_base.h"

typedef struct {
    const char *address; /* "127.0.0.1" */
    int64_t port;        /* 0: any free one */
    int64_t threads;
    int64_t body_bytes_max, import_bytes_max;
} api_config_t;

typedef struct api api_t;

/* `port` receives the bound port. Plan must be started. */
cr_err_t api_start(const api_config_t *config, api_t **self, int *port,
                   cr_fault_t *fault) CR_MUST_USE;
/* Stops accepting, waits for running requests. */
void api_destroy(api_t **self_p);

#endif
