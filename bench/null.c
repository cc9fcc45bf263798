/*
 * crier-null: a worker whose gateway takes every message at once. Everything else of a worker is
 * real, so that what is measured is Crier and not a gateway.
 */
#include <stdlib.h>

#include "runtime/runtime.h"

typedef struct {
    runtime_config_t runtime;
    char *channel;
} null_config_t;

typedef struct {
    gateway_done_fn *done;
    void *context;
} submit_t;

typedef struct {
    zloop_t *loop;
    size_t count;
    submit_t *submits, *taken; /* under way, at most the window; those of the present turn */
} null_t;

static int
on_turn(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    null_t *self = context;
    const outcome_t handed = {.status = CR_STATUS_HANDED};
    size_t count = self->count;
    submit_t *taken = self->submits;
    self->submits = self->taken; /* an answer lets the next message in */
    self->taken = taken;
    self->count = 0;
    for (size_t i = 0; i < count; i++)
        taken[i].done(taken[i].context, &handed);
    return 0;
}

static void
null_close(void **gateway_p)
{
    null_t *self = *gateway_p;
    if (!self)
        return;
    free(self->submits);
    free(self->taken);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
null_open(zloop_t *loop, const void *config, uint32_t window, void **gateway, cr_fault_t *fault)
{
    (void)config;
    null_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *gateway = self;
    self->loop = loop;
    self->submits = calloc(window, sizeof *self->submits);
    self->taken = calloc(window, sizeof *self->taken);
    if (!self->submits || !self->taken) {
        null_close(gateway);
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    return CR_OK;
}

static cr_err_t
null_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    (void)message;
    null_t *self = gateway;
    if (self->count == 0 && zloop_timer(self->loop, 0, 1, on_turn, self) < 0)
        return CR_NOMEM;
    self->submits[self->count++] = (submit_t){done, context};
    return CR_OK;
}

static cr_err_t
start(cr_service_t *service, const void *config, void **app, cr_fault_t *fault)
{
    static gateway_kind_t kind = {
        .name = "null",
        .idempotent = true,
        .open = null_open,
        .close = null_close,
        .submit = null_submit,
    };
    const null_config_t *own = config;
    cr_err_t err = cr_channel_parse(own->channel, &kind.channel);
    if (err != CR_OK)
        return cr_fault_set(fault, err, "worker.channel: no such channel");
    return runtime_start(service, &kind, config, NULL, app, fault);
}

static const cr_option_t options[] = {
    RUNTIME_OPTIONS(null_config_t),
    {"worker.channel", CR_OPT_TEXT, offsetof(null_config_t, channel), 1, 8, NULL, "sms|wechat|mail",
     "what it pretends to serve"},
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
