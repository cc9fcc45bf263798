#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "outbox.h"

enum {
    INPUT_BYTES = 128 * 1024,    /* more than the longest frame */
    OUTPUT_RESERVE = 128 * 1024, /* for all that is no submit */
    OWED_BYTES = 4 * 1024,
    ANSWER_BYTES_MAX = 64,
    TESTS_MAX = 3,
    SLOTS_MIN = 16
};
static const int64_t leave_us = 1000000; /* for the last answers of a gateway that asked us to go */

/* A piece without an answer. */
typedef struct {
    uint32_t sequence; /* 0: free */
    void *token;
    int64_t sent_us;
    uint64_t end; /* of its frame in all that was ever written */
} slot_t;

struct session {
    session_rules_t rules;
    session_events_t events;
    void *context;
    session_state_t state;
    const char *reason;
    cr_fault_t fault;
    uint32_t sequence; /* of the last frame of ours */
    slot_t *slots;     /* by sequence, a power of two */
    uint32_t slot_mask, in_flight;
    uint32_t oldest; /* no slot before it is taken */
    int64_t began_us, heard_us, tested_us;
    unsigned tests;
    size_t in_length;
    outbox_t out;
    cr_pdu_buffer_t owed;
    session_counts_t counts;
    uint8_t in[INPUT_BYTES];
    uint8_t owed_bytes[OWED_BYTES];
};

session_t *
session_new(const session_rules_t *rules, const session_events_t *events, void *context)
{
    CR_ASSERT(rules->window > 0 && rules->dialect->frame_max <= INPUT_BYTES);
    session_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    uint32_t slots = SLOTS_MIN;
    while (slots < 4 * rules->window)
        slots *= 2;
    self->rules = *rules;
    self->events = *events;
    self->context = context;
    self->reason = "";
    outbox_init(&self->out);
    self->slot_mask = slots - 1;
    self->owed = (cr_pdu_buffer_t){self->owed_bytes, 0, OWED_BYTES};
    self->slots = calloc(slots, sizeof *self->slots);
    if (!self->slots)
        session_destroy(&self);
    return self;
}

void
session_destroy(session_t **self_p)
{
    session_t *self = *self_p;
    if (!self)
        return;
    free(self->slots);
    free(self);
    *self_p = NULL;
}

static void
give_up(session_t *self, const char *reason)
{
    if (self->state == SESSION_BROKEN)
        return;
    self->state = SESSION_BROKEN;
    self->reason = reason;
}

/* ---- output --------------------------------------------------------------------------------- */

/* A gateway that takes no answers is given up. */
static void
appended(session_t *self, cr_err_t err)
{
    outbox_note(&self->out);
    if (err != CR_OK)
        give_up(self, "takes nothing");
}

cr_slice_t
session_output(const session_t *self)
{
    return outbox_waiting(&self->out);
}

void
session_sent(session_t *self, size_t bytes)
{
    outbox_sent(&self->out, bytes);
}

void
session_write(session_t *self, cr_slice_t answers)
{
    appended(self, outbox_append(&self->out, answers));
}

static uint32_t
after(const session_t *self, uint32_t sequence)
{
    return sequence >= self->rules.dialect->sequence_max ? 1 : sequence + 1;
}

static uint32_t
next_sequence(session_t *self)
{
    return self->sequence = after(self, self->sequence);
}

static void
send_test(session_t *self, int64_t now_us)
{
    appended(self, self->rules.dialect->test(self->rules.contract, next_sequence(self),
                                             &self->out.buffer));
    self->tested_us = now_us;
    self->tests++;
}

/* ---- pieces --------------------------------------------------------------------------------- */

static slot_t *
slot_of(const session_t *self, uint32_t sequence)
{
    return &self->slots[sequence & self->slot_mask];
}

/* The next sequence whose slot is free: with four slots a piece of the window there is one. */
static slot_t *
free_slot(session_t *self)
{
    slot_t *slot;
    do {
        slot = slot_of(self, next_sequence(self));
    } while (slot->sequence != 0);
    return slot;
}

bool
session_has_room(const session_t *self)
{
    return self->state == SESSION_UP && self->rules.role != ROLE_RECEIVE &&
           self->in_flight < self->rules.window &&
           outbox_room(&self->out) > OUTPUT_RESERVE + self->rules.dialect->frame_max;
}

cr_err_t
session_submit(session_t *self, const piece_t *piece, void *token, int64_t now_us)
{
    CR_ASSERT(session_has_room(self));
    slot_t *slot = free_slot(self);
    cr_err_t err =
        self->rules.dialect->submit(self->rules.contract, piece, self->sequence, &self->out.buffer);
    if (err != CR_OK)
        return err;
    appended(self, CR_OK);
    *slot = (slot_t){self->sequence, token, now_us, self->out.queued};
    if (self->in_flight++ == 0)
        self->oldest = self->sequence;
    return CR_OK;
}

uint32_t
session_in_flight(const session_t *self)
{
    return self->in_flight;
}

static void
settle(session_t *self, slot_t *slot, const session_answer_t *answer)
{
    void *token = slot->token;
    slot->sequence = 0;
    self->in_flight--;
    self->events.on_answer(self->context, token, answer);
}

static void
take_answer(session_t *self, const said_t *said, int64_t now_us)
{
    (void)now_us;
    slot_t *slot = slot_of(self, said->sequence);
    if (self->state == SESSION_LOGGING_IN) {
        give_up(self, said->code);
        return;
    }
    if (said->sequence == 0 || slot->sequence != said->sequence) {
        self->counts.late_answers++;
        return;
    }
    settle(self, slot, &(session_answer_t){.status = said->status, .id = said->id});
}

/* The piece that waits longest: sequences are given in order. */
static slot_t *
oldest_slot(session_t *self)
{
    if (self->in_flight == 0)
        return NULL;
    while (slot_of(self, self->oldest)->sequence != self->oldest)
        self->oldest = after(self, self->oldest);
    return slot_of(self, self->oldest);
}

static void
expire(session_t *self, int64_t now_us)
{
    slot_t *slot;
    while ((slot = oldest_slot(self)) && now_us - slot->sent_us >= self->rules.answer_us) {
        self->counts.unanswered++;
        settle(self, slot, &(session_answer_t){.status = CR_STATUS_UNKNOWN});
    }
}

void
session_closed(session_t *self)
{
    self->state = SESSION_DOWN;
    self->owed.length = 0;
    slot_t *slot;
    while ((slot = oldest_slot(self))) {
        bool whole = slot->end <= self->out.sent;
        settle(self, slot,
               &(session_answer_t){.status = whole ? CR_STATUS_UNKNOWN : CR_STATUS_RETRY_1,
                                   .lost = true});
    }
}

/* ---- what the gateway says ------------------------------------------------------------------ */

static void
answer_now(session_t *self, const said_t *said, bool taken)
{
    appended(self,
             self->rules.dialect->answer(self->rules.contract, said, taken, &self->out.buffer));
}

static void
give_owed(session_t *self)
{
    if (self->owed.length > 0)
        self->events.on_owed(self->context,
                             (cr_slice_t){(const char *)self->owed_bytes, self->owed.length});
    self->owed.length = 0;
}

/* The answer waits until what was said is stored. */
static void
take_news(session_t *self, const said_t *said, int64_t now_us)
{
    (void)now_us;
    if (!self->events.on_said(self->context, said)) {
        answer_now(self, said, false);
        return;
    }
    cr_err_t err = self->rules.dialect->answer(self->rules.contract, said, true, &self->owed);
    CR_ASSERT(err == CR_OK);
    if (OWED_BYTES - self->owed.length < ANSWER_BYTES_MAX)
        give_owed(self);
}

static void
take_log_in(session_t *self, const said_t *said, int64_t now_us)
{
    (void)said;
    (void)now_us;
    if (self->state == SESSION_LOGGING_IN)
        self->state = SESSION_UP;
}

static void
take_refusal(session_t *self, const said_t *said, int64_t now_us)
{
    (void)now_us;
    give_up(self, said->code);
}

static void
take_request(session_t *self, const said_t *said, int64_t now_us)
{
    (void)now_us;
    answer_now(self, said, true);
}

static void
take_garbled(session_t *self, const said_t *said, int64_t now_us)
{
    self->counts.garbled++;
    take_request(self, said, now_us);
}

static void
take_unknown(session_t *self, const said_t *said, int64_t now_us)
{
    self->counts.unknown_commands++;
    take_request(self, said, now_us);
}

static void
take_leave(session_t *self, const said_t *said, int64_t now_us)
{
    answer_now(self, said, true);
    if (self->state == SESSION_UP)
        self->state = SESSION_LEAVING;
    self->began_us = now_us;
}

static void
take_left(session_t *self, const said_t *said, int64_t now_us)
{
    (void)said;
    (void)now_us;
    give_up(self, "left");
}

/* NULL: that it was said at all is what counts. */
typedef void take_fn(session_t *self, const said_t *said, int64_t now_us);
static take_fn *const takers[] = {
    [SAID_NOTHING] = NULL,          [SAID_LOGGED_IN] = take_log_in,
    [SAID_REFUSED] = take_refusal,  [SAID_ANSWER] = take_answer,
    [SAID_RECEIPT] = take_news,     [SAID_REPLY] = take_news,
    [SAID_PROGRESS] = take_request, [SAID_GARBLED] = take_garbled,
    [SAID_TEST] = take_request,     [SAID_ALIVE] = NULL,
    [SAID_LEAVE] = take_leave,      [SAID_LEFT] = take_left,
    [SAID_UNKNOWN] = take_unknown,
};

/* Until the log-in is answered nothing else may be said. */
static bool
is_in_turn(const session_t *self, said_kind_t kind)
{
    return self->state != SESSION_LOGGING_IN || kind == SAID_LOGGED_IN || kind == SAID_REFUSED ||
           kind == SAID_ANSWER || kind == SAID_TEST || kind == SAID_NOTHING;
}

static void
take_frame(session_t *self, cr_slice_t frame, int64_t now_us)
{
    said_t said = {0};
    self->counts.frames++;
    self->heard_us = now_us;
    self->tests = 0;
    cr_err_t err = self->rules.dialect->read(self->rules.contract, frame, &said, &self->fault);
    if (err != CR_OK) {
        self->counts.garbage++;
        give_up(self, self->fault.text);
    } else if (!is_in_turn(self, said.kind)) {
        self->counts.garbage++;
        give_up(self, "speaks before the log-in");
    } else if (takers[said.kind]) {
        takers[said.kind](self, &said, now_us);
    }
}

uint8_t *
session_space(session_t *self, size_t *room)
{
    *room = INPUT_BYTES - self->in_length;
    return self->in + self->in_length;
}

void
session_received(session_t *self, size_t bytes, int64_t now_us)
{
    self->in_length += bytes;
    cr_slice_t rest = {(const char *)self->in, self->in_length};
    while (self->state != SESSION_BROKEN && self->state != SESSION_DOWN) {
        size_t length;
        cr_err_t err = cr_pdu_frame(rest, self->rules.dialect->header,
                                    self->rules.dialect->frame_max, &length);
        if (err == CR_AGAIN)
            break;
        if (err != CR_OK) {
            self->counts.garbage++;
            give_up(self, "a frame of impossible length");
            break;
        }
        take_frame(self, (cr_slice_t){rest.text, length}, now_us);
        rest = (cr_slice_t){rest.text + length, rest.length - length};
    }
    give_owed(self);
    memmove(self->in, rest.text, rest.length);
    self->in_length = rest.length;
}

/* ---- begin, end, time ----------------------------------------------------------------------- */

void
session_connected(session_t *self, uint32_t timestamp, int64_t now_us)
{
    CR_ASSERT(self->state == SESSION_DOWN && self->in_flight == 0);
    self->state = SESSION_LOGGING_IN;
    self->reason = "";
    self->sequence = 1; /* that of the log-in */
    self->in_length = self->owed.length = 0;
    outbox_init(&self->out);
    self->tests = 0;
    self->began_us = self->heard_us = now_us;
    appended(self, self->rules.dialect->log_in(self->rules.contract, self->rules.role, timestamp,
                                               &self->out.buffer));
}

void
session_leave(session_t *self, int64_t now_us)
{
    if (self->state != SESSION_UP)
        return;
    appended(self, self->rules.dialect->leave(self->rules.contract, next_sequence(self),
                                              &self->out.buffer));
    self->state = SESSION_LEAVING;
    self->began_us = now_us;
}

session_state_t
session_state(const session_t *self)
{
    return self->state;
}

const char *
session_reason(const session_t *self)
{
    return self->reason;
}

const session_counts_t *
session_counts(const session_t *self)
{
    return &self->counts;
}

static int64_t
test_due_us(const session_t *self)
{
    return self->tests == 0 ? self->heard_us + self->rules.idle_us
                            : self->tested_us + self->rules.answer_us;
}

static int64_t
tick_up(session_t *self, int64_t now_us)
{
    expire(self, now_us);
    if (now_us >= test_due_us(self)) {
        if (self->tests == TESTS_MAX)
            give_up(self, "is silent");
        else
            send_test(self, now_us);
    }
    const slot_t *slot = oldest_slot(self);
    int64_t answer_us = slot ? slot->sent_us + self->rules.answer_us : INT64_MAX;
    return answer_us < test_due_us(self) ? answer_us : test_due_us(self);
}

int64_t
session_tick(session_t *self, int64_t now_us)
{
    if (self->state == SESSION_UP)
        return tick_up(self, now_us);
    if (self->state == SESSION_LOGGING_IN) {
        if (now_us - self->began_us >= self->rules.answer_us)
            give_up(self, "does not answer the log-in");
        return self->began_us + self->rules.answer_us;
    }
    if (self->state == SESSION_LEAVING) {
        if (self->in_flight == 0 || now_us - self->began_us >= leave_us)
            give_up(self, "left");
        return self->began_us + leave_us;
    }
    return INT64_MAX;
}
