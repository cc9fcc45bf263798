#include "cr_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t
clock_us(clockid_t clock)
{
    struct timespec now;
    CR_ASSERT(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * CR_US_PER_S + now.tv_nsec / 1000;
}

int64_t
cr_clock_mono_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t
cr_clock_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

cr_err_t
cr_clock_set_zone(const char *zone)
{
    char path[256];
    int length = snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    bool named = zone[0] != '\0' && !strstr(zone, "..") && zone[0] != '/';
    if (!named || length >= (int)sizeof path || access(path, R_OK) != 0)
        return CR_INVAL;
    if (setenv("TZ", zone, 1) != 0)
        return CR_NOMEM;
    tzset();
    return CR_OK;
}

int64_t
cr_clock_zone_us(int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / CR_US_PER_S);
    struct tm local;
    CR_ASSERT(localtime_r(&seconds, &local));
    return local.tm_gmtoff * CR_US_PER_S;
}

const char *
cr_time_format(int64_t wall_us, char out[CR_TIME_TEXT_MAX])
{
    time_t seconds = (time_t)(wall_us / CR_US_PER_S);
    struct tm local;
    CR_ASSERT(localtime_r(&seconds, &local));
    unsigned minutes = (unsigned)labs(local.tm_gmtoff) / 60 % 1440;
    char date[24];
    CR_ASSERT(strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &local) > 0);
    snprintf(out, CR_TIME_TEXT_MAX, "%.19s.%03u%c%02u:%02u", date,
             (unsigned)(wall_us % CR_US_PER_S / 1000) % 1000, local.tm_gmtoff < 0 ? '-' : '+',
             minutes / 60, minutes % 60);
    return out;
}

const char *
cr_time_format_short(int64_t wall_us, char out[CR_TIME_TEXT_MAX])
{
    time_t seconds = (time_t)(wall_us / CR_US_PER_S);
    struct tm local;
    CR_ASSERT(localtime_r(&seconds, &local));
    CR_ASSERT(strftime(out, CR_TIME_TEXT_MAX, "%Y-%m-%d %H:%M", &local) > 0);
    return out;
}

/* Exactly `digits` digits at *text, within [min, max]; moves *text behind them. */
static bool
number_take(const char **text, int digits, int min, int max, int *value)
{
    int number = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        number = number * 10 + (c - '0');
    }
    *text += digits;
    *value = number;
    return number >= min && number <= max;
}

static bool
char_take(const char **text, const char *allowed)
{
    if (**text == '\0' || !strchr(allowed, **text))
        return false;
    (*text)++;
    return true;
}

static bool
date_take(const char **text, struct tm *out)
{
    int year, month;
    if (!number_take(text, 4, 1970, 9999, &year) || !char_take(text, "-") ||
        !number_take(text, 2, 1, 12, &month) || !char_take(text, "-") ||
        !number_take(text, 2, 1, 31, &out->tm_mday))
        return false;
    out->tm_year = year - 1900;
    out->tm_mon = month - 1;
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return out->tm_mday <= days[out->tm_mon] + (leap && out->tm_mon == 1 ? 1 : 0);
}

static bool
fraction_take(const char **text, int64_t *us)
{
    *us = 0;
    if (**text != '.')
        return true;
    (*text)++;
    int64_t unit = CR_US_PER_S / 10;
    const char *start = *text;
    for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10)
        *us += unit * (**text - '0');
    return *text > start;
}

/* "Z" or "+08:00"; seconds east of UTC. */
static bool
offset_take(const char **text, int64_t *seconds)
{
    *seconds = 0;
    if (char_take(text, "Zz"))
        return true;
    char sign = **text;
    int hours, minutes;
    if (!char_take(text, "+-") || !number_take(text, 2, 0, 23, &hours) || !char_take(text, ":") ||
        !number_take(text, 2, 0, 59, &minutes))
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return true;
}

cr_err_t
cr_time_parse(const char *text, int64_t *wall_us)
{
    struct tm when = {.tm_isdst = -1};
    if (!date_take(&text, &when) || !char_take(&text, "Tt ") ||
        !number_take(&text, 2, 0, 23, &when.tm_hour) || !char_take(&text, ":") ||
        !number_take(&text, 2, 0, 59, &when.tm_min))
        return CR_INVAL;
    if (*text == '\0') {
        *wall_us = (int64_t)mktime(&when) * CR_US_PER_S;
        return CR_OK;
    }
    int64_t fraction_us, offset_s;
    if (!char_take(&text, ":") || !number_take(&text, 2, 0, 60, &when.tm_sec) ||
        !fraction_take(&text, &fraction_us) || !offset_take(&text, &offset_s) || *text != '\0')
        return CR_INVAL;
    *wall_us = ((int64_t)timegm(&when) - offset_s) * CR_US_PER_S + fraction_us;
    return CR_OK;
}

cr_err_t
cr_duration_parse(const char *text, int64_t *us)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    const int64_t longest_s = INT64_C(10) * 366 * 86400;
    int64_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (*at - '0');
        if (number > longest_s)
            return CR_RANGE;
    }
    if (at == text || at[0] == '\0' || at[1] != '\0')
        return CR_INVAL;
    for (size_t i = 0; i < CR_COUNT(units); i++) {
        if (units[i].unit != *at)
            continue;
        if (number * units[i].seconds > longest_s)
            return CR_RANGE;
        *us = number * units[i].seconds * CR_US_PER_S;
        return CR_OK;
    }
    return CR_INVAL;
}
