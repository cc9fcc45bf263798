#include "audience.h"

#include "../table.h"
#include "commands.h"
#include "show.h"

static const view_field_t town_fields[] = {
    {"name", VIEW_TEXT, W_TOWN},
    {"code", VIEW_TEXT, W_DIVISION},
    {"count", VIEW_NUMBER, W_PEOPLE},
    {0},
};

cr_err_t
audience_count(ctl_t *ctl, const char *selector, json_t **answer)
{
    ctl->pointed = selector;
    cr_err_t err =
        api_get(ctl->api, api_path(ctl->api, "/v1/audience?select=", selector, NULL), answer);
    if (err == CR_OK)
        ctl->pointed = NULL;
    return err;
}

static cr_err_t
print_channels(const json_t *channels)
{
    table_t *table = table_new();
    table_column(table, word(W_CHANNEL), false);
    table_column(table, word(W_REACHABLE), true);
    const char *name;
    json_t *count;
    json_object_foreach((json_t *)channels, name, count)
    {
        table_cell(table, word_for(name));
        table_number(table, json_integer_value(count));
    }
    return table_finish(&table);
}

cr_err_t
audience_print(const json_t *count)
{
    char people[24];
    bool one = json_integer_value(json_object_get(count, "count")) == 1;
    say(one ? W_AUDIENCE_ONE : W_AUDIENCE, show_number(count, "count", people),
        show_text(count, "select"), NULL);
    putchar('\n');
    cr_err_t err = print_channels(json_object_get(count, "channels"));
    const json_t *towns = json_object_get(count, "towns");
    if (err != CR_OK || json_array_size(towns) == 0)
        return err;
    putchar('\n');
    return view_list(towns, town_fields);
}

static cr_err_t
count(ctl_t *ctl)
{
    json_t *answer;
    cr_err_t err = audience_count(ctl, ctl_operand(ctl, 0), &answer);
    if (err != CR_OK)
        return err;
    err = ctl_is_json(ctl) ? view_json(answer) : audience_print(answer);
    json_decref(answer);
    return err;
}

const command_t commands_audience[] = {
    {"count", "SELECTOR", NULL, W_HELP_COUNT, count},
    {0},
};
