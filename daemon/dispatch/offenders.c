#include "offenders.h"

#include <string.h>

/* Its place, or OFFENDERS_MAX. */
static size_t
find(const offenders_t *self, const char *name)
{
    size_t i = 0;
    while (i < OFFENDERS_MAX && strcmp(self->peers[i].name, name) != 0)
        i++;
    return i;
}

/* A place for a new peer: that of the oldest. */
static size_t
make_room(offenders_t *self, const char *name, int64_t now_us)
{
    size_t oldest = 0;
    for (size_t i = 1; i < OFFENDERS_MAX; i++)
        if (self->peers[i].since_us < self->peers[oldest].since_us)
            oldest = i;
    memset(&self->peers[oldest], 0, sizeof self->peers[oldest]);
    memcpy(self->peers[oldest].name, name, strnlen(name, CORE_NAME_MAX - 1));
    self->peers[oldest].since_us = now_us;
    return oldest;
}

bool
offenders_note(offenders_t *self, const char *name, offence_t offence, int64_t now_us)
{
    size_t at = find(self, name);
    if (at == OFFENDERS_MAX)
        at = make_room(self, name, now_us);
    if (now_us - self->peers[at].since_us > OFFENDERS_WINDOW_US) {
        self->peers[at].weight = 0;
        self->peers[at].since_us = now_us;
    }
    uint32_t before = self->peers[at].weight;
    self->peers[at].weight = before + (uint32_t)offence;
    if (before >= OFFENDERS_LIMIT || self->peers[at].weight < OFFENDERS_LIMIT)
        return false;
    self->peers[at].shut_until_us = now_us + OFFENDERS_WINDOW_US;
    return true;
}

bool
offenders_is_shut(const offenders_t *self, const char *name, int64_t now_us)
{
    size_t at = find(self, name);
    return at < OFFENDERS_MAX && now_us < self->peers[at].shut_until_us;
}
