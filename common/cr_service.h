/*
 * cr_service - what every long-running program of Crier shares
 *
 * Command line (-c, --check-config, --print-config, --config-reference, --version, --help),
 * configuration, log, signals, readiness. The program itself is a struct: its option table and its
 * start and stop.
 *
 * Signals    are blocked and read in the loop by a signalfd; CZMQ's own handler is off. TERM and
 *            INT ask to stop (twice: at once), HUP is `on_reload`, USR1 `on_dump`.
 * Readiness  one line on standard output, "READY <program> key=value ...", and sd_notify.
 * Exit codes sysexits: 64 usage, 69 a needed service is away, 78 configuration.
 */
#ifndef CR_SERVICE_H
#define CR_SERVICE_H

#include <argp.h>
#include <czmq.h>

#include "cr_config.h"

typedef struct cr_service cr_service_t;

typedef struct {
    const char *name;        /* "crierd" */
    const char *summary;     /* one line for --help */
    const char *config_file; /* default of -c: "/etc/crier/crierd.cfg" */
    const cr_option_t *options;
    size_t config_bytes;      /* sizeof the config struct that `options` fills */
    const struct argp *extra; /* the program's own command line options, or NULL */
    void *extra_input;        /* handed to `extra`'s parser as input */

    /* Builds the program on the service's loop. A failure's fault is printed as one line;
     * `exit_code` is then used. */
    cr_err_t (*start)(cr_service_t *service, const void *config, void **app, cr_fault_t *fault);
    /* TERM or INT: begin to drain; call cr_service_stop when done. NULL: stop at once. */
    void (*on_drain)(void *app);
    void (*on_reload)(void *app); /* may be NULL */
    void (*on_dump)(void *app);   /* may be NULL */
    /* Frees everything; sets the pointer to NULL. Also called when start failed half-way with *app
     * set. */
    void (*destroy)(void **app_p);
} cr_program_t;

/* All of main(). */
int cr_service_main(const cr_program_t *program, int argc, char **argv);

zloop_t *cr_service_loop(cr_service_t *service);
/* Exit code to use when start fails; 78 by default. */
void cr_service_set_exit_code(cr_service_t *service, int exit_code);
/* Prints the readiness line and tells systemd. `format` gives the key=value pairs. */
void cr_service_ready(cr_service_t *service, const char *format, ...) CR_PRINTF(2, 3);
/* Ends the loop with this exit code. From the loop's thread only. */
void cr_service_stop(cr_service_t *service, int exit_code);

#endif
