/*
 * smtp - one session of a mail server: bytes in, replies out
 *
 * The protocol without sockets, TLS and clock, so that every order of bytes can be tried in a unit
 * test. The edge puts bytes in, asks what is next, does it, and sends what is in the output; while
 * a mail waits for its verdict, pipelined input stays where it is.
 *
 * Refuses    RCPT for local parts that begin with "bounce" (550 5.1.1), lines over 2,000 bytes,
 *            more than 100 recipients, mails over the size limit.
 * Ends       of lines in a mail are CRLF and nothing else, so that no mail can hide in another.
 * Source     RFC 5321, RFC 2920 (pipelining), RFC 1870 (size), RFC 3207 (STARTTLS), RFC 3463.
 */
#ifndef SMTP_H
#define SMTP_H

#include "cr_str.h"

typedef struct smtp smtp_t;

typedef struct {
    const char *domain; /* borrowed */
    size_t size_max_bytes;
} smtp_rules_t;

typedef enum {
    SMTP_MORE,     /* nothing to do until more bytes come */
    SMTP_MAIL,     /* a mail is there: smtp_settle it */
    SMTP_STARTTLS, /* send the output, then do the handshake, then call smtp_secured */
    SMTP_CLOSE     /* send the output, then close */
} smtp_event_t;

/* Greets: the first output is there at once. */
smtp_t *smtp_new(const smtp_rules_t *rules) CR_MUST_USE;
void smtp_destroy(smtp_t **self_p);

void smtp_put(smtp_t *self, cr_slice_t bytes);
smtp_event_t smtp_next(smtp_t *self);

/* What is to be sent; the edge clears it with cr_str_clear. */
cr_str_t *smtp_output(smtp_t *self);

/* After SMTP_MAIL. Slices live until smtp_settle. */
cr_slice_t smtp_mail(const smtp_t *self);
cr_slice_t smtp_sender(const smtp_t *self);
size_t smtp_recipients(const smtp_t *self);
cr_slice_t smtp_recipient(const smtp_t *self, size_t index);
/* The final reply to the mail, without CRLF; after a 421 the session ends. */
void smtp_settle(smtp_t *self, const char *reply);

/* The session begins anew, as the protocol demands, and offers no STARTTLS any more. */
void smtp_secured(smtp_t *self);

#endif
