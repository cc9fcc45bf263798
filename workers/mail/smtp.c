#include "smtp.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "bounces.h"
#include "cr_clock.h"
#include "cr_keys.h"
#include "mail_message.h"
#include "mail_outcome.h"
#include "smtp_line.h"

enum { TICK_MS = 1000, MAIL_BYTES_MAX = 16 * 1024 * 1024, ADDRESS_BYTES_MAX = 254 };

/* A mail under way. */
typedef struct call {
    struct call *next;
    cr_str_t mail, sender;
    char *recipient; /* NULL: no mail is under way */
    char reference[CR_REFERENCE_TEXT_MAX];
    gateway_done_fn *done;
    void *context;
} call_t;

typedef struct smtp {
    const smtp_config_t *config;
    zloop_t *loop;
    peer_t *peer;
    smtp_rules_t rules;
    mail_sender_t sender;
    char *password;
    smtp_line_t **lines;
    size_t line_count, turn; /* which line is asked first */
    call_t *calls, *free_calls;
    call_t *waiting, **last_waiting; /* for a line with room */
    bounces_t *bounces;              /* NULL: nobody reads them */
    int timer;                       /* -1: none */
    bool closing;
} smtp_t;

/* ---- a mail and its answer ------------------------------------------------------------------ */

static void
forget_mail(call_t *call)
{
    cr_str_fini(&call->mail);
    cr_str_fini(&call->sender);
    free(call->recipient);
    call->recipient = NULL;
}

static void
settle(smtp_t *self, call_t *call, const smtp_answer_t *answer)
{
    gateway_done_fn *done = call->done;
    void *done_context = call->context;
    outcome_t outcome = mail_outcome(answer);
    forget_mail(call);
    call->next = self->free_calls;
    self->free_calls = call;
    done(done_context, &outcome);
}

static smtp_line_t *
find_line(smtp_t *self)
{
    int64_t now_us = cr_clock_mono_us();
    for (size_t i = 0; i < self->line_count; i++) {
        smtp_line_t *line = self->lines[(self->turn + i) % self->line_count];
        if (!smtp_line_has_room(line, now_us))
            continue;
        self->turn = (self->turn + i + 1) % self->line_count;
        return line;
    }
    return NULL;
}

static call_t *
take_waiting(smtp_t *self)
{
    call_t *call = self->waiting;
    self->waiting = call->next;
    if (!self->waiting)
        self->last_waiting = &self->waiting;
    return call;
}

static void
hand_out(smtp_t *self)
{
    for (smtp_line_t *line; self->waiting && (line = find_line(self)) != NULL;) {
        call_t *call = take_waiting(self);
        const smtp_mail_t mail = {
            .sender = cr_str_slice(&call->sender),
            .recipient = cr_slice_of(call->recipient),
            .reference = cr_slice_of(call->reference),
            .body = cr_str_slice(&call->mail),
        };
        smtp_line_submit(line, &mail, call);
    }
}

static bool
is_reachable(const smtp_t *self)
{
    for (size_t i = 0; i < self->line_count; i++)
        if (smtp_line_is_coming(self->lines[i], cr_clock_mono_us()))
            return true;
    return false;
}

/* Of those that wait: nobody will take them for a while. */
static void
give_back(smtp_t *self)
{
    static const smtp_answer_t away = {.answered = false};
    while (self->waiting)
        settle(self, take_waiting(self), &away);
}

static void
smtp_flush(void *gateway)
{
    smtp_t *self = gateway;
    hand_out(self);
    for (size_t i = 0; i < self->line_count; i++)
        smtp_line_flush(self->lines[i]);
    if (self->waiting && !is_reachable(self))
        give_back(self);
}

static void
on_answer(void *context, void *tag, const smtp_answer_t *answer)
{
    smtp_t *self = context;
    if (self->closing)
        return;
    settle(self, tag, answer);
    hand_out(self);
}

static cr_err_t
write_mail(smtp_t *self, call_t *call, const message_t *message)
{
    cr_str_init(&call->mail, MAIL_BYTES_MAX);
    cr_str_init(&call->sender, ADDRESS_BYTES_MAX);
    cr_err_t err = mail_message_build(message, &self->sender, cr_clock_wall_us(), &call->mail);
    mail_message_return_path(message, &self->sender, &call->sender);
    call->recipient = strndup(message->address.text, message->address.length);
    if (err == CR_OK)
        err = cr_str_err(&call->sender);
    return err == CR_OK && !call->recipient ? CR_NOMEM : err;
}

static cr_err_t
smtp_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    smtp_t *self = gateway;
    call_t *call = self->free_calls;
    CR_ASSERT(call); /* as many as the window */
    cr_err_t err = write_mail(self, call, message);
    if (err != CR_OK) {
        forget_mail(call);
        return err;
    }
    self->free_calls = call->next;
    call->next = NULL;
    call->done = done;
    call->context = context;
    memcpy(call->reference, message->reference, sizeof call->reference);
    *self->last_waiting = call;
    self->last_waiting = &call->next;
    return CR_OK;
}

static int
on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    smtp_t *self = context;
    for (size_t i = 0; i < self->line_count; i++)
        smtp_line_tick(self->lines[i]);
    smtp_flush(self);
    if (self->bounces)
        bounces_tick(self->bounces);
    return 0;
}

/* ---- open and close ------------------------------------------------------------------------- */

/* What is under way is not answered: the runtime settles it. */
static void
smtp_close(void **gateway_p)
{
    smtp_t *self = *gateway_p;
    if (!self)
        return;
    self->closing = true;
    if (self->timer != -1)
        zloop_timer_end(self->loop, self->timer);
    for (size_t i = 0; i < self->line_count; i++)
        smtp_line_destroy(&self->lines[i]);
    free(self->lines);
    peer_destroy(&self->peer);
    bounces_destroy(&self->bounces);
    for (int64_t i = 0; self->calls && i < self->config->runtime.window; i++)
        forget_mail(&self->calls[i]);
    free(self->calls);
    sodium_memzero(self->sender.key, sizeof self->sender.key);
    if (self->password)
        sodium_memzero(self->password, strlen(self->password));
    free(self->password);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
make_calls(smtp_t *self, uint32_t window)
{
    self->last_waiting = &self->waiting;
    self->calls = calloc(window, sizeof *self->calls);
    if (!self->calls)
        return CR_NOMEM;
    for (uint32_t i = 0; i < window; i++) {
        self->calls[i].next = self->free_calls;
        self->free_calls = &self->calls[i];
    }
    return CR_OK;
}

static cr_err_t
make_lines(smtp_t *self)
{
    const smtp_place_t place = {.loop = self->loop,
                                .peer = self->peer,
                                .rules = &self->rules,
                                .on_answer = on_answer,
                                .context = self};
    self->lines = calloc((size_t)self->config->connections, sizeof *self->lines);
    for (int64_t i = 0; self->lines && i < self->config->connections; i++) {
        self->lines[i] = smtp_line_new(&place);
        if (!self->lines[i])
            return CR_NOMEM;
        self->line_count++;
    }
    return self->lines ? CR_OK : CR_NOMEM;
}

static cr_err_t
read_sender(smtp_t *self, cr_fault_t *fault)
{
    const smtp_config_t *config = self->config;
    self->sender = (mail_sender_t){.from = config->from,
                                   .domain = config->domain,
                                   .unsubscribe_url = config->unsubscribe_url,
                                   .bounce_domain = config->bounce_domain};
    if (config->token_key_file[0])
        return cr_keys_load_secret(config->token_key_file, self->sender.key, fault);
    if (config->unsubscribe_url[0] || config->bounce_domain[0])
        return cr_fault_set(fault, CR_INVAL,
                            "gateway.token_key_file: needed for links and for bounces");
    return CR_OK;
}

static cr_err_t
read_password(smtp_t *self, cr_fault_t *fault)
{
    self->password = NULL;
    if (!self->config->user[0])
        return CR_OK;
    if (!self->config->password_file[0])
        return cr_fault_set(fault, CR_INVAL, "gateway.password_file: needed with gateway.user");
    return cr_keys_load_line(self->config->password_file, &self->password, fault);
}

static cr_err_t
read_place(smtp_t *self, cr_fault_t *fault)
{
    const smtp_config_t *config = self->config;
    const peer_place_t place = {.scheme = "smtp",
                                .url = config->runtime.url,
                                .ca_file = config->ca_file,
                                .upgrades = self->rules.starttls};
    bool smtps = strncmp(config->runtime.url, "smtps://", strlen("smtps://")) == 0;
    if (smtps != (strcmp(config->tls, "smtps") == 0))
        return cr_fault_set(fault, CR_INVAL, "gateway.tls: \"smtps\" and smtps:// go together");
    return peer_new(&place, &self->peer, fault);
}

static smtp_auth_t
auth_of(const char *word)
{
    static const char *const words[] = {[SMTP_AUTH_AUTO] = "auto",
                                        [SMTP_AUTH_PLAIN] = "plain",
                                        [SMTP_AUTH_LOGIN] = "login",
                                        [SMTP_AUTH_XOAUTH2] = "xoauth2"};
    size_t i = 0;
    while (strcmp(words[i], word) != 0) /* the option allows no other */
        i++;
    return (smtp_auth_t)i;
}

static cr_err_t
open_bounces(smtp_t *self, const gateway_port_t *port, cr_fault_t *fault)
{
    const char *maildir = self->config->bounce_maildir;
    if (!maildir[0])
        return CR_OK;
    if (!self->config->bounce_domain[0])
        return cr_fault_set(fault, CR_INVAL,
                            "gateway.bounce_domain: needed with gateway.bounce_maildir");
    return bounces_new(maildir, self->sender.key, port, &self->bounces, fault);
}

static void
smtp_taken(void *gateway, uint64_t ticket)
{
    smtp_t *self = gateway;
    (void)ticket;
    bounces_taken(self->bounces);
}

static cr_err_t
smtp_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    smtp_t *self = calloc(1, sizeof *self);
    if (!self || sodium_init() < 0) {
        free(self);
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    *gateway = self;
    self->timer = -1;
    self->config = port->config;
    self->loop = port->loop;
    cr_err_t err = read_sender(self, fault);
    if (err == CR_OK)
        err = read_password(self, fault);
    self->rules = (smtp_rules_t){.domain = self->config->domain,
                                 .starttls = strcmp(self->config->tls, "starttls") == 0,
                                 .auth = auth_of(self->config->auth),
                                 .user = self->config->user,
                                 .password = self->password,
                                 .timeout_us = self->config->runtime.timeout_ms * CR_US_PER_MS,
                                 .mails_max = (unsigned)self->config->mails_per_connection};
    if (err == CR_OK)
        err = read_place(self, fault);
    if (err == CR_OK)
        err = open_bounces(self, port, fault);
    if (err != CR_OK)
        return err;
    self->timer = zloop_timer(self->loop, TICK_MS, 0, on_timer, self);
    return make_calls(self, port->window) == CR_OK && make_lines(self) == CR_OK && self->timer != -1
               ? CR_OK
               : cr_fault_set(fault, CR_NOMEM, "out of memory");
}

const gateway_kind_t smtp_gateway = {
    .name = "smtp",
    .channel = CR_CHANNEL_MAIL,
    .idempotent = true,
    .gives_receipts = false,
    .by_id = false,
    .open = smtp_open,
    .close = smtp_close,
    .submit = smtp_submit,
    .flush = smtp_flush,
    .taken = smtp_taken,
};
