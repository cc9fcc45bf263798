#include "truth.h"

#include <string.h>

enum { MOST_LEASES = 8 }; /* of a worker; a crash may add as many */

static const struct {
    const char *name, *text;
} rules[RULE_COUNT] = {
#define X(name, text) [RULE_##name] = {#name, text},
    RULE_LIST(X)
#undef X
};

const char *
truth_rule_name(rule_t rule)
{
    return rules[rule].name;
}

const char *
truth_rule_text(rule_t rule)
{
    return rules[rule].text;
}

void
truth_break(sim_t *self, rule_t rule, const broadcast_t *broadcast, int channel, uint32_t rank)
{
    if (self->broken != RULE_COUNT)
        return;
    self->broken = rule;
    int length = snprintf(self->detail, sizeof self->detail, "broadcast=%u channel=%d",
                          broadcast ? (unsigned)broadcast->spec.id : 0u, channel);
    if (broadcast && rank != TRUTH_NO_RANK) {
        const book_t *book = &broadcast->books[channel];
        const fate_t *fate = &book->fates[rank];
        snprintf(self->detail + length, sizeof self->detail - (size_t)length,
                 " rank=%u status=%u before=%u stored=%u submitted=%u accepted=%u flags=%u", rank,
                 book->live ? book->live[rank] : 0u, book->seen[rank], book->stored[rank],
                 fate->submitted, fate->accepted, fate->flags);
    }
    TRACE(self, "broken rule=%s %s", rules[rule].name, self->detail);
}

/* ---- bytes ------------------------------------------------------------------------------------ */

/* Whether the byte may say so, by what the world really did. */
static rule_t
contradicted(const broadcast_t *broadcast, const fate_t *fate, cr_status_t status,
             cr_status_t verdict)
{
    bool accepted = fate->accepted > 0;
    bool excused = (fate->flags & (FATE_EXCUSED | FATE_RECEIPT_FAILED)) != 0;
    rule_t unsent = accepted && !excused ? RULE_lost : RULE_COUNT;
    switch (cr_status_class(status)) {
    case CR_STATUS_CLASS_ACCEPTED:
    case CR_STATUS_CLASS_DELIVERED:
        if (status == CR_STATUS_PRESUMED)
            return broadcast->presumed ? RULE_COUNT : RULE_groundless;
        return accepted ? RULE_COUNT : RULE_invented;
    case CR_STATUS_CLASS_UNKNOWN:
        return (fate->flags & FATE_INTENDED) != 0 || broadcast->spec.lane == CR_LANE_EMERGENCY
                   ? RULE_COUNT
                   : RULE_groundless;
    case CR_STATUS_CLASS_FAILED:
        if (status != CR_STATUS_FAILED_ATTEMPTS &&
            (fate->flags & (FATE_REFUSED | FATE_RECEIPT_FAILED)) == 0)
            return RULE_invented;
        return unsent;
    case CR_STATUS_CLASS_SUPPRESSED:
        return status == verdict ? unsent : RULE_groundless;
    case CR_STATUS_CLASS_EXPIRED:
        return broadcast->expired ? unsent : RULE_groundless;
    case CR_STATUS_CLASS_CANCELLED:
        return broadcast->cancelled ? unsent : RULE_groundless;
    default:
        return RULE_COUNT;
    }
}

static void
judge(sim_t *self, const broadcast_t *broadcast, int channel, uint32_t rank)
{
    const book_t *book = &broadcast->books[channel];
    rule_t rule =
        contradicted(broadcast, &book->fates[rank], book->live[rank], book->verdicts[rank]);
    if (rule != RULE_COUNT)
        truth_break(self, rule, broadcast, channel, rank);
}

static void
follow_byte(sim_t *self, broadcast_t *broadcast, int channel, uint32_t rank)
{
    book_t *book = &broadcast->books[channel];
    cr_status_t *seen = &book->seen[rank], now = book->live[rank];
    if (*seen == CR_STATUS_UNKNOWN && now <= CR_STATUS_RETRY_MAX && broadcast->resent)
        book->fates[rank].flags |= FATE_RESENT;
    if (!cr_status_may(*seen, now))
        truth_break(self, RULE_moved, broadcast, channel, rank);
    else
        judge(self, broadcast, channel, rank);
    book->by_status[*seen]--;
    book->by_status[now]++;
    *seen = now;
}

static void
follow_channel(sim_t *self, broadcast_t *broadcast, int channel)
{
    book_t *book = &broadcast->books[channel];
    if (!book->live || memcmp(book->live, book->seen, broadcast->spec.total) == 0)
        return;
    for (uint32_t rank = 0; rank < broadcast->spec.total; rank++)
        if (book->live[rank] != book->seen[rank])
            follow_byte(self, broadcast, channel, rank);
    core_channel_t now;
    if (!core_channel(self->core, self->now, broadcast->spec.id, (cr_channel_t)channel, &now) ||
        memcmp(now.by_status, book->by_status, sizeof book->by_status) != 0)
        truth_break(self, RULE_counts, broadcast, channel, TRUTH_NO_RANK);
}

static void
follow_broadcast(void *context, const core_broadcast_t *spec, bool over)
{
    (void)over;
    sim_t *self = context;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        follow_channel(self, &self->broadcasts[spec->id - 1], channel);
}

static void
check_memory(sim_t *self)
{
    const core_stats_t stats = core_stats(self->core);
    uint32_t credit = MOST_LEASES * self->worker_count;
    /* Beyond the mark: a report and a loss of each lease, and receipts that were being looked for. */
    if (stats.writes_out > CORE_WRITES_BUSY + 4 * credit + SIM_WRITES / 2 ||
        stats.leases_out > 2 * credit)
        truth_break(self, RULE_memory, NULL, 0, 0);
    if (stats.writes_out != self->store.pending)
        truth_break(self, RULE_counts, NULL, 0, 0);
}

void
truth_follow(sim_t *self)
{
    if (!self->core)
        return;
    core_each_changed(self->core, follow_broadcast, self);
    check_memory(self);
}

static void
recount(sim_t *self, const broadcast_t *broadcast, int channel)
{
    const book_t *book = &broadcast->books[channel];
    uint32_t by_status[256] = {0};
    for (uint32_t rank = 0; rank < broadcast->spec.total; rank++)
        by_status[book->live[rank]]++;
    core_channel_t now;
    if (!core_channel(self->core, self->now, broadcast->spec.id, (cr_channel_t)channel, &now) ||
        memcmp(now.by_status, by_status, sizeof by_status) != 0)
        truth_break(self, RULE_counts, broadcast, channel, TRUTH_NO_RANK);
}

void
truth_check(sim_t *self)
{
    if (!self->core)
        return;
    for (uint32_t i = 0; i < self->broadcast_count; i++) {
        broadcast_t *broadcast = &self->broadcasts[i];
        for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
            if (!broadcast->books[channel].live)
                continue;
            follow_channel(self, broadcast, channel);
            recount(self, broadcast, channel);
            for (uint32_t rank = 0; rank < broadcast->spec.total; rank++)
                judge(self, broadcast, channel, rank);
        }
    }
    check_memory(self);
}

/* ---- leases ----------------------------------------------------------------------------------- */

static bool
has_ready(const book_t *book, uint32_t total)
{
    for (uint32_t block = 0; block * CORE_BLOCK < total; block++) {
        uint32_t first = block * CORE_BLOCK;
        uint32_t end = first + CORE_BLOCK < total ? first + CORE_BLOCK : total;
        if (book->owner[block] != 0 || !memchr(book->live + first, CR_STATUS_WAITING, end - first))
            continue;
        for (uint32_t rank = first; rank < end; rank++)
            if (book->live[rank] == CR_STATUS_WAITING && book->verdicts[rank] == CR_STATUS_WAITING)
                return true;
    }
    return false;
}

static bool
is_offered(const sim_t *self, const broadcast_t *broadcast)
{
    return !broadcast->cancelled && !broadcast->done && !broadcast->spec.paused && !self->stopping;
}

static bool
is_held(const sim_t *self, const broadcast_t *broadcast)
{
    return self->now.wall_us < broadcast->held_until_us;
}

/* It takes what the gateway before it refused; anything else may wait for that one. */
static bool
stands_by(const sim_t *self, const worker_t *worker)
{
    const gateway_t *own = &self->gateways[worker->gateway];
    const gateway_t *other = &self->gateways[(worker->gateway + CR_CHANNEL_COUNT) % SIM_GATEWAYS];
    return own->rule.priority > other->rule.priority;
}

/* Whether `broadcast` comes before what is leased, and its work could go to the same worker. */
static bool
is_overtaken(const sim_t *self, const worker_t *worker, const core_lease_t *lease,
             const broadcast_t *broadcast)
{
    const core_broadcast_t *spec = &broadcast->spec;
    const book_t *book = &broadcast->books[lease->channel];
    bool before =
        spec->lane < lease->lane || (spec->lane == lease->lane && spec->id < lease->broadcast);
    bool credit = spec->lane != CR_LANE_EMERGENCY || lease->lane == CR_LANE_EMERGENCY ||
                  worker->out[1] < worker->urgent_credit;
    if (spec->lane != CR_LANE_EMERGENCY && stands_by(self, worker))
        return false;
    return before && credit && book->live && spec->drill == worker->drill && !broadcast->expired &&
           !is_held(self, broadcast) && is_offered(self, broadcast) && has_ready(book, spec->total);
}

static void
check_positions(sim_t *self, const broadcast_t *broadcast, const core_lease_t *lease)
{
    const book_t *book = &broadcast->books[lease->channel];
    for (uint32_t i = 0; i < lease->count; i++) {
        uint32_t rank = lease->first_rank + lease->offsets[i];
        bool sound = rank < broadcast->spec.total && book->live[rank] <= CR_STATUS_RETRY_MAX &&
                     lease->attempts[i] == book->live[rank] + 1 &&
                     book->verdicts[rank] == CR_STATUS_WAITING &&
                     (i == 0 || lease->offsets[i] > lease->offsets[i - 1]);
        if (!sound)
            truth_break(self, RULE_content, broadcast, (int)lease->channel, TRUTH_NO_RANK);
        else if ((book->fates[rank].flags & FATE_KNOWN) != 0)
            truth_break(self, RULE_known_again, broadcast, (int)lease->channel, rank);
    }
}

void
truth_leased(sim_t *self, const worker_t *worker, const core_lease_t *lease)
{
    const broadcast_t *broadcast = &self->broadcasts[lease->broadcast - 1];
    const book_t *book = &broadcast->books[lease->channel];
    bool urgent = lease->lane == CR_LANE_EMERGENCY;
    bool past = broadcast->spec.expires_us > 0 && self->now.wall_us >= broadcast->spec.expires_us;
    if (!is_offered(self, broadcast) || is_held(self, broadcast) || past || worker->drained ||
        self->gateways[worker->gateway].rule.paused || broadcast->spec.drill != worker->drill ||
        lease->channel != worker->channel)
        truth_break(self, RULE_ended, broadcast, (int)lease->channel, TRUTH_NO_RANK);
    if (book->owner[lease->first_rank / CORE_BLOCK] != 0 ||
        worker->out[urgent] >= (urgent ? worker->urgent_credit : worker->credit))
        truth_break(self, RULE_shared, broadcast, (int)lease->channel, TRUTH_NO_RANK);
    check_positions(self, broadcast, lease);
    for (uint32_t i = 0; i < self->broadcast_count; i++)
        if (is_overtaken(self, worker, lease, &self->broadcasts[i]))
            truth_break(self, RULE_overtaken, &self->broadcasts[i], (int)lease->channel,
                        TRUTH_NO_RANK);
}

void
truth_sent(sim_t *self, const grant_t *grant, const core_lease_t *lease)
{
    const broadcast_t *broadcast = &self->broadcasts[grant->broadcast];
    if (!is_offered(self, broadcast) || broadcast->spec.drill != lease->drill)
        truth_break(self, RULE_ended, broadcast, grant->channel, TRUTH_NO_RANK);
    if (lease->intent > grant->stored_asked ||
        (!grant->free_running && !self->recorded[grant - self->grants]))
        truth_break(self, RULE_unstored, broadcast, grant->channel, TRUTH_NO_RANK);
    if (grant->count != lease->count || lease->free_running != grant->free_running)
        truth_break(self, RULE_content, broadcast, grant->channel, TRUTH_NO_RANK);
}

static void
know(sim_t *self, grant_t *grant)
{
    book_t *book = &self->broadcasts[grant->broadcast].books[grant->channel];
    for (; grant->known < grant->stored_told; grant->known++) {
        cr_status_t outcome = grant->outcomes[grant->known];
        if (outcome == CR_STATUS_ACCEPTED || outcome == CR_STATUS_HANDED)
            book->fates[sim_rank(grant, grant->known)].flags |= FATE_KNOWN;
    }
}

void
truth_acknowledged(sim_t *self, grant_t *grant, uint32_t sequence, uint32_t intent)
{
    const broadcast_t *broadcast = &self->broadcasts[grant->broadcast];
    if (sequence > grant->stored_sequence || intent > grant->stored_asked)
        truth_break(self, RULE_unstored, broadcast, grant->channel, TRUTH_NO_RANK);
    if (grant->frozen && intent > grant->acked)
        truth_break(self, RULE_widened, broadcast, grant->channel, TRUTH_NO_RANK);
    if (intent > grant->acked)
        grant->acked = intent;
    if (sequence == grant->stored_sequence)
        know(self, grant);
}

/* All that one silence or crash of a worker costs: two windows, and one more for each lane that was
 * overtaken meanwhile. */
static uint32_t
unknown_limit(const worker_t *worker)
{
    return worker->window * (1 + (uint32_t)__builtin_popcount(worker->loss_lanes));
}

/* An order may send again in the same tick what has just become unknown. */
static void
follow_unknown(sim_t *self, broadcast_t *broadcast, const core_loss_t *loss)
{
    const book_t *book = &broadcast->books[loss->channel];
    for (uint32_t i = 0; i < CORE_BLOCK && loss->first_rank + i < broadcast->spec.total; i++) {
        uint32_t rank = loss->first_rank + i;
        if (book->live[rank] == CR_STATUS_UNKNOWN && book->seen[rank] != CR_STATUS_UNKNOWN)
            follow_byte(self, broadcast, (int)loss->channel, rank);
    }
}

void
truth_lost(sim_t *self, grant_t *grant, const core_loss_t *loss)
{
    worker_t *worker = &self->workers[grant->worker];
    broadcast_t *broadcast = &self->broadcasts[grant->broadcast];
    follow_unknown(self, broadcast, loss);
    self->totals->unknown += loss->unknown;
    if (grant->free_running)
        return;
    if (worker->loss_step != self->steps)
        worker->loss_unknown = worker->loss_lanes = 0;
    worker->loss_step = self->steps;
    worker->loss_unknown += loss->unknown + loss->resent;
    worker->loss_lanes |= 1u << broadcast->spec.lane;
    /* A store that forgets the loss of one lease and keeps the grant of the next adds two crashes. */
    uint32_t all = self->store.reorders ? 0 : worker->loss_unknown;
    if (loss->unknown + loss->resent > 2 * worker->window || all > unknown_limit(worker))
        truth_break(self, RULE_unknown, broadcast, grant->channel, TRUTH_NO_RANK);
}

void
truth_done(sim_t *self, broadcast_t *broadcast)
{
    if (broadcast->done || broadcast->pending > 0)
        truth_break(self, RULE_done, broadcast, 0, TRUTH_NO_RANK);
    broadcast->done = true;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        const book_t *book = &broadcast->books[channel];
        for (uint32_t rank = 0; book->live && rank < broadcast->spec.total; rank++)
            if (!cr_status_is_final(book->live[rank]) && book->live[rank] != CR_STATUS_UNKNOWN)
                truth_break(self, RULE_open, broadcast, channel, rank);
    }
}

void
truth_accepted(sim_t *self, const grant_t *grant, uint32_t rank)
{
    const broadcast_t *broadcast = &self->broadcasts[grant->broadcast];
    fate_t *fate = (fate_t *)&broadcast->books[grant->channel].fates[rank];
    if (fate->accepted < UINT8_MAX)
        fate->accepted++;
    bool ordered = broadcast->resent && (fate->gateways & (fate->gateways - 1)) != 0;
    if (fate->accepted > 1 && !ordered && !broadcast->spec.resend_unknown &&
        (fate->flags & (FATE_EXCUSED | FATE_RESENT)) == 0)
        truth_break(self, RULE_sent_twice, broadcast, grant->channel, rank);
}
