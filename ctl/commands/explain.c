#include "commands.h"
#include "show.h"

/* A sentence about a time of the story, if it has that member. */
static void
tell_time(word_t sentence, const json_t *story, const char *member)
{
    const json_t *time = json_object_get(story, member);
    cr_str_t when;
    if (!time)
        return;
    cr_str_init(&when, 64);
    view_append(&when, VIEW_TIME, time);
    say(sentence, cr_str_text(&when), NULL);
    cr_str_fini(&when);
}

/* One line of the story: when, who, what. An attempt has a worker; without one it is a receipt or
 * the daemon's own decision. */
static void
tell_attempt(const json_t *attempt)
{
    cr_str_t when;
    cr_str_init(&when, 64);
    view_append(&when, VIEW_TIME, json_object_get(attempt, "at"));
    const char *outcome = word_for_status(show_text(attempt, "outcome"));
    const char *worker = show_text(attempt, "worker");
    bool quiet = json_is_true(json_object_get(attempt, "quiet_hours"));
    char number[24];
    if (worker[0] != '\0')
        say(quiet ? W_STORY_ATTEMPT_QUIET : W_STORY_ATTEMPT, cr_str_text(&when),
            show_number(attempt, "attempt", number), worker, outcome, NULL);
    else
        say(W_STORY_LATER, cr_str_text(&when), outcome, NULL);
    cr_str_fini(&when);
}

static void
tell_attempts(const json_t *story)
{
    size_t index;
    json_t *attempt;
    json_array_foreach(json_object_get(story, "attempts"), index, attempt)
    {
        tell_attempt(attempt);
    }
}

/* The notices that were enough. */
static void
tell_notices(const json_t *story)
{
    const json_t *notices = json_object_get(story, "notices");
    char count[24], days[24], limit[24];
    size_t index;
    json_t *notice;
    if (!notices)
        return;
    snprintf(count, sizeof count, "%zu", json_array_size(notices));
    say(W_STORY_ENOUGH, count, show_number(story, "days", days), show_number(story, "limit", limit),
        NULL);
    json_array_foreach(notices, index, notice)
    {
        cr_str_t when;
        cr_str_init(&when, 64);
        view_append(&when, VIEW_TIME, json_object_get(notice, "at"));
        say(W_STORY_NOTICE, cr_str_text(&when), show_text(notice, "id"), NULL);
        cr_str_fini(&when);
    }
}

static void
tell_twin(const json_t *story)
{
    const json_t *twin = json_object_get(story, "same_as");
    if (!twin)
        return;
    say(W_STORY_SAME_AS, show_text(twin, "recipient"), word_for_status(show_text(twin, "status")),
        NULL);
    tell_attempts(twin);
}

static void
tell_wait(const json_t *story)
{
    const char *waits = show_text(story, "waits_for");
    if (json_object_get(story, "held_until"))
        tell_time(W_STORY_HELD, story, "held_until");
    else if (waits[0] != '\0')
        say(W_STORY_WAITS, word_for(waits), NULL);
}

static void
tell_channel(const char *name, const json_t *channel)
{
    const char *address = show_text(channel, "address");
    const char *status = word_for_status(show_text(channel, "status"));
    putchar('\n');
    if (address[0] != '\0')
        say(W_STORY_CHANNEL_TO, word_for(name), address, status, NULL);
    else
        say(W_STORY_CHANNEL, word_for(name), status, NULL);
    tell_attempts(channel);
    tell_wait(channel);
    tell_twin(channel);
    show_opt_out(NULL, json_object_get(channel, "opt_out"));
    tell_notices(channel);
    tell_time(W_STORY_EXPIRED, channel, "expired");
}

static void
tell(const json_t *answer)
{
    const char *recipient = show_text(answer, "recipient");
    const char *broadcast = show_text(answer, "broadcast"), *name;
    if (!json_is_true(json_object_get(answer, "in_audience"))) {
        say(W_STORY_NOT_IN_AUDIENCE, recipient, broadcast, NULL);
        return;
    }
    char rank[24];
    say(W_STORY_IN_AUDIENCE, recipient, broadcast, show_number(answer, "rank", rank), NULL);
    json_t *channel;
    json_object_foreach(json_object_get(answer, "channels"), name, channel)
    {
        tell_channel(name, channel);
    }
}

static cr_err_t
explain(ctl_t *ctl)
{
    json_t *answer;
    const char *path = api_path(ctl->api, "/v1/broadcasts/", ctl_operand(ctl, 0), "/deliveries/",
                                ctl_option(ctl, "recipient"), NULL);
    cr_err_t err = api_get(ctl->api, path, &answer);
    if (err != CR_OK)
        return err;
    if (ctl_is_json(ctl))
        err = view_json(answer);
    else
        tell(answer);
    json_decref(answer);
    return err;
}

static const option_t explain_options[] = {
    {"recipient", OPTION_TEXT, OPTION_REQUIRED, "ID", W_OPT_RECIPIENT},
    {0},
};

const command_t commands_explain[] = {
    {"explain", "ID", explain_options, W_HELP_EXPLAIN, explain},
    {0},
};
