#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

enum { KEY_FAULTS = 0x1000, KEY_SEED = KEY_FAULTS + FAULT_SETTINGS, FLAG_NAME_MAX = 32 };

/* Fault settings of the command line, which go before those of the file. */
typedef struct {
    bool given[FAULT_SETTINGS], seed_given;
    int64_t values[FAULT_SETTINGS], seed;
} flags_t;

typedef struct {
    settings_t settings; /* the file's, with the command line's over them; texts are borrowed */
    app_t *app;
} sandbox_t;

static flags_t flags; /* filled before the program starts */

static error_t
flag_parse(int key, char *text, struct argp_state *state)
{
    if (key < KEY_FAULTS || key > KEY_SEED)
        return ARGP_ERR_UNKNOWN;
    char *end;
    errno = 0;
    int64_t value = strtoll(text, &end, 10);
    int64_t most = key == KEY_SEED ? INT64_MAX : fault_members[key - KEY_FAULTS].most;
    if (errno != 0 || end == text || *end != '\0' || value < 0 || value > most)
        argp_error(state, "%s: a number from 0 to %lld is needed", text, (long long)most);
    if (key == KEY_SEED) {
        flags.seed_given = true;
        flags.seed = value;
        return 0;
    }
    flags.given[key - KEY_FAULTS] = true;
    flags.values[key - KEY_FAULTS] = value;
    return 0;
}

/* The settings' own names with dashes, as command lines have them: --latency-ms. */
static void
flag_options(struct argp_option options[FAULT_SETTINGS + 2])
{
    static char names[FAULT_SETTINGS][FLAG_NAME_MAX];
    for (size_t i = 0; i < FAULT_SETTINGS; i++) {
        for (size_t at = 0; at < FLAG_NAME_MAX - 1 && fault_members[i].name[at]; at++)
            names[i][at] = fault_members[i].name[at] == '_' ? '-' : fault_members[i].name[at];
        options[i] = (struct argp_option){
            .name = names[i], .key = KEY_FAULTS + (int)i, .arg = "N", .doc = fault_members[i].help};
    }
    options[FAULT_SETTINGS] = (struct argp_option){
        .name = "seed", .key = KEY_SEED, .arg = "N", .doc = "decides every fault"};
    options[FAULT_SETTINGS + 1] = (struct argp_option){0};
}

static void
apply_flags(settings_t *settings)
{
    for (size_t i = 0; i < FAULT_SETTINGS; i++)
        if (flags.given[i])
            CR_ASSERT(fault_settings_set(&settings->faults, fault_members[i].name,
                                         flags.values[i]) == CR_OK);
    if (flags.seed_given)
        settings->faults_seed = flags.seed;
}

static cr_err_t
start(cr_service_t *service, const void *config, void **app, cr_fault_t *fault)
{
    sandbox_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *app = self;
    self->settings = *(const settings_t *)config;
    apply_flags(&self->settings);
    cr_err_t err = app_start(cr_service_loop(service), &self->settings, &self->app, fault);
    if (err == CR_IO)
        cr_service_set_exit_code(service, CR_EXIT_UNAVAILABLE);
    if (err == CR_OK)
        cr_service_ready(service, "http=%s:%u smtp=%s:%u smpp=%s:%u cmpp=%s:%u",
                         self->settings.http_address, app_http_port(self->app),
                         self->settings.smtp_address, app_smtp_port(self->app),
                         self->settings.smpp_address, app_smpp_port(self->app),
                         self->settings.cmpp_address, app_cmpp_port(self->app));
    return err;
}

static void
destroy(void **app)
{
    sandbox_t *self = *app;
    if (self)
        app_stop(&self->app);
    free(self);
    *app = NULL;
}

int
main(int argc, char **argv)
{
    struct argp_option options[FAULT_SETTINGS + 2];
    flag_options(options);
    const struct argp extra = {.options = options, .parser = flag_parse};
    const cr_program_t program = {
        .name = "crier-sandbox",
        .summary = "Plays the SMS, WeChat and mail gateways, with faults on demand and an inbox.",
        .config_file = "/etc/crier/crier-sandbox.cfg",
        .options = settings_options,
        .config_bytes = sizeof(settings_t),
        .extra = &extra,
        .start = start,
        .destroy = destroy,
    };
    return cr_service_main(&program, argc, argv);
}
