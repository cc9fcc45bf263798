#include "cr_service.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "cr_clock.h"
#include "cr_log.h"
#include "cr_str.h"
#include "cr_version.h"

struct cr_service {
    const cr_program_t *program;
    const char *config_file;
    bool check_config, print_config, config_reference;
    void *config;
    void *app;
    zloop_t *loop;
    int signal_fd;
    int exit_code;
    bool draining;
};

enum { KEY_CHECK = 0x100, KEY_PRINT, KEY_REFERENCE };

static const struct argp_option command_options[] = {
    {"config", 'c', "FILE", 0, "configuration file", 0},
    {"check-config", KEY_CHECK, NULL, 0, "check the configuration and end", 0},
    {"print-config", KEY_PRINT, NULL, 0, "print the configuration in effect and end", 0},
    {"config-reference", KEY_REFERENCE, NULL, 0, "print the table of all options and end", 0},
    {0},
};

static error_t
command_parse(int key, char *value, struct argp_state *state)
{
    cr_service_t *self = state->input;
    switch (key) {
    case 'c':
        self->config_file = value;
        return 0;
    case KEY_CHECK:
        self->check_config = true;
        return 0;
    case KEY_PRINT:
        self->print_config = true;
        return 0;
    case KEY_REFERENCE:
        self->config_reference = true;
        return 0;
    case ARGP_KEY_INIT:
        if (self->program->extra)
            state->child_inputs[0] = self->program->extra_input;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument: %s", value);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void
read_command_line(cr_service_t *self, int argc, char **argv)
{
    struct argp_child children[] = {{self->program->extra, 0, NULL, 0}, {0}};
    struct argp argp = {
        .options = command_options,
        .parser = command_parse,
        .doc = self->program->summary,
        .children = self->program->extra ? children : NULL,
    };
    static char version[64]; /* argp keeps the pointer, and hands its hook no input */
    snprintf(version, sizeof version, "%s %s", self->program->name, CR_VERSION);
    argp_program_version = version;
    argp_err_exit_status = CR_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, self);
}

static int
fail(const cr_service_t *self, const cr_fault_t *fault, int exit_code)
{
    fprintf(stderr, "%s: %s\n", self->program->name, fault->text);
    return exit_code;
}

static void
ask_to_stop(cr_service_t *self)
{
    if (self->draining || !self->program->on_drain) {
        cr_service_stop(self, CR_EXIT_OK);
        return;
    }
    self->draining = true;
    cr_log(CR_LOG_INFO, "draining", "reason=signal");
    sd_notify(0, "STOPPING=1");
    self->program->on_drain(self->app);
}

static int
on_signal(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    cr_service_t *self = context;
    struct signalfd_siginfo seen;
    if (read(item->fd, &seen, sizeof seen) != (ssize_t)sizeof seen)
        return 0;
    if (seen.ssi_signo == SIGHUP && self->program->on_reload)
        self->program->on_reload(self->app);
    else if (seen.ssi_signo == SIGUSR1 && self->program->on_dump)
        self->program->on_dump(self->app);
    else if (seen.ssi_signo == SIGTERM || seen.ssi_signo == SIGINT)
        ask_to_stop(self);
    return 0;
}

static bool
open_signals(cr_service_t *self)
{
    sigset_t set;
    sigemptyset(&set);
    static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    for (size_t i = 0; i < CR_COUNT(handled); i++)
        sigaddset(&set, handled[i]);
    signal(SIGPIPE, SIG_IGN);
    /* Before any thread starts, so that all threads inherit the mask. */
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    self->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return self->signal_fd >= 0;
}

static int
run(cr_service_t *self)
{
    cr_fault_t fault = {.text = "no reason given"};
    self->exit_code = CR_EXIT_CONFIG;
    self->loop = zloop_new();
    CR_ASSERT(self->loop);
    zloop_set_nonstop(self->loop, true);
    zmq_pollitem_t item = {.fd = self->signal_fd, .events = ZMQ_POLLIN};
    CR_ASSERT(zloop_poller(self->loop, &item, on_signal, self) == 0);
    cr_err_t err = self->program->start(self, self->config, &self->app, &fault);
    if (err == CR_OK) {
        self->exit_code = CR_EXIT_SOFTWARE;
        zloop_start(self->loop);
    } else {
        fail(self, &fault, self->exit_code);
    }
    self->program->destroy(&self->app);
    zloop_destroy(&self->loop);
    return self->exit_code;
}

/* The options every program has: log.level and timezone are read from its own table. */
static const char *
common_text(const cr_service_t *self, const char *key, const char *otherwise)
{
    for (const cr_option_t *option = self->program->options; option->key; option++)
        if (strcmp(option->key, key) == 0)
            return *(char **)((char *)self->config + option->offset);
    return otherwise;
}

static int
prepare(cr_service_t *self)
{
    cr_fault_t fault;
    if (cr_config_load(self->program->options, self->config_file, self->config, &fault) != CR_OK)
        return fail(self, &fault, CR_EXIT_CONFIG);
    cr_log_level_t level;
    if (cr_log_level_parse(common_text(self, "log.level", "info"), &level) != CR_OK)
        level = CR_LOG_INFO;
    const char *zone = common_text(self, "timezone", "Asia/Shanghai");
    if (cr_clock_set_zone(zone) != CR_OK) {
        cr_fault_set(&fault, CR_INVAL, "%s: timezone: the system knows no zone \"%s\"",
                     self->config_file, zone);
        return fail(self, &fault, CR_EXIT_CONFIG);
    }
    cr_log_open(self->program->name, level);
    if (self->print_config)
        cr_config_print(self->program->options, self->config, stdout);
    if (self->print_config || self->check_config)
        return CR_EXIT_OK;
    setenv("ZSYS_SIGHANDLER", "false", 1); /* CZMQ must not take our signals */
    setenv("ZSYS_AUTO_SHUTDOWN", "false", 1);
    if (!open_signals(self))
        return CR_EXIT_SOFTWARE;
    zsys_init();
    zsys_set_logstream(NULL);
    int exit_code = run(self);
    zsys_shutdown();
    close(self->signal_fd);
    return exit_code;
}

int
cr_service_main(const cr_program_t *program, int argc, char **argv)
{
    cr_service_t self = {.program = program, .config_file = program->config_file, .signal_fd = -1};
    read_command_line(&self, argc, argv);
    if (self.config_reference) {
        cr_config_reference(program->options, stdout);
        return CR_EXIT_OK;
    }
    self.config = calloc(1, program->config_bytes);
    if (!self.config)
        return CR_EXIT_SOFTWARE;
    int exit_code = prepare(&self);
    cr_config_free(program->options, self.config);
    free(self.config);
    return exit_code;
}

zloop_t *
cr_service_loop(cr_service_t *service)
{
    return service->loop;
}

void
cr_service_set_exit_code(cr_service_t *service, int exit_code)
{
    service->exit_code = exit_code;
}

void
cr_service_ready(cr_service_t *service, const char *format, ...)
{
    char facts[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(facts, sizeof facts, format, arguments);
    va_end(arguments);
    printf("READY %s %s\n", service->program->name, facts);
    fflush(stdout);
    sd_notifyf(0, "READY=1\nSTATUS=%s", facts);
    cr_log(CR_LOG_INFO, "ready", "%s", facts);
}

static int
on_stop(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    (void)context;
    return -1;
}

void
cr_service_stop(cr_service_t *service, int exit_code)
{
    service->exit_code = exit_code;
    zloop_timer(service->loop, 0, 1, on_stop, service);
}
