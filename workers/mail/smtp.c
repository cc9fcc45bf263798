#include "smtp.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_http.h"
#include "cr_keys.h"
#include "mail_message.h"
#include "mail_outcome.h"

enum { REPLY_BYTES_MAX = 1024, URL_BYTES_MAX = 2048 };

/* A mail on its way. */
typedef struct call {
    struct smtp *gateway;
    struct call *next_free;
    gateway_done_fn *done;
    void *context;
    GByteArray *mail;
    size_t sent; /* bytes that libcurl took */
    struct curl_slist *recipient;
    cr_str_t reply; /* the server's last line */
} call_t;

typedef struct smtp {
    const smtp_config_t *config;
    cr_http_t *http;
    mail_sender_t sender;
    char *url; /* with the name to greet with as its path */
    char *password;
    call_t *calls, *free_calls;
} smtp_t;

/* ---- submit --------------------------------------------------------------------------------- */

/* Frees what the mail needed; the call can be used again. */
static void
call_release(call_t *call)
{
    if (call->mail)
        g_byte_array_unref(call->mail);
    curl_slist_free_all(call->recipient);
    call->mail = NULL;
    call->recipient = NULL;
    call->sent = 0;
    call->next_free = call->gateway->free_calls;
    call->gateway->free_calls = call;
}

static size_t
on_read(char *out, size_t size, size_t count, void *context)
{
    call_t *call = context;
    size_t left = call->mail->len - call->sent;
    size_t length = size * count < left ? size * count : left;
    if (length > 0)
        memcpy(out, call->mail->data + call->sent, length);
    call->sent += length;
    return length;
}

/* libcurl hands over every reply line. */
static size_t
on_reply(char *line, size_t size, size_t count, void *context)
{
    call_t *call = context;
    cr_str_clear(&call->reply);
    cr_str_append(&call->reply, line, size * count);
    return size * count;
}

static void
on_answer(void *context, const cr_http_answer_t *answer)
{
    call_t *call = context;
    gateway_done_fn *done = call->done;
    void *done_context = call->context;
    outcome_t outcome = mail_answer_outcome(answer, cr_str_slice(&call->reply));
    call_release(call);
    done(done_context, &outcome);
}

static void
set_security(const smtp_t *self, CURL *request)
{
    const smtp_config_t *config = self->config;
    bool starttls = strcmp(config->tls, "starttls") == 0;
    /* ALL: a server without STARTTLS gets no mail, never one in the clear. */
    curl_easy_setopt(request, CURLOPT_USE_SSL,
                     starttls ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
    if (config->ca_file[0])
        curl_easy_setopt(request, CURLOPT_CAINFO, config->ca_file);
    if (config->user[0]) {
        curl_easy_setopt(request, CURLOPT_USERNAME, config->user);
        curl_easy_setopt(request, CURLOPT_PASSWORD, self->password);
    }
}

static cr_err_t
post(smtp_t *self, call_t *call)
{
    CURL *request = cr_http_request(self->url, (long)self->config->runtime.timeout_ms);
    if (!request)
        return CR_NOMEM;
    set_security(self, request);
    curl_easy_setopt(request, CURLOPT_MAIL_FROM, self->config->from);
    curl_easy_setopt(request, CURLOPT_MAIL_RCPT, call->recipient);
    curl_easy_setopt(request, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(request, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->mail->len);
    curl_easy_setopt(request, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(request, CURLOPT_READDATA, call);
    curl_easy_setopt(request, CURLOPT_HEADERFUNCTION, on_reply);
    curl_easy_setopt(request, CURLOPT_HEADERDATA, call);
    return cr_http_submit(self->http, request, NULL, on_answer, call);
}

static cr_err_t
load(call_t *call, const message_t *message)
{
    char *address = strndup(message->address.text, message->address.length);
    call->recipient = address ? curl_slist_append(NULL, address) : NULL;
    free(address);
    if (!call->recipient)
        return CR_NOMEM;
    call->mail = mail_message_build(message, &call->gateway->sender, cr_clock_wall_us());
    return call->mail ? CR_OK : CR_INVAL;
}

static cr_err_t
smtp_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    smtp_t *self = gateway;
    call_t *call = self->free_calls;
    CR_ASSERT(call); /* as many as the window */
    self->free_calls = call->next_free;
    call->done = done;
    call->context = context;
    cr_str_clear(&call->reply);
    cr_err_t err = load(call, message);
    if (err == CR_OK)
        err = post(self, call);
    if (err != CR_OK)
        call_release(call);
    return err;
}

/* ---- open and close ------------------------------------------------------------------------- */

static void
smtp_close(void **gateway_p)
{
    smtp_t *self = *gateway_p;
    if (!self)
        return;
    cr_http_destroy(&self->http);
    for (int64_t i = 0; self->calls && i < self->config->runtime.window; i++) {
        call_t *call = &self->calls[i];
        if (call->mail || call->recipient)
            call_release(call);
        cr_str_fini(&call->reply);
    }
    free(self->calls);
    free(self->url);
    if (self->password)
        sodium_memzero(self->password, strlen(self->password));
    free(self->password);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
make_calls(smtp_t *self, uint32_t window)
{
    self->calls = calloc(window, sizeof *self->calls);
    if (!self->calls)
        return CR_NOMEM;
    for (uint32_t i = 0; i < window; i++) {
        self->calls[i] = (call_t){.gateway = self, .next_free = self->free_calls};
        cr_str_init(&self->calls[i].reply, REPLY_BYTES_MAX);
        self->free_calls = &self->calls[i];
    }
    return CR_OK;
}

/* "smtp://HOST:PORT" and the name we greet with, where libcurl wants it. */
static cr_err_t
read_url(smtp_t *self, cr_fault_t *fault)
{
    const char *given = self->config->runtime.url;
    bool smtps = strncmp(given, "smtps://", 8) == 0;
    if (!smtps && strncmp(given, "smtp://", 7) != 0)
        return cr_fault_set(fault, CR_INVAL, "gateway.url: \"%s\" is not smtp(s)://HOST:PORT",
                            given);
    if (smtps != (strcmp(self->config->tls, "smtps") == 0))
        return cr_fault_set(fault, CR_INVAL, "gateway.tls: \"smtps\" and smtps:// go together");
    if (strchr(strstr(given, "://") + 3, '/'))
        return cr_fault_set(fault, CR_INVAL, "gateway.url: \"%s\" must not have a path", given);
    if (asprintf(&self->url, "%s/%s", given, self->config->domain) < 0) {
        self->url = NULL;
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    return CR_OK;
}

static cr_err_t
read_password(smtp_t *self, cr_fault_t *fault)
{
    if (!self->config->user[0])
        return CR_OK;
    if (!self->config->password_file[0])
        return cr_fault_set(fault, CR_INVAL, "gateway.password_file: needed with gateway.user");
    return cr_keys_load_line(self->config->password_file, &self->password, fault);
}

static cr_err_t
smtp_open(zloop_t *loop, const void *config, uint32_t window, void **gateway, cr_fault_t *fault)
{
    smtp_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *gateway = self;
    self->config = config;
    self->sender = (mail_sender_t){self->config->from, self->config->domain};
    mail_message_init();
    cr_err_t err = read_url(self, fault);
    if (err == CR_OK)
        err = read_password(self, fault);
    if (err != CR_OK)
        return err;
    self->http = cr_http_new(loop, window);
    return self->http && make_calls(self, window) == CR_OK
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
};
