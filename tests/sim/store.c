#include "store.h"

#include <inttypes.h>
#include <string.h>

#include "daemon.h"
#include "truth.h"

enum { NONE = SIM_WRITES };

void
store_begin(sim_t *self)
{
    store_t *store = &self->store;
    memset(store, 0, offsetof(store_t, writes));
    for (uint16_t i = 0; i < SIM_WRITES; i++)
        store->writes[i].next = (uint16_t)(i + 1);
    store->oldest = store->newest = NONE;
    store->reorders = sim_below(self, 2) > 0;
    store->delay_us = (int64_t)100 << sim_below(self, 9);
}

/* ---- gateway ids ------------------------------------------------------------------------------ */

uint64_t
store_pack_id(const receipt_t *due, int channel)
{
    return (uint64_t)due->broadcast | (uint64_t)channel << 8 | (uint64_t)due->rank << 16 |
           (uint64_t)due->nth << 32 | UINT64_C(0xC0FFEE) << 40;
}

static uint64_t
id_of(cr_slice_t text)
{
    uint64_t id;
    CR_ASSERT(text.length == sizeof id);
    memcpy(&id, text.text, sizeof id);
    return id;
}

/* The word that holds the id's attempt; NULL for an id of no delivery. */
static uint64_t *
word_of(sim_t *self, uint64_t id, uint32_t *shift)
{
    *shift = 4 * (id >> 32 & 15);
    uint32_t broadcast = id & 0xFF;
    return broadcast < self->broadcast_count
               ? &self->broadcasts[broadcast].books[id >> 8 & 0xFF].ids[id >> 16 & 0xFFFF]
               : NULL;
}

static void
set_id(sim_t *self, uint64_t id, uint64_t attempt)
{
    uint32_t shift;
    uint64_t *word = word_of(self, id, &shift);
    if (word)
        *word = (*word & ~(UINT64_C(15) << shift)) | attempt << shift;
}

/* ---- writes ----------------------------------------------------------------------------------- */

/* A free one, at the end of those under way. */
static write_t *
claim(sim_t *self)
{
    store_t *store = &self->store;
    CR_ASSERT(store->free != NONE);
    uint16_t place = store->free;
    write_t *write = &store->writes[place];
    store->free = write->next;
    write->next = NONE;
    write->previous = store->newest;
    *(store->newest == NONE ? &store->oldest : &store->writes[store->newest].next) = place;
    store->newest = place;
    store->pending++;
    return write;
}

static void
release(sim_t *self, write_t *write)
{
    store_t *store = &self->store;
    uint16_t next = write->next, previous = write->previous;
    *(next == NONE ? &store->newest : &store->writes[next].previous) = previous;
    *(previous == NONE ? &store->oldest : &store->writes[previous].next) = next;
    write->next = store->free;
    store->free = (uint16_t)(write - store->writes);
    store->pending--;
    self->broadcasts[write->broadcast].pending--;
}

static void
copy_ids(sim_t *self, const core_write_t *from, write_t *to)
{
    store_t *store = &self->store;
    to->index_at = store->ids_at;
    to->index_count = (uint32_t)from->index_count;
    for (size_t i = 0; i < from->index_count; i++) {
        store->ids[store->ids_at].id = id_of(from->index[i].id);
        store->ids[store->ids_at].attempt = from->index[i].attempt;
        store->ids_at = (store->ids_at + 1) % SIM_IDS;
    }
}

static int64_t
answer_at(sim_t *self, broadcast_t *broadcast)
{
    store_t *store = &self->store;
    int64_t most_us = sim_strikes(self, FAULT_store_late) ? 2 * CR_US_PER_S : store->delay_us;
    int64_t at_us = self->now.mono_us + sim_between(self, 1, most_us);
    int64_t *last_us = store->reorders ? &broadcast->store_at : &store->at;
    if (at_us > *last_us)
        *last_us = at_us;
    return *last_us;
}

static void
copy_write(const core_write_t *from, write_t *to)
{
    CR_ASSERT(from->length <= CORE_BLOCK && from->record_bytes <= CORE_RECORD_MAX);
    to->ticket = from->ticket;
    to->broadcast = (uint16_t)(from->broadcast - 1);
    to->channel = (uint8_t)from->channel;
    to->first_rank = from->first_rank;
    to->length = from->length;
    to->lease_ends = from->lease_ends;
    to->record_bytes = from->record_bytes;
    memcpy(to->status, from->status, from->length);
    if (from->record_bytes > 0)
        memcpy(to->record, from->record, from->record_bytes);
}

void
store_write(sim_t *self, const core_write_t *from, bool report_ends)
{
    write_t *to = claim(self);
    copy_write(from, to);
    copy_ids(self, from, to);
    broadcast_t *broadcast = &self->broadcasts[to->broadcast];
    broadcast->pending++;
    grant_t *grant = from->lease != 0 ? sim_grant(self, from->lease) : NULL;
    to->grant = grant ? (uint16_t)(grant - self->grants + 1) : 0;
    to->report_ends = report_ends;
    if (grant) {
        to->sequence = grant->sequence;
        to->asked = grant->asked;
        to->told = grant->told;
    }
    const event_t answer = {.at_us = answer_at(self, broadcast),
                            .kind = DAEMON_STORED,
                            .life = self->life,
                            .number = (uint32_t)(to - self->store.writes)};
    queue_push(&self->queue, &answer);
}

static void
apply_bytes(sim_t *self, const write_t *write)
{
    broadcast_t *broadcast = &self->broadcasts[write->broadcast];
    cr_status_t *to = broadcast->books[write->channel].stored + write->first_rank;
    for (uint32_t i = 0; i < write->length; i++) {
        if (to[i] != write->status[i] && !cr_status_may(to[i], write->status[i]))
            truth_break(self, RULE_moved, broadcast, write->channel, write->first_rank + i);
        to[i] = write->status[i];
    }
}

static void
apply(sim_t *self, const write_t *write)
{
    const store_t *store = &self->store;
    apply_bytes(self, write);
    grant_t *grant = write->grant != 0 ? &self->grants[write->grant - 1] : NULL;
    if (grant) {
        self->recorded[write->grant - 1] = !write->lease_ends && write->record_bytes > 0;
        grant->record_bytes = write->record_bytes;
        memcpy(grant->record, write->record, write->record_bytes);
        grant->stored_sequence = write->sequence;
        grant->stored_asked = write->asked;
        grant->stored_told = write->told;
    }
    for (uint32_t i = 0; i < write->index_count; i++) {
        uint32_t at = (write->index_at + i) % SIM_IDS;
        set_id(self, store->ids[at].id, store->ids[at].attempt);
    }
}

/* A store that stands still answers afterwards. */
static bool
is_stopped(sim_t *self, const event_t *event)
{
    if (self->now.mono_us >= self->store.stopped_until)
        return false;
    queue_postpone(&self->queue, event, self->store.stopped_until);
    return true;
}

void
store_on_stored(sim_t *self, const event_t *event)
{
    if (event->life != self->life || is_stopped(self, event) || daemon_is_late(self, event))
        return;
    write_t *write = &self->store.writes[event->number];
    apply(self, write);
    if (write->report_ends) {
        const grant_t *grant = &self->grants[write->grant - 1];
        bool urgent = self->broadcasts[grant->broadcast].spec.lane == CR_LANE_EMERGENCY;
        self->workers[grant->worker].out[urgent]--;
    }
    uint32_t ticket = write->ticket;
    TRACE(self, "> stored ticket=%u", ticket);
    release(self, write);
    core_stored(self->core, self->now, ticket);
    daemon_stepped(self);
}

/* ---- finds ------------------------------------------------------------------------------------ */

void
store_find(sim_t *self, uint32_t batch, const cr_slice_t *ids, size_t count)
{
    store_t *store = &self->store;
    find_t *find = &store->finds[store->find_at];
    find->batch = batch;
    find->count = (uint32_t)count;
    find->of = self->batch_of[batch];
    for (size_t i = 0; i < count; i++)
        find->ids[i] = id_of(ids[i]);
    const event_t answer = {.at_us = self->now.mono_us + sim_between(self, 1, store->delay_us),
                            .kind = DAEMON_FOUND,
                            .life = self->life,
                            .number = store->find_at};
    store->find_at = (store->find_at + 1) % SIM_FINDS;
    queue_push(&self->queue, &answer);
}

static void
note_found(sim_t *self, const find_t *find, uint32_t i)
{
    batch_t *batch = &self->batches[find->of];
    for (uint32_t j = 0; j < batch->count; j++)
        if (store_pack_id(&batch->receipts[j], batch->channel) == find->ids[i])
            batch->applied |= (uint16_t)(1 << j);
}

void
store_on_found(sim_t *self, const event_t *event)
{
    if (event->life != self->life || is_stopped(self, event) || daemon_is_late(self, event))
        return;
    const find_t *find = &self->store.finds[event->number];
    cr_delivery_t found[SIM_BATCH] = {0};
    for (uint32_t i = 0; i < find->count; i++) {
        uint64_t id = find->ids[i];
        uint32_t shift;
        const uint64_t *word = word_of(self, id, &shift);
        uint32_t attempt = word ? (uint32_t)(*word >> shift & 15) : 0;
        if (attempt == 0)
            continue;
        note_found(self, find, i);
        found[i] = (cr_delivery_t){(id & 0xFF) + 1, (cr_channel_t)(id >> 8 & 0xFF),
                                   id >> 16 & 0xFFFF, attempt};
    }
    TRACE(self, "> found batch=%u", find->batch);
    core_found(self->core, self->now, find->batch, found, find->count);
    daemon_stepped(self);
}

/* ---- a crash ---------------------------------------------------------------------------------- */

/* How many of a broadcast's writes still arrive. */
static void
draw_survivors(sim_t *self, bool everything, uint32_t left[SIM_BROADCASTS])
{
    for (uint32_t i = 0; i < SIM_BROADCASTS; i++)
        left[i] = everything ? UINT32_MAX : sim_below(self, self->store.pending + 1);
}

/* A lease that runs freely is on record only after its frame has left: what is lost between the two
 * is that it may have been sent. */
static void
excuse(sim_t *self, const write_t *write)
{
    const grant_t *grant = write->grant != 0 ? &self->grants[write->grant - 1] : NULL;
    if (!grant || !grant->free_running || self->recorded[write->grant - 1])
        return;
    book_t *book = &self->broadcasts[grant->broadcast].books[grant->channel];
    for (uint32_t i = 0; i < grant->count; i++)
        book->fates[sim_rank(grant, i)].flags |= FATE_EXCUSED;
}

void
store_cut(sim_t *self, bool everything)
{
    store_t *store = &self->store;
    uint32_t left[SIM_BROADCASTS];
    draw_survivors(self, everything, left);
    while (store->oldest != NONE) {
        write_t *write = &store->writes[store->oldest];
        uint32_t *budget = &left[store->reorders ? write->broadcast : 0];
        if (*budget > 0) {
            --*budget;
            apply(self, write);
        } else {
            excuse(self, write);
        }
        release(self, write);
    }
}
