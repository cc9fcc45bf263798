/*
 * smsc_session - one connection to a message centre
 *
 * Octets become frames for the protocol's table, and what it sends goes out, at once or octet by
 * octet. What waits for a receiver is the house's; what is on its way to one goes back there when
 * the connection ends.
 *
 * Ownership  a session that hung up stays until no timer knows it; the house reaps it.
 */
#ifndef SMSC_SESSION_H
#define SMSC_SESSION_H

#include "cr_cmpp.h"
#include "cr_log.h"
#include "cr_smpp.h"
#include "smsc.h"

enum {
    SMSC_NUMBER_MAX = 33,
    SMSC_DATE_MAX = 16,
    SMSC_ACCOUNT_MAX = 17,
    SMSC_OUTPUT_MAX = 4 * 1024 * 1024
};

typedef struct smsc_session smsc_session_t;

/* Receipts and replies go back over the account that the submit came from. */
typedef struct smsc_account {
    struct smsc_account *next;
    smsc_t *house;
    struct smsc_post *first_due, **last_due;
    char name[SMSC_ACCOUNT_MAX];
    char number[SMSC_NUMBER_MAX]; /* ours, the one that submitted last */
} smsc_account_t;

/* A receipt or a reply, on its way to whoever takes it. */
typedef struct smsc_post {
    struct smsc_post *next; /* due, or under way */
    struct smsc_post *previous_held, *next_held;
    smsc_account_t *account;
    bool is_receipt, failed;
    uint64_t id; /* of the submit */
    int64_t submitted_us;
    uint32_t sequence; /* once it is on its way */
    char phone[SMSC_NUMBER_MAX], ours[SMSC_NUMBER_MAX];
    char text[]; /* of a reply */
} smsc_post_t;

struct smsc_protocol {
    const char *name;
    size_t header, frame_max;
    void (*on_frame)(smsc_session_t *self, cr_slice_t frame);
    void (*on_bad_length)(smsc_session_t *self);
    void (*answer)(smsc_session_t *self, uint32_t sequence, const smsc_verdict_t *verdict);
    void (*deliver)(smsc_session_t *self, const smsc_post_t *post);
    void (*enquire)(smsc_session_t *self, uint32_t sequence);
    uint64_t (*make_id)(uint64_t id); /* NULL: as it is */
};

/* What the sessions of one centre share. */
struct smsc {
    smsc_options_t options;
    int listen_fd, epoll_fd, tick;
    smsc_session_t *first;
    size_t count, dead;
    smsc_account_t *accounts, *last_account; /* the one that submitted last */
    smsc_post_t *held;                       /* all of them: due, delayed and under way */
    size_t posts;
    cr_log_limit_t full;
    uint8_t frame[CR_SMPP_FRAME_MAX]; /* what is being written */
};

struct smsc_session {
    smsc_t *house;
    smsc_account_t *account; /* NULL: not logged in */
    smsc_session_t *previous, *next;
    int fd; /* -1: hung up */
    bool may_submit, may_receive, leaving, trickling;
    bool reading;           /* what is sent meanwhile goes out afterwards, together */
    uint32_t version;       /* of CMPP */
    uint32_t next_sequence; /* of what we ask */
    unsigned timers;        /* that know this session */
    struct smsc_answer *answers;
    int64_t submits;
    smsc_post_t *under_way; /* the newest first */
    size_t under_way_count;
    cr_str_t output;
    size_t sent;
    uint32_t watched;
    int64_t heard_us, asked_us;
    size_t input_length;
    uint8_t input[CR_SMPP_FRAME_MAX];
};

/* Takes the non-blocking descriptor, also when memory is short: then it is closed. */
void smsc_session_open(smsc_t *house, int fd);
void smsc_session_ready(smsc_session_t *self);
void smsc_session_hang_up(smsc_session_t *self);
/* Frees those that hung up and that no timer knows. */
void smsc_session_reap(smsc_t *house);

/* For the protocols. */
/* Whether an account begins with what the configuration has. */
bool smsc_session_knows(const smsc_session_t *self, cr_slice_t account);
void smsc_session_send(smsc_session_t *self, const void *octets, size_t length);
/* Ends the session when all is sent. */
void smsc_session_leave(smsc_session_t *self);
/* False: there are too many accounts. */
bool smsc_session_let_in(smsc_session_t *self, cr_slice_t account, bool may_submit,
                         bool may_receive);
uint32_t smsc_session_sequence(smsc_session_t *self);
/* A submit: its answer, receipts and the resident's reply follow. */
void smsc_session_take(smsc_session_t *self, uint32_t sequence, const smsc_submit_t *submit);
/* The answer to what was delivered under this sequence. */
void smsc_session_settle(smsc_session_t *self, uint32_t sequence, bool taken);

/* smsc_post.c: what waits for a receiver. */
void smsc_post_receipt(smsc_session_t *self, const smsc_submit_t *submit,
                       const smsc_verdict_t *verdict);
void smsc_post_return(smsc_session_t *self);
void smsc_post_pump(smsc_account_t *account);
void smsc_post_free_all(smsc_t *house);
/* "2611251200", as receipts have it. */
const char *smsc_date_text(int64_t wall_us, char out[SMSC_DATE_MAX]);

#endif
