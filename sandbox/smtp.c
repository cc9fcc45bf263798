#include "smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    LINE_BYTES_MAX = 2000,
    RECIPIENTS_MAX = 100,
    INPUT_BYTES_MAX = 1024 * 1024, /* more than one read of the edge and one line */
    OUTPUT_BYTES_MAX = 1024 * 1024,
    ERRORS_MAX = 20,
};

/* Where the reader is in a mail; a dot counts only at the start of a line. */
typedef enum { AT_LINE, AT_DOT, AT_DOT_CR, IN_LINE, AT_CR } place_t;

typedef enum { READING_LINES, SKIPPING_LINE, READING_MAIL, SETTLING, SECURING, CLOSING } state_t;

struct smtp {
    smtp_rules_t rules;
    state_t state;
    bool greeted, secured, has_sender;
    unsigned errors;
    cr_str_t input, output;
    size_t used; /* bytes of the input that were read */
    cr_str_t sender;
    char *recipients[RECIPIENTS_MAX];
    size_t recipient_count;
    cr_str_t mail;
    place_t place;
};

static void
reply(smtp_t *self, const char *text)
{
    cr_str_append_text(&self->output, text);
    cr_str_append_text(&self->output, "\r\n");
}

static void
refuse(smtp_t *self, const char *text)
{
    reply(self, text);
    if (++self->errors < ERRORS_MAX)
        return;
    reply(self, "421 4.7.0 too many errors, closing");
    self->state = CLOSING;
}

smtp_t *
smtp_new(const smtp_rules_t *rules)
{
    smtp_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rules = *rules;
    cr_str_init(&self->input, INPUT_BYTES_MAX);
    cr_str_init(&self->output, OUTPUT_BYTES_MAX);
    cr_str_init(&self->sender, LINE_BYTES_MAX);
    cr_str_init(&self->mail, rules->size_max_bytes);
    cr_str_appendf(&self->output, "220 %s ESMTP crier-sandbox\r\n", rules->domain);
    return self;
}

static void
forget_mail(smtp_t *self)
{
    for (size_t i = 0; i < self->recipient_count; i++)
        free(self->recipients[i]);
    self->recipient_count = 0;
    self->has_sender = false;
    cr_str_clear(&self->sender);
    cr_str_clear(&self->mail);
}

void
smtp_destroy(smtp_t **self_p)
{
    smtp_t *self = *self_p;
    if (!self)
        return;
    forget_mail(self);
    cr_str_fini(&self->input);
    cr_str_fini(&self->output);
    cr_str_fini(&self->sender);
    cr_str_fini(&self->mail);
    free(self);
    *self_p = NULL;
}

static void
on_ehlo(smtp_t *self, cr_slice_t argument)
{
    (void)argument;
    forget_mail(self);
    self->greeted = true;
    cr_str_appendf(&self->output,
                   "250-%s\r\n250-PIPELINING\r\n250-SIZE %zu\r\n250-8BITMIME\r\n%s"
                   "250 ENHANCEDSTATUSCODES\r\n",
                   self->rules.domain, self->rules.size_max_bytes,
                   self->secured ? "" : "250-STARTTLS\r\n");
}

static void
on_helo(smtp_t *self, cr_slice_t argument)
{
    (void)argument;
    forget_mail(self);
    self->greeted = true;
    cr_str_appendf(&self->output, "250 %s\r\n", self->rules.domain);
}

/* The text between the first '<' and its '>'; false when there is no such path. */
static bool
path_of(cr_slice_t argument, const char *prefix, cr_slice_t *path)
{
    size_t length = strlen(prefix);
    if (argument.length < length || strncasecmp(argument.text, prefix, length) != 0)
        return false;
    const char *at = argument.text + length, *end = argument.text + argument.length;
    while (at < end && *at == ' ')
        at++;
    const char *close = at < end && *at == '<' ? memchr(at, '>', (size_t)(end - at)) : NULL;
    if (!close)
        return false;
    *path = (cr_slice_t){at + 1, (size_t)(close - at - 1)};
    return true;
}

static size_t
size_announced(cr_slice_t argument)
{
    for (size_t i = 0; i + 6 < argument.length; i++)
        if (strncasecmp(argument.text + i, " SIZE=", 6) == 0)
            return strtoull(argument.text + i + 6, NULL, 10);
    return 0;
}

static void
on_mail(smtp_t *self, cr_slice_t argument)
{
    cr_slice_t path = CR_SLICE("");
    if (!self->greeted)
        refuse(self, "503 5.5.1 say EHLO first");
    else if (self->has_sender)
        refuse(self, "503 5.5.1 one sender a mail");
    else if (!path_of(argument, "FROM:", &path))
        refuse(self, "501 5.5.4 MAIL FROM:<address> is needed");
    else if (size_announced(argument) > self->rules.size_max_bytes)
        refuse(self, "552 5.3.4 the mail is too big");
    else {
        cr_str_append_slice(&self->sender, path);
        self->has_sender = true;
        reply(self, "250 2.1.0 sender ok");
    }
}

static bool
is_address(cr_slice_t path)
{
    size_t at = path.length; /* just behind the last '@' */
    while (at > 0 && path.text[at - 1] != '@')
        at--;
    return at > 1 && at < path.length;
}

static bool
is_bouncing(cr_slice_t path)
{
    return path.length >= 6 && strncasecmp(path.text, "bounce", 6) == 0;
}

static void
on_rcpt(smtp_t *self, cr_slice_t argument)
{
    cr_slice_t path = CR_SLICE("");
    if (!self->has_sender)
        refuse(self, "503 5.5.1 MAIL comes first");
    else if (!path_of(argument, "TO:", &path) || !is_address(path))
        refuse(self, "501 5.1.3 RCPT TO:<address> is needed");
    else if (is_bouncing(path))
        reply(self, "550 5.1.1 no such mailbox");
    else if (self->recipient_count == RECIPIENTS_MAX)
        reply(self, "452 4.5.3 too many recipients");
    else if (!(self->recipients[self->recipient_count] = strndup(path.text, path.length)))
        reply(self, "452 4.3.1 out of memory");
    else {
        self->recipient_count++;
        reply(self, "250 2.1.5 recipient ok");
    }
}

static void
on_data(smtp_t *self, cr_slice_t argument)
{
    (void)argument;
    if (self->recipient_count == 0) {
        refuse(self,
               self->has_sender ? "554 5.5.1 no valid recipients" : "503 5.5.1 MAIL comes first");
        return;
    }
    reply(self, "354 end the mail with <CRLF>.<CRLF>");
    self->state = READING_MAIL;
    self->place = AT_LINE;
}

static void
on_rset(smtp_t *self, cr_slice_t argument)
{
    (void)argument;
    forget_mail(self);
    reply(self, "250 2.0.0 forgotten");
}

static void
on_noop(smtp_t *self, cr_slice_t argument)
{
    (void)argument;
    reply(self, "250 2.0.0 ok");
}

static void
on_vrfy(smtp_t *self, cr_slice_t argument)
{
    (void)argument;
    reply(self, "252 2.1.5 send a mail and see");
}

static void
on_starttls(smtp_t *self, cr_slice_t argument)
{
    if (self->secured)
        refuse(self, "503 5.5.1 TLS is on already");
    else if (argument.length > 0)
        refuse(self, "501 5.5.4 STARTTLS takes no argument");
    else {
        reply(self, "220 2.0.0 begin TLS");
        self->state = SECURING;
    }
}

static void
on_quit(smtp_t *self, cr_slice_t argument)
{
    (void)argument;
    reply(self, "221 2.0.0 goodbye");
    self->state = CLOSING;
}

static const struct {
    const char *verb;
    void (*run)(smtp_t *self, cr_slice_t argument);
} commands[] = {
    {"EHLO", on_ehlo}, {"HELO", on_helo},         {"MAIL", on_mail}, {"RCPT", on_rcpt},
    {"DATA", on_data}, {"RSET", on_rset},         {"NOOP", on_noop}, {"QUIT", on_quit},
    {"VRFY", on_vrfy}, {"STARTTLS", on_starttls},
};

static void
run_line(smtp_t *self, cr_slice_t line)
{
    const char *space = line.length ? memchr(line.text, ' ', line.length) : NULL;
    size_t verb = space ? (size_t)(space - line.text) : line.length;
    size_t used = verb + (space != NULL);
    cr_slice_t argument = {line.text + used, line.length - used};
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        if (strlen(commands[i].verb) != verb || strncasecmp(commands[i].verb, line.text, verb) != 0)
            continue;
        commands[i].run(self, argument);
        return;
    }
    refuse(self, "500 5.5.2 no such command");
}

static cr_slice_t
unread(const smtp_t *self)
{
    return (cr_slice_t){cr_str_text(&self->input) + self->used, self->input.length - self->used};
}

/* One command line; a bare LF ends it too. False when it is not whole yet. */
static bool
read_line(smtp_t *self)
{
    cr_slice_t rest = unread(self);
    const char *end = rest.length ? memchr(rest.text, '\n', rest.length) : NULL;
    if (!end && rest.length > LINE_BYTES_MAX) {
        self->used += rest.length;
        self->state = SKIPPING_LINE;
    }
    if (!end)
        return false;
    cr_slice_t line = {rest.text, (size_t)(end - rest.text)};
    self->used += line.length + 1;
    if (line.length > 0 && line.text[line.length - 1] == '\r')
        line.length--;
    if (line.length > LINE_BYTES_MAX || memchr(line.text, '\0', line.length))
        refuse(self, "500 5.5.2 the line is too long or not text");
    else
        run_line(self, line);
    return true;
}

static bool
skip_line(smtp_t *self)
{
    cr_slice_t rest = unread(self);
    const char *end = rest.length ? memchr(rest.text, '\n', rest.length) : NULL;
    self->used += end ? (size_t)(end - rest.text) + 1 : rest.length;
    if (!end)
        return false;
    self->state = READING_LINES;
    refuse(self, "500 5.5.2 the line is too long or not text");
    return true;
}

static place_t
place_after(place_t place, char c)
{
    if (c == '\r')
        return place == AT_DOT ? AT_DOT_CR : AT_CR;
    if (c == '\n' && place == AT_CR)
        return AT_LINE;
    return IN_LINE;
}

/* Takes one byte of a mail; true when it was the last of the final dot. */
static bool
mail_byte(smtp_t *self, char c)
{
    if (self->place == AT_LINE && c == '.') {
        self->place = AT_DOT; /* stuffed, or the end: in no case part of the mail */
        return false;
    }
    if (self->place == AT_DOT_CR) {
        if (c == '\n')
            return true;
        cr_str_append_char(&self->mail, '\r'); /* it was not the end after all */
        self->place = AT_CR;
    }
    self->place = place_after(self->place, c);
    if (self->place != AT_DOT_CR)
        cr_str_append_char(&self->mail, c);
    return false;
}

static void
mail_ended(smtp_t *self)
{
    if (cr_str_err(&self->mail) == CR_OK) {
        self->state = SETTLING;
        return;
    }
    self->state = READING_LINES;
    forget_mail(self);
    refuse(self, "552 5.3.4 the mail is too big");
}

/* Text inside a line goes in one piece; the rest byte by byte. */
static bool
read_mail(smtp_t *self)
{
    cr_slice_t rest = unread(self);
    size_t at = 0;
    while (at < rest.length) {
        if (self->place == IN_LINE) {
            const char *end = memchr(rest.text + at, '\r', rest.length - at);
            size_t length = end ? (size_t)(end - rest.text) - at : rest.length - at;
            cr_str_append(&self->mail, rest.text + at, length);
            at += length;
            if (!end)
                break;
        }
        if (mail_byte(self, rest.text[at++])) {
            self->used += at;
            mail_ended(self);
            return true;
        }
    }
    self->used += at;
    return false;
}

void
smtp_put(smtp_t *self, cr_slice_t bytes)
{
    if (self->used > 0) {
        size_t left = self->input.length - self->used;
        if (left > 0)
            memmove(self->input.text, self->input.text + self->used, left);
        self->input.length = left;
        self->used = 0;
    }
    cr_str_append_slice(&self->input, bytes);
    if (cr_str_err(&self->input) != CR_OK)
        self->state = CLOSING;
}

smtp_event_t
smtp_next(smtp_t *self)
{
    static bool (*const readers[])(smtp_t *) = {
        [READING_LINES] = read_line, [SKIPPING_LINE] = skip_line, [READING_MAIL] = read_mail};
    static const smtp_event_t events[] = {
        [SETTLING] = SMTP_MAIL, [SECURING] = SMTP_STARTTLS, [CLOSING] = SMTP_CLOSE};
    while (self->state <= READING_MAIL) {
        state_t state = self->state;
        if (!readers[state](self) && self->state == state)
            return SMTP_MORE;
    }
    return events[self->state];
}

cr_str_t *
smtp_output(smtp_t *self)
{
    return &self->output;
}

cr_slice_t
smtp_mail(const smtp_t *self)
{
    return cr_str_slice(&self->mail);
}

cr_slice_t
smtp_sender(const smtp_t *self)
{
    return cr_str_slice(&self->sender);
}

size_t
smtp_recipients(const smtp_t *self)
{
    return self->recipient_count;
}

cr_slice_t
smtp_recipient(const smtp_t *self, size_t index)
{
    return cr_slice_of(self->recipients[index]);
}

void
smtp_settle(smtp_t *self, const char *text)
{
    CR_ASSERT(self->state == SETTLING);
    forget_mail(self);
    self->state = strncmp(text, "421", 3) == 0 ? CLOSING : READING_LINES;
    reply(self, text);
}

/* What was sent in clear after STARTTLS is thrown away: it could be an injection (CVE-2011-0411). */
void
smtp_secured(smtp_t *self)
{
    CR_ASSERT(self->state == SECURING);
    forget_mail(self);
    cr_str_clear(&self->input);
    self->used = 0;
    self->greeted = false;
    self->secured = true;
    self->state = READING_LINES;
}
