#include "scenario.h"

#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"

enum { STEPS_MAX = 1000 };

typedef struct {
    bool channels[CR_CHANNEL_COUNT], given[FAULT_SETTINGS];
    int64_t after_submits, after_ms;
    int64_t values[FAULT_SETTINGS];
} step_t;

struct scenario {
    size_t count;
    size_t at[CR_CHANNEL_COUNT]; /* the step that each channel waits for */
    step_t steps[];
};

static cr_err_t
refuse(const config_setting_t *member, const char *file, const char *why, cr_fault_t *fault)
{
    const char *name = config_setting_name(member);
    return cr_fault_set(fault, CR_INVAL, "%s:%u: %s: %s", file, config_setting_source_line(member),
                        name ? name : "step", why);
}

static bool
read_channel(const config_setting_t *member, step_t *step)
{
    const char *name = config_setting_get_string(member);
    cr_channel_t channel;
    if (!name)
        return false;
    bool all = strcmp(name, "all") == 0;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        step->channels[i] = all;
    if (all)
        return true;
    if (cr_channel_parse(name, &channel) != CR_OK)
        return false;
    step->channels[channel] = true;
    return true;
}

static bool
is_number(const config_setting_t *member)
{
    int type = config_setting_type(member);
    return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static cr_err_t
read_fault(const char *name, int64_t value, step_t *step)
{
    fault_settings_t trial = {0};
    cr_err_t err = fault_settings_set(&trial, name, value);
    for (size_t i = 0; err == CR_OK && i < FAULT_SETTINGS; i++)
        if (strcmp(fault_members[i].name, name) == 0) {
            step->given[i] = true;
            step->values[i] = value;
        }
    return err;
}

static cr_err_t
read_member(const config_setting_t *member, step_t *step)
{
    const char *name = config_setting_name(member);
    if (strcmp(name, "channel") == 0)
        return read_channel(member, step) ? CR_OK : CR_INVAL;
    int64_t value = is_number(member) ? config_setting_get_int64(member) : -1;
    if (value < 0)
        return CR_INVAL;
    if (strcmp(name, "after_submits") == 0)
        step->after_submits = value;
    else if (strcmp(name, "after_ms") == 0)
        step->after_ms = value;
    else
        return read_fault(name, value, step);
    return CR_OK;
}

static cr_err_t
read_step(const config_setting_t *group, const char *file, step_t *step, cr_fault_t *fault)
{
    if (!config_setting_is_group(group))
        return refuse(group, file, "a group { ... } is needed", fault);
    if (!config_setting_get_member(group, "channel"))
        return refuse(group, file, "channel must be given", fault);
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        cr_err_t err = read_member(member, step);
        if (err != CR_OK)
            return refuse(member, file, err == CR_NOTFOUND ? "no such member" : cr_err_text(err),
                          fault);
    }
    return CR_OK;
}

static cr_err_t
read_steps(const config_t *config, const char *file, scenario_t **self_p, cr_fault_t *fault)
{
    const config_setting_t *list = config_lookup(config, "steps");
    if (!list || !config_setting_is_list(list) || config_setting_length(list) > STEPS_MAX)
        return cr_fault_set(fault, CR_INVAL, "%s: steps = ( ... ) is needed, of at most %d", file,
                            STEPS_MAX);
    size_t count = (size_t)config_setting_length(list);
    scenario_t *self = calloc(1, sizeof *self + count * sizeof *self->steps);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    cr_err_t err = CR_OK;
    for (self->count = 0; err == CR_OK && self->count < count; self->count++)
        err = read_step(config_setting_get_elem(list, (unsigned)self->count), file,
                        &self->steps[self->count], fault);
    if (err == CR_OK)
        *self_p = self;
    else
        free(self);
    return err;
}

cr_err_t
scenario_load(const char *file, scenario_t **self, cr_fault_t *fault)
{
    config_t config;
    config_init(&config);
    cr_err_t err = config_read_file(&config, file)
                       ? read_steps(&config, file, self, fault)
                       : cr_fault_set(fault, CR_INVAL, "%s:%d: %s", file,
                                      config_error_line(&config), config_error_text(&config));
    config_destroy(&config);
    return err;
}

void
scenario_destroy(scenario_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static void
apply(const step_t *step, fault_settings_t *settings)
{
    for (size_t i = 0; i < FAULT_SETTINGS; i++)
        if (step->given[i])
            CR_ASSERT(fault_settings_set(settings, fault_members[i].name, step->values[i]) ==
                      CR_OK);
}

void
scenario_advance(scenario_t *self, cr_channel_t channel, int64_t submits, int64_t elapsed_us,
                 fault_settings_t *settings)
{
    for (size_t *at = &self->at[channel]; *at < self->count; (*at)++) {
        const step_t *step = &self->steps[*at];
        if (!step->channels[channel])
            continue;
        if (submits <= step->after_submits || elapsed_us < step->after_ms * CR_US_PER_MS)
            return;
        apply(step, settings);
    }
}
