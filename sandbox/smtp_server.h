/*
 * smtp_server - the mail server of the sandbox: who may come in
 *
 * Non-blocking connections (smtp_connection.h) in an epoll set of their own, which the program's
 * loop watches as one descriptor, however many there are.
 *
 * Ownership  gateway and delay are borrowed; delay must still be there when the server stops, and
 *            must not run afterwards.
 * Limits     `connections_max` connections, 5 minutes without traffic.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include <czmq.h>

#include "delay.h"
#include "gateway.h"

typedef struct smtp_server smtp_server_t;

typedef struct {
    zloop_t *loop;
    delay_t *delay;
    gateway_t *gateway;
    const char *address; /* IPv4 */
    int64_t port;        /* 0: the kernel chooses */
    const char *domain;
    const char *tls_cert, *tls_key; /* PEM files */
    int64_t size_max_bytes, connections_max;
} smtp_server_options_t;

/* CR_INVAL for an address or key that cannot be used, CR_IO, CR_NOMEM. */
cr_err_t smtp_server_start(const smtp_server_options_t *options, smtp_server_t **self,
                           cr_fault_t *fault) CR_MUST_USE;
void smtp_server_stop(smtp_server_t **self_p);
unsigned smtp_server_port(const smtp_server_t *self);

#endif
