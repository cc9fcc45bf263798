/*
 * smtp_internal - what the files of a session share: its state, how it speaks, what it expects
 *
 * smtp_session.c is mails and the connection, smtp_hello.c all that comes before the first mail.
 */
#ifndef SMTP_INTERNAL_H
#define SMTP_INTERNAL_H

#include "smtp_session.h"

enum { JOBS = 2, EXPECTED_MAX = 16, KEPT_MAX = 512 };

/* What the server can do, from its EHLO. */
typedef enum {
    CAN_PIPELINING = 1,
    CAN_STARTTLS = 2,
    CAN_DSN = 4,
    CAN_SMTPUTF8 = 8,
    CAN_SIZE = 16,
    CAN_PLAIN = 32,
    CAN_LOGIN = 64,
    CAN_XOAUTH2 = 128
} can_t;

typedef enum {
    EXPECT_GREETING,
    EXPECT_EHLO,
    EXPECT_HELO,
    EXPECT_STARTTLS,
    EXPECT_USER, /* AUTH LOGIN asks for it */
    EXPECT_PASSWORD,
    EXPECT_AUTH,
    EXPECT_MAIL,
    EXPECT_RCPT,
    EXPECT_DATA,
    EXPECT_DOT,
    EXPECT_RSET,
    EXPECT_QUIT,
    EXPECT_COUNT
} expect_t;

typedef enum { JOB_FREE, JOB_QUEUED, JOB_ENVELOPE, JOB_BODY } job_stage_t;

typedef struct {
    job_stage_t stage;
    smtp_mail_t mail;
    void *tag;
    uint64_t end;  /* where in the stream its last dot ends */
    unsigned code; /* the reply that refused its envelope; 0: none */
    size_t length;
    char text[KEPT_MAX];
} job_t;

typedef struct {
    expect_t kind;
    job_t *job; /* NULL: of the session itself */
} expected_t;

struct smtp_session {
    const smtp_rules_t *rules;
    const smtp_events_t *events;
    void *context;

    bool secure, up, quitting;
    unsigned can;
    uint64_t size_max;
    unsigned mails; /* of this connection */
    smtp_reply_t reply;
    cr_str_t in, out;
    size_t behind; /* bytes of `in` that are not read yet */
    size_t out_at;
    uint64_t written; /* bytes of this connection */
    int64_t moved_us; /* when something last came or went */

    expected_t expected[EXPECTED_MAX];
    size_t first, count;
    job_t jobs[JOBS], *order[JOBS]; /* those under way, the oldest first */
    size_t job_count;
};

/* Ends the line that was appended to `out`; its reply is expected. */
void smtp_say(smtp_session_t *self, expect_t kind, job_t *job);
void smtp_say_word(smtp_session_t *self, expect_t kind, job_t *job, const char *word);

/* The reply says yes. */
bool smtp_is_good(const smtp_session_t *self);
/* CR_DENIED with the reply's words. */
cr_err_t smtp_refused(const smtp_session_t *self, const char *what, cr_fault_t *fault) CR_MUST_USE;

/* What a reply leads to: CR_OK, or why the connection ends. */
typedef cr_err_t smtp_on_reply_fn(smtp_session_t *self, job_t *job, cr_fault_t *fault);
smtp_on_reply_fn smtp_on_greeting, smtp_on_ehlo, smtp_on_helo, smtp_on_starttls, smtp_on_user,
    smtp_on_password, smtp_on_auth;
void smtp_say_hello(smtp_session_t *self);
/* The newest line of EHLO's reply. */
void smtp_note_capability(smtp_session_t *self);

#endif
