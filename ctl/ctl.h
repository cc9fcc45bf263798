/*
 * ctl - what every command has at hand: its command line, the API, the fault of a failure
 *
 * A handler fails by returning an error whose fault is set; main prints it as one line and turns
 * the error into the exit code of the table in main.c.
 *
 * Ownership  main owns everything here.
 */
#ifndef CTL_H
#define CTL_H

#include "api.h"
#include "command.h"

struct ctl {
    command_line_t line;
    api_t *api; /* NULL for commands that need no daemon */
    cr_fault_t fault;
    const char *about;   /* what the fault is about (a file, an id), or NULL; borrowed */
    const char *pointed; /* text that the fault's column points into (a selector), or NULL */
    int exit_code;       /* 0: by the error */
};

/* A sentence about `file` and errno; `exit_code` is CR_EXIT_NOINPUT or CR_EXIT_CANTCREAT. */
cr_err_t ctl_refuse_file(ctl_t *ctl, const char *file, int exit_code);

static inline const char *
ctl_option(const ctl_t *ctl, const char *name)
{
    return command_option(&ctl->line, name);
}

static inline const char *
ctl_operand(const ctl_t *ctl, size_t index)
{
    return command_operand(&ctl->line, index);
}

/* --json: programs read the output. */
static inline bool
ctl_is_json(const ctl_t *ctl)
{
    return command_global(&ctl->line, "json") != NULL;
}

#endif
