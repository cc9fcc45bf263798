#include <stdlib.h>
#include <string.h>

#include "smtp_internal.h"

enum { OUT_MAX = 64 * 1024 * 1024 };

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

void
smtp_say(smtp_session_t *self, expect_t kind, job_t *job)
{
    cr_str_append_text(&self->out, "\r\n");
    expect(self, kind, job);
}

void
smtp_say_word(smtp_session_t *self, expect_t kind, job_t *job, const char *word)
{
    cr_str_append_text(&self->out, word);
    smtp_say(self, kind, job);
}

/* Where in the stream all that was said ends. */
static uint64_t
end_of_output(const smtp_session_t *self)
{
    return self->written + (self->out.length - self->out_at);
}

/* Doubles the dot that begins a line (RFC 5321 4.5.2), and ends with the dot alone. */
static void
say_body(smtp_session_t *self, job_t *job)
{
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
    cr_str_append_text(&self->out, "MAIL FROM:<");
    cr_str_append_slice(&self->out, mail->sender);
    cr_str_append_char(&self->out, '>');
    if (self->can & CAN_SIZE)
        cr_str_appendf(&self->out, " SIZE=%zu", mail->body.length);
    if (self->can & CAN_DSN) {
        cr_str_append_text(&self->out, " RET=HDRS ENVID=");
        cr_str_append_slice(&self->out, mail->reference);
    }
    if (!is_ascii(mail->recipient))
        cr_str_append_text(&self->out, " SMTPUTF8");
    smtp_say(self, EXPECT_MAIL, job);
}

/* What RFC 3461 would have encoded is left out. */
static bool
may_be_original(cr_slice_t address)
{
    return is_ascii(address) && !memchr(address.text, '+', address.length) &&
           !memchr(address.text, '=', address.length);
}

static void
say_recipient(smtp_session_t *self, job_t *job)
{
    const cr_slice_t to = job->mail.recipient;
    cr_str_append_text(&self->out, "RCPT TO:<");
    cr_str_append_slice(&self->out, to);
    cr_str_append_char(&self->out, '>');
    if (self->can & CAN_DSN)
        cr_str_append_text(&self->out, " NOTIFY=FAILURE,DELAY");
    if (self->can & CAN_DSN && may_be_original(to)) {
        cr_str_append_text(&self->out, " ORCPT=rfc822;");
        cr_str_append_slice(&self->out, to);
    }
    smtp_say(self, EXPECT_RCPT, job);
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
    smtp_say_word(self, EXPECT_DATA, job, "DATA");
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

/* ---- replies: CR_OK, or why the connection ends --------------------------------------------- */

bool
smtp_is_good(const smtp_session_t *self)
{
    return self->reply.code < 300;
}

cr_err_t
smtp_refused(const smtp_session_t *self, const char *what, cr_fault_t *fault)
{
    cr_slice_t text = smtp_reply_text(&self->reply);
    return cr_fault_set(fault, CR_DENIED, "%s: %u %.*s", what, self->reply.code,
                        (int)(text.length < 160 ? text.length : 160), text.text);
}

/* Without pipelining each command waits for the one before. */
static cr_err_t
on_mail(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)fault;
    bool alone = !(self->can & CAN_PIPELINING);
    if (!smtp_is_good(self))
        refuse_envelope(self, job);
    if (alone && smtp_is_good(self))
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
    if (!smtp_is_good(self))
        refuse_envelope(self, job);
    if (alone && smtp_is_good(self)) {
        smtp_say_word(self, EXPECT_DATA, job, "DATA");
    } else if (alone) {
        answer_as_refused(self, job);
        smtp_say_word(self, EXPECT_RSET, NULL, "RSET");
    }
    return CR_OK;
}

static cr_err_t
on_data(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)fault;
    if (self->reply.code != 354) {
        refuse_envelope(self, job);
        answer_as_refused(self, job);
        smtp_say_word(self, EXPECT_RSET, NULL, "RSET");
        return CR_OK;
    }
    job->stage = JOB_BODY;
    if (job->code != 0) /* nobody is left to get it: an empty mail ends the transaction */
        job->mail.body = CR_SLICE("");
    say_body(self, job);
    job->end = end_of_output(self);
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
    return smtp_is_good(self) ? CR_OK : smtp_refused(self, "RSET", fault);
}

static cr_err_t
on_quit(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)self;
    (void)job;
    return cr_fault_set(fault, CR_CLOSED, "good-bye");
}

static smtp_on_reply_fn *const on_reply[EXPECT_COUNT] = {
    [EXPECT_GREETING] = smtp_on_greeting,
    [EXPECT_EHLO] = smtp_on_ehlo,
    [EXPECT_HELO] = smtp_on_helo,
    [EXPECT_STARTTLS] = smtp_on_starttls,
    [EXPECT_USER] = smtp_on_user,
    [EXPECT_PASSWORD] = smtp_on_password,
    [EXPECT_AUTH] = smtp_on_auth,
    [EXPECT_MAIL] = on_mail,
    [EXPECT_RCPT] = on_rcpt,
    [EXPECT_DATA] = on_data,
    [EXPECT_DOT] = on_dot,
    [EXPECT_RSET] = on_rset,
    [EXPECT_QUIT] = on_quit,
};

/* 421 may come instead of any reply: the mail it meets was not taken. */
static cr_err_t
take_reply(smtp_session_t *self, cr_fault_t *fault)
{
    if (self->count == 0)
        return smtp_refused(self, "unasked", fault);
    expected_t next = self->expected[self->first];
    self->first = (self->first + 1) % EXPECTED_MAX;
    self->count--;
    if (self->reply.code == 421 && next.job) {
        refuse_envelope(self, next.job);
        answer_as_refused(self, next.job);
    }
    if (self->reply.code == 421)
        return smtp_refused(self, "the server leaves", fault);
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
            smtp_note_capability(self);
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
    self->written = 0;
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
    smtp_say_hello(self);
}

void
smtp_session_lost(smtp_session_t *self)
{
    self->up = self->quitting = false;
    self->mails = 0;
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
    smtp_say_word(self, EXPECT_QUIT, NULL, "QUIT");
    return true;
}
