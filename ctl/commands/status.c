#include "broadcast.h"

#include <string.h>

#include "commands.h"
#include "show.h"

static const view_field_t status_fields[] = {
    {"version", VIEW_TEXT, W_VERSION}, {"uptime_s", VIEW_TEXT, W_UPTIME_S},
    {"redis", VIEW_NAME, W_REDIS},     {"recipients", VIEW_TEXT, W_RECIPIENTS},
    {"workers", VIEW_TEXT, W_WORKERS}, {"broadcasts", VIEW_NAMES, W_BROADCASTS},
    {"epoch", VIEW_TEXT, W_EPOCH},     {0},
};

static const view_field_t queue_fields[] = {
    {"id", VIEW_TEXT, W_ID},
    {"channel", VIEW_NAME, W_CHANNEL},
    {"lane", VIEW_NAME, W_LANE},
    {"drill", VIEW_FLAG, W_DRILL},
    {"state", VIEW_NAME, W_STATE},
    {"total", VIEW_NUMBER, W_TOTAL},
    {"waiting", VIEW_NUMBER, W_WAITING},
    {"leased", VIEW_NUMBER, W_LEASED},
    {"retry", VIEW_NUMBER, W_RETRY},
    {"accepted", VIEW_NUMBER, W_ACCEPTED},
    {"unknown", VIEW_NUMBER, W_UNKNOWN},
    {"settled", VIEW_NUMBER, W_SETTLED},
    {"waits_for", VIEW_WAIT, W_WAITS_FOR},
    {"since", VIEW_TIME, W_SINCE},
    {"paused_by", VIEW_TEXT, W_PAUSED_BY},
    {0},
};

static const view_field_t worker_fields[] = {
    {"name", VIEW_TEXT, W_NAME},
    {"channel", VIEW_NAME, W_CHANNEL},
    {"gateway", VIEW_TEXT, W_GATEWAY},
    {"drill", VIEW_FLAG, W_DRILL},
    {"state", VIEW_NAME, W_STATE},
    {"leases", VIEW_NUMBER, W_LEASES},
    {"credit", VIEW_NUMBER, W_CREDIT},
    {"window", VIEW_NUMBER, W_WINDOW},
    {"outcomes", VIEW_NUMBER, W_OUTCOMES},
    {"rate", VIEW_NUMBER, W_PER_SECOND},
    {"per_second", VIEW_NUMBER, W_LIMIT},
    {"heard_ms_ago", VIEW_MS, W_HEARD_AGO},
    {"connected", VIEW_TIME, W_CONNECTED},
    {"version", VIEW_TEXT, W_VERSION},
    {0},
};

static cr_err_t
status(ctl_t *ctl)
{
    if (ctl_operand(ctl, 0))
        return broadcast_show(ctl);
    json_t *answer;
    cr_err_t err = api_get(ctl->api, "/v1/status", &answer);
    return err == CR_OK ? show_record(ctl, answer, status_fields) : err;
}

static cr_err_t
queue(ctl_t *ctl)
{
    return show_list(ctl, "/v1/queue", queue_fields);
}

static cr_err_t
workers(ctl_t *ctl)
{
    return show_list(ctl, "/v1/workers", worker_fields);
}

/* The command's second word is the route's. */
static cr_err_t
workers_drain(ctl_t *ctl)
{
    json_t *answer;
    const char *verb = strchr(ctl->line.command->words, ' ') + 1;
    const char *path = api_path(ctl->api, "/v1/workers/", ctl_operand(ctl, 0), "/", verb, NULL);
    ctl->about = ctl_operand(ctl, 0);
    cr_err_t err = api_post(ctl->api, path, json_object(), &answer);
    return err == CR_OK ? show_sentence(ctl, answer, W_MOVED, "name", "state") : err;
}

const command_t commands_status[] = {
    {"status", "[ID]", NULL, W_HELP_STATUS, status},
    {"queue", NULL, NULL, W_HELP_QUEUE, queue},
    {"workers", NULL, NULL, W_HELP_WORKERS, workers},
    {"workers drain", "NAME", NULL, W_HELP_WORKERS_DRAIN, workers_drain},
    {"workers undrain", "NAME", NULL, W_HELP_WORKERS_UNDRAIN, workers_drain},
    {0},
};
