#include "control.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What pushes of a channel are called, where it has any. */
static const char *const url_members[CR_CHANNEL_COUNT] = {
    [CR_CHANNEL_SMS] = "receipt_url", [CR_CHANNEL_WECHAT] = "event_url"};

/* A change before it is made: settings of all channels, and the new URLs (borrowed, or NULL). */
typedef struct {
    bool chosen[CR_CHANNEL_COUNT];
    fault_settings_t settings[CR_CHANNEL_COUNT];
    const char *urls[CR_CHANNEL_COUNT];
} change_t;

static void
write_json(web_answer_t *answer, json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    if (text)
        cr_str_append_text(&answer->body, text);
    cr_str_append_char(&answer->body, '\n');
    free(text);
    json_decref(value);
}

static json_t *
view_of(const gateway_t *gateway)
{
    json_t *view = json_object();
    for (size_t i = 0; i < FAULT_SETTINGS; i++) {
        const char *at = (const char *)&gateway->faults.settings + fault_members[i].offset;
        json_object_set_new(view, fault_members[i].name,
                            json_integer(*(const int64_t *)(const void *)at));
    }
    if (url_members[gateway->channel])
        json_object_set_new(view, url_members[gateway->channel],
                            json_string(receipts_url(gateway->receipts)));
    return view;
}

void
control_answer_get(void *context, const web_request_t *request, web_answer_t *answer)
{
    (void)request;
    const control_t *self = context;
    json_t *channels = json_object();
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        json_object_set_new(channels, cr_channel_name((cr_channel_t)i),
                            view_of(&self->gateways[i]));
    write_json(answer, json_pack("{so}", "channels", channels));
}

static cr_err_t
choose(change_t *change, const json_t *channel)
{
    const char *name = json_string_value(channel);
    cr_channel_t one;
    if (!name)
        return CR_INVAL;
    if (strcmp(name, "all") == 0) {
        for (int i = 0; i < CR_CHANNEL_COUNT; i++)
            change->chosen[i] = true;
        return CR_OK;
    }
    if (cr_channel_parse(name, &one) != CR_OK)
        return CR_INVAL;
    change->chosen[one] = true;
    return CR_OK;
}

static bool
is_url(const char *text)
{
    return text &&
           (*text == '\0' || strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0);
}

/* CR_NOTFOUND when no chosen channel pushes under this name. */
static cr_err_t
set_url(change_t *change, const char *name, const json_t *value)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        if (!change->chosen[i] || !url_members[i] || strcmp(url_members[i], name) != 0)
            continue;
        if (!is_url(json_string_value(value)))
            return CR_INVAL;
        change->urls[i] = json_string_value(value);
        return CR_OK;
    }
    return CR_NOTFOUND;
}

static cr_err_t
set_member(change_t *change, const char *name, const json_t *value)
{
    if (strcmp(name, "channel") == 0)
        return CR_OK;
    cr_err_t err = set_url(change, name, value);
    if (err != CR_NOTFOUND)
        return err;
    fault_settings_t trial = {0};
    err = fault_settings_set(&trial, name, json_is_integer(value) ? json_integer_value(value) : -1);
    for (int i = 0; err == CR_OK && i < CR_CHANNEL_COUNT; i++)
        if (change->chosen[i])
            err = fault_settings_set(&change->settings[i], name, json_integer_value(value));
    return err;
}

static cr_err_t
commit(control_t *self, const change_t *change)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        self->gateways[i].faults.settings = change->settings[i];
        if (!change->urls[i])
            continue;
        cr_err_t err = receipts_set_url(self->gateways[i].receipts, change->urls[i]);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

static void
refuse(web_answer_t *answer, const char *member, const char *why)
{
    answer->status = 400;
    write_json(answer, json_pack("{ss ss}", "member", member, "error", why));
}

/* The first member that cannot be, or NULL when the change was made. */
static const char *
apply(control_t *self, json_t *asked, cr_err_t *err)
{
    change_t change = {0};
    const char *name;
    json_t *value;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        change.settings[i] = self->gateways[i].faults.settings;
    if ((*err = choose(&change, json_object_get(asked, "channel"))) != CR_OK)
        return "channel";
    json_object_foreach(asked, name, value)
    {
        if ((*err = set_member(&change, name, value)) != CR_OK)
            return name;
    }
    *err = commit(self, &change);
    return NULL;
}

void
control_answer_post(void *context, const web_request_t *request, web_answer_t *answer)
{
    control_t *self = context;
    cr_slice_t body = web_body(request);
    cr_err_t err = CR_OK;
    json_t *asked = json_loadb(body.text, body.length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(asked)) {
        refuse(answer, "", "a JSON object is needed");
    } else {
        const char *member = apply(self, asked, &err);
        if (member)
            refuse(answer, member, err == CR_NOTFOUND ? "no such member" : cr_err_text(err));
        else if (err != CR_OK)
            answer->status = 503;
        else
            control_answer_get(self, request, answer);
    }
    json_decref(asked);
}
