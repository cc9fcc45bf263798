/* The ledger's thread: takes ops, pipelines them, answers in order, survives the loss of Redis. */
#include "ledger.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../metrics.h"
#include "cr_clock.h"
#include "cr_log.h"
#include "internal.h"

enum {
    PIPELINE_MAX = 64, /* ops in flight to Redis at once */
    CLIENTS = 2,
    QUEUE_MAX = CLIENTS * LEDGER_INFLIGHT_MAX,
    AWAY_FIRST_MS = 50,
    AWAY_MAX_MS = 2000,
    AWAY_LOG_MS = 60000,
    RENEW_MS = 1000, /* of the lease on being the active daemon */
    FENCED_MS = 1000,
};

static const char *const endpoints[CLIENTS] = {"inproc://ledger-dispatch", "inproc://ledger-plan"};

typedef struct {
    ledger_op_t *op;
    zsock_t *client; /* who gets the answer */
    size_t replies;  /* that Redis owes for it, */
    size_t group;    /* and for so many that follow, counting it */
} entry_t;

/* Ops in the order they came; those that must be stored stay in it until they are. */
typedef struct {
    ledger_t *ledger;
    zsock_t *pipe;
    zsock_t *clients[CLIENTS];
    entry_t queue[QUEUE_MAX];
    size_t count;
    bool stopping;
    int64_t away_ms;     /* present back-off; 0: connected */
    int64_t next_try_us; /* of the connection */
    int64_t stop_at_us;
    int64_t renew_us; /* when the lease is next renewed */
    cr_log_limit_t log_limit;
} thread_t;

void
ledger_send(zsock_t *socket, ledger_op_t **op_p)
{
    /* Full it never is; where nobody listens any more, waiting would be for ever. */
    if (zmq_send(zsock_resolve(socket), op_p, sizeof *op_p, ZMQ_DONTWAIT) < 0)
        ledger_op_destroy(op_p);
    *op_p = NULL;
}

ledger_op_t *
ledger_receive(zsock_t *socket)
{
    ledger_op_t *op;
    int length = zmq_recv(zsock_resolve(socket), &op, sizeof op, 0);
    return length == (int)sizeof op ? op : NULL;
}

static void
answer(entry_t *entry)
{
    ledger_send(entry->client, &entry->op);
}

static void
refuse(entry_t *entry, cr_err_t err, const char *text)
{
    entry->op->err = cr_fault_set(&entry->op->fault, err, "%s", text);
    answer(entry);
}

/* Keeps the entries for which `keep` holds, in order; the others have been answered. */
static void
compact(thread_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++)
        if (self->queue[i].op)
            self->queue[kept++] = self->queue[i];
    self->count = kept;
    metrics_set(METRIC_LEDGER_QUEUE, (int64_t)kept);
}

/* Redis is away or fenced: plan's ops are answered now, dispatch's wait (or learn that it is over). */
static void
refuse_what_may_be(thread_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->ledger->fenced)
            refuse(&self->queue[i], CR_CONFLICT, "a newer daemon has taken over");
        else if (!ops_must_be_stored(self->queue[i].op))
            refuse(&self->queue[i], CR_AGAIN, "Redis is away");
    }
    compact(self);
}

static void
lose_connection(thread_t *self, const cr_fault_t *fault)
{
    uint64_t suppressed;
    int64_t now = cr_clock_mono_us();
    redis_close(&self->ledger->redis);
    self->away_ms = self->away_ms == 0                 ? AWAY_FIRST_MS
                    : self->away_ms >= AWAY_MAX_MS / 2 ? AWAY_MAX_MS
                                                       : self->away_ms * 2;
    self->next_try_us = now + self->away_ms * CR_US_PER_MS;
    metrics_set(METRIC_LEDGER_UP, 0);
    char why[160];
    if (cr_log_limit(&self->log_limit, now, AWAY_LOG_MS, &suppressed))
        cr_log(CR_LOG_ERR, "redis_away", "reason=%s suppressed=%" PRIu64,
               cr_log_value(cr_slice_of(fault->text), why), suppressed);
}

bool
ledger_is_fenced(const ledger_t *self)
{
    return atomic_load(&self->fenced);
}

static void
become_fenced(thread_t *self)
{
    if (!atomic_exchange(&self->ledger->fenced, true))
        cr_log(CR_LOG_ERR, "fenced", "epoch=%" PRIu64, self->ledger->epoch);
    self->away_ms = 0;
}

/* A new broadcast's number comes from Redis; its audit line names it. */
static cr_err_t
number_broadcast(thread_t *self, ledger_op_t *op)
{
    redis_command_t command;
    redis_reply_t *reply;
    redis_command(&command, "FCALL");
    redis_argument(&command, CR_SLICE("crier_number"));
    redis_argument(&command, CR_SLICE("2"));
    redis_argument(&command, CR_SLICE("{p}:epoch"));
    redis_argument(&command, CR_SLICE("{p}:broadcast"));
    redis_argument(&command, cr_slice_of(self->ledger->epoch_text));
    cr_err_t err = redis_call(self->ledger->redis, &command, &reply, &op->fault);
    if (err != CR_OK)
        return err;
    op->broadcast = (uint64_t)redis_reply_integer(reply);
    redis_reply_free(&reply);
    char text[CR_ID_TEXT_MAX];
    if (op->audit)
        json_object_set_new(op->audit, "object", json_string(cr_id_format(op->broadcast, text)));
    return CR_OK;
}

/* While nothing is in flight. False: the connection is lost, or we are fenced. */
static bool
number_broadcasts(thread_t *self)
{
    for (size_t i = 0; i < self->count && i < PIPELINE_MAX; i++) {
        ledger_op_t *op = self->queue[i].op;
        if (op->kind != LEDGER_BROADCAST_NEW || op->broadcast != 0)
            continue;
        cr_err_t err = number_broadcast(self, op);
        if (err == CR_OK)
            continue;
        if (err == CR_CONFLICT)
            become_fenced(self);
        else
            lose_connection(self, &op->fault);
        return false;
    }
    return true;
}

static void
reconnect(thread_t *self)
{
    cr_fault_t fault = {.text = ""};
    cr_err_t err = redis_open(&self->ledger->config, &self->ledger->redis, &fault);
    if (err == CR_OK)
        err = ledger_resume(self->ledger, &fault);
    if (err == CR_CONFLICT && self->ledger->redis) {
        become_fenced(self);
        return;
    }
    if (err != CR_OK) {
        lose_connection(self, &fault);
        return;
    }
    cr_log(CR_LOG_INFO, "redis_back", "waiting=%zu", self->count);
    self->away_ms = 0;
    metrics_set(METRIC_LEDGER_UP, 1);
    metrics_add(METRIC_LEDGER_RECONNECTS, 1);
}

/*
 * How many ops are sent now, numbered. They end after one with an audit line, so that a line is
 * numbered only when the one before it is known to be stored.
 */
static size_t
prepare_pipeline(thread_t *self, ledger_op_t *ops[PIPELINE_MAX])
{
    ledger_t *ledger = self->ledger;
    size_t count = 0;
    while (count < self->count && count < PIPELINE_MAX) {
        ledger_op_t *op = ops[count] = self->queue[count].op;
        count++;
        op->err = CR_OK;
        if (op->kind == LEDGER_BLOCK && op->cursor == 0)
            op->cursor = ++ledger->operation;
        if (op->audit) {
            ops_number_audit(ledger, op);
            break;
        }
    }
    return count;
}

static size_t
send_pipeline(thread_t *self)
{
    ledger_op_t *ops[PIPELINE_MAX];
    size_t count = prepare_pipeline(self, ops);
    for (size_t i = 0; i < count; i += self->queue[i].group) {
        self->queue[i].group = ops_group(ops + i, count - i);
        self->queue[i].replies = ops_append(self->ledger, ops + i, self->queue[i].group);
    }
    return count;
}

/* The ops of a group were written together, or none of them. */
static void
share_fate(entry_t *entry)
{
    for (size_t i = 1; i < entry->group; i++) {
        entry[i].op->err = entry->op->err;
        entry[i].op->fault = entry->op->fault;
    }
}

/* Takes the replies of one group; CR_CLOSED when the connection broke, else CR_OK with op->err
 * set. */
static cr_err_t
take_replies(thread_t *self, entry_t *entry)
{
    for (size_t i = 0; i < entry->replies; i++) {
        redis_reply_t *reply;
        cr_fault_t fault;
        cr_err_t err = redis_next(self->ledger->redis, &reply, &fault);
        if (err == CR_CLOSED) {
            entry->op->fault = fault;
            return err;
        }
        if (err == CR_OK) {
            ops_absorb(entry->op, i, reply);
            redis_reply_free(&reply);
        } else if (entry->op->err == CR_OK) {
            entry->op->err = err;
            entry->op->fault = fault;
        }
    }
    share_fate(entry);
    return CR_OK;
}

/*
 * What a refused op means. Bytes are absolute, so whatever follows a refused write of dispatch must
 * be written again behind it; `repeat` says that this has begun.
 */
static void
settle(thread_t *self, entry_t *entry, bool *repeat)
{
    ledger_op_t *op = entry->op;
    if (op->err == CR_CONFLICT) {
        become_fenced(self);
        answer(entry);
    } else if (!ops_must_be_stored(op)) {
        if (op->err != CR_OK)
            op->err = CR_AGAIN;
        answer(entry);
    } else if (op->err != CR_OK) {
        *repeat = true;
        op->cursor = 0; /* certainly not applied: a fresh number when it is sent again */
    } else if (!*repeat) {
        metrics_add(METRIC_LEDGER_WRITES, 1);
        answer(entry);
    }
}

/* Takes the reply to a renewal. */
static cr_err_t
take_renewal(thread_t *self, cr_fault_t *fault)
{
    redis_reply_t *reply;
    cr_err_t err = redis_next(self->ledger->redis, &reply, fault);
    if (err == CR_OK)
        redis_reply_free(&reply);
    if (err == CR_CONFLICT)
        become_fenced(self);
    return err;
}

/* One pipeline: a prefix of the queue, and the renewal of the lease when that is due. */
static cr_err_t
send_and_take(thread_t *self, size_t *sent, cr_fault_t *fault)
{
    int64_t now = cr_clock_mono_us();
    bool renews = now >= self->renew_us;
    cr_err_t err = CR_OK;
    *sent = send_pipeline(self);
    if (renews) {
        self->renew_us = now + RENEW_MS * CR_US_PER_MS;
        active_append_renewal(self->ledger);
    }
    for (size_t i = 0; err == CR_OK && i < *sent; i += self->queue[i].group) {
        err = take_replies(self, &self->queue[i]);
        if (err != CR_OK)
            *fault = self->queue[i].op->fault;
    }
    return err == CR_OK && renews ? take_renewal(self, fault) : err;
}

static void
exchange(thread_t *self)
{
    if (!number_broadcasts(self))
        return;
    size_t sent;
    bool repeat = false, audit_failed = false;
    cr_fault_t fault = {.text = "a write was refused"};
    cr_err_t err = send_and_take(self, &sent, &fault);
    for (size_t i = 0; err != CR_CLOSED && i < sent; i++) {
        entry_t *entry = &self->queue[i];
        if (entry->op->err != CR_OK)
            fault = entry->op->fault;
        audit_failed |= entry->op->err != CR_OK && entry->op->audit;
        settle(self, entry, &repeat);
    }
    compact(self);
    /* Reconnecting re-loads the functions and the end of the audit chain, and waits a little. */
    if (!self->ledger->fenced && (err != CR_OK || repeat || audit_failed))
        lose_connection(self, &fault);
}

static void
take_ops(thread_t *self)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        while (self->count < QUEUE_MAX && (zsock_events(self->clients[i]) & ZMQ_POLLIN)) {
            ledger_op_t *op = ledger_receive(self->clients[i]);
            if (!op)
                break;
            self->queue[self->count++] = (entry_t){.op = op, .client = self->clients[i]};
        }
    }
}

/* How long the thread may sleep. */
static long
wait_ms(const thread_t *self, int64_t now)
{
    int64_t next = self->away_ms > 0 ? self->next_try_us : self->renew_us;
    if (self->ledger->fenced)
        return FENCED_MS;
    if (next <= now || (self->away_ms == 0 && self->count > 0))
        return 0;
    return (long)((next - now) / CR_US_PER_MS + 1);
}

/* Whether there is anything to say to Redis. */
static bool
has_work(const thread_t *self)
{
    return self->count > 0 || cr_clock_mono_us() >= self->renew_us;
}

static void
wait_for_ops(thread_t *self)
{
    zmq_pollitem_t items[CLIENTS + 1] = {
        {.socket = zsock_resolve(self->clients[0]), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->clients[1]), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->pipe), .events = self->stopping ? 0 : ZMQ_POLLIN},
    };
    zmq_poll(items, CR_COUNT(items), wait_ms(self, cr_clock_mono_us()));
    if (items[CLIENTS].revents & ZMQ_POLLIN) {
        zmsg_t *message = zmsg_recv(self->pipe);
        zmsg_destroy(&message);
        self->stopping = true;
        self->stop_at_us = cr_clock_mono_us() + self->ledger->config.timeout_ms * CR_US_PER_MS;
    }
    take_ops(self);
}

static bool
is_over(const thread_t *self)
{
    return self->stopping && (self->count == 0 || cr_clock_mono_us() >= self->stop_at_us);
}

static void
thread_main(zsock_t *pipe, void *context)
{
    thread_t self = {.ledger = context, .pipe = pipe};
    bool bound = true;
    pthread_setname_np(pthread_self(), "ledger"); /* as top and perf show it */
    for (size_t i = 0; i < CLIENTS; i++) {
        self.clients[i] = zsock_new_pair(NULL);
        bound = bound && self.clients[i] && zsock_bind(self.clients[i], "%s", endpoints[i]) >= 0;
    }
    metrics_set(METRIC_LEDGER_UP, 1);
    zsock_signal(pipe, bound ? 0 : 1);
    while (bound && !is_over(&self)) {
        wait_for_ops(&self);
        if (self.away_ms > 0 && self.next_try_us <= cr_clock_mono_us() && !self.ledger->fenced)
            reconnect(&self);
        if (self.away_ms > 0 || self.ledger->fenced)
            refuse_what_may_be(&self);
        else if (has_work(&self))
            exchange(&self);
    }
    for (size_t i = 0; i < self.count; i++)
        ledger_op_destroy(&self.queue[i].op);
    for (size_t i = 0; i < CLIENTS; i++) {
        if (bound) /* the name is free at once; closing alone frees it some time later */
            zsock_unbind(self.clients[i], "%s", endpoints[i]);
        zsock_destroy(&self.clients[i]);
    }
}

cr_err_t
ledger_start(ledger_t *self, cr_fault_t *fault)
{
    self->actor = zactor_new(thread_main, self);
    if (!self->actor)
        return cr_fault_set(fault, CR_NOMEM, "the ledger's thread could not be started");
    return CR_OK;
}

void
ledger_destroy(ledger_t **self_p)
{
    ledger_t *self = *self_p;
    if (!self)
        return;
    zactor_destroy(&self->actor);
    if (self->redis && self->epoch > 0 && !self->fenced)
        active_release(self);
    redis_close(&self->redis);
    free(self);
    *self_p = NULL;
}
