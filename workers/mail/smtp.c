#include "smtp.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "courier.h"
#include "cr_clock.h"
#include "cr_keys.h"
#include "mail_message.h"
#include "mail_outcome.h"

/* A slot of the window: its courier, and the mail that is with it. */
typedef struct call {
    struct smtp *gateway;
    struct call *next_free;
    courier_t *courier;
    parcel_t parcel;
    gateway_done_fn *done;
    void *context;
} call_t;

typedef struct smtp {
    const smtp_config_t *config;
    zloop_t *loop;
    courier_config_t courier_config;
    mail_sender_t sender;
    char *url; /* with the name to greet with as its path */
    char *password;
    call_t *calls, *free_calls;
} smtp_t;

/* ---- submit --------------------------------------------------------------------------------- */

static void
parcel_fini(parcel_t *parcel)
{
    if (parcel->mail)
        g_byte_array_unref(parcel->mail);
    free(parcel->recipient);
    *parcel = (parcel_t){0};
}

static void
call_release(call_t *call)
{
    parcel_fini(&call->parcel);
    call->next_free = call->gateway->free_calls;
    call->gateway->free_calls = call;
}

static int
on_back(zloop_t *loop, zsock_t *socket, void *context)
{
    (void)loop;
    (void)socket;
    call_t *call = context;
    const parcel_t *parcel = courier_receive(call->courier);
    if (!parcel)
        return 0;
    gateway_done_fn *done = call->done;
    void *done_context = call->context;
    outcome_t outcome = mail_outcome(parcel);
    call_release(call);
    done(done_context, &outcome);
    return 0;
}

static cr_err_t
pack(call_t *call, const message_t *message)
{
    call->parcel.recipient = strndup(message->address.text, message->address.length);
    if (!call->parcel.recipient)
        return CR_NOMEM;
    call->parcel.mail = mail_message_build(message, &call->gateway->sender, cr_clock_wall_us());
    return call->parcel.mail ? CR_OK : CR_INVAL;
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
    cr_err_t err = pack(call, message);
    if (err == CR_OK)
        courier_send(call->courier, &call->parcel);
    else
        call_release(call);
    return err;
}

/* ---- open and close ------------------------------------------------------------------------- */

/* All are asked to stop before the first is waited for. */
static void
dismiss_couriers(smtp_t *self)
{
    int64_t window = self->calls ? self->config->runtime.window : 0;
    for (int64_t i = 0; i < window; i++)
        if (self->calls[i].courier)
            courier_stop(self->calls[i].courier);
    for (int64_t i = 0; i < window; i++) {
        call_t *call = &self->calls[i];
        if (call->courier)
            zloop_reader_end(self->loop, courier_socket(call->courier));
        courier_destroy(&call->courier);
        parcel_fini(&call->parcel);
    }
    free(self->calls);
}

static void
smtp_close(void **gateway_p)
{
    smtp_t *self = *gateway_p;
    if (!self)
        return;
    dismiss_couriers(self);
    free(self->url);
    if (self->password)
        sodium_memzero(self->password, strlen(self->password));
    free(self->password);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
hire_couriers(smtp_t *self, uint32_t window)
{
    self->courier_config = (courier_config_t){
        .url = self->url,
        .from = self->config->from,
        .starttls = strcmp(self->config->tls, "starttls") == 0,
        .ca_file = self->config->ca_file,
        .user = self->config->user,
        .password = self->password,
        .timeout_ms = (long)self->config->runtime.timeout_ms,
    };
    self->calls = calloc(window, sizeof *self->calls);
    if (!self->calls)
        return CR_NOMEM;
    for (uint32_t i = 0; i < window; i++) {
        call_t *call = &self->calls[i];
        *call = (call_t){.gateway = self, .next_free = self->free_calls};
        call->courier = courier_new(&self->courier_config);
        if (!call->courier)
            return CR_NOMEM;
        CR_ASSERT(zloop_reader(self->loop, courier_socket(call->courier), on_back, call) == 0);
        self->free_calls = call;
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
smtp_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    smtp_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *gateway = self;
    self->config = port->config;
    self->loop = port->loop;
    curl_global_init(CURL_GLOBAL_DEFAULT); /* before any thread uses it */
    self->sender = (mail_sender_t){self->config->from, self->config->domain};
    mail_message_init();
    cr_err_t err = read_url(self, fault);
    if (err == CR_OK)
        err = read_password(self, fault);
    if (err != CR_OK)
        return err;
    return hire_couriers(self, port->window) == CR_OK
               ? CR_OK
               : cr_fault_set(fault, CR_NOMEM, "no threads for %u mails at a time", port->window);
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
