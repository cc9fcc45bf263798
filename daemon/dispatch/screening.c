/*
 * What screening knows while the daemon runs, and when it is asked: the marks of people, the
 * directory's addresses, the cap, the quiet hours. The rules are in screen.h, frequency.h and
 * quiet.h.
 */
#include <inttypes.h>
#include <string.h>

#include "actor.h"
#include "carrier.h"

enum { REFUSED_FEW = 32, REFUSED_LOG_MS = 60000 };

cr_err_t
screening_open(actor_t *self, cr_fault_t *fault)
{
    cr_err_t err = quiet_parse(&self->config.quiet, &self->quiet, fault);
    if (err != CR_OK)
        return err;
    self->frequency = frequency_new(&self->config.frequency);
    return self->frequency ? CR_OK : cr_fault_set(fault, CR_NOMEM, "out of memory");
}

void
screening_close(actor_t *self)
{
    frequency_destroy(&self->frequency);
    screen_fini(&self->screen);
}

/* -- a broadcast -------------------------------------------------------------------------------- */

/* A drill reaches nobody, so it tires nobody. */
void
screening_begin(actor_t *self, notice_t *notice)
{
    const dispatch_broadcast_t *spec = notice->spec;
    notice->directory_age = self->directory_age;
    if (!spec->drill)
        frequency_begin(self->frequency, spec->id, spec->started_us, spec->reached);
}

static bool
is_capped(const notice_t *notice)
{
    return !notice->spec->drill && notice->spec->lane > CR_LANE_URGENT;
}

/* In an emergency a bad address is tried all the same: a refusal costs less than silence. */
static screen_rule_t
rule_of(const notice_t *notice, const core_run_t *run)
{
    const uint64_t *doubled = notice->spec->doubled[run->channel];
    return (screen_rule_t){
        .channel = run->channel,
        .tries_bad = notice->spec->lane == CR_LANE_EMERGENCY,
        .doubled = doubled ? doubled + run->first_rank / 64 : NULL,
    };
}

void
screening_judge(const actor_t *self, const core_run_t *run, cr_status_t verdicts[CORE_BLOCK])
{
    notice_t *notice = actor_find(self, run->broadcast);
    CR_ASSERT(notice && run->first_rank % CORE_BLOCK == 0 && run->count <= CORE_BLOCK);
    const uint32_t *ordinals = notice_ordinals(notice, run->first_rank / CORE_BLOCK);
    const screen_rule_t rule = rule_of(notice, run);
    screen_judge(&self->screen, &rule, ordinals, run->count, verdicts);
    if (is_capped(notice))
        frequency_judge(self->frequency, run->broadcast, ordinals, run->count, verdicts);
    if (notice->content[run->channel].wording_count == 0)
        memset(verdicts, CR_STATUS_SUPPRESSED_LANGUAGE, run->count);
}

void
screening_handed(const actor_t *self, const notice_t *notice, const core_lease_t *lease,
                 uint32_t count)
{
    uint32_t handed[CORE_BLOCK];
    if (notice->spec->drill || self->config.frequency.max == 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        handed[i] = notice->ordinals[lease->offsets[i]];
    frequency_count(self->frequency, lease->broadcast, handed, count);
}

/* -- what becomes known ------------------------------------------------------------------------- */

static void
add_people(roaring_bitmap_t **to, const roaring_bitmap_t *people)
{
    if (!*to)
        *to = roaring_bitmap_create();
    roaring_bitmap_or_inplace(*to, people);
}

/* A person's word outweighs what the notices that are under way were or will be told. */
static void
pardon(actor_t *self, cr_channel_t channel, const roaring_bitmap_t *people)
{
    self->pardons++;
    for (size_t i = 0; i < self->notice_count; i++) {
        notice_t *notice = self->notices[i];
        add_people(&notice->pardoned[channel], people);
        if (notice->refused[channel])
            roaring_bitmap_andnot_inplace(notice->refused[channel], people);
    }
}

void
screening_mark(actor_t *self, ledger_mark_t mark, cr_channel_t channel,
               const roaring_bitmap_t *people, bool on)
{
    static const screen_fact_t facts[LEDGER_MARK_COUNT] = {
        [LEDGER_MARK_OPTOUT] = SCREEN_OPTED_OUT,
        [LEDGER_MARK_BAD] = SCREEN_BAD,
    };
    screen_learn(&self->screen, channel, facts[mark], people, on);
    if (mark == LEDGER_MARK_BAD && !on)
        pardon(self, channel, people);
}

/* Only the differences are looked at: most imports change the addresses of few. */
void
screening_addresses(actor_t *self, const directory_t *before, const directory_t *after)
{
    self->directory_age++;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        cr_channel_t channel = (cr_channel_t)i;
        const roaring_bitmap_t *had = directory_reachable(before, channel);
        const roaring_bitmap_t *have = directory_reachable(after, channel);
        roaring_bitmap_t *gained = roaring_bitmap_andnot(have, had);
        roaring_bitmap_t *lost = roaring_bitmap_andnot(had, have);
        screen_learn(&self->screen, channel, SCREEN_REACHABLE, gained, true);
        screen_learn(&self->screen, channel, SCREEN_REACHABLE, lost, false);
        roaring_bitmap_free(gained);
        roaring_bitmap_free(lost);
    }
}

/* After an import the address may be another one than the gateway meant, and then it is no proof. */
static void
act_bad_address(void *context, uint64_t broadcast, cr_channel_t channel, uint32_t rank)
{
    actor_t *self = context;
    uint32_t ordinal;
    notice_t *notice = actor_find(self, broadcast);
    if (notice->spec->drill || notice->directory_age != self->directory_age ||
        !roaring_bitmap_select(notice->spec->audience, rank, &ordinal) ||
        (notice->pardoned[channel] && roaring_bitmap_contains(notice->pardoned[channel], ordinal)))
        return;
    if (!notice->refused[channel])
        notice->refused[channel] = roaring_bitmap_create();
    roaring_bitmap_add(notice->refused[channel], ordinal);
    self->has_refused = true;
}

/* A gateway that refuses a quarter of all addresses is more likely wrong than they are. */
static bool
is_believed(const actor_t *self, const notice_t *notice, cr_channel_t channel)
{
    core_channel_t seen;
    if (!core_channel(self->core, actor_now(), notice->spec->id, channel, &seen))
        return false;
    uint32_t refused = seen.by_status[CR_STATUS_FAILED_ADDRESS], tried = 0;
    for (int status = 0; status < 256; status++)
        if (seen.by_status[status] > 0 && cr_status_is_tried((cr_status_t)status))
            tried += seen.by_status[status];
    return refused <= REFUSED_FEW || refused < tried / 4;
}

/* Plan keeps them. */
static void
tell_bad(actor_t *self, cr_channel_t channel, roaring_bitmap_t *people)
{
    dispatch_message_t *news = dispatch_message_new(DISPATCH_MARK);
    CR_ASSERT(news);
    news->mark = LEDGER_MARK_BAD;
    news->channel = channel;
    news->on = true;
    news->people = people;
    news->pardons = self->pardons;
    screening_mark(self, LEDGER_MARK_BAD, channel, people, true);
    dispatch_send(self->plan, &news);
}

static void
learn(actor_t *self, notice_t *notice, cr_channel_t channel)
{
    char id[CR_ID_TEXT_MAX];
    roaring_bitmap_t *refused = notice->refused[channel];
    notice->refused[channel] = NULL;
    if (is_believed(self, notice, channel)) {
        tell_bad(self, channel, refused);
        return;
    }
    uint64_t suppressed;
    if (cr_log_limit(&self->refused_log, cr_clock_mono_us(), REFUSED_LOG_MS, &suppressed))
        cr_log(CR_LOG_WARN, "refusals_doubted", "broadcast=%s channel=%s suppressed=%" PRIu64,
               cr_id_format(notice->spec->id, id), cr_channel_name(channel), suppressed);
    roaring_bitmap_free(refused);
}

static void
learn_all(actor_t *self)
{
    for (size_t i = 0; self->has_refused && i < self->notice_count; i++)
        for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
            if (self->notices[i]->refused[channel])
                learn(self, self->notices[i], (cr_channel_t)channel);
    self->has_refused = false;
}

/* -- the clock ---------------------------------------------------------------------------------- */

void
screening_hold(actor_t *self, const notice_t *notice, int64_t now_us)
{
    const dispatch_broadcast_t *spec = notice->spec;
    if (notice->over || !quiet_holds(&self->quiet, spec->lane, spec->drill, spec->through_quiet))
        return;
    cr_err_t err = core_hold(self->core, spec->id, quiet_until(&self->quiet, now_us));
    (void)err; /* one that comes to its end needs none */
}

void
screening_tick(actor_t *self, int64_t now_us)
{
    frequency_slide(self->frequency, now_us);
    for (size_t i = 0; i < self->notice_count; i++)
        screening_hold(self, self->notices[i], now_us);
    learn_all(self);
}

static void
act_carriers(void *context, const core_run_t *run, uint8_t carriers[CORE_BLOCK])
{
    actor_t *self = context;
    const uint32_t *ordinals =
        notice_ordinals(actor_find(self, run->broadcast), run->first_rank / CORE_BLOCK);
    for (uint32_t i = 0; i < run->count; i++)
        carriers[i] =
            (uint8_t)carrier_of(directory_address(self->directory, ordinals[i], run->channel));
}

void
screening_actions(core_actions_t *actions)
{
    actions->bad_address = act_bad_address;
    actions->carriers = act_carriers;
}

/* -- in words ----------------------------------------------------------------------------------- */

static void
add_notice(void *context, uint64_t broadcast, int64_t started_us)
{
    char id[CR_ID_TEXT_MAX], at[CR_TIME_TEXT_MAX];
    json_array_append_new(context, json_pack("{s:s,s:s}", "id", cr_id_format(broadcast, id), "at",
                                             cr_time_format(started_us, at)));
}

/* The notices that a person had, for one who had enough. */
void
screening_explain(const actor_t *self, uint32_t ordinal, cr_status_t status, json_t *told)
{
    if (status != CR_STATUS_SUPPRESSED_FREQUENCY)
        return;
    json_t *notices = json_array();
    frequency_each(self->frequency, ordinal, add_notice, notices);
    json_object_set_new(told, "notices", notices);
    json_object_set_new(told, "limit", json_integer(self->config.frequency.max));
    json_object_set_new(told, "days", json_integer(self->config.frequency.days));
}
