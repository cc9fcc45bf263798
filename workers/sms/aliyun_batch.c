/* Several numbers in one SendSms. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliyun.h"
#include "aliyun_client.h"
#include "cr_sms.h"
#include "sms_message.h"
#include "sms_outcome.h"

enum {
    AGAIN_MS = 1000,
    OPEN_MAX = 16,
    PHONE_MAX = 24,
    BIZ_ID_MAX = 64,
    TEXT_BYTES_MAX = 32 * 1024
};

/* A submit. */
typedef struct call {
    struct batcher *gateway;
    struct call *next; /* of its batch, or free */
    gateway_done_fn *done;
    void *context;
    uint8_t parts;
    char phone[PHONE_MAX];
    cr_str_t text;
} call_t;

/* What is being gathered: one text, and each number once. */
typedef struct {
    call_t *first;
    int64_t count;
} gathering_t;

typedef struct batcher {
    aliyun_client_t client;
    const gateway_port_t *port;
    call_t *calls, *free_calls;
    gathering_t open[OPEN_MAX];
    cr_str_t phones;
    int timer; /* -1: none */
} batcher_t;

/* ---- answers -------------------------------------------------------------------------------- */

static void
settle(call_t *call, const outcome_t *outcome)
{
    batcher_t *self = call->gateway;
    gateway_done_fn *done = call->done;
    void *context = call->context;
    outcome_t own = *outcome;
    own.parts = call->parts;
    call->next = self->free_calls;
    self->free_calls = call;
    done(context, &own);
}

static void
settle_all(call_t *first, const outcome_t *outcome, const char *biz_id)
{
    char id[SMS_BATCH_ID_MAX];
    for (call_t *call = first, *next; call; call = next) {
        outcome_t own = *outcome;
        next = call->next;
        if (own.status == CR_STATUS_ACCEPTED)
            own.gateway_id = cr_slice_of(sms_batch_id(biz_id, call->phone, id));
        settle(call, &own);
    }
}

static void
read_biz_id(const cr_http_answer_t *answer, char out[BIZ_ID_MAX])
{
    json_t *body = json_loadb(answer->body.text, answer->body.length, 0, NULL);
    const char *id = json_string_value(json_object_get(body, "BizId"));
    snprintf(out, BIZ_ID_MAX, "%s", id ? id : "");
    json_decref(body);
}

static cr_err_t post(batcher_t *self, call_t *first);

/* A number of several was refused, and nobody says which: each goes by itself. */
static void
post_singly(batcher_t *self, call_t *first)
{
    static const outcome_t later = {.status = CR_STATUS_RETRY_1};
    for (call_t *call = first, *next; call; call = next) {
        next = call->next;
        call->next = NULL;
        if (post(self, call) != CR_OK)
            settle(call, &later);
    }
}

static void
on_answer(void *context, const cr_http_answer_t *answer)
{
    call_t *first = context;
    char biz_id[BIZ_ID_MAX];
    outcome_t outcome = sms_answer_outcome(answer);
    if (outcome.status == CR_STATUS_FAILED_ADDRESS && first->next) {
        post_singly(first->gateway, first);
        return;
    }
    read_biz_id(answer, biz_id);
    settle_all(first, &outcome, biz_id);
}

/* ---- submit --------------------------------------------------------------------------------- */

/* What is linked goes in one call. */
static cr_err_t
post(batcher_t *self, call_t *first)
{
    cr_str_clear(&self->phones);
    for (const call_t *call = first; call; call = call->next)
        cr_str_appendf(&self->phones, "%s%s", self->phones.length > 0 ? "," : "", call->phone);
    cr_str_clear(&self->client.form);
    cr_err_t err =
        sms_batch_form(cr_str_slice(&self->phones), cr_str_slice(&first->text), &self->client.form);
    return err == CR_OK ? aliyun_client_call(&self->client, "SendSms", on_answer, first) : err;
}

/* False, and nothing is changed: for want of memory. */
static bool
send_one(batcher_t *self, gathering_t *batch)
{
    if (batch->first && post(self, batch->first) != CR_OK)
        return false;
    *batch = (gathering_t){0};
    return true;
}

/* What cannot leave is tried again by the timer. */
static void
send_all(batcher_t *self)
{
    for (size_t i = 0; i < OPEN_MAX; i++)
        (void)send_one(self, &self->open[i]);
}

static bool
has_phone(const call_t *call, const char *phone)
{
    while (call && strcmp(call->phone, phone) != 0)
        call = call->next;
    return call != NULL;
}

/* Receipts name the number: the same one twice in a batch could not be told apart. */
static bool
fits(const batcher_t *self, const gathering_t *batch, const call_t *call)
{
    return !batch->first ||
           (batch->count < self->client.config->batch &&
            cr_slice_equal(cr_str_slice(&batch->first->text), cr_str_slice(&call->text)) &&
            !has_phone(batch->first, call->phone));
}

/* One that it fits; where there is none, the largest goes. NULL: memory. */
static gathering_t *
find_batch(batcher_t *self, const call_t *call)
{
    gathering_t *largest = &self->open[0];
    for (size_t i = 0; i < OPEN_MAX; i++) {
        gathering_t *batch = &self->open[i];
        if (fits(self, batch, call))
            return batch;
        if (batch->count > largest->count)
            largest = batch;
    }
    return send_one(self, largest) ? largest : NULL;
}

static cr_err_t
batch_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    batcher_t *self = gateway;
    const sms_config_t *config = self->client.config;
    const sms_template_t template = {config->template_code, config->template_parameter};
    call_t *call = self->free_calls;
    CR_ASSERT(call); /* as many as the window */
    cr_str_clear(&call->text);
    cr_err_t err = sms_batch_text(message, &template, &call->text);
    if (err != CR_OK)
        return err;
    snprintf(call->phone, sizeof call->phone, "%.*s", (int)message->address.length,
             message->address.text);
    gathering_t *batch = find_batch(self, call);
    if (!batch)
        return CR_NOMEM;
    self->free_calls = call->next;
    call->done = done;
    call->context = context;
    call->parts = (uint8_t)cr_sms_measure(message->text).parts;
    call->next = batch->first;
    batch->first = call;
    batch->count++;
    return CR_OK;
}

static void
batch_flush(void *gateway)
{
    send_all(gateway);
}

static int
on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    send_all(context);
    return 0;
}

static push_reply_t
batch_push(void *gateway, const push_t *push)
{
    const batcher_t *self = gateway;
    push_reply_t refusal;
    if (!aliyun_client_admits(&self->client, push, &refusal))
        return refusal;
    const sms_reader_t reader = {.news = self->port->news, .by_id = true};
    return aliyun_client_reply(sms_push_read(push_body(push), &reader));
}

/* ---- open and close ------------------------------------------------------------------------- */

static void
batch_close(void **gateway_p)
{
    batcher_t *self = *gateway_p;
    if (!self)
        return;
    if (self->timer != -1)
        zloop_timer_end(self->port->loop, self->timer);
    aliyun_client_close(&self->client);
    for (uint32_t i = 0; self->calls && i < self->port->window; i++)
        cr_str_fini(&self->calls[i].text);
    cr_str_fini(&self->phones);
    free(self->calls);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
make_calls(batcher_t *self, cr_fault_t *fault)
{
    self->calls = calloc(self->port->window, sizeof *self->calls);
    if (!self->calls)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    for (uint32_t i = 0; i < self->port->window; i++) {
        self->calls[i] = (call_t){.gateway = self, .next = self->free_calls};
        cr_str_init(&self->calls[i].text, TEXT_BYTES_MAX);
        self->free_calls = &self->calls[i];
    }
    return CR_OK;
}

static cr_err_t
batch_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    batcher_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *gateway = self;
    self->port = port;
    self->timer = -1;
    cr_str_init(&self->phones, TEXT_BYTES_MAX);
    cr_err_t err = aliyun_client_open(&self->client, port, port->window, fault);
    if (err == CR_OK && self->client.config->pull_after_s > 0)
        err = cr_fault_set(fault, CR_INVAL, "gateway.pull_after_s: not with gateway.batch");
    if (err == CR_OK)
        err = make_calls(self, fault);
    if (err != CR_OK)
        return err;
    self->timer = zloop_timer(port->loop, AGAIN_MS, 0, on_timer, self);
    return self->timer != -1 ? CR_OK : cr_fault_set(fault, CR_NOMEM, "out of memory");
}

const gateway_kind_t aliyun_batch_gateway = {
    .name = "aliyun",
    .channel = CR_CHANNEL_SMS,
    .idempotent = false,
    .gives_receipts = true,
    .by_id = true,
    .open = batch_open,
    .close = batch_close,
    .submit = batch_submit,
    .flush = batch_flush,
    .push = batch_push,
};
