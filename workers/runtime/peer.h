/*
 * peer - where a gateway is, and one connection to it: TCP, with TLS where the URL says so
 *
 * Nothing here waits: connecting and the TLS handshake go on with peer_step, reading and writing do
 * what is possible now. Only peer_new waits for the name to be resolved.
 *
 * Name       asked for again, beside everything else, with a connection when the last answer is over
 *            ten seconds old; the next connection goes where it says. Without an answer the old
 *            addresses stay. Every address gets its turn.
 * TLS        1.2 and later; the certificate must be of the URL's host and of an authority that the
 *            system, or the given file, trusts.
 * Ownership  a connection borrows from its peer.
 */
#ifndef PEER_H
#define PEER_H

#include <sys/types.h>

#include "cr_base.h"

typedef struct peer peer_t;
typedef struct peer_link peer_link_t;

typedef struct {
    const char *scheme;  /* the url begins with it, and an s behind it stands for TLS */
    const char *url;     /* SCHEME://HOST[:PORT] */
    const char *ca_file; /* "" for the system's authorities */
    bool upgrades;       /* a plain connection may ask for TLS: peer_secure */
} peer_place_t;

/* CR_INVAL, CR_NOTFOUND: no such host (one that cannot be asked for now is asked for later), CR_IO: a file of authorities that cannot be read; CR_NOMEM. */
cr_err_t peer_new(const peer_place_t *place, peer_t **peer, cr_fault_t *fault) CR_MUST_USE;
void peer_destroy(peer_t **self_p);

/* Begins to connect to the next of its addresses; NULL when that fails at once. */
peer_link_t *peer_connect(peer_t *self);
void peer_close(peer_link_t **link_p);
int peer_socket(const peer_link_t *link);

typedef enum { PEER_CONNECTING, PEER_OPEN, PEER_FAILED } peer_state_t;
/* After the socket became readable or writable while connecting. */
peer_state_t peer_step(peer_link_t *link);
/* Begins TLS on an open connection: it is connecting again from here on. */
void peer_secure(peer_link_t *link);
bool peer_is_secure(const peer_link_t *link);
/* While connecting: whether it waits for room to write, and not for bytes to read. */
bool peer_wants_to_write(const peer_link_t *link);
/* Why it failed. */
const char *peer_reason(const peer_link_t *link);

/* Bytes, 0: none now; -1: the connection ended. */
ssize_t peer_read(peer_link_t *link, void *bytes, size_t room);
/* Whether more was read from the socket than was asked for: it will not become readable for that. */
bool peer_has_more(const peer_link_t *link);
ssize_t peer_write(peer_link_t *link, const void *bytes, size_t length);

#endif
