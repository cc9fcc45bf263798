#include "quiet.h"

#include <time.h>

enum { HOUR_MINUTES = 60, DAY_HOURS = 24 };

/* "HH:MM" as minutes of the day; -1: it is not one. */
static int
minutes_of(const char *text)
{
    static const char shape[] = "00:00";
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return -1;
    int hours = (text[0] - '0') * 10 + text[1] - '0';
    int minutes = (text[3] - '0') * 10 + text[4] - '0';
    bool is_time = text[5] == '\0' && hours < DAY_HOURS && minutes < HOUR_MINUTES;
    return is_time ? hours * HOUR_MINUTES + minutes : -1;
}

cr_err_t
quiet_parse(const quiet_config_t *config, quiet_t *self, cr_fault_t *fault)
{
    *self = (quiet_t){.urgent = config->urgent};
    const char *from = config->from ? config->from : "",
               *until = config->until ? config->until : "";
    if (from[0] == '\0' && until[0] == '\0')
        return CR_OK;
    self->from = minutes_of(from);
    self->until = minutes_of(until);
    if (self->from < 0 || self->until < 0)
        return cr_fault_set(fault, CR_INVAL, "quiet.%s: not a time of day like 21:00",
                            self->from < 0 ? "from" : "until");
    if (self->from == self->until)
        return cr_fault_set(fault, CR_INVAL, "quiet.until: the same as quiet.from");
    return CR_OK;
}

static bool
is_inside(const quiet_t *self, int minute)
{
    if (self->from <= self->until)
        return minute >= self->from && minute < self->until;
    return minute >= self->from || minute < self->until;
}

int64_t
quiet_until(const quiet_t *self, int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / CR_US_PER_S);
    struct tm local;
    CR_ASSERT(localtime_r(&seconds, &local));
    int minute = local.tm_hour * HOUR_MINUTES + local.tm_min;
    if (!is_inside(self, minute))
        return 0;
    local.tm_mday += minute >= self->until;
    local.tm_hour = self->until / HOUR_MINUTES;
    local.tm_min = self->until % HOUR_MINUTES;
    local.tm_sec = 0;
    local.tm_isdst = -1;
    return (int64_t)mktime(&local) * CR_US_PER_S;
}

bool
quiet_holds(const quiet_t *self, cr_lane_t lane, bool drill, bool let_through)
{
    bool held_lane = lane > CR_LANE_URGENT || (lane == CR_LANE_URGENT && self->urgent);
    return self->from != self->until && held_lane && !drill && !let_through;
}
