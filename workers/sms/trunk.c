#include "trunk.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "cr_clock.h"
#include "cr_keys.h"
#include "cr_log.h"
#include "line.h"
#include "parts.h"
#include "trunk_contract.h"

enum { LINES_MAX = 32, PROMISES = 512, PROMISE_BYTES = 4096, PARTED_TEXTS = 1 << 16 };
static const int64_t throttle_us = 200 * CR_US_PER_MS; /* before a later part is tried again */

/* A line and what it needs to find its trunk. */
typedef struct {
    struct trunk *trunk;
    line_t *line;
    bool sends;
} lane_t;

/* Answers that are due to a gateway when the daemon has stored what it said. */
typedef struct promise {
    struct promise *next_free;
    lane_t *lane;
    uint32_t generation;
    size_t length;
    char bytes[PROMISE_BYTES];
} promise_t;

typedef struct trunk {
    gateway_port_t port;
    const dialect_t *dialect;
    contract_t contract;
    char *password;
    peer_t *peer;
    lane_t lanes[LINES_MAX];
    unsigned lane_count;
    parts_t *parts;
    call_t *calls, *free_calls;
    call_t *first, *last; /* with pieces to be submitted */
    call_t *refused;      /* to be settled in the next turn */
    promise_t *promises, *free_promises;
    cr_str_t text; /* of a reply */
    uint16_t joined_by;
    int64_t quiet_until_us;
    int timer; /* -1: none */
    int64_t timer_us;
} trunk_t;

/* ---- calls ---------------------------------------------------------------------------------- */

static void
append(trunk_t *self, call_t *call)
{
    call->next = NULL;
    if (self->last)
        self->last->next = call;
    else
        self->first = call;
    self->last = call;
}

/* What was begun goes before what was not. */
static void
prepend(trunk_t *self, call_t *call)
{
    call->next = self->first;
    self->first = call;
    if (!self->last)
        self->last = call;
}

static call_t *
shift(trunk_t *self)
{
    call_t *call = self->first;
    self->first = call->next;
    if (!self->first)
        self->last = NULL;
    return call;
}

static void
take_out(trunk_t *self, const call_t *call)
{
    call_t *before = NULL, *at = self->first;
    while (at != call) {
        before = at;
        at = at->next;
    }
    if (before)
        before->next = call->next;
    else
        self->first = call->next;
    if (self->last == call)
        self->last = before;
}

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
        prepend(self, call);
    if (waiting && !call_has_piece(call))
        take_out(self, call);
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

static void turn(trunk_t *self);

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
        shift(self);
    if (session_submit(line_session(line), &piece, part, now_us) == CR_OK)
        return;
    const session_answer_t refused = {.status = CR_STATUS_FAILED_CONTENT};
    bool waits = call_has_piece(call);
    call_next_t next = call_learn(call, part, &refused);
    if (waits)
        shift(self);
    if (next != CALL_DONE)
        return;
    call->next = self->refused;
    self->refused = call;
}

static void
submit_what_may(trunk_t *self, int64_t now_us)
{
    line_t *line;
    while (self->first && now_us >= self->quiet_until_us && (line = roomiest(self)))
        submit_piece(self, line, self->first, now_us);
}

/* Nobody is there to take what waits. */
static void
give_back(trunk_t *self)
{
    while (self->first && is_away(self)) {
        call_t *call = shift(self);
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
    turn(self);
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

/* From the loop only: here calls may be settled. */
static void
turn(trunk_t *self)
{
    int64_t now_us = cr_clock_mono_us(), due_us = INT64_MAX;
    for (unsigned i = 0; i < self->lane_count; i++) {
        int64_t line_us = line_tick(self->lanes[i].line, now_us);
        due_us = line_us < due_us ? line_us : due_us;
    }
    give_back(self);
    submit_what_may(self, now_us);
    flush(self);
    if (self->first && self->quiet_until_us > now_us && self->quiet_until_us < due_us)
        due_us = self->quiet_until_us;
    arm(self, self->refused ? now_us : due_us, now_us);
}

static void
on_turn(void *context)
{
    turn(((lane_t *)context)->trunk);
}

/* ---- the kind ------------------------------------------------------------------------------- */

static cr_err_t
trunk_submit(void *gateway, const message_t *message, gateway_done_fn *done, void *context)
{
    trunk_t *self = gateway;
    call_t *call = self->free_calls;
    CR_ASSERT(call); /* as many as the window */
    cr_err_t err = call_prepare(call, &self->contract, message, self->joined_by);
    if (err != CR_OK)
        return err;
    self->joined_by++;
    self->free_calls = call->next;
    call->done = done;
    call->context = context;
    append(self, call);
    return CR_OK;
}

static void
trunk_flush(void *gateway)
{
    trunk_t *self = gateway;
    int64_t now_us = cr_clock_mono_us();
    submit_what_may(self, now_us);
    flush(self);
    bool stuck = self->refused || (self->first && is_away(self));
    if (stuck)
        arm(self, now_us, now_us);
}

static void
trunk_close(void **gateway_p)
{
    trunk_t *self = *gateway_p;
    if (!self)
        return;
    for (unsigned i = 0; i < self->lane_count; i++)
        line_destroy(&self->lanes[i].line);
    if (self->timer != -1)
        zloop_timer_end(self->port.loop, self->timer);
    for (uint32_t i = 0; self->calls && i < self->port.window; i++)
        call_fini(&self->calls[i]);
    free(self->calls);
    free(self->promises);
    parts_destroy(&self->parts);
    peer_destroy(&self->peer);
    cr_str_fini(&self->text);
    if (self->password)
        sodium_memzero(self->password, strlen(self->password));
    free(self->password);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
make_room(trunk_t *self)
{
    uint8_t key[PARTS_KEY_BYTES];
    randombytes_buf(key, sizeof key);
    self->joined_by = (uint16_t)randombytes_uniform(UINT16_MAX);
    self->parts = parts_new(PARTED_TEXTS, key);
    self->calls = calloc(self->port.window, sizeof *self->calls);
    self->promises = calloc(PROMISES, sizeof *self->promises);
    if (!self->parts || !self->calls || !self->promises)
        return CR_NOMEM;
    for (uint32_t i = 0; i < self->port.window; i++) {
        call_init(&self->calls[i]);
        self->calls[i].next = self->free_calls;
        self->free_calls = &self->calls[i];
    }
    for (unsigned i = PROMISES; i > 0; i--) {
        self->promises[i - 1].next_free = self->free_promises;
        self->free_promises = &self->promises[i - 1];
    }
    return CR_OK;
}

static cr_err_t
add_line(trunk_t *self, const sms_config_t *config, role_t role, uint32_t window)
{
    static const line_events_t events = {{on_answer, on_said, on_owed}, on_turn};
    const session_rules_t rules = {
        .dialect = self->dialect,
        .contract = &self->contract,
        .role = role,
        .window = window,
        .answer_us = config->runtime.timeout_ms * CR_US_PER_MS,
        .idle_us = config->idle_ms * CR_US_PER_MS,
    };
    const line_place_t place = {self->port.loop, self->peer, self->dialect->name, self->lane_count};
    lane_t *lane = &self->lanes[self->lane_count];
    *lane = (lane_t){self, line_new(&place, &rules, &events, lane), role != ROLE_RECEIVE};
    if (!lane->line)
        return CR_NOMEM;
    self->lane_count++;
    return CR_OK;
}

/* The runtime's window is of all of them together. What exceeds theirs waits here, ready to go when
 * an answer makes room: a store that syncs slowly then does not keep them idle. */
static cr_err_t
add_lines(trunk_t *self, const sms_config_t *config)
{
    uint32_t binds = (uint32_t)config->binds;
    uint32_t share = (self->port.window + binds - 1) / binds;
    uint32_t window = config->bind_window > 0 ? (uint32_t)config->bind_window : share;
    bool apart = self->dialect->has_roles && strcmp(config->roles, "transceiver") != 0;
    cr_err_t err = CR_OK;
    for (uint32_t i = 0; err == CR_OK && i < binds; i++) {
        err = add_line(self, config, apart ? ROLE_SEND : ROLE_BOTH, window);
        if (err == CR_OK && apart)
            err = add_line(self, config, ROLE_RECEIVE, window);
    }
    return err;
}

static cr_err_t
open_with(trunk_t *self, const sms_config_t *config, cr_fault_t *fault)
{
    cr_err_t err = sms_config_need(config->account, "gateway.account", fault);
    if (err == CR_OK)
        err = sms_config_need(config->password_file, "gateway.password_file", fault);
    if (err == CR_OK)
        err = cr_keys_load_line(config->password_file, &self->password, fault);
    if (err == CR_OK)
        err = trunk_contract(config, self->password, self->dialect == &dialect_cmpp,
                             &self->contract, fault);
    const peer_place_t place = {
        .scheme = self->dialect->name, .url = config->runtime.url, .ca_file = config->ca_file};
    if (err == CR_OK)
        err = peer_new(&place, &self->peer, fault);
    if (err != CR_OK)
        return err;
    if (make_room(self) != CR_OK || add_lines(self, config) != CR_OK)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    turn(self);
    return CR_OK;
}

static cr_err_t
trunk_open(const gateway_port_t *port, const dialect_t *dialect, void **gateway, cr_fault_t *fault)
{
    trunk_t *self = calloc(1, sizeof *self);
    if (!self || sodium_init() < 0) {
        free(self);
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    *gateway = self;
    self->port = *port;
    self->dialect = dialect;
    self->timer = -1;
    cr_str_init(&self->text, NEWS_TEXT_MAX);
    return open_with(self, port->config, fault);
}

static cr_err_t
smpp_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    return trunk_open(port, &dialect_smpp, gateway, fault);
}

static cr_err_t
cmpp_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    return trunk_open(port, &dialect_cmpp, gateway, fault);
}

#define TRUNK(kind, opens)                                                                         \
    {                                                                                              \
        .name = (kind), .channel = CR_CHANNEL_SMS, .idempotent = false, .gives_receipts = true,    \
        .by_id = true, .open = (opens), .close = trunk_close, .submit = trunk_submit,              \
        .flush = trunk_flush, .taken = trunk_taken                                                 \
    }
const gateway_kind_t smpp_gateway = TRUNK("smpp", smpp_open);
const gateway_kind_t cmpp_gateway = TRUNK("cmpp", cmpp_open);
