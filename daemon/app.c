#include "app.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app_config.h"
#include "cr_clock.h"
#include "cr_log.h"

enum { WATCH_MS = 1000, WAIT_FIRST_MS = 250, WAIT_MAX_MS = 10 * 1000, SAY_EVERY_MS = 60 * 1000 };

typedef struct {
    cr_service_t *service;
    ledger_t *ledger;
    plan_t *plan;
    zactor_t *dispatch;
    char *wire; /* where workers connect */
    api_t *api;
    char http[64];
    bool stopped; /* asked to, before everything was there */
} app_t;

static bool wait_redis; /* --wait-redis */

/* -- Redis ------------------------------------------------------------------------------------- */

/* Sleeps, but not through a TERM: the signals are blocked and would wait for the loop. */
static bool
pause_for(int64_t ms)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    struct timespec length = {ms / 1000, ms % 1000 * 1000000};
    return sigtimedwait(&stop, NULL, &length) < 0;
}

static int64_t
longer(int64_t wait_ms)
{
    return wait_ms * 2 < WAIT_MAX_MS ? wait_ms * 2 : WAIT_MAX_MS;
}

/* With --wait-redis: until it is there, with back-off, and one line a minute at most. */
static cr_err_t
open_ledger(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    cr_log_limit_t limit = {0};
    uint64_t suppressed;
    for (int64_t wait_ms = WAIT_FIRST_MS;; wait_ms = longer(wait_ms)) {
        cr_err_t err = ledger_open(&config->ledger, &self->ledger, fault);
        if (err != CR_AGAIN || !wait_redis)
            return err;
        if (cr_log_limit(&limit, cr_clock_mono_us(), SAY_EVERY_MS, &suppressed)) {
            char quoted[160];
            cr_log(CR_LOG_WARN, "waiting_for_redis", "why=%s",
                   cr_log_value(cr_slice_of(fault->text), quoted));
        }
        self->stopped = !pause_for(wait_ms);
        if (self->stopped)
            return cr_fault_set(fault, CR_CLOSED, "stopped while waiting for redis");
    }
}

/* -- the parts, in order ----------------------------------------------------------------------- */

static cr_err_t
load_plan(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    plan_config_t plan = config->plan;
    plan.attempts_max = config->dispatch.attempts_max;
    return plan_new(&plan, &config->ledger, self->ledger, &self->plan, fault);
}

static cr_err_t
start_ledger(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    (void)config;
    return ledger_start(self->ledger, fault);
}

static cr_err_t
start_dispatch(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    return dispatch_start(&config->dispatch, ledger_epoch(self->ledger), &self->dispatch,
                          &self->wire, fault);
}

static cr_err_t
start_plan(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    (void)config;
    return plan_start(self->plan, fault);
}

static cr_err_t
start_api(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    int port;
    cr_err_t err = api_start(&config->api, &self->api, &port, fault);
    if (err != CR_OK)
        return err;
    bool six = strchr(config->api.address, ':') != NULL;
    snprintf(self->http, sizeof self->http, six ? "[%s]:%d" : "%s:%d", config->api.address, port);
    return CR_OK;
}

/* A daemon that nobody obeys must not look alive: whoever started it learns of it. */
static int
end_when_fenced(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    app_t *self = context;
    if (ledger_is_fenced(self->ledger))
        cr_service_stop(self->service, CR_EXIT_UNAVAILABLE);
    return 0;
}

static cr_err_t
start_watch(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    (void)config;
    if (zloop_timer(cr_service_loop(self->service), WATCH_MS, 0, end_when_fenced, self) < 0)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    return CR_OK;
}

/* A service that is away may come back; what is wrong in a file stays wrong. */
static int
exit_code_of(const app_t *self, cr_err_t err)
{
    if (self->stopped)
        return CR_EXIT_OK;
    bool away = err == CR_AGAIN || err == CR_TIMEOUT || err == CR_CLOSED;
    return away ? CR_EXIT_UNAVAILABLE : CR_EXIT_CONFIG;
}

static cr_err_t
app_start(cr_service_t *service, const void *config, void **app, cr_fault_t *fault)
{
    static cr_err_t (*const steps[])(app_t *, const app_config_t *, cr_fault_t *) = {
        open_ledger, load_plan, start_ledger, start_dispatch, start_plan, start_api, start_watch,
    };
    app_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *app = self;
    self->service = service;
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        cr_err_t err = steps[i](self, config, fault);
        cr_service_set_exit_code(service, exit_code_of(self, err));
        if (err != CR_OK)
            return err;
    }
    cr_service_ready(service, "http=%s wire=%s", self->http, self->wire);
    return CR_OK;
}

/* No new requests, those that run are answered; the other parts finish in app_destroy, each before
 * what it needs goes away. */
static void
app_drain(void *app)
{
    app_t *self = app;
    api_destroy(&self->api);
    cr_service_stop(self->service, CR_EXIT_OK);
}

static void
app_destroy(void **app_p)
{
    app_t *self = *app_p;
    if (!self)
        return;
    api_destroy(&self->api);
    plan_destroy(&self->plan);
    zactor_destroy(&self->dispatch);
    ledger_destroy(&self->ledger);
    zstr_free(&self->wire);
    free(self);
    *app_p = NULL;
}

/* -- the program ------------------------------------------------------------------------------- */

static error_t // NOLINTNEXTLINE(readability-non-const-parameter): the signature of argp
parse_own(int key, char *value, struct argp_state *state)
{
    (void)value;
    (void)state;
    if (key != 'w')
        return ARGP_ERR_UNKNOWN;
    wait_redis = true;
    return 0;
}

static const struct argp_option own_options[] = {
    {"wait-redis", 'w', NULL, 0, "wait for Redis instead of ending with exit code 69", 0},
    {0},
};

static const struct argp own = {.options = own_options, .parser = parse_own};

const cr_program_t app_program = {
    .name = "crierd",
    .summary = "The daemon of Crier: decides, hands out and records every notice.",
    .config_file = "/etc/crier/crierd.cfg",
    .options = app_options,
    .config_bytes = sizeof(app_config_t),
    .extra = &own,
    .start = app_start,
    .on_drain = app_drain,
    .destroy = app_destroy,
};
