#include "show.h"

#include <inttypes.h>
#include <string.h>

cr_err_t
show_list(ctl_t *ctl, const char *path, const view_field_t *fields)
{
    json_t *answer;
    cr_err_t err = api_get(ctl->api, path, &answer);
    if (err != CR_OK)
        return err;
    if (ctl_is_json(ctl))
        err = view_json(answer);
    else {
        err = view_list(json_object_get(answer, "items"), fields);
        if (json_is_string(json_object_get(answer, "next")))
            say(W_THERE_IS_MORE, NULL);
    }
    json_decref(answer);
    return err;
}

cr_err_t
show_record(ctl_t *ctl, json_t *answer, const view_field_t *fields)
{
    cr_err_t err = ctl_is_json(ctl) ? view_json(answer) : view_record(answer, fields);
    json_decref(answer);
    return err;
}

cr_err_t
show_sentence(ctl_t *ctl, json_t *answer, word_t sentence, const char *first, const char *second)
{
    cr_err_t err = CR_OK;
    if (ctl_is_json(ctl))
        err = view_json(answer);
    else
        say(sentence, first ? word_for(show_text(answer, first)) : "",
            second ? word_for(show_text(answer, second)) : "", NULL);
    json_decref(answer);
    return err;
}

const char *
show_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

const char *
show_number(const json_t *object, const char *member, char out[24])
{
    snprintf(out, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(object, member)));
    return out;
}

static void
append_source(cr_str_t *out, const json_t *reason)
{
    static const struct {
        const char *source;
        word_t sentence;
    } sources[] = {{"staff", W_SOURCE_STAFF},
                   {"import", W_SOURCE_IMPORT},
                   {"reply", W_SOURCE_REPLY},
                   {"unsubscribe", W_SOURCE_UNSUBSCRIBE}};
    const char *source = show_text(reason, "source");
    for (size_t i = 0; i < CR_COUNT(sources); i++)
        if (strcmp(source, sources[i].source) == 0)
            words_fill(out, sources[i].sentence, show_text(reason, "detail"), NULL);
}

void
show_opt_out(const char *channel, const json_t *reason)
{
    cr_str_t when, why;
    if (!reason)
        return;
    cr_str_init(&when, 64);
    cr_str_init(&why, 256);
    view_append(&when, VIEW_TIME, json_object_get(reason, "at"));
    append_source(&why, reason);
    if (channel)
        say(W_OPTED_OUT_SINCE, word_for(channel), cr_str_text(&when), cr_str_text(&why), NULL);
    else
        say(W_STORY_OPTED_OUT, cr_str_text(&when), cr_str_text(&why), NULL);
    cr_str_fini(&when);
    cr_str_fini(&why);
}
