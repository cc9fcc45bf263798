/*
 * bounce - the mails that come back: reports of failure, into a maildir
 *
 * A mail is taken first and found undeliverable then, as relays do. Whose mails come back is what the
 * faults say of receipts: so many percent of the addresses, some reports missing, some doubled.
 *
 * Source     RFC 3464.
 */
#ifndef BOUNCE_H
#define BOUNCE_H

#include "faults.h"

typedef struct bounce bounce_t;

/* The maildir is made if it is missing. CR_IO, CR_NOMEM. */
cr_err_t bounce_open(const char *maildir, bounce_t **self, cr_fault_t *fault) CR_MUST_USE;
void bounce_close(bounce_t **self_p);
/* `sender` is the envelope's: the report goes there; nowhere when it is empty (RFC 5321 6.1). */
void bounce_consider(bounce_t *self, faults_t *faults, cr_slice_t sender, cr_slice_t recipient);

#endif
