#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "cr_text.h"
#include "cr_version.h"

/* What a shell script sees of each failure. */
static const int exit_codes[CR_ERR_COUNT] = {
    [CR_OK] = CR_EXIT_OK,
    [CR_INVAL] = CR_EXIT_DATA,
    [CR_RANGE] = CR_EXIT_DATA,
    [CR_NOTFOUND] = CR_EXIT_FAILED,
    [CR_EXISTS] = CR_EXIT_FAILED,
    [CR_CONFLICT] = CR_EXIT_FAILED,
    [CR_DENIED] = CR_EXIT_NOPERM,
    [CR_TOOBIG] = CR_EXIT_DATA,
    [CR_CORRUPT] = CR_EXIT_FAILED,
    [CR_AGAIN] = CR_EXIT_TEMPFAIL,
    [CR_TIMEOUT] = CR_EXIT_UNAVAILABLE,
    [CR_CLOSED] = CR_EXIT_UNAVAILABLE,
    [CR_NOMEM] = CR_EXIT_SOFTWARE,
    [CR_IO] = CR_EXIT_NOINPUT,
};

cr_err_t
ctl_refuse(ctl_t *ctl, cr_err_t err, word_t id, ...)
{
    cr_str_t text;
    cr_str_init(&text, sizeof ctl->fault.text * 4);
    va_list texts;
    va_start(texts, id);
    words_fill_list(&text, id, texts);
    va_end(texts);
    cr_fault_set(&ctl->fault, err, "%s", cr_str_text(&text));
    cr_str_fini(&text);
    return err;
}

/* A mark under the character that the fault's column names. */
static void
print_place(const char *pointed, size_t column)
{
    size_t bytes = 0, at = 1;
    while (pointed[bytes] != '\0' && at < column) {
        bytes++;
        at += ((unsigned char)pointed[bytes] & 0xC0) != 0x80;
    }
    int width = (int)cr_text_width((cr_slice_t){pointed, bytes});
    fprintf(stderr, "  %s\n  %*s^\n", pointed, width, "");
}

static int
report(const ctl_t *ctl, cr_err_t err)
{
    if (ctl->fault.text[0] != '\0')
        fprintf(stderr, "crierctl: %s\n", ctl->fault.text);
    if (ctl->pointed && ctl->fault.column > 0)
        print_place(ctl->pointed, ctl->fault.column);
    return ctl->exit_code != 0 ? ctl->exit_code : exit_codes[err];
}

static int
run_command(ctl_t *ctl)
{
    cr_err_t err = ctl->line.command->run(ctl);
    return err == CR_OK ? CR_EXIT_OK : report(ctl, err);
}

/* `crierctl help [COMMAND]`. */
static int
help(ctl_t *ctl, int count, char **words)
{
    int taken;
    const command_t *command =
        count > 0 ? command_find(command_groups, count, words, &taken) : NULL;
    if (command)
        command_print_help(command);
    else if (count == 0)
        command_print_overview(command_groups);
    else {
        ctl_refuse(ctl, CR_INVAL, W_COMMAND_UNKNOWN, words[0], NULL);
        report(ctl, CR_INVAL);
        return CR_EXIT_USAGE;
    }
    return CR_EXIT_OK;
}

static int
usage_error(ctl_t *ctl)
{
    report(ctl, CR_INVAL);
    fprintf(stderr, "%s\n", word(W_TRY_HELP));
    return CR_EXIT_USAGE;
}

static int
dispatch(ctl_t *ctl, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "help") == 0)
        return help(ctl, argc - 2, argv + 2);
    if (command_parse(command_groups, argc, argv, &ctl->line, &ctl->fault) != CR_OK)
        return usage_error(ctl);
    if (command_global(&ctl->line, "version"))
        return puts("crierctl " CR_VERSION) < 0 ? CR_EXIT_IO : CR_EXIT_OK;
    if (command_global(&ctl->line, "help") && ctl->line.command)
        command_print_help(ctl->line.command);
    else if (command_global(&ctl->line, "help"))
        command_print_overview(command_groups);
    else if (ctl->line.command)
        return run_command(ctl);
    else {
        ctl_refuse(ctl, CR_INVAL, W_COMMAND_MISSING, NULL);
        return usage_error(ctl);
    }
    return CR_EXIT_OK;
}

/* A reader that left early (| head) is no failure of ours; a full disk is. */
static int
close_output(int exit_code)
{
    bool failed = ferror(stdout) != 0;
    errno = 0;
    failed = fclose(stdout) != 0 || failed;
    if (!failed || errno == EPIPE)
        return exit_code;
    fprintf(stderr, "crierctl: %s\n", word(W_OUTPUT_FAILED));
    return exit_code == CR_EXIT_OK ? CR_EXIT_IO : exit_code;
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    words_set_by_locale();
    ctl_t ctl = {0};
    return close_output(dispatch(&ctl, argc, argv));
}
