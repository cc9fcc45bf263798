#include "commands.h"

const command_group_t command_groups[] = {
    {W_GROUP_KEYS, commands_keys},
    {0},
};
