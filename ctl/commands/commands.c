#include "commands.h"

const command_group_t command_groups[] = {
    {W_GROUP_PEOPLE, commands_recipients},
    {W_NONE, commands_replies},
    {W_NONE, commands_audience},
    {W_GROUP_TEMPLATES, commands_template},
    {W_GROUP_BROADCASTS, commands_broadcast},
    {W_NONE, commands_moves},
    {W_GROUP_STATUS, commands_watch},
    {W_NONE, commands_status},
    {W_NONE, commands_gateways},
    {W_NONE, commands_explain},
    {W_NONE, commands_unknown},
    {W_GROUP_OFFICE, commands_user},
    {W_NONE, commands_audit},
    {W_GROUP_KEYS, commands_keys},
    {0},
};
