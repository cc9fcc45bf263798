#include "app.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app_config.h"
#include "cr_clock.h"
#include "cr_log.h"

enum {
    WATCH_MS = 1000,
    STANDBY_MS = 200, /* between looks whether the active daemon is gone */
    WAIT_FIRST_MS = 250,
    WAIT_MAX_MS = 10 * 1000,
    SAY_EVERY_MS = 60 * 1000,
};

typedef struct {
    cr_service_t *service;
    ledger_t *ledger;
    plan_t *plan;
    dispatch_t *opened; /* until it is started */
    zactor_t *dispatch;
    char *wire; /* where workers connect */
    api_t *api;
    char http[64];
    char name[160]; /* which daemon this is among several */
    bool standby;   /* another one was active */
    bool stopped;   /* asked to, before everything was there */
} app_t;

static bool wait_redis; /* --wait-redis */

/* -- addresses: ours before the store is, so that a second daemon by mistake harms nobody --------- */

/* Where workers reach it: whoever could bind that address is no other than the one before it. */
static void
name_daemon(app_t *self)
{
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(self->name, sizeof self->name, "%s/%s", host, self->wire);
}

static cr_err_t
open_dispatch(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    cr_err_t err = dispatch_open(&config->dispatch, &self->opened, &self->wire, fault);
    if (err == CR_OK)
        name_daemon(self);
    return err;
}

static cr_err_t
open_api(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    int port;
    cr_err_t err = api_start(&config->api, &self->api, &port, fault);
    if (err != CR_OK)
        return err;
    bool six = strchr(config->api.address, ':') != NULL;
    snprintf(self->http, sizeof self->http, six ? "[%s]:%d" : "%s:%d", config->api.address, port);
    return CR_OK;
}

/* -- the store --------------------------------------------------------------------------------- */

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

static void
stand_by(app_t *self, const char *active)
{
    char quoted[160];
    if (self->standby)
        return;
    self->standby = true;
    api_wait(self->api, "standby");
    cr_log(CR_LOG_INFO, "standby", "active=%s", cr_log_value(cr_slice_of(active), quoted));
    cr_service_ready(self->service, "state=standby http=%s wire=%s", self->http, self->wire);
}

static cr_err_t
try_to_take(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    cr_err_t err = self->ledger ? CR_OK : ledger_open(&config->ledger, &self->ledger, fault);
    if (err == CR_OK)
        err = ledger_take(self->ledger, self->name, fault);
    if (err == CR_AGAIN)
        ledger_destroy(&self->ledger);
    return err;
}

static void
say_waiting(cr_log_limit_t *limit, const char *why)
{
    uint64_t suppressed;
    char quoted[160];
    if (cr_log_limit(limit, cr_clock_mono_us(), SAY_EVERY_MS, &suppressed))
        cr_log(CR_LOG_WARN, "waiting_for_redis", "why=%s", cr_log_value(cr_slice_of(why), quoted));
}

/* Waits while another daemon is active. For Redis it waits with --wait-redis, or when it has been
 * there; with back-off, and one line a minute at most. */
static cr_err_t
take_store(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    cr_log_limit_t limit = {0};
    for (int64_t wait_ms = WAIT_FIRST_MS;;) {
        cr_err_t err = try_to_take(self, config, fault);
        if (err == CR_EXISTS)
            stand_by(self, fault->text);
        else if (err != CR_AGAIN || !(wait_redis || self->standby))
            return err;
        else
            say_waiting(&limit, fault->text);
        wait_ms = self->standby ? STANDBY_MS : wait_ms;
        self->stopped = !pause_for(wait_ms);
        if (self->stopped)
            return cr_fault_set(fault, CR_CLOSED, "stopped while waiting");
        wait_ms = longer(wait_ms);
    }
}

/* -- the parts, in order ----------------------------------------------------------------------- */

static cr_err_t
load_plan(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    plan_config_t plan = config->plan;
    plan.attempts_max = config->dispatch.attempts_max;
    plan.quiet = config->dispatch.quiet;
    plan.frequency = config->dispatch.frequency;
    if (self->standby)
        cr_log(CR_LOG_INFO, "taking_over", "epoch=%" PRIu64, ledger_epoch(self->ledger));
    api_wait(self->api, "starting");
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
    (void)config;
    return dispatch_start(&self->opened, ledger_epoch(self->ledger), &self->dispatch, fault);
}

static cr_err_t
start_plan(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    (void)config;
    cr_err_t err = plan_start(self->plan, fault);
    if (err == CR_OK)
        api_serve(self->api);
    return err;
}

/* While the store is read they connect, so that they can be welcomed as soon as it has been. */
static cr_err_t
let_workers_in(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    (void)config;
    return dispatch_let_in(self->opened, fault);
}

/* A daemon that nobody obeys must not look alive: whoever started it learns of it. */
static int
end_when_over(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    app_t *self = context;
    cr_err_t over = ledger_over(self->ledger);
    if (over != CR_OK)
        cr_service_stop(self->service, over == CR_CORRUPT ? CR_EXIT_DATA : CR_EXIT_UNAVAILABLE);
    return 0;
}

static cr_err_t
start_watch(app_t *self, const app_config_t *config, cr_fault_t *fault)
{
    (void)config;
    if (zloop_timer(cr_service_loop(self->service), WATCH_MS, 0, end_when_over, self) < 0)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    return CR_OK;
}

/* A service that is away may come back; what is wrong in a file stays wrong. */
static int
exit_code_of(const app_t *self, cr_err_t err)
{
    if (self->stopped)
        return CR_EXIT_OK;
    if (err == CR_CORRUPT)
        return CR_EXIT_DATA;
    bool away = err == CR_AGAIN || err == CR_TIMEOUT || err == CR_CLOSED;
    return away ? CR_EXIT_UNAVAILABLE : CR_EXIT_CONFIG;
}

static cr_err_t
app_start(cr_service_t *service, const void *config, void **app, cr_fault_t *fault)
{
    static cr_err_t (*const steps[])(app_t *, const app_config_t *, cr_fault_t *) = {
        open_dispatch, open_api,       take_store, let_workers_in, load_plan,
        start_ledger,  start_dispatch, start_plan, start_watch,
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
    dispatch_close(&self->opened);
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
