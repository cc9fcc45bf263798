#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "show.h"

static const view_field_t user_fields[] = {
    {"name", VIEW_TEXT, W_NAME},       {"person", VIEW_TEXT, W_PERSON},
    {"roles", VIEW_NAMES, W_ROLES},    {"created", VIEW_TIME, W_CREATED},
    {"revoked", VIEW_TIME, W_REVOKED}, {0},
};

/* Writes the token and closes the file; removes it when that fails. */
static cr_err_t
token_write(ctl_t *ctl, int fd, const char *file, const char *token)
{
    size_t length = strlen(token);
    bool written =
        write(fd, token, length) == (ssize_t)length && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    if (close(fd) == 0 && written)
        return CR_OK;
    cr_err_t err = ctl_refuse_file(ctl, file, CR_EXIT_CANTCREAT);
    unlink(file);
    return err;
}

/* The file is made before the user is: a token that cannot be kept would be lost for good. */
static cr_err_t
add_with_file(ctl_t *ctl, json_t *body, const char *file)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        json_decref(body);
        return ctl_refuse_file(ctl, file, CR_EXIT_CANTCREAT);
    }
    json_t *answer;
    cr_err_t err = api_post(ctl->api, "/v1/users", body, &answer);
    if (err != CR_OK) {
        close(fd);
        unlink(file);
        return err;
    }
    err = token_write(ctl, fd, file, show_text(answer, "token"));
    json_object_del(answer, "token");
    if (err == CR_OK)
        return show_sentence(ctl, answer, W_USER_ADDED_FILE, "name", NULL);
    json_decref(answer);
    return err;
}

static cr_err_t
user_add(ctl_t *ctl)
{
    json_t *roles = json_array();
    const char *role;
    for (size_t cursor = 0; (role = command_option_next(&ctl->line, "role", &cursor));)
        json_array_append_new(roles, json_string(role));
    json_t *body = json_pack("{s:s,s:s,s:o}", "name", ctl_operand(ctl, 0), "person",
                             ctl_option(ctl, "person"), "roles", roles);
    if (!body)
        return words_refuse(&ctl->fault, CR_INVAL, W_NOT_UTF8, NULL);
    const char *file = ctl_option(ctl, "token-file");
    if (file)
        return add_with_file(ctl, body, file);
    json_t *answer;
    cr_err_t err = api_post(ctl->api, "/v1/users", body, &answer);
    return err == CR_OK ? show_sentence(ctl, answer, W_USER_ADDED, "name", "token") : err;
}

static cr_err_t
user_list(ctl_t *ctl)
{
    return show_list(ctl, "/v1/users", user_fields);
}

static cr_err_t
user_revoke(ctl_t *ctl)
{
    const char *name = ctl_operand(ctl, 0);
    cr_err_t err = api_delete(ctl->api, api_path(ctl->api, "/v1/users/", name, NULL));
    if (err == CR_OK && !ctl_is_json(ctl))
        say(W_USER_REVOKED, name, NULL);
    return err;
}

static const option_t add_options[] = {
    {"person", OPTION_TEXT, OPTION_REQUIRED, "PERSON", W_OPT_PERSON},
    {"role", OPTION_TEXT, OPTION_REPEATED, "ROLE", W_OPT_ROLE},
    {"token-file", OPTION_TEXT, OPTION_OPTIONAL, "FILE", W_OPT_TOKEN_OUT},
    {0},
};

const command_t commands_user[] = {
    {"user add", "NAME", add_options, W_HELP_USER_ADD, user_add},
    {"user list", NULL, NULL, W_HELP_USER_LIST, user_list},
    {"user revoke", "NAME", NULL, W_HELP_USER_REVOKE, user_revoke},
    {0},
};
