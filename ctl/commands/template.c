#include <stdlib.h>
#include <string.h>

#include "../terminal.h"
#include "commands.h"
#include "show.h"
#include "template.h"

enum { TEXT_BYTES_MAX = 1 << 20 };

static const view_field_t list_fields[] = {
    {"name", VIEW_TEXT, W_NAME},
    {"title", VIEW_TEXT, W_TITLE},
    {"channels", VIEW_NAMES, W_CHANNELS},
    {"languages", VIEW_NAMES, W_LANGUAGES},
    {"updated", VIEW_TIME, W_UPDATED_AT},
    {"author", VIEW_TEXT, W_AUTHOR},
    {0},
};

static const view_field_t template_fields[] = {
    {"name", VIEW_TEXT, W_NAME},
    {"title", VIEW_TEXT, W_TITLE},
    {"sender", VIEW_TEXT, W_SENDER},
    {"variables", VIEW_NAMES, W_VARIABLES},
    {0},
};

static const view_field_t check_fields[] = {
    {"language", VIEW_TEXT, W_LANGUAGE}, {"channel", VIEW_NAME, W_CHANNEL},
    {"encoding", VIEW_TEXT, W_ENCODING}, {"units", VIEW_NUMBER, W_UNITS},
    {"parts", VIEW_NUMBER, W_PARTS},     {0},
};

/* One channel of a wording or a preview; the text follows as it is. */
static const view_field_t wording_fields[] = {
    {"address", VIEW_TEXT, W_ADDRESS},
    {"from", VIEW_TEXT, W_FROM},
    {"subject", VIEW_TEXT, W_SUBJECT},
    {"encoding", VIEW_TEXT, W_ENCODING},
    {"units", VIEW_TEXT, W_UNITS},
    {"parts", VIEW_TEXT, W_PARTS},
    {"template_id", VIEW_TEXT, W_TEMPLATE_ID},
    {"fields", VIEW_NAMES, W_FIELDS},
    {"url", VIEW_TEXT, W_LINK},
    {0},
};

static void
print_text(const char *text)
{
    cr_str_t line;
    cr_str_init(&line, TEXT_BYTES_MAX);
    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, "\n");
        char *copy = strndup(at, length);
        cr_str_clear(&line);
        terminal_append(&line, copy ? copy : "");
        printf("%s%s\n", length > 0 ? "  " : "", cr_str_text(&line));
        free(copy);
        at += length + (at[length] == '\n');
    }
    cr_str_fini(&line);
}

static cr_err_t
print_channel(const json_t *channel)
{
    const char *suppressed = show_text(channel, "suppressed");
    if (suppressed[0] != '\0') {
        say(W_NOT_SENT_BECAUSE, word_for_status(suppressed), NULL);
        return CR_OK;
    }
    cr_err_t err = view_record(channel, wording_fields);
    print_text(show_text(channel, "text"));
    return err;
}

/* The channels of a wording or a preview, each under its name. */
static cr_err_t
print_channels(const json_t *holder, const char *language)
{
    static const char *const channels[] = {"sms", "wechat", "mail"};
    cr_err_t err = CR_OK;
    for (size_t i = 0; i < CR_COUNT(channels) && err == CR_OK; i++) {
        const json_t *channel = json_object_get(holder, channels[i]);
        if (!channel)
            continue;
        printf("\n%s (%s)\n", word_for(channels[i]), language);
        err = print_channel(channel);
    }
    return err;
}

cr_err_t
template_print_checks(const json_t *template)
{
    const json_t *checks = json_object_get(template, "checks");
    if (json_array_size(checks) == 0)
        return CR_OK;
    putchar('\n');
    return view_list(checks, check_fields);
}

static cr_err_t
template_list(ctl_t *ctl)
{
    return show_list(ctl, "/v1/templates", list_fields);
}

static cr_err_t
print_template(const json_t *template)
{
    const char *language;
    json_t *wording;
    cr_err_t err = view_record(template, template_fields);
    json_object_foreach(json_object_get(template, "wordings"), language, wording)
    {
        if (err == CR_OK)
            err = print_channels(wording, language);
    }
    return err == CR_OK ? template_print_checks(template) : err;
}

static cr_err_t
template_show(ctl_t *ctl)
{
    json_t *answer;
    const char *path = api_path(ctl->api, "/v1/templates/", ctl_operand(ctl, 0), NULL);
    cr_err_t err = api_get(ctl->api, path, &answer);
    if (err != CR_OK)
        return err;
    err = ctl_is_json(ctl) ? view_json(answer) : print_template(answer);
    json_decref(answer);
    return err;
}

/* The document of a file; CR_INVAL names the line and column of what is not JSON. */
static cr_err_t
template_read(ctl_t *ctl, const char *file, json_t **document)
{
    FILE *in = fopen(file, "re");
    if (!in)
        return ctl_refuse_file(ctl, file, CR_EXIT_NOINPUT);
    json_error_t where;
    json_t *read = json_loadf(in, JSON_REJECT_DUPLICATES, &where);
    fclose(in);
    ctl->about = file;
    if (!read)
        return cr_fault_set(&ctl->fault, CR_INVAL, "%d:%d: %s", where.line, where.column,
                            where.text);
    if (show_text(read, "name")[0] == '\0') {
        json_decref(read);
        return words_refuse(&ctl->fault, CR_INVAL, W_TEMPLATE_NO_NAME, NULL);
    }
    *document = read;
    return CR_OK;
}

static cr_err_t
template_put(ctl_t *ctl)
{
    json_t *document = NULL, *answer;
    cr_err_t err = template_read(ctl, ctl_operand(ctl, 0), &document);
    if (err != CR_OK)
        return err;
    const char *path = api_path(ctl->api, "/v1/templates/", show_text(document, "name"), NULL);
    err = api_put(ctl->api, path, document, &answer);
    if (err != CR_OK)
        return err;
    if (ctl_is_json(ctl))
        err = view_json(answer);
    else {
        say(W_TEMPLATE_KEPT, show_text(answer, "name"), NULL);
        err = template_print_checks(answer);
    }
    json_decref(answer);
    return err;
}

json_t *
template_variables(const ctl_t *ctl)
{
    json_t *variables = json_object();
    const char *pair;
    for (size_t cursor = 0; (pair = command_option_next(&ctl->line, "var", &cursor));) {
        const char *equals = strchr(pair, '=');
        char *name = strndup(pair, (size_t)(equals - pair));
        bool set = name && json_object_set_new(variables, name, json_string(equals + 1)) == 0;
        free(name);
        if (!set) {
            json_decref(variables);
            return NULL;
        }
    }
    return variables;
}

static cr_err_t
template_preview(ctl_t *ctl)
{
    json_t *body =
        json_pack("{s:s,s:o}", "to", ctl_option(ctl, "to"), "variables", template_variables(ctl));
    if (!body)
        return words_refuse(&ctl->fault, CR_INVAL, W_NOT_UTF8, NULL);
    json_t *answer;
    const char *path = api_path(ctl->api, "/v1/templates/", ctl_operand(ctl, 0), "/preview", NULL);
    cr_err_t err = api_post(ctl->api, path, body, &answer);
    if (err != CR_OK)
        return err;
    err = ctl_is_json(ctl) ? view_json(answer)
                           : print_channels(answer, show_text(answer, "language"));
    json_decref(answer);
    return err;
}

static const option_t preview_options[] = {
    {"to", OPTION_TEXT, OPTION_REQUIRED, "ID", W_OPT_PREVIEW_TO},
    {"var", OPTION_PAIR, OPTION_REPEATED, "NAME=TEXT", W_OPT_VAR},
    {0},
};

const command_t commands_template[] = {
    {"template list", NULL, NULL, W_HELP_TEMPLATE_LIST, template_list},
    {"template show", "NAME", NULL, W_HELP_TEMPLATE_SHOW, template_show},
    {"template put", "FILE", NULL, W_HELP_TEMPLATE_PUT, template_put},
    {"template preview", "NAME", preview_options, W_HELP_TEMPLATE_PREVIEW, template_preview},
    {0},
};
