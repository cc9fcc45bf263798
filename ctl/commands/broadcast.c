#include "broadcast.h"

#include <stdlib.h>
#include <string.h>

#include "../summary.h"
#include "audience.h"
#include "commands.h"
#include "cr_clock.h"
#include "show.h"
#include "template.h"

static const view_field_t list_fields[] = {
    {"id", VIEW_TEXT, W_ID},
    {"state", VIEW_NAME, W_STATE},
    {"lane", VIEW_NAME, W_LANE},
    {"drill", VIEW_FLAG, W_DRILL},
    {"audience", VIEW_NUMBER, W_AUDIENCE_TITLE},
    {"created", VIEW_TIME, W_CREATED},
    {"author", VIEW_TEXT, W_AUTHOR},
    {"title", VIEW_TEXT, W_TITLE},
    {0},
};

static const view_field_t broadcast_fields[] = {
    {"id", VIEW_TEXT, W_ID},
    {"state", VIEW_NAME, W_STATE},
    {"title", VIEW_TEXT, W_TITLE},
    {"template", VIEW_TEXT, W_TEMPLATE},
    {"variables", VIEW_NAMES, W_VARIABLES},
    {"to", VIEW_TEXT, W_TO},
    {"audience", VIEW_TEXT, W_AUDIENCE_TITLE},
    {"channels", VIEW_NAMES, W_CHANNELS},
    {"lane", VIEW_NAME, W_LANE},
    {"drill", VIEW_FLAG, W_DRILL},
    {"unique_addresses", VIEW_FLAG, W_UNIQUE_ADDRESSES},
    {"through_quiet", VIEW_TEXT, W_THROUGH_QUIET},
    {"sent_in_quiet", VIEW_FLAG, W_SENT_IN_QUIET},
    {"author", VIEW_TEXT, W_AUTHOR},
    {"approver", VIEW_TEXT, W_APPROVER},
    {"reason", VIEW_TEXT, W_REASON},
    {"note", VIEW_TEXT, W_NOTE},
    {"created", VIEW_TIME, W_CREATED},
    {"submitted", VIEW_TIME, W_SUBMITTED},
    {"approved", VIEW_TIME, W_APPROVED},
    {"at", VIEW_TIME, W_AT},
    {"expires", VIEW_TIME, W_EXPIRES},
    {"started", VIEW_TIME, W_STARTED},
    {"finished", VIEW_TIME, W_FINISHED},
    {"hash", VIEW_TEXT, W_HASH},
    {0},
};

cr_err_t
broadcast_print(const json_t *broadcast)
{
    cr_err_t err = view_record(broadcast, broadcast_fields);
    if (err != CR_OK || json_object_size(json_object_get(broadcast, "counts")) == 0)
        return err;
    progress_t progress;
    progress_read(broadcast, &progress);
    putchar('\n');
    return summary_print(&progress);
}

cr_err_t
broadcast_show(ctl_t *ctl)
{
    json_t *answer;
    const char *path = api_path(ctl->api, "/v1/broadcasts/", ctl_operand(ctl, 0), NULL);
    cr_err_t err = api_get(ctl->api, path, &answer);
    if (err != CR_OK)
        return err;
    err = ctl_is_json(ctl) ? view_json(answer) : broadcast_print(answer);
    json_decref(answer);
    return err;
}

static cr_err_t
broadcast_list(ctl_t *ctl)
{
    const char *state = ctl_option(ctl, "state"), *limit = ctl_option(ctl, "limit");
    const char *path = api_path(ctl->api, "/v1/broadcasts?limit=", limit ? limit : "50",
                                state ? "&state=" : NULL, state, NULL);
    return show_list(ctl, path, list_fields);
}

static cr_err_t
broadcast_submit(ctl_t *ctl)
{
    json_t *answer;
    const char *path = api_path(ctl->api, "/v1/broadcasts/", ctl_operand(ctl, 0), "/submit", NULL);
    cr_err_t err = api_post(ctl->api, path, json_object(), &answer);
    return err == CR_OK ? show_sentence(ctl, answer, W_MOVED, "id", "state") : err;
}

/* -- draft -- */

static json_t *
member_text(const char *value)
{
    return json_string(value);
}

static json_t *
member_flag(const char *value)
{
    (void)value;
    return json_true();
}

static json_t *
member_time(const char *value)
{
    int64_t wall_us;
    char text[CR_TIME_TEXT_MAX];
    if (command_time(value, &wall_us) != CR_OK)
        return NULL;
    return json_string(cr_time_format(wall_us, text));
}

/* "sms,mail" as a list. */
static json_t *
member_list(const char *value)
{
    json_t *list = json_array();
    for (const char *at = value;; at++) {
        size_t length = strcspn(at, ",");
        if (length > 0)
            json_array_append_new(list, json_stringn(at, length));
        at += length;
        if (*at == '\0')
            return list;
    }
}

/* Which option becomes which member of the draft. */
static const struct {
    const char *option, *member;
    json_t *(*make)(const char *value);
} draft_members[] = {
    {"template", "template", member_text},
    {"to", "to", member_text},
    {"channels", "channels", member_list},
    {"lane", "lane", member_text},
    {"at", "at", member_time},
    {"expires", "expires", member_time},
    {"drill", "drill", member_flag},
    {"allow-empty", "allow_empty", member_flag},
    {"unknown", "unknown", member_text},
    {"unique-addresses", "unique_addresses", member_flag},
    {"through-quiet", "through_quiet", member_text},
    {"note", "note", member_text},
};

static json_t *
draft_body(const ctl_t *ctl)
{
    json_t *body = json_object(), *variables = template_variables(ctl);
    bool sound = json_object_set(body, "variables", variables) == 0;
    json_decref(variables);
    for (size_t i = 0; i < CR_COUNT(draft_members) && sound; i++) {
        const char *value = ctl_option(ctl, draft_members[i].option);
        if (value)
            sound = json_object_set_new(body, draft_members[i].member,
                                        draft_members[i].make(value)) == 0;
    }
    if (!sound) {
        json_decref(body);
        return NULL;
    }
    return body;
}

/* The lengths of the short messages; the template may have changed meanwhile, so a failure says
 * nothing about the draft. */
static cr_err_t
print_template_checks(ctl_t *ctl)
{
    json_t *template;
    const char *path = api_path(ctl->api, "/v1/templates/", ctl_option(ctl, "template"), NULL);
    if (api_get(ctl->api, path, &template) != CR_OK)
        return CR_OK;
    cr_err_t err = template_print_checks(template);
    json_decref(template);
    return err;
}

/* What the approver will decide about, before anybody decides. */
static cr_err_t
print_draft(ctl_t *ctl, const json_t *broadcast)
{
    json_t *count;
    cr_err_t err = broadcast_print(broadcast);
    if (err == CR_OK)
        err = audience_count(ctl, ctl_option(ctl, "to"), &count);
    if (err != CR_OK)
        return err;
    putchar('\n');
    err = audience_print(count);
    json_decref(count);
    if (err == CR_OK)
        err = print_template_checks(ctl);
    putchar('\n');
    say(ctl_option(ctl, "keep-draft") ? W_NEXT_SUBMIT : W_NEXT_APPROVE, show_text(broadcast, "id"),
        NULL);
    return err;
}

/* Replaces the drafted broadcast by the submitted one; a failure names the draft that is left. */
static cr_err_t
submit(ctl_t *ctl, json_t **broadcast)
{
    json_t *submitted;
    const char *path =
        api_path(ctl->api, "/v1/broadcasts/", show_text(*broadcast, "id"), "/submit", NULL);
    cr_err_t err = api_post(ctl->api, path, json_object(), &submitted);
    if (err != CR_OK) {
        cr_fault_t why = ctl->fault;
        return cr_fault_set(&ctl->fault, err, "%s: %s", show_text(*broadcast, "id"), why.text);
    }
    json_decref(*broadcast);
    *broadcast = submitted;
    return CR_OK;
}

static cr_err_t
broadcast_draft(ctl_t *ctl)
{
    json_t *body = draft_body(ctl), *broadcast;
    if (!body)
        return words_refuse(&ctl->fault, CR_INVAL, W_NOT_UTF8, NULL);
    ctl->pointed = ctl_option(ctl, "to");
    cr_err_t err = api_post(ctl->api, "/v1/broadcasts", body, &broadcast);
    if (err != CR_OK)
        return err;
    ctl->pointed = NULL;
    if (!ctl_option(ctl, "keep-draft"))
        err = submit(ctl, &broadcast);
    if (err == CR_OK)
        err = ctl_is_json(ctl) ? view_json(broadcast) : print_draft(ctl, broadcast);
    json_decref(broadcast);
    return err;
}

static const option_t draft_options[] = {
    {"template", OPTION_TEXT, OPTION_REQUIRED, "NAME", W_OPT_TEMPLATE},
    {"to", OPTION_TEXT, OPTION_REQUIRED, "SELECTOR", W_OPT_TO},
    {"channels", OPTION_TEXT, OPTION_OPTIONAL, "LIST", W_OPT_CHANNELS},
    {"lane", OPTION_TEXT, OPTION_OPTIONAL, "LANE", W_OPT_LANE},
    {"at", OPTION_TIME, OPTION_OPTIONAL, "TIME", W_OPT_AT},
    {"expires", OPTION_TIME, OPTION_OPTIONAL, "TIME", W_OPT_EXPIRES},
    {"drill", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_OPT_DRILL},
    {"var", OPTION_PAIR, OPTION_REPEATED, "NAME=TEXT", W_OPT_VAR},
    {"allow-empty", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_OPT_ALLOW_EMPTY},
    {"unknown", OPTION_TEXT, OPTION_OPTIONAL, "POLICY", W_OPT_UNKNOWN},
    {"unique-addresses", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_OPT_UNIQUE_ADDRESSES},
    {"through-quiet", OPTION_TEXT, OPTION_OPTIONAL, "REASON", W_OPT_THROUGH_QUIET},
    {"note", OPTION_TEXT, OPTION_OPTIONAL, "TEXT", W_OPT_NOTE},
    {"keep-draft", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_OPT_KEEP_DRAFT},
    {0},
};
static const option_t list_options[] = {
    {"state", OPTION_TEXT, OPTION_OPTIONAL, "STATE", W_OPT_STATE},
    {"limit", OPTION_NUMBER, OPTION_OPTIONAL, "N", W_OPT_LIMIT},
    {0},
};

const command_t commands_broadcast[] = {
    {"broadcast draft", NULL, draft_options, W_HELP_BROADCAST_DRAFT, broadcast_draft},
    {"broadcast list", NULL, list_options, W_HELP_BROADCAST_LIST, broadcast_list},
    {"broadcast show", "ID", NULL, W_HELP_BROADCAST_SHOW, broadcast_show},
    {"broadcast submit", "ID", NULL, W_HELP_BROADCAST_SUBMIT, broadcast_submit},
    {0},
};
