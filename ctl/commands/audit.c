#include "commands.h"
#include "show.h"

static const view_field_t audit_fields[] = {
    {"n", VIEW_NUMBER, W_NUMBER},
    {"at", VIEW_TIME, W_WHEN},
    {"who", VIEW_TEXT, W_WHO},
    {"what", VIEW_TEXT, W_WHAT},
    {"object", VIEW_TEXT, W_OBJECT},
    {"detail", VIEW_NAMES, W_DETAIL},
    {0},
};

static cr_err_t
audit(ctl_t *ctl)
{
    const char *limit = ctl_option(ctl, "limit");
    return show_list(ctl, api_path(ctl->api, "/v1/audit?limit=", limit ? limit : "50", NULL),
                     audit_fields);
}

static const option_t audit_options[] = {
    {"limit", OPTION_NUMBER, OPTION_OPTIONAL, "N", W_OPT_LIMIT},
    {0},
};

const command_t commands_audit[] = {
    {"audit", NULL, audit_options, W_HELP_AUDIT, audit},
    {0},
};
