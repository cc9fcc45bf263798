#include "show.h"

#include <inttypes.h>

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
