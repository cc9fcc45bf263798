#include "smtp_session.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 2, EXPECTED_MAX = 16, OUT_MAX = 64 * 1024 * 1024, KEPT_MAX = 512, SECRET_MAX = 4096 };

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
    uint64_t queued, written; /* bytes of this connection */
    int64_t moved_us;         /* when something last came or went */

    expected_t expected[EXPECTED_MAX];
    size_t first, count;
    job_t jobs[JOBS], *order[JOBS]; /* those under way, the oldest first */
    size_t job_count;
};

smtp_session_t *
smtp_session_new(const smtp_rules_t *rules, const smtp_events_t *events, void *context)
{
    smtp_session_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (smtp_session_t){.rules = rules, .events = events, .context = context};
    cr_str_init(&self->in, SMTP_REPLY_MAX);
    cr_str_init(&self->out, OUT_MAX);
    return self;
}

void
smtp_session_destroy(smtp_session_t **self_p)
{
    smtp_session_t *self = *self_p;
    if (!self)
        return;
    cr_str_fini(&self->in);
    cr_str_fini(&self->out);
    free(self);
    *self_p = NULL;
}

/* ---- what is said and expected -------------------------------------------------------------- */

static void
expect(smtp_session_t *self, expect_t kind, job_t *job)
{
    CR_ASSERT(self->count < EXPECTED_MAX);
    self->expected[(self->first + self->count++) % EXPECTED_MAX] = (expected_t){kind, job};
}

static void
note_queued(smtp_session_t *self, size_t before)
{
    self->queued += self->out.length - before;
}

CR_PRINTF(4, 5)
static void
say(smtp_session_t *self, expect_t kind, job_t *job, const char *format, ...)
{
    char line[SMTP_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    CR_ASSERT(length >= 0 && (size_t)length < sizeof line);
    size_t before = self->out.length;
    cr_str_append(&self->out, line, (size_t)length);
    cr_str_append_text(&self->out, "\r\n");
    note_queued(self, before);
    expect(self, kind, job);
}

/* Doubles the dot that begins a line (RFC 5321 4.5.2), and ends with the dot alone. */
static void
say_body(smtp_session_t *self, job_t *job)
{
    size_t before = self->out.length;
    cr_slice_t rest = job->mail.body;
    if (rest.length > 0 && rest.text[0] == '.')
        cr_str_append_char(&self->out, '.');
    for (const char *dot; (dot = memmem(rest.text, rest.length, "\n.", 2)) != NULL;) {
        size_t part = (size_t)(dot - rest.text) + 2;
        cr_str_append(&self->out, rest.text, part);
        cr_str_append_char(&self->out, '.');
        rest.text += part;
        rest.length -= part;
    }
    cr_str_append_slice(&self->out, rest);
    bool ends = job->mail.body.length > 0 && job->mail.body.text[job->mail.body.length - 1] == '\n';
    cr_str_append_text(&self->out, ends ? ".\r\n" : "\r\n.\r\n");
    note_queued(self, before);
}

/* ---- mails ---------------------------------------------------------------------------------- */

static void
drop_job(smtp_session_t *self, job_t *job)
{
    size_t i = 0;
    while (self->order[i] != job)
        i++;
    self->job_count--;
    memmove(self->order + i, self->order + i + 1, (self->job_count - i) * sizeof *self->order);
    job->stage = JOB_FREE;
}

static void
answer(smtp_session_t *self, job_t *job, const smtp_answer_t *given)
{
    void *tag = job->tag;
    drop_job(self, job);
    self->events->on_answer(self->context, tag, given);
}

static void
answer_here(smtp_session_t *self, job_t *job, unsigned code, const char *text)
{
    answer(self, job, &(smtp_answer_t){.answered = true, .code = code, .text = cr_slice_of(text)});
}

static void
answer_as_refused(smtp_session_t *self, job_t *job)
{
    char text[KEPT_MAX];
    memcpy(text, job->text, job->length);
    answer(self, job,
           &(smtp_answer_t){.answered = true, .code = job->code, .text = {text, job->length}});
}

/* The first refusal of an envelope is the reason; what follows are its consequences. */
static void
refuse_envelope(smtp_session_t *self, job_t *job)
{
    if (job->code != 0)
        return;
    cr_slice_t text = smtp_reply_text(&self->reply);
    job->code = self->reply.code;
    job->length = text.length < KEPT_MAX ? text.length : KEPT_MAX;
    memcpy(job->text, text.text, job->length);
}

static bool
is_ascii(cr_slice_t text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.text[i] > '~')
            return false;
    return true;
}

static void
say_mail(smtp_session_t *self, job_t *job)
{
    const smtp_mail_t *mail = &job->mail;
    char size[32] = "", envelope_id[160] = "";
    if (self->can & CAN_SIZE)
        snprintf(size, sizeof size, " SIZE=%zu", mail->body.length);
    if (self->can & CAN_DSN && mail->reference.length < 128)
        snprintf(envelope_id, sizeof envelope_id, " RET=HDRS ENVID=%.*s",
                 (int)mail->reference.length, mail->reference.text);
    say(self, EXPECT_MAIL, job, "MAIL FROM:<%.*s>%s%s%s", (int)mail->sender.length,
        mail->sender.text, size, envelope_id, is_ascii(mail->recipient) ? "" : " SMTPUTF8");
}

static void
say_recipient(smtp_session_t *self, job_t *job)
{
    const cr_slice_t to = job->mail.recipient;
    bool dsn = self->can & CAN_DSN && is_ascii(to) && !memchr(to.text, '+', to.length) &&
               !memchr(to.text, '=', to.length); /* RFC 3461 would have those encoded */
    if (dsn)
        say(self, EXPECT_RCPT, job, "RCPT TO:<%.*s> NOTIFY=FAILURE,DELAY ORCPT=rfc822;%.*s",
            (int)to.length, to.text, (int)to.length, to.text);
    else
        say(self, EXPECT_RCPT, job, "RCPT TO:<%.*s>%s", (int)to.length, to.text,
            self->can & CAN_DSN ? " NOTIFY=FAILURE,DELAY" : "");
}

/* False: the server said in its EHLO that it would not take it. */
static bool
begin_job(smtp_session_t *self, job_t *job)
{
    if (self->can & CAN_SIZE && self->size_max > 0 && job->mail.body.length > self->size_max) {
        answer_here(self, job, 552, "5.3.4 larger than the server takes");
        return false;
    }
    if (!is_ascii(job->mail.recipient) && !(self->can & CAN_SMTPUTF8)) {
        answer_here(self, job, 553, "5.1.3 the server takes ASCII addresses only");
        return false;
    }
    job->stage = JOB_ENVELOPE;
    self->mails++;
    say_mail(self, job);
    if (!(self->can & CAN_PIPELINING))
        return true;
    say_recipient(self, job);
    say(self, EXPECT_DATA, job, "DATA");
    return true;
}

/* The envelope of the next mail may follow a body that is on its way, if the server pipelines. */
static bool
may_begin(const smtp_session_t *self)
{
    for (size_t i = 0; i < self->job_count; i++) {
        job_stage_t stage = self->order[i]->stage;
        if (stage == JOB_ENVELOPE || (stage == JOB_BODY && !(self->can & CAN_PIPELINING)))
            return false;
    }
    return self->up && !self->quitting;
}

void
smtp_session_advance(smtp_session_t *self, int64_t now_us)
{
    if (self->count == 0)
        self->moved_us = now_us;
    for (size_t i = 0; i < self->job_count && may_begin(self);)
        if (self->order[i]->stage != JOB_QUEUED || begin_job(self, self->order[i]))
            i++;
}

bool
smtp_session_has_room(const smtp_session_t *self)
{
    unsigned most = self->rules->mails_max;
    return self->job_count < JOBS && !self->quitting &&
           (most == 0 || self->mails + self->job_count < most);
}

bool
smtp_session_is_up(const smtp_session_t *self)
{
    return self->up;
}

void
smtp_session_submit(smtp_session_t *self, const smtp_mail_t *mail, void *tag)
{
    job_t *job = self->jobs;
    while (job->stage != JOB_FREE)
        job++;
    CR_ASSERT(job < self->jobs + JOBS);
    *job = (job_t){.stage = JOB_QUEUED, .mail = *mail, .tag = tag};
    self->order[self->job_count++] = job;
}

/* ---- before the first mail ------------------------------------------------------------------ */

static void
say_hello(smtp_session_t *self)
{
    self->can = 0;
    self->size_max = 0;
    say(self, EXPECT_EHLO, NULL, "EHLO %s", self->rules->domain);
}

static void
say_base64(smtp_session_t *self, expect_t kind, const char *before, const char *bytes,
           size_t length)
{
    char encoded[SMTP_LINE_MAX - 64];
    if (sodium_base64_encoded_len(length, sodium_base64_VARIANT_ORIGINAL) > sizeof encoded)
        length = 0; /* such a secret is none: the server will say so */
    sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)bytes, length,
                      sodium_base64_VARIANT_ORIGINAL);
    say(self, kind, NULL, "%s%s", before, encoded);
    sodium_memzero(encoded, sizeof encoded);
}

static void
say_plain(smtp_session_t *self)
{
    char secret[SECRET_MAX];
    int length =
        snprintf(secret, sizeof secret, "%c%s%c%s", 0, self->rules->user, 0, self->rules->password);
    say_base64(self, EXPECT_AUTH, "AUTH PLAIN ", secret, (size_t)length);
    sodium_memzero(secret, sizeof secret);
}

static void
say_login(smtp_session_t *self)
{
    say(self, EXPECT_USER, NULL, "AUTH LOGIN");
}

static void
say_xoauth2(smtp_session_t *self)
{
    char secret[SECRET_MAX];
    int length = snprintf(secret, sizeof secret, "user=%s\001auth=Bearer %s\001\001",
                          self->rules->user, self->rules->password);
    say_base64(self, EXPECT_AUTH, "AUTH XOAUTH2 ", secret, (size_t)length);
    sodium_memzero(secret, sizeof secret);
}

static cr_err_t
log_in(smtp_session_t *self, cr_fault_t *fault)
{
    static const struct {
        smtp_auth_t auth;
        can_t can;
        void (*say)(smtp_session_t *self);
    } ways[] = {{SMTP_AUTH_PLAIN, CAN_PLAIN, say_plain},
                {SMTP_AUTH_LOGIN, CAN_LOGIN, say_login},
                {SMTP_AUTH_XOAUTH2, CAN_XOAUTH2, say_xoauth2}};
    smtp_auth_t wanted = self->rules->auth;
    for (size_t i = 0; i < CR_COUNT(ways); i++) {
        bool meant =
            wanted == SMTP_AUTH_AUTO ? ways[i].auth != SMTP_AUTH_XOAUTH2 : wanted == ways[i].auth;
        if (!meant || !(self->can & ways[i].can))
            continue;
        ways[i].say(self);
        return CR_OK;
    }
    return cr_fault_set(fault, CR_DENIED, "the server offers no way to log in that we may use");
}

static bool
has_word(cr_slice_t line, const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= line.length; i++) {
        bool begins = i == 0 || line.text[i - 1] == ' ' || line.text[i - 1] == '=';
        bool ends = i + length == line.length || line.text[i + length] == ' ';
        if (begins && ends && strncasecmp(line.text + i, word, length) == 0)
            return true;
    }
    return false;
}

/* A line of EHLO's reply. */
static void
note_capability(smtp_session_t *self)
{
    static const struct {
        const char *keyword;
        can_t can;
    } keywords[] = {{"PIPELINING", CAN_PIPELINING},
                    {"STARTTLS", CAN_STARTTLS},
                    {"DSN", CAN_DSN},
                    {"SMTPUTF8", CAN_SMTPUTF8},
                    {"SIZE", CAN_SIZE}};
    static const struct {
        const char *name;
        can_t can;
    } ways[] = {{"PLAIN", CAN_PLAIN}, {"LOGIN", CAN_LOGIN}, {"XOAUTH2", CAN_XOAUTH2}};
    cr_slice_t line = smtp_reply_text(&self->reply);
    cr_slice_t keyword = {line.text, 0};
    while (keyword.length < line.length && line.text[keyword.length] != ' ' &&
           line.text[keyword.length] != '=')
        keyword.length++;
    for (size_t i = 0; i < CR_COUNT(keywords); i++)
        if (keyword.length == strlen(keywords[i].keyword) && has_word(keyword, keywords[i].keyword))
            self->can |= keywords[i].can;
    if (has_word(keyword, "SIZE"))
        for (size_t i = keyword.length + 1; i < line.length && line.text[i] >= '0' &&
                                            line.text[i] <= '9' && self->size_max < UINT32_MAX;
             i++)
            self->size_max = self->size_max * 10 + (uint64_t)(line.text[i] - '0');
    for (size_t i = 0; i < CR_COUNT(ways) && has_word(keyword, "AUTH"); i++)
        if (has_word(line, ways[i].name))
            self->can |= ways[i].can;
}

/* ---- replies: CR_OK, or why the connection ends --------------------------------------------- */

static bool
is_good(const smtp_session_t *self)
{
    return self->reply.code < 300;
}

static cr_err_t
refused(const smtp_session_t *self, const char *what, cr_fault_t *fault)
{
    cr_slice_t text = smtp_reply_text(&self->reply);
    return cr_fault_set(fault, CR_DENIED, "%s: %u %.*s", what, self->reply.code,
                        (int)(text.length < 160 ? text.length : 160), text.text);
}

static cr_err_t
on_greeting(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (!is_good(self))
        return refused(self, "greeting", fault);
    say_hello(self);
    return CR_OK;
}

static cr_err_t
go_on(smtp_session_t *self, cr_fault_t *fault)
{
    if (self->rules->starttls && !self->secure) {
        if (!(self->can & CAN_STARTTLS))
            return cr_fault_set(fault, CR_DENIED, "the server does not offer STARTTLS");
        say(self, EXPECT_STARTTLS, NULL, "STARTTLS");
        return CR_OK;
    }
    if (*self->rules->user)
        return log_in(self, fault);
    self->up = true;
    return CR_OK;
}

static cr_err_t
on_ehlo(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (is_good(self))
        return go_on(self, fault);
    say(self, EXPECT_HELO, NULL, "HELO %s", self->rules->domain);
    return CR_OK;
}

static cr_err_t
on_helo(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    return is_good(self) ? go_on(self, fault) : refused(self, "HELO", fault);
}

static cr_err_t
on_starttls(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (!is_good(self))
        return refused(self, "STARTTLS", fault);
    if (self->behind > 0) /* an attacker's words before the handshake: CVE-2011-0411 */
        return cr_fault_set(fault, CR_INVAL, "more than the reply to STARTTLS");
    self->events->on_tls(self->context);
    return CR_OK;
}

static cr_err_t
on_user(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (self->reply.code != 334)
        return refused(self, "AUTH", fault);
    say_base64(self, EXPECT_PASSWORD, "", self->rules->user, strlen(self->rules->user));
    return CR_OK;
}

static cr_err_t
on_password(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (self->reply.code != 334)
        return refused(self, "AUTH", fault);
    say_base64(self, EXPECT_AUTH, "", self->rules->password, strlen(self->rules->password));
    return CR_OK;
}

static cr_err_t
on_auth(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (!is_good(self))
        return refused(self, "AUTH", fault);
    self->up = true;
    return CR_OK;
}

/* Without pipelining each command waits for the one before. */
static cr_err_t
on_mail(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)fault;
    bool alone = !(self->can & CAN_PIPELINING);
    if (!is_good(self))
        refuse_envelope(self, job);
    if (alone && is_good(self))
        say_recipient(self, job);
    else if (alone)
        answer_as_refused(self, job);
    return CR_OK;
}

static cr_err_t
on_rcpt(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)fault;
    bool alone = !(self->can & CAN_PIPELINING);
    if (!is_good(self))
        refuse_envelope(self, job);
    if (alone && is_good(self)) {
        say(self, EXPECT_DATA, job, "DATA");
    } else if (alone) {
        answer_as_refused(self, job);
        say(self, EXPECT_RSET, NULL, "RSET");
    }
    return CR_OK;
}

static cr_err_t
on_data(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)fault;
    bool asked = self->reply.code == 354;
    if (!asked)
        refuse_envelope(self, job);
    if (!asked) {
        answer_as_refused(self, job);
        say(self, EXPECT_RSET, NULL, "RSET");
        return CR_OK;
    }
    job->stage = JOB_BODY;
    if (job->code != 0) /* nobody is left to get it: an empty mail ends the transaction */
        job->mail.body = CR_SLICE("");
    say_body(self, job);
    job->end = self->queued;
    expect(self, EXPECT_DOT, job);
    return CR_OK;
}

static cr_err_t
on_dot(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)fault;
    if (job->code != 0)
        answer_as_refused(self, job);
    else
        answer(self, job,
               &(smtp_answer_t){.answered = true,
                                .sent = true,
                                .code = self->reply.code,
                                .text = smtp_reply_text(&self->reply)});
    return CR_OK;
}

static cr_err_t
on_rset(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    return is_good(self) ? CR_OK : refused(self, "RSET", fault);
}

static cr_err_t
on_quit(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)self;
    (void)job;
    return cr_fault_set(fault, CR_CLOSED, "good-bye");
}

typedef cr_err_t on_reply_fn(smtp_session_t *self, job_t *job, cr_fault_t *fault);
static on_reply_fn *const on_reply[EXPECT_COUNT] = {
    [EXPECT_GREETING] = on_greeting, [EXPECT_EHLO] = on_ehlo, [EXPECT_HELO] = on_helo,
    [EXPECT_STARTTLS] = on_starttls, [EXPECT_USER] = on_user, [EXPECT_PASSWORD] = on_password,
    [EXPECT_AUTH] = on_auth,         [EXPECT_MAIL] = on_mail, [EXPECT_RCPT] = on_rcpt,
    [EXPECT_DATA] = on_data,         [EXPECT_DOT] = on_dot,   [EXPECT_RSET] = on_rset,
    [EXPECT_QUIT] = on_quit,
};

/* 421 may come instead of any reply: the mail it meets was not taken. */
static cr_err_t
take_reply(smtp_session_t *self, cr_fault_t *fault)
{
    if (self->count == 0)
        return refused(self, "unasked", fault);
    expected_t next = self->expected[self->first];
    self->first = (self->first + 1) % EXPECTED_MAX;
    self->count--;
    if (self->reply.code == 421 && next.job) {
        refuse_envelope(self, next.job);
        answer_as_refused(self, next.job);
    }
    if (self->reply.code == 421)
        return refused(self, "the server leaves", fault);
    return on_reply[next.kind](self, next.job, fault);
}

static bool
awaits_capabilities(const smtp_session_t *self)
{
    return self->count > 0 && self->expected[self->first].kind == EXPECT_EHLO;
}

/* All lines that are there; `rest` is what is left of them. */
static cr_err_t
take_lines(smtp_session_t *self, cr_slice_t *rest, cr_fault_t *fault)
{
    cr_err_t err;
    while ((err = smtp_reply_take(&self->reply, rest)) == CR_OK) {
        if (awaits_capabilities(self) && self->reply.lines > 1)
            note_capability(self);
        if (self->reply.more)
            continue;
        self->behind = rest->length;
        err = take_reply(self, fault);
        if (err != CR_OK)
            return err;
        smtp_reply_clear(&self->reply);
    }
    return err == CR_AGAIN ? CR_OK : cr_fault_set(fault, err, "what the server says is no reply");
}

cr_err_t
smtp_session_take(smtp_session_t *self, cr_slice_t bytes, int64_t now_us, cr_fault_t *fault)
{
    self->moved_us = now_us;
    cr_str_append_slice(&self->in, bytes);
    if (cr_str_err(&self->in) != CR_OK)
        return cr_fault_set(fault, CR_INVAL, "what the server says is too long");
    cr_slice_t rest = cr_str_slice(&self->in);
    cr_err_t err = take_lines(self, &rest, fault);
    if (err != CR_OK)
        return err;
    char begun[SMTP_LINE_MAX]; /* a line that is not all there */
    CR_ASSERT(rest.length <= sizeof begun);
    memcpy(begun, rest.text, rest.length);
    cr_str_clear(&self->in);
    cr_str_append(&self->in, begun, rest.length);
    return CR_OK;
}

/* ---- the connection ------------------------------------------------------------------------- */

void
smtp_session_begin(smtp_session_t *self, bool secure, int64_t now_us)
{
    CR_ASSERT(self->count == 0);
    self->secure = secure;
    self->up = self->quitting = false;
    self->mails = 0;
    self->queued = self->written = 0;
    self->moved_us = now_us;
    cr_str_clear(&self->in);
    cr_str_clear(&self->out);
    self->out_at = 0;
    smtp_reply_clear(&self->reply);
    expect(self, EXPECT_GREETING, NULL);
}

void
smtp_session_secured(smtp_session_t *self, int64_t now_us)
{
    self->secure = true;
    self->moved_us = now_us;
    say_hello(self);
}

void
smtp_session_lost(smtp_session_t *self)
{
    self->up = false;
    self->first = self->count = 0;
    while (self->job_count > 0) {
        job_t *job = self->order[0];
        bool refused_already = job->stage == JOB_BODY && job->code != 0;
        smtp_answer_t given = {.sent = job->stage == JOB_BODY && self->written >= job->end};
        if (refused_already)
            answer_as_refused(self, job);
        else
            answer(self, job, &given);
    }
}

cr_slice_t
smtp_session_output(const smtp_session_t *self)
{
    cr_slice_t all = cr_str_slice(&self->out);
    return (cr_slice_t){all.text + self->out_at, all.length - self->out_at};
}

void
smtp_session_wrote(smtp_session_t *self, size_t length, int64_t now_us)
{
    self->out_at += length;
    self->written += length;
    self->moved_us = now_us;
    if (self->out_at < self->out.length)
        return;
    cr_str_clear(&self->out);
    self->out_at = 0;
}

int64_t
smtp_session_due_us(const smtp_session_t *self)
{
    return self->count > 0 || self->out_at < self->out.length
               ? self->moved_us + self->rules->timeout_us
               : INT64_MAX;
}

bool
smtp_session_quit(smtp_session_t *self)
{
    if (!self->up || self->quitting || self->job_count > 0 || self->count > 0)
        return false;
    self->quitting = true;
    say(self, EXPECT_QUIT, NULL, "QUIT");
    return true;
}
