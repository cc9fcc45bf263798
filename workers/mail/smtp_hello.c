/* A session before its first mail: greeting, capabilities, encryption, log-in. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "smtp_internal.h"

enum { SECRET_MAX = 4096 };

void
smtp_say_hello(smtp_session_t *self)
{
    self->can = 0;
    self->size_max = 0;
    cr_str_appendf(&self->out, "EHLO %s", self->rules->domain);
    smtp_say(self, EXPECT_EHLO, NULL);
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
    cr_str_appendf(&self->out, "%s%s", before, encoded);
    smtp_say(self, kind, NULL);
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
    smtp_say_word(self, EXPECT_USER, NULL, "AUTH LOGIN");
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
void
smtp_note_capability(smtp_session_t *self)
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

cr_err_t
smtp_on_greeting(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (!smtp_is_good(self))
        return smtp_refused(self, "greeting", fault);
    smtp_say_hello(self);
    return CR_OK;
}

static cr_err_t
go_on(smtp_session_t *self, cr_fault_t *fault)
{
    if (self->rules->starttls && !self->secure) {
        if (!(self->can & CAN_STARTTLS))
            return cr_fault_set(fault, CR_DENIED, "the server does not offer STARTTLS");
        smtp_say_word(self, EXPECT_STARTTLS, NULL, "STARTTLS");
        return CR_OK;
    }
    if (*self->rules->user)
        return log_in(self, fault);
    self->up = true;
    return CR_OK;
}

cr_err_t
smtp_on_ehlo(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (smtp_is_good(self))
        return go_on(self, fault);
    cr_str_appendf(&self->out, "HELO %s", self->rules->domain);
    smtp_say(self, EXPECT_HELO, NULL);
    return CR_OK;
}

cr_err_t
smtp_on_helo(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    return smtp_is_good(self) ? go_on(self, fault) : smtp_refused(self, "HELO", fault);
}

cr_err_t
smtp_on_starttls(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (!smtp_is_good(self))
        return smtp_refused(self, "STARTTLS", fault);
    if (self->behind > 0) /* an attacker's words before the handshake: CVE-2011-0411 */
        return cr_fault_set(fault, CR_INVAL, "more than the reply to STARTTLS");
    self->events->on_tls(self->context);
    return CR_OK;
}

cr_err_t
smtp_on_user(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (self->reply.code != 334)
        return smtp_refused(self, "AUTH", fault);
    say_base64(self, EXPECT_PASSWORD, "", self->rules->user, strlen(self->rules->user));
    return CR_OK;
}

cr_err_t
smtp_on_password(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (self->reply.code != 334)
        return smtp_refused(self, "AUTH", fault);
    say_base64(self, EXPECT_AUTH, "", self->rules->password, strlen(self->rules->password));
    return CR_OK;
}

cr_err_t
smtp_on_auth(smtp_session_t *self, job_t *job, cr_fault_t *fault)
{
    (void)job;
    if (!smtp_is_good(self))
        return smtp_refused(self, "AUTH", fault);
    self->up = true;
    return CR_OK;
}
