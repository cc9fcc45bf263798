/*
 * crier-null: a worker whose gateway takes every message at once. Everything else of a worker is
 * real, so that what is measured is Crier and not a gateway.
 */
#include <stdlib.h>

#include "gateway_id.h"
#include "gateways.h"

typedef struct {
    gateway_done_fn *done;
    void *context;
    uint64_t broadcast;
    uint32_t rank;
} submit_t;

typedef struct {
    zloop_t *loop;
    stamps_t stamps;
    bool gives_receipts;
    size_t count;
    submit_t *submits, *taken; /* under way, at most the window; those of the present turn */
} null_t;

/* Handed over, or accepted under an id of its own that a receipt will carry. */
static void
answer(const null_t *self, const submit_t *submit)
{
    char id[GATEWAY_ID_BYTES + 1];
    outcome_t outcome = {.status = CR_STATUS_HANDED};
    if (self->gives_receipts) {
        gateway_id_of(submit->broadcast, submit->rank, id);
        outcome = (outcome_t){.status = CR_STATUS_ACCEPTED, .gateway_id = {id, GATEWAY_ID_BYTES}};
    }
    submit->done(submit->context, &outcome);
}

static int
on_turn(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    null_t *self = context;
    size_t count = self->count;
    submit_t *taken = self->submits;
    self->submits = self->taken; /* an answer lets the next message in */
    self->taken = taken;
    self->count = 0;
    for (size_t i = 0; i < count; i++)
        answer(self, &taken[i]);
    return 0;
}

static void
null_close(void **gateway_p)
{
    null_t *self = *gateway_p;
    if (!self)
        return;
    stamps_close(&self->stamps);
    free(self->submits);
    free(self->taken);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
null_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    const null_config_t *own = port->config;
    null_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *self = (null_t){.loop = port->loop, .stamps.fd = -1, .gives_receipts = own->gives_receipts};
    *gateway = self;
    self->submits = calloc(port->window, sizeof *self->submits);
    self->taken = calloc(port->window, sizeof *self->taken);
    cr_err_t err = self->submits && self->taken ? stamps_open(&self->stamps, own, fault)
                                                : cr_fault_set(fault, CR_NOMEM, "out of memory");
    if (err != CR_OK)
        null_close(gateway);
    return err;
}

static cr_err_t
null_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    null_t *self = gateway;
    stamps_note(&self->stamps, message);
    if (self->count == 0 && zloop_timer(self->loop, 0, 1, on_turn, self) < 0)
        return CR_NOMEM;
    self->submits[self->count++] =
        (submit_t){done, context, message->delivery.broadcast, message->delivery.rank};
    return CR_OK;
}

const gateway_kind_t gateway_null = {
    .name = "null",
    .idempotent = true,
    .open = null_open,
    .close = null_close,
    .submit = null_submit,
};

static cr_err_t
start(cr_service_t *service, const void *config, void **app, cr_fault_t *fault)
{
    static gateway_kind_t kind; /* the runtime borrows it */
    const null_config_t *own = config;
    kind = own->delay_ms > 0 ? gateway_slow : gateway_null;
    kind.gives_receipts = kind.by_id = own->gives_receipts;
    cr_err_t err = cr_channel_parse(own->channel, &kind.channel);
    if (err != CR_OK)
        return cr_fault_set(fault, err, "worker.channel: no such channel");
    return runtime_start(service, &kind, config, NULL, app, fault);
}

static const cr_option_t options[] = {
    RUNTIME_OPTIONS(null_config_t),
    {"worker.channel", CR_OPT_TEXT, offsetof(null_config_t, channel), 1, 8, NULL, "sms|wechat|mail",
     "what it pretends to serve"},
    {"null.delay_ms", CR_OPT_INT, offsetof(null_config_t, delay_ms), 0, 60000, "0", NULL,
     "how long after a message it is answered"},
    {"null.receipts", CR_OPT_BOOL, offsetof(null_config_t, gives_receipts), 0, 1, "false", NULL,
     "whether messages are accepted under an id and wait for a receipt, when there is no delay"},
    {"null.stamps_file", CR_OPT_TEXT, offsetof(null_config_t, stamps_file), 0, 4096, "", NULL,
     "where it is noted when a message came: stamp_t records"},
    {"null.stamps_from", CR_OPT_INT, offsetof(null_config_t, stamps_from), 0, INT64_MAX, "0", NULL,
     "number of the first broadcast of which that is noted"},
    {0},
};

int
main(int argc, char **argv)
{
    static const cr_program_t program = {
        .name = "crier-null",
        .summary = "Takes Crier's messages and does nothing with them; for measurements.",
        .config_file = "crier-null.cfg",
        .options = options,
        .config_bytes = sizeof(null_config_t),
        .start = start,
        .on_drain = runtime_drain,
        .on_dump = runtime_dump,
        .destroy = runtime_destroy,
    };
    return cr_service_main(&program, argc, argv);
}
