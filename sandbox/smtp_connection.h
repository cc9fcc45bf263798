/*
 * smtp_connection - one connection to the mail server: socket, TLS, session, faults
 *
 * What a session says is decided in smtp.h; here its bytes go in and out, through GnuTLS after
 * STARTTLS, and its mails meet their fate. A slow answer is a timer: the connection is not read
 * meanwhile, and may be hung up by the client before it is due.
 *
 * Ownership  a connection frees itself when it ends; it is known by its pointer in the epoll event
 *            until then.
 */
#ifndef SMTP_CONNECTION_H
#define SMTP_CONNECTION_H

#include <gnutls/gnutls.h>

#include "delay.h"
#include "gateway.h"
#include "smtp.h"

typedef struct smtp_connection smtp_connection_t;

/* What the connections of one server share. */
typedef struct {
    gateway_t *gateway;
    delay_t *delay;
    smtp_rules_t rules;
    gnutls_certificate_credentials_t credentials;
    int epoll_fd; /* events carry the connection as their pointer */
    smtp_connection_t *first;
    int64_t count;
} smtp_house_t;

/* Takes the non-blocking descriptor, also when memory is short: then it is closed. */
void smtp_connection_open(smtp_house_t *house, int fd);
/* Its socket is ready, or hung up. The connection may be gone afterwards. */
void smtp_connection_ready(smtp_connection_t *self);

/* Closes the connections without traffic since `since_us` that wait for no answer. */
void smtp_house_close_idle(smtp_house_t *house, int64_t since_us);
void smtp_house_close_all(smtp_house_t *house);

#endif
