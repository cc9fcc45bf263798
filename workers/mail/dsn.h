/*
 * dsn - what a mail in the mailbox for bounces says about a delivery of ours
 *
 * Anybody can write to that mailbox. A mail counts when it names one of our return addresses, whose
 * MAC nobody else can make, and is a delivery status report. It is read line by line, once, without
 * recursion, whatever its MIME looks like: only the part message/delivery-status is of interest.
 *
 * Source     RFC 3464 (reports), RFC 3462 (multipart/report), RFC 3463 (codes).
 * Ownership  slices are the mail's.
 * Threads    none; pure. Needs sodium_init.
 */
#ifndef DSN_H
#define DSN_H

#include "cr_status.h"
#include "cr_token.h"

#define DSN_VERDICT_LIST(X)                                                                        \
    X(STRAY, "stray")   /* names no delivery of ours */                                            \
    X(OTHER, "other")   /* is no report: somebody is on holiday */                                 \
    X(NOTED, "noted")   /* nothing is final: it will be tried again, or went on */                 \
    X(FAILED, "failed") /* and why is in `outcome` */                                              \
    X(POLICY, "policy") /* refused for what we are or write (5.7), not for who reads it */

typedef enum {
#define X(verdict, name) DSN_##verdict,
    DSN_VERDICT_LIST(X)
#undef X
        DSN_VERDICT_COUNT
} dsn_verdict_t;

typedef struct {
    dsn_verdict_t verdict;
    cr_slice_t reference; /* unless it is a stray */
    cr_slice_t code;      /* "5.1.1" */
    cr_status_t outcome;  /* of FAILED and POLICY */
} dsn_t;

dsn_t dsn_read(cr_slice_t mail, const uint8_t key[CR_TOKEN_KEY_BYTES]);

#endif
