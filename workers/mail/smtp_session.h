/*
 * smtp_session - one connection to a mail server, as a state machine over bytes
 *
 * Greeting, EHLO, STARTTLS, AUTH, then one mail after the other. Where the server does PIPELINING the
 * envelope of the next mail leaves together with the body of the one before, so that a mail costs one
 * round trip. Every reply is checked.
 *
 * Source     RFC 5321; 2920 (PIPELINING), 3207 (STARTTLS), 4954 (AUTH), 1870 (SIZE), 3461 (DSN), 6531
 *            (SMTPUTF8), 2034 (enhanced codes); XOAUTH2 as Google and Microsoft describe it.
 * Ownership  rules and context are borrowed; a mail's bytes and recipient until its answer.
 * Time       an argument: the monotonic clock.
 * Threads    none; pure: no socket, no clock.
 * Limits     two mails under way, so that there is always one to go on with.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include "cr_str.h"
#include "smtp_reply.h"

typedef enum { SMTP_AUTH_AUTO, SMTP_AUTH_PLAIN, SMTP_AUTH_LOGIN, SMTP_AUTH_XOAUTH2 } smtp_auth_t;

typedef struct {
    const char *domain;          /* we greet with it */
    bool starttls;               /* nothing is said before the way is encrypted */
    smtp_auth_t auth;            /* AUTO: PLAIN, else LOGIN */
    const char *user, *password; /* user "" for a server that asks for none; or the OAuth token */
    int64_t timeout_us;          /* of one reply, and of the way out */
    unsigned mails_max;          /* of one connection; 0: no limit */
} smtp_rules_t;

typedef struct {
    cr_slice_t sender, recipient; /* of the envelope */
    cr_slice_t reference;         /* of the delivery: ENVID */
    cr_slice_t body;              /* CRLF at its lines' ends, dots as they are */
} smtp_mail_t;

/* What became of a mail. Not answered: the connection ended before; `sent` tells whether all of it,
 * with its last dot, may have arrived. */
typedef struct {
    bool answered, sent;
    unsigned code;   /* of the reply that decided */
    cr_slice_t text; /* behind the code; borrowed for the call */
} smtp_answer_t;

typedef struct {
    void (*on_answer)(void *context, void *tag, const smtp_answer_t *answer);
    /* The server said go on: smtp_session_secured when the handshake is done. */
    void (*on_tls)(void *context);
} smtp_events_t;

typedef struct smtp_session smtp_session_t;

/* NULL: memory. */
smtp_session_t *smtp_session_new(const smtp_rules_t *rules, const smtp_events_t *events,
                                 void *context);
/* Answers nothing: call smtp_session_lost first. */
void smtp_session_destroy(smtp_session_t **self_p);

/* A new connection is there; `secure`: encrypted from its first byte. */
void smtp_session_begin(smtp_session_t *self, bool secure, int64_t now_us);
void smtp_session_secured(smtp_session_t *self, int64_t now_us);
/* The connection is gone: every mail gets its answer. */
void smtp_session_lost(smtp_session_t *self);

/* Room for another mail. */
bool smtp_session_has_room(const smtp_session_t *self);
/* It has greeted, and takes mails. */
bool smtp_session_is_up(const smtp_session_t *self);
void smtp_session_submit(smtp_session_t *self, const smtp_mail_t *mail, void *tag);
/* After submits and after smtp_session_take: says what may be said now. May answer mails. */
void smtp_session_advance(smtp_session_t *self, int64_t now_us);

/* CR_INVAL, CR_CLOSED, CR_DENIED: the connection is to be closed, and why. */
cr_err_t smtp_session_take(smtp_session_t *self, cr_slice_t bytes, int64_t now_us,
                           cr_fault_t *fault) CR_MUST_USE;
/* What is to be written now; and so much of it was. */
cr_slice_t smtp_session_output(const smtp_session_t *self);
void smtp_session_wrote(smtp_session_t *self, size_t length, int64_t now_us);

/* When it has waited too long; INT64_MAX: it waits for nothing. */
int64_t smtp_session_due_us(const smtp_session_t *self);
/* Says QUIT when nothing is under way; true when it did. */
bool smtp_session_quit(smtp_session_t *self);

#endif
