/*
 * Deliveries whose outcome is unknown: how many, since when and by whom, from the stored bytes and
 * their trail; and a person's order about them.
 */
#include "../dispatch/trail.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "audience.h"
#include "cr_clock.h"
#include "verbs.h"

/* -- what there is ------------------------------------------------------------------------------ */

enum { PARTIES_MAX = 256 };

/* The worker and gateway at which an outcome was not seen. */
typedef struct {
    char worker[CORE_NAME_MAX], gateway[CORE_NAME_MAX];
    uint32_t count;
    int64_t since_us;
} party_t;

typedef struct {
    party_t parties[PARTIES_MAX]; /* the first: nobody knows */
    size_t count;
    uint8_t by[LEDGER_CHUNK]; /* of the chunk: index of the party */
    int64_t at_us[LEDGER_CHUNK];
} chunk_t;

static uint8_t
party_of(chunk_t *self, const trail_t *trail)
{
    size_t i = 1;
    while (i < self->count && (strcmp(self->parties[i].worker, trail->worker) != 0 ||
                               strcmp(self->parties[i].gateway, trail->gateway) != 0))
        i++;
    if (i == PARTIES_MAX)
        return 0;
    if (i == self->count) {
        self->count++;
        memcpy(self->parties[i].worker, trail->worker, CORE_NAME_MAX);
        memcpy(self->parties[i].gateway, trail->gateway, CORE_NAME_MAX);
    }
    return (uint8_t)i;
}

/* The last time that a rank became unknown counts. */
static void
take_record(void *context, const trail_t *trail)
{
    chunk_t *self = context;
    uint8_t party = party_of(self, trail);
    for (uint32_t i = 0; i < trail->count; i++) {
        uint32_t at = (trail->first_rank + trail->offsets[i]) % LEDGER_CHUNK;
        if (trail->outcomes[i] != CR_STATUS_UNKNOWN)
            continue;
        self->by[at] = party;
        self->at_us[at] = trail->at_us;
    }
}

static void
count_parties(chunk_t *self, const cr_status_t *status, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (status[i] != CR_STATUS_UNKNOWN)
            continue;
        party_t *party = &self->parties[self->by[i]];
        party->count++;
        if (self->at_us[i] > 0 && (party->since_us == 0 || self->at_us[i] < party->since_us))
            party->since_us = self->at_us[i];
    }
}

/* -- as JSON; times stay numbers until all chunks are in ------------------------------------------ */

static void
add_to(json_t *row, uint32_t count, int64_t since_us)
{
    json_int_t before = json_integer_value(json_object_get(row, "unknown"));
    json_int_t since = json_integer_value(json_object_get(row, "since"));
    json_object_set_new(row, "unknown", json_integer(before + count));
    if (since_us > 0 && (since == 0 || since_us < since))
        json_object_set_new(row, "since", json_integer(since_us));
}

static json_t *
row_of(json_t *rows, const party_t *party)
{
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (strcmp(argument_text(row, "worker"), party->worker) == 0 &&
            strcmp(argument_text(row, "gateway"), party->gateway) == 0)
            return row;
    }
    row = json_pack("{s:s,s:s,s:i,s:i}", "worker", party->worker, "gateway", party->gateway,
                    "unknown", 0, "since", 0);
    json_array_append_new(rows, row);
    return row;
}

static json_t *
channel_of(const ask_t *ask, cr_channel_t channel)
{
    return json_object_get(json_object_get(ask->kept, "channels"), cr_channel_name(channel));
}

static void
on_trail(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    const outcome_t *outcome = &ask->outcomes[0];
    size_t first = op->first_rank, length = broadcast_size(ask->broadcast) - first;
    chunk_t *chunk = calloc(1, sizeof *chunk);
    (void)self;
    CR_ASSERT(chunk);
    chunk->count = 1;
    trail_each(op->bytes, op->bytes_length, take_record, chunk);
    count_parties(chunk, outcome->status[op->channel] + first,
                  length < LEDGER_CHUNK ? length : LEDGER_CHUNK);
    json_t *shown = channel_of(ask, op->channel);
    for (size_t i = 0; i < chunk->count; i++) {
        const party_t *party = &chunk->parties[i];
        if (party->count == 0)
            continue;
        add_to(row_of(json_object_get(shown, "by"), party), party->count, party->since_us);
        add_to(shown, party->count, party->since_us);
    }
    free(chunk);
}

static void
show_time(json_t *row)
{
    char text[CR_TIME_TEXT_MAX];
    int64_t since_us = json_integer_value(json_object_get(row, "since"));
    json_object_set_new(row, "since",
                        since_us > 0 ? json_string(cr_time_format(since_us, text)) : json_null());
}

static void
on_trails(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    const char *name;
    json_t *channel, *row;
    size_t index;
    (void)op;
    json_object_foreach(json_object_get(ask->kept, "channels"), name, channel)
    {
        show_time(channel);
        json_array_foreach(json_object_get(channel, "by"), index, row) show_time(row);
    }
    ask_answer(self, ask, 200, json_incref(ask->kept));
}

static void
read_trail(plan_t *self, ask_t *ask, cr_channel_t channel, size_t first)
{
    ledger_op_t *op = ask_op(LEDGER_TRAIL);
    op->broadcast = ask->broadcast->id;
    op->channel = channel;
    op->first_rank = (uint32_t)first;
    ask_store(self, ask, op, on_trails);
}

/* Only the trails of chunks that have an unknown rank. */
static void
read_trails(plan_t *self, ask_t *ask, cr_channel_t channel)
{
    const cr_status_t *status = ask->outcomes[0].status[channel];
    size_t total = broadcast_size(ask->broadcast);
    json_object_set_new(json_object_get(ask->kept, "channels"), cr_channel_name(channel),
                        json_pack("{s:i,s:i,s:[]}", "unknown", 0, "since", 0, "by"));
    for (size_t first = 0; first < total; first += LEDGER_CHUNK) {
        size_t length = total - first < LEDGER_CHUNK ? total - first : LEDGER_CHUNK;
        if (memchr(status + first, CR_STATUS_UNKNOWN, length))
            read_trail(self, ask, channel, first);
    }
}

static void
on_read(plan_t *self, ask_t *ask)
{
    char id[CR_ID_TEXT_MAX];
    ask->kept = json_pack("{s:s,s:s,s:s,s:{}}", "id", cr_id_format(ask->broadcast->id, id), "state",
                          lifecycle_state_name(ask->broadcast->state), "policy",
                          broadcast_policy(ask->broadcast), "channels");
    ask->each = on_trail;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        if (ask->outcomes[0].status[channel])
            read_trails(self, ask, (cr_channel_t)channel);
    if (ask->outstanding == 0)
        on_trails(self, ask, NULL);
}

/* The broadcast, if something of it was sent; else the ask is refused. */
static broadcast_t *
started(plan_t *self, ask_t *ask)
{
    broadcast_t *broadcast = ask_broadcast(self, ask);
    cr_fault_t fault;
    if (!broadcast || broadcast->started_us > 0)
        return broadcast;
    cr_fault_set(&fault, CR_CONFLICT, "nothing of it was ever sent");
    ask_refuse(self, ask, &fault, NULL);
    return NULL;
}

void
verb_broadcast_unknown(plan_t *self, ask_t *ask)
{
    cr_fault_t fault;
    ask->broadcast = started(self, ask);
    if (!ask->broadcast)
        return;
    if (audience_want(ask, ask->broadcast, &fault) == CR_OK)
        audience_read(self, ask, on_read);
    else
        ask_refuse(self, ask, &fault, NULL);
}

/* -- an order ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    cr_status_t to;
} actions[] = {{"resend", CR_STATUS_RETRY_1}, {"accept", CR_STATUS_PRESUMED}};

static cr_err_t
read_action(const ask_t *ask, cr_status_t *to, cr_fault_t *fault)
{
    const char *name = argument_text(ask->arguments, "action");
    for (size_t i = 0; i < CR_COUNT(actions); i++) {
        if (strcmp(name, actions[i].name) != 0)
            continue;
        *to = actions[i].to;
        return CR_OK;
    }
    return cr_fault_set(fault, CR_INVAL, "action: resend or accept, not %.40s", name);
}

static void tell_order(plan_t *self, ask_t *ask);

/* Dispatch has let it go: it is given back once. */
static void
on_ordered(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    char id[CR_ID_TEXT_MAX];
    cr_fault_t fault;
    if (message->err == CR_NOTFOUND && ask->broadcast->settled && !ask->loaded) {
        late_load(self, ask, ask->broadcast, tell_order);
        return;
    }
    if (message->err == CR_OK) {
        ask_answer(self, ask, 200,
                   json_pack("{s:s,s:O,s:I}", "id", cr_id_format(message->id, id), "action",
                             json_object_get(ask->arguments, "action"), "changed",
                             (json_int_t)message->moved));
        return;
    }
    cr_fault_set(&fault, CR_CONFLICT,
                 "nothing of it is sent any more; draft a new broadcast to unknown:ID");
    ask_refuse(self, ask, &fault, NULL);
}

static void
tell_order(plan_t *self, ask_t *ask)
{
    cr_status_t to = CR_STATUS_PRESUMED;
    unsigned channels = 0;
    cr_err_t err = read_action(ask, &to, NULL);
    if (err == CR_OK)
        err = argument_channels(ask->arguments, "channels", ask->broadcast->channels, &channels,
                                NULL);
    CR_ASSERT(err == CR_OK); /* it was before */
    dispatch_message_t *message = dispatch_message_new(DISPATCH_ORDER);
    CR_ASSERT(message);
    message->id = ask->broadcast->id;
    message->channels = channels;
    message->to = to;
    ask_tell(self, ask, message, on_ordered);
}

static void
on_audited(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    (void)op;
    tell_order(self, ask);
}

static cr_err_t
check_order(const ask_t *ask, const broadcast_t *broadcast, cr_fault_t *fault)
{
    cr_status_t to;
    unsigned channels;
    cr_err_t err = read_action(ask, &to, fault);
    if (err == CR_OK)
        err = argument_channels(ask->arguments, "channels", broadcast->channels, &channels, fault);
    if (err == CR_OK && (channels & ~broadcast->channels) != 0)
        err = cr_fault_set(fault, CR_INVAL, "channels: it is not sent on all of these");
    if (err == CR_OK && broadcast->move)
        err = cr_fault_set(fault, CR_CONFLICT, "another change of it is under way");
    return err;
}

/* On record first: an order that is lost with the daemon is given again. */
void
verb_broadcast_order(plan_t *self, ask_t *ask)
{
    broadcast_t *broadcast = started(self, ask);
    cr_fault_t fault;
    char id[CR_ID_TEXT_MAX];
    if (!broadcast)
        return;
    if (check_order(ask, broadcast, &fault) != CR_OK) {
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    move_hold(ask, broadcast);
    ledger_op_t *op = ask_op(LEDGER_AUDIT_PUT);
    op->audit =
        ask_audit(ask, "broadcast_unknown", cr_id_format(broadcast->id, id),
                  json_pack("{s:O,s:O*}", "action", json_object_get(ask->arguments, "action"),
                            "channels", json_object_get(ask->arguments, "channels")));
    ask_store(self, ask, op, on_audited);
}
