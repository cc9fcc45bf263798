/*
 * web - the HTTP server of the sandbox, on the program's loop
 *
 * libmicrohttpd runs with its epoll descriptor inside the zloop, so that gateways, inbox and pushes
 * live on one thread and share the store without a lock; measured, one thread is far beyond the
 * rates a sandbox needs. A late answer is a suspended connection and a timer, never a waiting
 * thread.
 *
 * Ownership  request and answer live until the route's function returns, then belong to the module.
 * Limits     1,024 connections, 1 MiB of body, 64 KiB of header, 60 s without traffic.
 */
#ifndef WEB_H
#define WEB_H

#include <czmq.h>

#include "cr_str.h"
#include "delay.h"

typedef struct web web_t;
typedef struct web_request web_request_t;

const char *web_method(const web_request_t *request);
const char *web_path(const web_request_t *request);
cr_slice_t web_query(const web_request_t *request); /* as it came, without '?' */
cr_slice_t web_body(const web_request_t *request);
/* NULL when the header is absent. */
const char *web_header(const web_request_t *request, const char *name);
/* A decoded argument of the query; NULL when it is absent. */
const char *web_argument(const web_request_t *request, const char *name);

typedef struct {
    unsigned status;    /* 200 unless set */
    const char *type;   /* application/json unless set; borrowed for ever */
    const char *policy; /* Content-Security-Policy, or NULL; borrowed for ever */
    int retry_after_s;  /* 0: none */
    int64_t delay_us;   /* the answer leaves so much later */
    bool drop;          /* close the connection instead of answering */
    cr_str_t body;
} web_answer_t;

typedef void web_route_fn(void *context, const web_request_t *request, web_answer_t *answer);

typedef struct {
    const char *method, *path; /* a table ends with a NULL method */
    web_route_fn *answer;
    void *context;
} web_route_t;

typedef struct {
    const char *address; /* IPv4 */
    int64_t port;        /* 0: the kernel chooses */
    const web_route_t *routes;
} web_options_t;

/* CR_INVAL, CR_IO with a fault that names the address. The routes must outlive the module. */
cr_err_t web_start(zloop_t *loop, delay_t *delay, const web_options_t *options, web_t **self,
                   cr_fault_t *fault) CR_MUST_USE;
void web_stop(web_t **self_p);
unsigned web_port(const web_t *self);

#endif
