/*
 * bounces - reads the mailbox that bounces come to, and tells the daemon which mails failed
 *
 * The office's mail server delivers them into a maildir. A mail goes from new/ to cur/ when it says
 * nothing of interest, or when the daemon has stored what it says; whatever dies in between, it is
 * read again.
 *
 * Source     dsn.h; maildir(5).
 * Loop       bounces_tick about once a second; bounces_taken from the kind's `taken`.
 * Limits     64 mails at a time, of each the first 256 KiB.
 */
#ifndef BOUNCES_H
#define BOUNCES_H

#include "cr_token.h"
#include "runtime/gateway.h"

typedef struct bounces bounces_t;

/* `key` and `port` are borrowed. CR_IO: there is no such maildir. */
cr_err_t bounces_new(const char *maildir, const uint8_t key[CR_TOKEN_KEY_BYTES],
                     const gateway_port_t *port, bounces_t **self, cr_fault_t *fault) CR_MUST_USE;
void bounces_destroy(bounces_t **self_p);
void bounces_tick(bounces_t *self);
void bounces_taken(bounces_t *self);

#endif
