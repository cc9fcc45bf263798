#include <stdlib.h>

#include "../command.h"
#include "commands.h"
#include "cr_clock.h"
#include "show.h"

enum { LIMIT = 50, PAGE_MAX = 100 };

/* clang-format off */
static const view_field_t reply_fields[] = {
    {"at", VIEW_TIME, W_WHEN},
    {"channel", VIEW_NAME, W_CHANNEL},
    {"address", VIEW_TEXT, W_FROM_WHOM},
    {"recipients", VIEW_NAMES, W_RECIPIENTS},
    {"kind", VIEW_NAME, W_KIND},
    {"text", VIEW_TEXT, W_TEXT},
    {"did", VIEW_NAME, W_DID},
    {"drill", VIEW_FLAG, W_DRILL},
    {0},
};
/* clang-format on */

/* A page from `cursor` on (NULL: the newest) with at most so many. */
static const char *
page_path(ctl_t *ctl, size_t limit, const char *cursor)
{
    char count[24], since[CR_TIME_TEXT_MAX] = "";
    int64_t since_us;
    const char *wanted = ctl_option(ctl, "since"), *recipient = ctl_option(ctl, "recipient");
    snprintf(count, sizeof count, "%zu", limit < PAGE_MAX ? limit : (size_t)PAGE_MAX);
    if (wanted && command_time(wanted, &since_us) == CR_OK)
        cr_time_format(since_us, since);
    return api_path(ctl->api, "/v1/replies?limit=", count, since[0] ? "&since=" : "", since,
                    recipient ? "&recipient=" : "", recipient ? recipient : "",
                    cursor ? "&cursor=" : "", cursor ? cursor : "", NULL);
}

/* A page holds only those of what was looked at that are asked for, so it may be short and not be the
 * last: pages are read until there are enough. */
static cr_err_t
read_replies(ctl_t *ctl, size_t limit, json_t *items, json_t **next)
{
    while (json_array_size(items) < limit) {
        json_t *page;
        const char *cursor = json_string_value(*next);
        cr_err_t err =
            api_get(ctl->api, page_path(ctl, limit - json_array_size(items), cursor), &page);
        if (err != CR_OK)
            return err;
        json_array_extend(items, json_object_get(page, "items"));
        json_decref(*next);
        *next = json_incref(json_object_get(page, "next"));
        json_decref(page);
        if (!json_is_string(*next))
            break;
    }
    return CR_OK;
}

static cr_err_t
show(ctl_t *ctl, const json_t *items, json_t *next)
{
    if (!ctl_is_json(ctl)) {
        cr_err_t err = view_list(items, reply_fields);
        if (json_is_string(next))
            say(W_THERE_IS_MORE, NULL);
        return err;
    }
    json_t *document = json_pack("{s:O}", "items", items);
    if (next)
        json_object_set(document, "next", next);
    cr_err_t err = view_json(document);
    json_decref(document);
    return err;
}

static cr_err_t
replies(ctl_t *ctl)
{
    const char *limit = ctl_option(ctl, "limit");
    json_t *items = json_array(), *next = NULL;
    cr_err_t err = read_replies(ctl, limit ? strtoul(limit, NULL, 10) : LIMIT, items, &next);
    if (err == CR_OK)
        err = show(ctl, items, next);
    json_decref(items);
    json_decref(next);
    return err;
}

static const option_t replies_options[] = {
    {"recipient", OPTION_TEXT, OPTION_OPTIONAL, "ID", W_OPT_RECIPIENT},
    {"since", OPTION_TIME, OPTION_OPTIONAL, "TIME", W_OPT_SINCE},
    {"limit", OPTION_NUMBER, OPTION_OPTIONAL, "N", W_OPT_LIMIT},
    {0},
};

const command_t commands_replies[] = {
    {"replies", NULL, replies_options, W_HELP_REPLIES, replies},
    {0},
};
