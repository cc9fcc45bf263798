#include "progress.h"

#include <string.h>

static const char *const count_members[PROGRESS_COUNTS] = {
#define X(name, member) member,
    PROGRESS_COUNT_LIST(X)
#undef X
};

static const char *
text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

static int64_t
ms_of(const json_t *counts, const char *member)
{
    const json_t *value = json_object_get(counts, member);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* Before sending starts there are no counts: everybody waits. */
static void
read_channel(const json_t *counts, const char *name, int64_t audience, progress_channel_t *out)
{
    *out = (progress_channel_t){.name = name};
    for (size_t i = 0; i < PROGRESS_COUNTS; i++)
        out->counts[i] = json_integer_value(json_object_get(counts, count_members[i]));
    if (!counts)
        out->counts[PROGRESS_TOTAL] = out->counts[PROGRESS_WAITING] = audience;
    out->ms_to_half = ms_of(counts, "ms_to_half");
    out->ms_to_95 = ms_of(counts, "ms_to_95");
    out->ms_to_last = ms_of(counts, "ms_to_last");
    out->parts = json_integer_value(json_object_get(counts, "parts"));
    out->cost = json_number_value(json_object_get(counts, "cost"));
    out->waits_for = text_of(counts, "waits_for");
    out->reasons = json_object_get(counts, "reasons");
}

void
progress_read(const json_t *broadcast, progress_t *out)
{
    *out = (progress_t){
        .id = text_of(broadcast, "id"),
        .title = text_of(broadcast, "title"),
        .state = text_of(broadcast, "state"),
        .drill = json_is_true(json_object_get(broadcast, "drill")),
        .audience = json_integer_value(json_object_get(broadcast, "audience")),
    };
    const json_t *counts = json_object_get(broadcast, "counts");
    size_t index;
    json_t *channel;
    json_array_foreach(json_object_get(broadcast, "channels"), index, channel)
    {
        const char *name = json_string_value(channel);
        if (name && out->channel_count < CR_CHANNEL_COUNT)
            read_channel(json_object_get(counts, name), name, out->audience,
                         &out->channels[out->channel_count++]);
    }
}

int64_t
progress_settled(const progress_channel_t *channel)
{
    static const progress_count_t settled[] = {PROGRESS_DELIVERED,  PROGRESS_FAILED,
                                               PROGRESS_SUPPRESSED, PROGRESS_EXPIRED,
                                               PROGRESS_CANCELLED,  PROGRESS_UNKNOWN};
    int64_t sum = 0;
    for (size_t i = 0; i < CR_COUNT(settled); i++)
        sum += channel->counts[settled[i]];
    return sum;
}

int64_t
progress_in_flight(const progress_channel_t *channel)
{
    return channel->counts[PROGRESS_LEASED] + channel->counts[PROGRESS_ACCEPTED];
}

bool
progress_is_over(const progress_t *self)
{
    static const char *const last[] = {"finished", "cancelled", "expired", "rejected"};
    for (size_t i = 0; i < CR_COUNT(last); i++)
        if (strcmp(self->state, last[i]) == 0)
            return true;
    return false;
}

/* The reasons of a class ("failed_...") add up to the class. */
static bool
reasons_add_up(const progress_channel_t *channel, progress_count_t status_class)
{
    const char *name, *class_name = count_members[status_class];
    size_t length = strlen(class_name);
    json_t *count;
    int64_t sum = 0;
    json_object_foreach((json_t *)channel->reasons, name, count)
    {
        if (strncmp(name, class_name, length) == 0 && name[length] == '_')
            sum += json_integer_value(count);
    }
    return sum == channel->counts[status_class];
}

bool
progress_adds_up(const progress_t *self)
{
    if (strcmp(self->state, "finished") != 0)
        return false;
    for (size_t i = 0; i < self->channel_count; i++) {
        const progress_channel_t *channel = &self->channels[i];
        if (channel->counts[PROGRESS_TOTAL] != self->audience ||
            progress_settled(channel) != self->audience ||
            !reasons_add_up(channel, PROGRESS_FAILED) ||
            !reasons_add_up(channel, PROGRESS_SUPPRESSED))
            return false;
    }
    return true;
}

double
meter_update(meter_t *self, int64_t now_mono_us, int64_t settled)
{
    if (self->count == METER_SAMPLES) {
        self->count--;
        memmove(self->at_us, self->at_us + 1, self->count * sizeof *self->at_us);
        memmove(self->settled, self->settled + 1, self->count * sizeof *self->settled);
    }
    self->at_us[self->count] = now_mono_us;
    self->settled[self->count++] = settled;
    int64_t elapsed_us = now_mono_us - self->at_us[0];
    return elapsed_us > 0 ? (double)(settled - self->settled[0]) * 1e6 / (double)elapsed_us : 0;
}
