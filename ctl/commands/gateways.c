/* The gateways: what they are at, and how the office uses them. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "show.h"

static const view_field_t fields[] = {
    {"name", VIEW_TEXT, W_NAME},
    {"channel", VIEW_NAME, W_CHANNEL},
    {"drill", VIEW_FLAG, W_DRILL},
    {"state", VIEW_NAME, W_STATE},
    {"workers", VIEW_NUMBER, W_WORKERS},
    {"priority", VIEW_NUMBER, W_PRIORITY},
    {"weight", VIEW_NUMBER, W_WEIGHT},
    {"per_second", VIEW_NUMBER, W_PER_SECOND},
    {"used_today", VIEW_NUMBER, W_USED_TODAY},
    {"per_day", VIEW_NUMBER, W_PER_DAY},
    {"carriers", VIEW_NAMES, W_CARRIERS},
    {"receipts", VIEW_NAME, W_RECEIPTS},
    {"accepted", VIEW_NUMBER, W_ACCEPTED},
    {"failed", VIEW_NUMBER, W_FAILED},
    {"unknown", VIEW_NUMBER, W_UNKNOWN},
    {0},
};

static cr_err_t
list(ctl_t *ctl)
{
    return show_list(ctl, "/v1/gateways", fields);
}

/* Takes the body over. */
static cr_err_t
change(ctl_t *ctl, json_t *body)
{
    json_t *answer;
    const char *path = api_path(ctl->api, "/v1/gateways/", ctl_operand(ctl, 0), NULL);
    ctl->about = ctl_operand(ctl, 0);
    cr_err_t err = api_patch(ctl->api, path, body, &answer);
    return err == CR_OK ? show_record(ctl, answer, fields) : err;
}

/* What is no number goes as it is: the daemon says what it wants. */
static json_t *
number_json(const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 10);
    return *text && *end == '\0' ? json_integer(value) : json_string(text);
}

/* "mobile,unicom"; empty: none. */
static json_t *
names_json(const char *text)
{
    json_t *names = json_array();
    while (*text) {
        size_t length = strcspn(text, ",");
        json_array_append_new(names, json_stringn(text, length));
        text += length;
        text += *text == ',';
    }
    return names;
}

static cr_err_t
set(ctl_t *ctl)
{
    static const struct {
        const char *option, *member;
    } numbers[] = {{"priority", "priority"},
                   {"weight", "weight"},
                   {"rate", "per_second"},
                   {"quota", "per_day"}};
    json_t *body = json_object();
    for (size_t i = 0; i < CR_COUNT(numbers); i++)
        if (ctl_option(ctl, numbers[i].option))
            json_object_set_new(body, numbers[i].member,
                                number_json(ctl_option(ctl, numbers[i].option)));
    const char *carriers = ctl_option(ctl, "carriers");
    if (carriers)
        json_object_set_new(body, "carriers", names_json(carriers));
    return change(ctl, body);
}

static cr_err_t
pause_one(ctl_t *ctl)
{
    return change(ctl, json_pack("{s:b}", "paused", 1));
}

static cr_err_t
resume_one(ctl_t *ctl)
{
    return change(ctl, json_pack("{s:b}", "paused", 0));
}

static const option_t set_options[] = {
    {"priority", OPTION_TEXT, OPTION_OPTIONAL, "N", W_OPT_PRIORITY},
    {"weight", OPTION_TEXT, OPTION_OPTIONAL, "N", W_OPT_WEIGHT},
    {"rate", OPTION_TEXT, OPTION_OPTIONAL, "N", W_OPT_RATE},
    {"quota", OPTION_TEXT, OPTION_OPTIONAL, "N", W_OPT_QUOTA},
    {"carriers", OPTION_TEXT, OPTION_OPTIONAL, "NAMES", W_OPT_CARRIERS},
    {0},
};

const command_t commands_gateways[] = {
    {"gateways", NULL, NULL, W_HELP_GATEWAYS, list},
    {"gateways set", "NAME", set_options, W_HELP_GATEWAYS_SET, set},
    {"gateways pause", "NAME", NULL, W_HELP_GATEWAYS_PAUSE, pause_one},
    {"gateways resume", "NAME", NULL, W_HELP_GATEWAYS_RESUME, resume_one},
    {0},
};
