#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "cr_text.h"
#include "cr_version.h"
#include "terminal.h"

#define URL_DEFAULT "http://127.0.0.1:8787"

enum { LINE_BYTES_MAX = 8192, BAD_ROWS_SHOWN = 10 };

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

/* The line of the text with the character that the fault's column names, and a mark under it; the
 * column counts through all lines. */
static void
print_place(const char *pointed, size_t column)
{
    const char *at = pointed;
    for (size_t seen = 1; *at != '\0' && seen < column; seen++)
        for (at++; ((unsigned char)*at & 0xC0) == 0x80;)
            at++;
    const char *begin = at;
    while (begin > pointed && begin[-1] != '\n')
        begin--;
    cr_str_t line;
    cr_str_init(&line, LINE_BYTES_MAX);
    char *text = strndup(begin, strcspn(begin, "\n"));
    terminal_append(&line, text ? text : "");
    free(text);
    int width = (int)cr_text_width((cr_slice_t){begin, (size_t)(at - begin)});
    fprintf(stderr, "  %s\n  %*s^\n", cr_str_text(&line), width, "");
    cr_str_fini(&line);
}

/* The first rows that an import refused. */
static void
print_bad_rows(const json_t *rows)
{
    size_t count = json_array_size(rows);
    cr_str_t line;
    cr_str_init(&line, LINE_BYTES_MAX);
    for (size_t i = 0; i < count && i < BAD_ROWS_SHOWN; i++) {
        const json_t *row = json_array_get(rows, i);
        const char *reason = json_string_value(json_object_get(row, "reason"));
        char number[24];
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_object_get(row, "line")));
        words_fill(&line, W_BAD_ROW, number, reason ? reason : "", NULL);
        cr_str_append_char(&line, '\n');
    }
    if (count > BAD_ROWS_SHOWN) {
        char more[24];
        snprintf(more, sizeof more, "%zu", count - BAD_ROWS_SHOWN);
        words_fill(&line, W_BAD_ROWS_MORE, more, NULL);
        cr_str_append_char(&line, '\n');
    }
    fputs(cr_str_text(&line), stderr);
    cr_str_fini(&line);
}

/* Whether the fault's column counts in the text that the command pointed at: a selector. */
static bool
points_into_selector(const ctl_t *ctl)
{
    if (!ctl->pointed || ctl->fault.column == 0)
        return false;
    const json_t *member = json_object_get(api_problem(ctl->api), "member");
    const char *name = json_string_value(member);
    return !name || strcmp(name, "to") == 0 || strcmp(name, "select") == 0;
}

/* "crierctl: county.csv: line 3: what is wrong"; rows that are listed below name their lines. */
static void
print_fault(const ctl_t *ctl, const char *text, bool has_rows)
{
    cr_str_t line;
    cr_str_init(&line, LINE_BYTES_MAX);
    cr_str_appendf(&line, "crierctl: %s%s", ctl->about ? ctl->about : "", ctl->about ? ": " : "");
    if (ctl->fault.line > 0 && !ctl->pointed && !has_rows) {
        char number[24];
        snprintf(number, sizeof number, "%zu", ctl->fault.line);
        words_fill(&line, W_AT_LINE, number, NULL);
    }
    fprintf(stderr, "%s%s\n", cr_str_text(&line), text);
    cr_str_fini(&line);
}

static int
report(const ctl_t *ctl, cr_err_t err)
{
    const char *text = ctl->fault.text[0] != '\0' ? ctl->fault.text : cr_err_text(err);
    const json_t *rows = ctl->api ? json_object_get(api_problem(ctl->api), "bad_rows") : NULL;
    print_fault(ctl, text, json_array_size(rows) > 0);
    if (points_into_selector(ctl))
        print_place(ctl->pointed, ctl->fault.column);
    print_bad_rows(rows);
    return ctl->exit_code != 0 ? ctl->exit_code : exit_codes[err];
}

static const char *
environment(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] != '\0' ? value : NULL;
}

/* --token-file, else the token of --as USER, else $CRIER_TOKEN_FILE; "" for none. CR_INVAL. */
static cr_err_t
find_token_file(ctl_t *ctl, cr_str_t *file)
{
    const char *given = command_global(&ctl->line, "token-file");
    const char *user = command_global(&ctl->line, "as");
    const char *folder = environment("CRIER_TOKENS");
    if (given || !user) {
        given = given ? given : environment("CRIER_TOKEN_FILE");
        cr_str_append_text(file, given ? given : "");
        return CR_OK;
    }
    if (!folder)
        return words_refuse(&ctl->fault, CR_INVAL, W_NO_TOKENS_FOLDER, NULL);
    if (user[0] == '\0' || user[0] == '.' || strchr(user, '/'))
        return words_refuse(&ctl->fault, CR_INVAL, W_USER_BAD, user, NULL);
    cr_str_appendf(file, "%s/%s.token", folder, user);
    return CR_OK;
}

static int
run_connected(ctl_t *ctl, const char *token_file)
{
    const char *url = command_global(&ctl->line, "url");
    url = url ? url : environment("CRIER_URL");
    ctl->api =
        api_new(url ? url : URL_DEFAULT, token_file[0] != '\0' ? token_file : NULL, &ctl->fault);
    cr_err_t err = ctl->api ? ctl->line.command->run(ctl) : CR_NOMEM;
    int exit_code = err == CR_OK ? CR_EXIT_OK : report(ctl, err);
    api_destroy(&ctl->api);
    return exit_code;
}

static int
usage_error(ctl_t *ctl)
{
    report(ctl, CR_INVAL);
    fprintf(stderr, "%s\n", word(W_TRY_HELP));
    return CR_EXIT_USAGE;
}

static int
run_command(ctl_t *ctl)
{
    cr_str_t token_file;
    cr_str_init(&token_file, LINE_BYTES_MAX);
    cr_err_t err = find_token_file(ctl, &token_file);
    int exit_code = err == CR_OK ? run_connected(ctl, cr_str_text(&token_file)) : usage_error(ctl);
    cr_str_fini(&token_file);
    return exit_code;
}

/* `crierctl help [COMMAND]`. */
static int
help(ctl_t *ctl)
{
    int taken;
    if (ctl->line.operand_count == 0) {
        command_print_overview(command_groups);
        return CR_EXIT_OK;
    }
    const command_t *command = command_find(command_groups, (int)ctl->line.operand_count,
                                            ctl->line.operands, &taken, &ctl->fault);
    if (!command)
        return usage_error(ctl);
    command_print_help(command);
    return CR_EXIT_OK;
}

static int
dispatch(ctl_t *ctl, int argc, char **argv)
{
    if (command_parse(command_groups, argc, argv, &ctl->line, &ctl->fault) != CR_OK)
        return usage_error(ctl);
    if (ctl->line.asks_help)
        return help(ctl);
    if (command_global(&ctl->line, "version"))
        return puts("crierctl " CR_VERSION) < 0 ? CR_EXIT_IO : CR_EXIT_OK;
    if (command_global(&ctl->line, "help") && ctl->line.command)
        command_print_help(ctl->line.command);
    else if (command_global(&ctl->line, "help"))
        command_print_overview(command_groups);
    else if (ctl->line.command)
        return run_command(ctl);
    else {
        words_refuse(&ctl->fault, CR_INVAL, W_COMMAND_MISSING, NULL);
        return usage_error(ctl);
    }
    return CR_EXIT_OK;
}

/* A reader that left early (| head) is no failure of ours; a full disk is. */
static int
close_output(int exit_code)
{
    bool unread = terminal_is_unread(stdout), failed = ferror(stdout) != 0;
    errno = 0;
    failed = fclose(stdout) != 0 || failed;
    if (!failed || unread || errno == EPIPE)
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
