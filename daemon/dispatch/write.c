/* Writes to the ledger, and what becomes true when they are stored. */
#include <stdlib.h>
#include <string.h>

#include "state.h"

/* A lease can have under way at once: that it was shortened, a report, its loss, what is proven later.
 * All else waits while CORE_WRITES_BUSY are, but for receipts and what lost leases still prove. */
enum {
    NO_TICKET = UINT32_MAX,
    LEASE_TICKETS = 4,
    TICKETS = CORE_WRITES_BUSY + STATE_RECEIPT_WRITES + STATE_LOST_MAX
};

void
write_begin(write_t *self, channel_t *channel, uint32_t block)
{
    memset(self, 0, offsetof(write_t, trail));
    self->channel = channel;
    self->block = block;
    self->low = CORE_BLOCK;
    self->trail.first_rank = block * CORE_BLOCK;
    self->trail.count = 0;
    self->index = NULL;
    self->index_count = 0;
}

void
write_sign(write_t *self, const core_t *core, trail_kind_t kind, const char *worker,
           const char *gateway)
{
    self->trail.kind = kind;
    self->trail.at_us = core->now.wall_us;
    memcpy(self->trail.worker, worker, strnlen(worker, CORE_NAME_MAX - 1) + 1);
    memcpy(self->trail.gateway, gateway, strnlen(gateway, CORE_NAME_MAX - 1) + 1);
}

void
write_change(write_t *self, uint32_t offset)
{
    if (offset < self->low)
        self->low = offset;
    if (offset >= self->high)
        self->high = offset + 1;
}

void
write_note(write_t *self, uint32_t offset, uint32_t attempt, cr_status_t outcome)
{
    trail_t *trail = &self->trail;
    if (trail->count > 0 && trail->offsets[trail->count - 1] >= offset)
        return;
    trail->offsets[trail->count] = (uint8_t)offset;
    trail->attempts[trail->count] = (uint8_t)(attempt < UINT8_MAX ? attempt : UINT8_MAX);
    trail->outcomes[trail->count++] = outcome;
}

bool
write_is_empty(const write_t *self)
{
    return self->high == 0 && !self->lease && self->trail.count == 0 && self->index_count == 0;
}

static bool
grow_tickets(core_t *core, uint32_t capacity)
{
    ticket_t *grown = realloc(core->tickets, capacity * sizeof *grown);
    if (!grown)
        return false;
    core->tickets = grown;
    for (uint32_t i = core->ticket_capacity; i < capacity; i++)
        core->tickets[i] = (ticket_t){.next_free = i + 1 < capacity ? i + 1 : core->ticket_free};
    core->ticket_free = core->ticket_capacity;
    core->ticket_capacity = capacity;
    return true;
}

bool
write_init(core_t *core)
{
    core->ticket_free = NO_TICKET;
    return grow_tickets(core, TICKETS);
}

bool
write_reserve(core_t *core, uint32_t leases)
{
    uint32_t needed = TICKETS + leases * LEASE_TICKETS;
    return needed <= core->ticket_capacity || grow_tickets(core, needed + needed / 2);
}

static uint32_t
issue(core_t *core, const ticket_t *ticket)
{
    CR_ASSERT(core->ticket_free != NO_TICKET);
    uint32_t number = core->ticket_free;
    core->ticket_free = core->tickets[number].next_free;
    core->tickets[number] = *ticket;
    core->stats.writes_out++;
    if (ticket->worker)
        ticket->worker->uses++;
    return number;
}

/* What may have been sent outlives its lease, and a restart. */
static bool
keeps_record(const write_t *self)
{
    bool doubtful = self->channel->cursor.blocks[self->block].doubter != 0;
    return self->lease && (!self->lease_over || doubtful);
}

void
write_send(core_t *core, const write_t *self, const ticket_t *ticket)
{
    broadcast_t *broadcast = self->channel->broadcast;
    ticket_t issued = *ticket;
    issued.broadcast = broadcast;
    broadcast->writes_out++;
    uint8_t record[CORE_RECORD_MAX], trail[CORE_TRAIL_MAX];
    uint32_t first = self->block * CORE_BLOCK + (self->high > 0 ? self->low : 0);
    core_write_t write = {
        .ticket = issue(core, &issued),
        .broadcast = broadcast->spec.id,
        .channel = self->channel->kind,
        .first_rank = first,
        .length = self->high > 0 ? self->high - self->low : 0,
        .status = self->channel->cursor.status + first,
        .lease = self->lease ? self->lease->id : 0,
        .lease_ends = self->lease_over && !keeps_record(self),
        .bill = self->bill,
        .record_bytes = keeps_record(self)
                            ? lease_encode(self->lease, self->intent, self->lease_over, record)
                            : 0,
        .trail_bytes = trail_encode(&self->trail, trail),
        .record = record,
        .trail = trail,
        .index_count = self->index_count,
        .index = self->index,
    };
    core->act.store(core->act.context, &write);
}

static void
grant_stored(core_t *core, const ticket_t *ticket)
{
    lease_t *lease = roster_lease(ticket->worker, ticket->lease);
    if (lease && lease->unsent)
        lease_send(core, lease);
}

/* A report or a proof of a lost lease is stored: the worker may let the lease go. */
static void
answer_lost(core_t *core, const ticket_t *ticket)
{
    lease_t *lease = lease_find_lost(core, ticket->worker, ticket->lease);
    if (lease)
        lease->storing = false;
    core_refuse(core, ticket->worker->shown.name, CORE_UNKNOWN_LEASE, ticket->lease,
                "lost; what it proved is stored");
}

static void
remember_stored(worker_t *worker, const ticket_t *ticket)
{
    worker->out[ticket->urgent]--;
    for (size_t i = 0; i < STATE_REMEMBERED; i++)
        if (worker->ended[i].lease == ticket->lease)
            worker->ended[i].stored = true;
}

/* Now the report may be acknowledged, unless its lease was lost meanwhile. A lease that was stopped
 * meanwhile goes no further than it was allowed before. */
static void
report_stored(core_t *core, const ticket_t *ticket)
{
    worker_t *worker = ticket->worker;
    lease_t *lease = ticket->ends ? NULL : roster_lease(worker, ticket->lease);
    uint32_t intent = ticket->intent;
    if (ticket->ends) {
        remember_stored(worker, ticket);
    } else if (lease) {
        lease->storing = false;
        if (!lease->stopped)
            lease->intent = intent;
        intent = lease->intent;
    } else {
        answer_lost(core, ticket);
        return;
    }
    core->act.ack(core->act.context, worker->shown.name, ticket->lease, ticket->sequence, intent);
}

static void
round_stored(core_t *core, const ticket_t *ticket)
{
    (void)ticket;
    receipts_stored(core);
}

static void
order_stored(core_t *core, const ticket_t *ticket)
{
    unknown_stored(core, ticket->broadcast);
}

void
core_stored(core_t *core, core_time_t now, uint32_t number)
{
    static void (*const stored[])(core_t * core, const ticket_t *ticket) = {
        [TICKET_GRANT] = grant_stored, [TICKET_REPORT] = report_stored,
        [TICKET_PROOF] = answer_lost,  [TICKET_RECEIPTS] = round_stored,
        [TICKET_ORDER] = order_stored,
    };
    CR_ASSERT(number < core->ticket_capacity && core->tickets[number].broadcast);
    core->now = now;
    ticket_t ticket = core->tickets[number];
    core->tickets[number] = (ticket_t){.next_free = core->ticket_free};
    core->ticket_free = number;
    core->stats.writes_out--;
    ticket.broadcast->writes_out--;
    if (ticket.worker)
        ticket.worker->uses--;
    if (ticket.kind != TICKET_PLAIN)
        stored[ticket.kind](core, &ticket);
}

void
write_fini(core_t *core)
{
    free(core->tickets);
}
