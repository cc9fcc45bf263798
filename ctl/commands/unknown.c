/* What is unknown of a broadcast, and the decision about it. */
#include "commands.h"
#include "show.h"

static const view_field_t row_fields[] = {
    {"channel", VIEW_NAME, W_CHANNEL}, {"unknown", VIEW_NUMBER, W_UNKNOWN},
    {"since", VIEW_TIME, W_SINCE},     {"worker", VIEW_TEXT, W_WORKER},
    {"gateway", VIEW_TEXT, W_GATEWAY}, {0},
};

/* A row for each worker and gateway of each channel. */
static json_t *
rows_of(const json_t *answer)
{
    json_t *rows = json_array(), *channel, *row;
    const char *name;
    size_t index;
    json_object_foreach(json_object_get(answer, "channels"), name, channel)
    {
        json_array_foreach(json_object_get(channel, "by"), index, row)
        {
            json_object_set_new(row, "channel", json_string(name));
            json_array_append(rows, row);
        }
    }
    return rows;
}

static cr_err_t
print(const json_t *answer)
{
    json_t *rows = rows_of(answer);
    bool none = json_array_size(rows) == 0;
    cr_err_t err = none ? CR_OK : view_list(rows, row_fields);
    json_decref(rows);
    if (none)
        say(W_NOTHING_UNKNOWN, show_text(answer, "id"), NULL);
    else
        say(W_UNKNOWN_POLICY, word_for(show_text(answer, "policy")), show_text(answer, "id"), NULL);
    return err;
}

static cr_err_t
list(ctl_t *ctl, const char *path)
{
    json_t *answer;
    cr_err_t err = api_get(ctl->api, path, &answer);
    if (err != CR_OK)
        return err;
    err = ctl_is_json(ctl) ? view_json(answer) : print(answer);
    json_decref(answer);
    return err;
}

static cr_err_t
decide(ctl_t *ctl, const char *path, const char *action)
{
    json_t *body = json_pack("{s:s}", "action", action), *answer, *channels = json_array();
    const char *channel;
    for (size_t cursor = 0; (channel = command_option_next(&ctl->line, "channel", &cursor));)
        json_array_append_new(channels, json_string(channel));
    if (json_array_size(channels) > 0)
        json_object_set(body, "channels", channels);
    json_decref(channels);
    cr_err_t err = api_post(ctl->api, path, body, &answer);
    if (err != CR_OK)
        return err;
    char changed[24];
    if (ctl_is_json(ctl))
        err = view_json(answer);
    else
        say(action[0] == 'r' ? W_RESENT : W_PRESUMED, show_number(answer, "changed", changed),
            show_text(answer, "id"), NULL);
    json_decref(answer);
    return err;
}

static cr_err_t
unknown(ctl_t *ctl)
{
    bool resend = ctl_option(ctl, "resend") != NULL, accept = ctl_option(ctl, "accept") != NULL;
    const char *path = api_path(ctl->api, "/v1/broadcasts/", ctl_operand(ctl, 0), "/unknown", NULL);
    ctl->about = ctl_operand(ctl, 0);
    if (resend && accept)
        return words_refuse(&ctl->fault, CR_INVAL, W_RESEND_OR_ACCEPT, NULL);
    if (resend || accept)
        return decide(ctl, path, resend ? "resend" : "accept");
    return list(ctl, path);
}

static const option_t unknown_options[] = {
    {"resend", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_OPT_RESEND},
    {"accept", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_OPT_ACCEPT},
    {"channel", OPTION_TEXT, OPTION_REPEATED, "CHANNEL", W_OPT_CHANNEL},
    {0},
};

const command_t commands_unknown[] = {
    {"unknown", "ID", unknown_options, W_HELP_UNKNOWN, unknown},
    {0},
};
