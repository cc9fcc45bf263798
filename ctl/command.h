/*
 * command - a command as data: its words, operands, options and help
 *
 * Parsing, usage lines, `crierctl help` and the checks of option values derive from these tables; a
 * handler only asks for what was given. Options may stand anywhere behind the command's words;
 * an option of a command hides a global one of the same name.
 *
 * Ownership  everything in a command_line_t points into argv and the tables.
 * Threads    none (getopt_long keeps its place in globals).
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "cr_base.h"
#include "words.h"

typedef struct ctl ctl_t;

typedef enum {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_NUMBER, /* 1 to 1000 */
    OPTION_PAIR,   /* key=value */
    OPTION_TIME,   /* RFC 3339, "YYYY-MM-DD HH:MM" local, or "+2h" from now */
} option_kind_t;

typedef enum { OPTION_OPTIONAL, OPTION_REQUIRED, OPTION_REPEATED } option_need_t;

typedef struct {
    const char *name;
    option_kind_t kind;
    option_need_t need;
    const char *argument; /* "NAME" in the usage line; NULL for a flag */
    word_t help;
} option_t;

typedef struct {
    const char *words;       /* "broadcast draft" */
    const char *operands;    /* "NAME FILE"; "[ID]" may be left out */
    const option_t *options; /* ends with {0}; NULL: none */
    word_t help;
    /* A failure has set the fault of `ctl`. */
    cr_err_t (*run)(ctl_t *ctl);
} command_t;

typedef struct {
    word_t title;              /* W_NONE: goes on under the title before */
    const command_t *commands; /* ends with {0} */
} command_group_t;

typedef struct {
    const option_t *option;
    const char *value;
} command_value_t;

enum { COMMAND_VALUES_MAX = 128, COMMAND_OPERANDS_MAX = 3 };

typedef struct {
    const command_t *command; /* NULL: none was named */
    bool asks_help;           /* "help", with the words behind it as operands */
    const char *operands[COMMAND_OPERANDS_MAX];
    size_t operand_count;
    command_value_t values[COMMAND_VALUES_MAX];
    size_t value_count;
} command_line_t;

extern const option_t command_globals[];

/* CR_INVAL with a fault that says what is wrong with the command line. `groups` ends with {0}. */
cr_err_t command_parse(const command_group_t *groups, int argc, char **argv, command_line_t *line,
                       cr_fault_t *fault) CR_MUST_USE;

/* The value given for a global option ("" for a flag), or NULL. */
const char *command_global(const command_line_t *line, const char *name);
/* The same for one of the command's own. */
const char *command_option(const command_line_t *line, const char *name);
/* The next value of a repeated option of the command; `cursor` starts at 0. NULL: no more. */
const char *command_option_next(const command_line_t *line, const char *name, size_t *cursor);
/* An operand, or NULL when it was left out. */
const char *command_operand(const command_line_t *line, size_t index);

/* A time option's value in microseconds. CR_INVAL, CR_RANGE. */
cr_err_t command_time(const char *text, int64_t *wall_us) CR_MUST_USE;

/* All commands by group. */
void command_print_overview(const command_group_t *groups);
void command_print_help(const command_t *command);
/* The command that these words name; `taken` says how many of them do. NULL: the fault says what
 * would be one. `count` is at least 1. */
const command_t *command_find(const command_group_t *groups, int count, const char *const *words,
                              int *taken, cr_fault_t *fault);

#endif
