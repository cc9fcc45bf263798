#include "commands.h"
#include "show.h"

/* Every move of a broadcast is a POST under the command's own name, with the options given as the
 * members of its body. */
static cr_err_t
move(ctl_t *ctl)
{
    json_t *body = json_object(), *answer;
    const option_t *option = ctl->line.command->options;
    for (; option && option->name; option++) {
        const char *value = ctl_option(ctl, option->name);
        if (value && json_object_set_new(body, option->name, json_string(value)) != 0) {
            json_decref(body);
            return words_refuse(&ctl->fault, CR_INVAL, W_NOT_UTF8, NULL);
        }
    }
    const char *path = api_path(ctl->api, "/v1/broadcasts/", ctl_operand(ctl, 0), "/",
                                ctl->line.command->words, NULL);
    ctl->about = ctl_operand(ctl, 0);
    cr_err_t err = api_post(ctl->api, path, body, &answer);
    return err == CR_OK ? show_sentence(ctl, answer, W_MOVED, "id", "state") : err;
}

static const option_t approve_options[] = {
    {"hash", OPTION_TEXT, OPTION_OPTIONAL, "HASH", W_OPT_HASH},
    {0},
};
static const option_t reject_options[] = {
    {"reason", OPTION_TEXT, OPTION_REQUIRED, "TEXT", W_OPT_REASON},
    {0},
};
static const option_t cancel_options[] = {
    {"reason", OPTION_TEXT, OPTION_OPTIONAL, "TEXT", W_OPT_REASON},
    {0},
};

const command_t commands_moves[] = {
    {"approve", "ID", approve_options, W_HELP_APPROVE, move},
    {"reject", "ID", reject_options, W_HELP_REJECT, move},
    {"send", "ID", NULL, W_HELP_SEND, move},
    {"pause", "ID", NULL, W_HELP_PAUSE, move},
    {"resume", "ID", NULL, W_HELP_RESUME, move},
    {"cancel", "ID", cancel_options, W_HELP_CANCEL, move},
    {0},
};
