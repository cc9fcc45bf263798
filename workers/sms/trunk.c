#include <string.h>

#include "cr_clock.h"
#include "trunk_internal.h"

static const int64_t throttle_us = 200 * CR_US_PER_MS; /* before a later part is tried again */

/* ---- calls ---------------------------------------------------------------------------------- */

static void
tell(trunk_t *self, const parts_news_t *news)
{
    const receipt_t receipt = {
        .reference = CR_SLICE(""), .gateway_id = news->name, .outcome = news->outcome};
    if (news_receipt(self->port.news, &receipt) == CR_OK)
        self->port.wake(self->port.runtime);
}

static void
settle(trunk_t *self, call_t *call)
{
    outcome_t outcome = call_outcome(call);
    uint64_t handle = call->handle;
    parts_news_t news;
    if (handle != 0 && outcome.status == CR_STATUS_ACCEPTED)
        outcome.gateway_id = parts_name(self->parts, handle);
    call->done(call->context, &outcome);
    call->next = self->free_calls;
    self->free_calls = call;
    if (handle != 0 && outcome.status == CR_STATUS_ACCEPTED &&
        parts_early(self->parts, handle, &news))
        tell(self, &news);
}

static void
note_part(trunk_t *self, call_t *call, const call_part_t *part, const session_answer_t *answer)
{
    if (answer->status != CR_STATUS_ACCEPTED || call->total == 1)
        return;
    if (part->number == 1)
        call->handle = parts_open(self->parts, call->total, answer->id);
    else
        parts_accept(self->parts, call->handle, answer->id);
}

static void
on_answer(void *context, void *token, const session_answer_t *answer)
{
    trunk_t *self = ((lane_t *)context)->trunk;
    const call_part_t *part = token;
    call_t *call = part->call;
    bool waiting = call_has_piece(call);
    note_part(self, call, part, answer);
    call_next_t next = call_learn(call, part, answer);
    if (next == CALL_AGAIN)
        self->quiet_until_us = cr_clock_mono_us() + throttle_us;
    if (!waiting && call_has_piece(call))
        call_queue_prepend(&self->queue, call);
    if (waiting && !call_has_piece(call))
        call_queue_take_out(&self->queue, call);
    if (next == CALL_DONE)
        settle(self, call);
}

/* ---- what the gateway says by itself -------------------------------------------------------- */

static bool
take_receipt(trunk_t *self, const said_t *said)
{
    parts_news_t news = {said->id, said->status};
    if (parts_receipt(self->parts, said->id, said->status, &news) == PARTS_HELD)
        return true;
    const receipt_t receipt = {
        .reference = CR_SLICE(""), .gateway_id = news.name, .outcome = news.outcome};
    if (news_receipt(self->port.news, &receipt) != CR_TOOBIG)
        return true;
    parts_untell(self->parts, said->id);
    return false;
}

static bool
take_reply(trunk_t *self, const said_t *said)
{
    cr_str_clear(&self->text);
    cr_sms_decode(said->coding, said->octets, &self->text);
    const reply_t reply = {
        .kind = CRIER__V1__REPLIES__KIND__TEXT,
        .address = said->address,
        .text = cr_str_slice(&self->text),
    };
    return news_reply(self->port.news, &reply) != CR_TOOBIG;
}

static bool
on_said(void *context, const said_t *said)
{
    trunk_t *self = ((lane_t *)context)->trunk;
    if (!self->free_promises)
        return false;
    return said->kind == SAID_RECEIPT ? take_receipt(self, said) : take_reply(self, said);
}

static void
on_owed(void *context, cr_slice_t answers)
{
    lane_t *lane = context;
    trunk_t *self = lane->trunk;
    promise_t *promise = self->free_promises;
    CR_ASSERT(answers.length <= PROMISE_BYTES);
    if (news_collecting(self->port.news) == 0) { /* all of it was heard before */
        session_write(line_session(lane->line), answers);
        return;
    }
    if (!promise || news_wait(self->port.news, (uint64_t)(promise - self->promises)) != CR_OK)
        return; /* the gateway says it again */
    self->free_promises = promise->next_free;
    promise->lane = lane;
    promise->generation = line_generation(lane->line);
    promise->length = answers.length;
    memcpy(promise->bytes, answers.text, answers.length);
    self->port.wake(self->port.runtime);
}

static void
trunk_taken(void *gateway, uint64_t ticket)
{
    trunk_t *self = gateway;
    if (!self)
        return;
    promise_t *promise = &self->promises[ticket];
    line_t *line = promise->lane->line;
    if (line_generation(line) == promise->generation) {
        session_write(line_session(line), (cr_slice_t){promise->bytes, promise->length});
        line_flush(line);
    }
    promise->next_free = self->free_promises;
    self->free_promises = promise;
}

/* ---- turns ---------------------------------------------------------------------------------- */

/* The line with most room; NULL: none has any. */
static line_t *
roomiest(const trunk_t *self)
{
    line_t *best = NULL;
    for (unsigned i = 0; i < self->lane_count; i++) {
        line_t *line = self->lanes[i].line;
        const session_t *session = line_session(line);
        if (session_has_room(session) &&
            (!best || session_in_flight(session) < session_in_flight(line_session(best))))
            best = line;
    }
    return best;
}

static bool
is_away(const trunk_t *self)
{
    for (unsigned i = 0; i < self->lane_count; i++)
        if (self->lanes[i].sends && line_is_coming(self->lanes[i].line))
            return false;
    return true;
}

static void
submit_piece(trunk_t *self, line_t *line, call_t *call, int64_t now_us)
{
    piece_t piece;
    call_part_t *part = call_next_piece(call, &piece);
    if (!call_has_piece(call))
        call_queue_shift(&self->queue);
    if (session_submit(line_session(line), &piece, part, now_us) == CR_OK)
        return;
    const session_answer_t refused = {.status = CR_STATUS_FAILED_CONTENT};
    bool waits = call_has_piece(call);
    call_next_t next = call_learn(call, part, &refused);
    if (waits)
        call_queue_shift(&self->queue);
    if (next != CALL_DONE)
        return;
    call->next = self->refused;
    self->refused = call;
}

static void
submit_what_may(trunk_t *self, int64_t now_us)
{
    line_t *line;
    while (self->queue.first && now_us >= self->quiet_until_us && (line = roomiest(self)))
        submit_piece(self, line, self->queue.first, now_us);
}

/* Nobody is there to take what waits. */
static void
give_back(trunk_t *self)
{
    while (self->queue.first && is_away(self)) {
        call_t *call = call_queue_shift(&self->queue);
        if (call_give_up(call) == CALL_DONE)
            settle(self, call);
    }
    while (self->refused) {
        call_t *call = self->refused;
        self->refused = call->next;
        settle(self, call);
    }
}

static int
on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    trunk_t *self = context;
    self->timer = -1;
    trunk_turn(self);
    return 0;
}

/* A timer that is early only looks again. */
static void
arm(trunk_t *self, int64_t due_us, int64_t now_us)
{
    if (self->timer != -1 && self->timer_us <= due_us)
        return;
    if (self->timer != -1)
        zloop_timer_end(self->port.loop, self->timer);
    int64_t wait_ms = due_us > now_us ? (due_us - now_us + CR_US_PER_MS - 1) / CR_US_PER_MS : 1;
    self->timer = zloop_timer(self->port.loop, (size_t)wait_ms, 1, on_timer, self);
    self->timer_us = due_us;
}

static void
flush(trunk_t *self)
{
    for (unsigned i = 0; i < self->lane_count; i++)
        line_flush(self->lanes[i].line);
}

void
trunk_turn(trunk_t *self)
{
    int64_t now_us = cr_clock_mono_us(), due_us = INT64_MAX;
    for (unsigned i = 0; i < self->lane_count; i++) {
        int64_t line_us = line_tick(self->lanes[i].line, now_us);
        due_us = line_us < due_us ? line_us : due_us;
    }
    give_back(self);
    submit_what_may(self, now_us);
    flush(self);
    if (self->queue.first && self->quiet_until_us > now_us && self->quiet_until_us < due_us)
        due_us = self->quiet_until_us;
    arm(self, self->refused ? now_us : due_us, now_us);
}

static void
on_turn(void *context)
{
    trunk_turn(((lane_t *)context)->trunk);
}

const line_events_t trunk_events = {{on_answer, on_said, on_owed}, on_turn};

/* ---- the kind ------------------------------------------------------------------------------- */

static cr_err_t
trunk_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    trunk_t *self = gateway;
    call_t *call = self->free_calls;
    CR_ASSERT(call); /* as many as the window */
    if (self->registry && !registry_has(self->registry, message->text))
        return CR_DENIED;
    cr_err_t err = call_prepare(call, &self->contract, message, self->joined_by);
    if (err != CR_OK)
        return err;
    self->joined_by++;
    self->free_calls = call->next;
    call->done = done;
    call->context = context;
    call_queue_append(&self->queue, call);
    return CR_OK;
}

static void
trunk_flush(void *gateway)
{
    trunk_t *self = gateway;
    int64_t now_us = cr_clock_mono_us();
    submit_what_may(self, now_us);
    flush(self);
    bool stuck = self->refused || (self->queue.first && is_away(self));
    if (stuck)
        arm(self, now_us, now_us);
}

#define TRUNK(kind, opens)                                                                         \
    {                                                                                              \
        .name = (kind), .channel = CR_CHANNEL_SMS, .idempotent = false, .gives_receipts = true,    \
        .by_id = true, .open = (opens), .close = trunk_close, .submit = trunk_submit,              \
        .flush = trunk_flush, .taken = trunk_taken                                                 \
    }
const gateway_kind_t smpp_gateway = TRUNK("smpp", trunk_smpp_open);
const gateway_kind_t cmpp_gateway = TRUNK("cmpp", trunk_cmpp_open);
