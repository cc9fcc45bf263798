#include "cr_keys.h"

#include "commands.h"

static cr_err_t
keys_curve(ctl_t *ctl)
{
    zsys_handler_set(NULL);
    return cr_keys_make_curve(ctl_operand(ctl, 0), ctl_option(ctl, "name"), &ctl->fault);
}

static cr_err_t
keys_secret(ctl_t *ctl)
{
    return cr_keys_make_secret(ctl_operand(ctl, 0), &ctl->fault);
}

static const option_t curve_options[] = {
    {"name", OPTION_TEXT, OPTION_REQUIRED, "NAME", W_OPT_KEY_NAME},
    {0},
};

const command_t commands_keys[] = {
    {"keys curve", "FILE", curve_options, W_HELP_KEYS_CURVE, keys_curve},
    {"keys secret", "FILE", NULL, W_HELP_KEYS_SECRET, keys_secret},
    {0},
};
