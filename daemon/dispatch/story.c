#include "story.h"

#include "cr_clock.h"
#include "trail.h"

json_t *
story_new(uint32_t rank, cr_status_t status)
{
    return json_pack("{s:i,s:s,s:s,s:s,s:[]}", "rank", (int)rank, "status", cr_status_name(status),
                     "words", cr_status_words(status, false), "words_zh",
                     cr_status_words(status, true), "attempts");
}

static void
add_attempt(json_t *attempts, const trail_t *trail, uint32_t entry, const quiet_t *quiet)
{
    char at[CR_TIME_TEXT_MAX];
    json_t *attempt = json_pack(
        "{s:s,s:s}", "at", cr_time_format(trail->at_us, at), "outcome",
        cr_status_is_known(trail->outcomes[entry]) ? cr_status_name(trail->outcomes[entry]) : "?");
    if (trail->attempts[entry] > 0)
        json_object_set_new(attempt, "attempt", json_integer(trail->attempts[entry]));
    if (trail->worker[0] != '\0')
        json_object_set_new(attempt, "worker", json_string(trail->worker));
    if (trail->kind == TRAIL_ORDER)
        json_object_set_new(attempt, "ordered", json_true());
    if (trail->gateway[0] != '\0')
        json_object_set_new(attempt, "gateway", json_string(trail->gateway));
    if (trail->attempts[entry] > 0 && quiet_until(quiet, trail->at_us) > 0)
        json_object_set_new(attempt, "quiet_hours", json_true());
    json_array_append_new(attempts, attempt);
}

typedef struct {
    json_t *attempts;
    uint32_t rank;
    const quiet_t *quiet;
} reader_t;

static void
read_record(void *context, const trail_t *trail)
{
    const reader_t *self = context;
    if (trail->first_rank != self->rank - self->rank % CORE_BLOCK)
        return;
    for (uint32_t i = 0; i < trail->count; i++)
        if (trail->offsets[i] == self->rank % CORE_BLOCK)
            add_attempt(self->attempts, trail, i, self->quiet);
}

void
story_add_trail(json_t *story, uint32_t rank, const quiet_t *quiet, const uint8_t *bytes,
                size_t length)
{
    reader_t reader = {json_object_get(story, "attempts"), rank, quiet};
    trail_each(bytes, length, read_record, &reader);
}
