/*
 * api - HTTP in front of plan: routes, tokens, problems, limits, metrics
 *
 * libmicrohttpd's threads parse and answer; what must be decided is asked of plan (plan_call). No
 * state of its own.
 *
 * A request goes api.c (connection) -> request.c (its life) -> head.c, routes.c, body.c, upload.c
 * (what it says) -> plan -> answer.c, problem.c, export.c (what it is told).
 *
 * Threads    a pool; a question to plan holds one of its threads, and the other connections of that
 *            thread, until it is answered.
 * Limits     body 1 MiB except imports; head about 24 KiB; 512 connections; idle ones are closed
 *            after 30 s.
 * Source     RFC 9110, RFC 9112, RFC 9457 (problems), RFC 6750 (bearer tokens),
 *            docs/http-api.md.
 */
#ifndef API_H
#define API_H

#include "cr_base.h"

typedef struct {
    const char *address; /* "127.0.0.1"; borrowed until api_destroy */
    int64_t port;        /* 0: any free one */
    int64_t threads;
    int64_t body_bytes_max, import_bytes_max;
} api_config_t;

typedef struct api api_t;

/* `port` receives the bound port. Until api_serve it answers what needs no plan, and 503 to the rest:
 * so the address is ours before the store is. */
cr_err_t api_start(const api_config_t *config, api_t **self, int *port,
                   cr_fault_t *fault) CR_MUST_USE;
/* What the daemon does instead of serving: "starting", "standby". A literal. */
void api_wait(api_t *self, const char *state);
/* Plan is started. */
void api_serve(api_t *self);
/* Stops accepting, waits for running requests. */
void api_destroy(api_t **self_p);

#endif
