#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../bad_rows.h"
#include "../terminal.h"
#include "commands.h"
#include "show.h"

enum { FILE_NAME_MAX = 4096, BAR_COLUMNS = 30 };

static const view_field_t recipient_fields[] = {
    {"id", VIEW_TEXT, W_ID},
    {"name", VIEW_TEXT, W_FULL_NAME},
    {"phone", VIEW_TEXT, W_PHONE},
    {"openid", VIEW_TEXT, W_OPENID},
    {"email", VIEW_TEXT, W_EMAIL},
    {"town", VIEW_TEXT, W_TOWN},
    {"division", VIEW_TEXT, W_DIVISION},
    {"groups", VIEW_NAMES, W_GROUPS},
    {"roles", VIEW_NAMES, W_ROLES},
    {"language", VIEW_TEXT, W_LANGUAGE},
    {"attributes", VIEW_NAMES, W_ATTRIBUTES},
    {"guardian", VIEW_TEXT, W_GUARDIAN},
    {"opted_out", VIEW_NAMES, W_OPTED_OUT},
    {"bad_addresses", VIEW_NAMES, W_BAD_ADDRESSES},
    {"ordinal", VIEW_NUMBER, W_ORDINAL},
    {0},
};

static const view_field_t import_fields[] = {
    {"rows", VIEW_TEXT, W_ROWS},
    {"added", VIEW_TEXT, W_ADDED},
    {"updated", VIEW_TEXT, W_UPDATED},
    {"unchanged", VIEW_TEXT, W_UNCHANGED},
    {"bad", VIEW_TEXT, W_BAD},
    {"recipients", VIEW_TEXT, W_RECIPIENTS},
    {"duration_ms", VIEW_MS, W_DURATION},
    {0},
};

/* A bar on standard error; libcurl calls often, so only a new percentage is drawn. */
static void
draw_upload(int64_t sent_bytes, int64_t total_bytes)
{
    static int64_t drawn = -1;
    int64_t percent = total_bytes > 0 ? sent_bytes * 100 / total_bytes : 0;
    if (percent == drawn)
        return;
    drawn = percent;
    char bar[BAR_COLUMNS + 1];
    for (int i = 0; i < BAR_COLUMNS; i++)
        bar[i] = i * 100 < percent * BAR_COLUMNS ? '#' : '.';
    bar[BAR_COLUMNS] = '\0';
    fprintf(stderr, "\r%s %3" PRId64 "%% %s\033[K", bar, percent,
            word(percent < 100 ? W_UPLOADING : W_CHECKING));
}

static FILE *
source_open(ctl_t *ctl, const char *file)
{
    FILE *source = fopen(file, "re");
    struct stat seen;
    if (source && fstat(fileno(source), &seen) == 0 && S_ISDIR(seen.st_mode)) {
        fclose(source);
        source = NULL;
        errno = EISDIR;
    }
    if (!source)
        ctl_refuse_file(ctl, file, CR_EXIT_NOINPUT);
    return source;
}

/* FILE.bad.csv beside FILE. */
static cr_err_t
write_bad_rows(ctl_t *ctl, const json_t *answer, FILE *source)
{
    const json_t *rows = json_object_get(answer, "bad_rows");
    if (json_array_size(rows) == 0)
        return CR_OK;
    char file[FILE_NAME_MAX];
    snprintf(file, sizeof file, "%s.bad.csv", ctl_operand(ctl, 0));
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out)
        return ctl_refuse_file(ctl, file, CR_EXIT_CANTCREAT);
    cr_err_t err = bad_rows_write(rows, source, out);
    if (fclose(out) != 0 || err != CR_OK)
        return ctl_refuse_file(ctl, file, CR_EXIT_CANTCREAT);
    if (!ctl_is_json(ctl))
        say(W_BAD_ROWS_WRITTEN, file, NULL);
    return CR_OK;
}

static cr_err_t
import_from(ctl_t *ctl, FILE *source)
{
    const bool skip_bad = ctl_option(ctl, "skip-bad") != NULL, draws = terminal_is(stderr);
    json_t *answer;
    ctl->about = ctl_operand(ctl, 0);
    cr_err_t err = api_upload(
        ctl->api, skip_bad ? "/v1/recipients/import?skip_bad=1" : "/v1/recipients/import", source,
        draws ? draw_upload : NULL, &answer);
    if (draws)
        fputs("\r\033[K", stderr);
    if (err != CR_OK)
        return err;
    ctl->about = NULL;
    cr_err_t written = skip_bad ? write_bad_rows(ctl, answer, source) : CR_OK;
    err = show_record(ctl, answer, import_fields);
    return written != CR_OK ? written : err;
}

static cr_err_t
recipients_import(ctl_t *ctl)
{
    FILE *source = source_open(ctl, ctl_operand(ctl, 0));
    if (!source)
        return CR_IO;
    cr_err_t err = import_from(ctl, source);
    fclose(source);
    return err;
}

/* Whole or not at all, and for nobody else's eyes: the export shows every address. */
static cr_err_t
export_to_file(ctl_t *ctl, const char *file)
{
    char part[FILE_NAME_MAX];
    snprintf(part, sizeof part, "%s.part", file);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out)
        return ctl_refuse_file(ctl, part, CR_EXIT_CANTCREAT);
    cr_err_t err = api_download(ctl->api, "/v1/recipients/export", out);
    bool closed = fclose(out) == 0;
    if (err == CR_OK && (!closed || rename(part, file) != 0))
        err = ctl_refuse_file(ctl, file, CR_EXIT_CANTCREAT);
    if (err != CR_OK)
        unlink(part);
    return err;
}

static cr_err_t
recipients_export(ctl_t *ctl)
{
    const char *file = ctl_option(ctl, "output");
    return file ? export_to_file(ctl, file)
                : api_download(ctl->api, "/v1/recipients/export", stdout);
}

/* The record, and since when and why they opted out. */
static cr_err_t
show_recipient(ctl_t *ctl, json_t *answer)
{
    const char *channel;
    json_t *reasons = json_incref(json_object_get(answer, "opt_outs")), *reason;
    cr_err_t err = show_record(ctl, answer, recipient_fields);
    if (!ctl_is_json(ctl))
        json_object_foreach(reasons, channel, reason) show_opt_out(channel, reason);
    json_decref(reasons);
    return err;
}

static cr_err_t
recipients_show(ctl_t *ctl)
{
    json_t *answer;
    const char *path = api_path(ctl->api, "/v1/recipients/", ctl_operand(ctl, 0), NULL);
    cr_err_t err = api_get(ctl->api, path, &answer);
    return err == CR_OK ? show_recipient(ctl, answer) : err;
}

/* opt-out, opt-in and good-address: the command's second word is the path's last part. */
static cr_err_t
recipients_mark(ctl_t *ctl)
{
    const char *verb = strchr(ctl->line.command->words, ' ') + 1, *channel;
    const char *path = api_path(ctl->api, "/v1/recipients/", ctl_operand(ctl, 0), "/", verb, NULL);
    json_t *body = json_object(), *channels = json_array(), *answer;
    for (size_t cursor = 0; (channel = command_option_next(&ctl->line, "channel", &cursor));)
        json_array_append_new(channels, json_string(channel));
    if (json_array_size(channels) > 0)
        json_object_set(body, "channels", channels);
    json_decref(channels);
    cr_err_t err = api_post(ctl->api, path, body, &answer);
    return err == CR_OK ? show_recipient(ctl, answer) : err;
}

static const option_t import_options[] = {
    {"skip-bad", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_OPT_SKIP_BAD},
    {0},
};
static const option_t export_options[] = {
    {"output", OPTION_TEXT, OPTION_OPTIONAL, "FILE", W_OPT_OUTPUT},
    {0},
};
static const option_t mark_options[] = {
    {"channel", OPTION_TEXT, OPTION_REPEATED, "CHANNEL", W_OPT_CHANNEL},
    {0},
};

const command_t commands_recipients[] = {
    {"recipients import", "FILE", import_options, W_HELP_RECIPIENTS_IMPORT, recipients_import},
    {"recipients export", NULL, export_options, W_HELP_RECIPIENTS_EXPORT, recipients_export},
    {"recipients show", "ID", NULL, W_HELP_RECIPIENTS_SHOW, recipients_show},
    {"recipients opt-out", "ID", mark_options, W_HELP_RECIPIENTS_OPT_OUT, recipients_mark},
    {"recipients opt-in", "ID", mark_options, W_HELP_RECIPIENTS_OPT_IN, recipients_mark},
    {"recipients good-address", "ID", mark_options, W_HELP_RECIPIENTS_GOOD_ADDRESS,
     recipients_mark},
    {0},
};
