/* The ledger's thread: takes ops, pipelines them, answers in order, survives the loss of Redis. */
#include "ledger.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../metrics.h"
#include "cr_clock.h"
#include "cr_handover.h"
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
    OVER_MS = 1000,
};

static const char *const endpoints[CLIENTS] = {"inproc://ledger-dispatch", "inproc://ledger-plan"};

typedef struct {
    ledger_op_t *op;
    zsock_t *client;             /* who gets the answer */
    size_t replies;              /* that Redis owes for it, */
    size_t group;                /* and for so many that follow, counting it */
    uint64_t redo_from, redo_to; /* their commands in the redo ring */
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
    cr_hand_over(*op_p);
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
    if (length != (int)sizeof op)
        return NULL;
    cr_take_over(op);
    return op;
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

/* Redis is away, or all is over: plan's ops are answered now, dispatch's wait (or learn the end). */
static void
refuse_what_may_be(thread_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->ledger->over != CR_OK)
            refuse(&self->queue[i], CR_CONFLICT, "the store is not ours any more");
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
    redo_forget_after(self->ledger->redo, self->ledger->acknowledged);
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

cr_err_t
ledger_over(const ledger_t *self)
{
    return (cr_err_t)atomic_load(&self->over);
}

/* Another daemon has the store (CR_CONFLICT), or nobody has what was in it (CR_CORRUPT). */
static void
end_with(thread_t *self, cr_err_t why, const cr_fault_t *fault)
{
    char reason[300];
    cr_log_value(cr_slice_of(fault->text), reason);
    if (why == CR_CONFLICT)
        cr_log(CR_LOG_ERR, "fenced", "epoch=%" PRIu64, self->ledger->epoch);
    else
        cr_log(CR_LOG_ERR, "store_lost", "epoch=%" PRIu64 " reason=%s", self->ledger->epoch,
               reason);
    atomic_store(&self->ledger->over, why);
    self->away_ms = 0;
}

static bool
is_the_end(cr_err_t err)
{
    return err == CR_CONFLICT || err == CR_CORRUPT;
}

static void
reconnect(thread_t *self)
{
    cr_fault_t fault = {.text = ""};
    cr_err_t err = redis_open(&self->ledger->config, &self->ledger->redis, &fault);
    if (err == CR_OK)
        err = ledger_resume(self->ledger, &fault);
    if (is_the_end(err) && self->ledger->redis) {
        end_with(self, err, &fault);
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

/* A new broadcast's number; its audit line names it. */
static void
number_broadcast(ledger_t *ledger, ledger_op_t *op)
{
    char text[CR_ID_TEXT_MAX];
    op->broadcast = ++ledger->newest_broadcast;
    if (op->audit)
        json_object_set_new(op->audit, "object", json_string(cr_id_format(op->broadcast, text)));
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
        if (op->kind == LEDGER_BROADCAST_NEW && op->broadcast == 0)
            number_broadcast(ledger, op);
        if (op->audit) {
            ops_number_audit(ledger, op);
            break;
        }
    }
    return count;
}

static void
send_group(ledger_t *ledger, entry_t *entry, ledger_op_t *const *ops, size_t group)
{
    uint64_t from = redo_position(ledger->redo);
    redis_record(ledger->redis, ops_only_reads(ops[0]) ? NULL : ledger->redo, ledger->mark + 1);
    entry->group = group;
    entry->replies = ops_append(ledger, ops, group);
    redis_record(ledger->redis, NULL, 0);
    for (size_t i = 0; i < group; i++) {
        entry[i].redo_from = from;
        entry[i].redo_to = redo_position(ledger->redo);
    }
}

static size_t
send_pipeline(thread_t *self, bool *writes)
{
    ledger_op_t *ops[PIPELINE_MAX];
    size_t count = prepare_pipeline(self, ops);
    *writes = false;
    for (size_t i = 0; i < count; i += self->queue[i].group) {
        send_group(self->ledger, &self->queue[i], ops + i, ops_group(ops + i, count - i));
        *writes |= !ops_only_reads(ops[i]);
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
    if (op->err != CR_OK)
        redo_void(self->ledger->redo, entry->redo_from, entry->redo_to);
    if (!ops_must_be_stored(op)) {
        if (op->err != CR_OK)
            op->err = op->err == CR_CONFLICT ? CR_CONFLICT : CR_AGAIN;
        answer(entry);
    } else if (op->err != CR_OK) {
        *repeat = true;
        op->cursor = 0; /* certainly not applied: a fresh number when it is sent again */
    } else if (!*repeat) {
        metrics_add(METRIC_LEDGER_WRITES, 1);
        answer(entry);
    }
}

/* Takes the reply to the mark, which says whether all before it holds. */
static cr_err_t
take_mark(ledger_t *ledger, cr_fault_t *fault)
{
    redis_reply_t *reply;
    cr_err_t err = redis_next(ledger->redis, &reply, fault);
    if (err != CR_OK)
        return err;
    redis_reply_free(&reply);
    ledger->acknowledged = ledger->mark;
    return CR_OK;
}

/* One pipeline: a prefix of the queue, and a mark behind what it writes. The mark renews the lease
 * when that is due. */
static cr_err_t
send_and_take(thread_t *self, size_t *sent, cr_fault_t *fault)
{
    int64_t now = cr_clock_mono_us();
    bool writes, renews = now >= self->renew_us;
    cr_err_t err = CR_OK;
    *sent = send_pipeline(self, &writes);
    self->ledger->mark += writes;
    if (writes || renews)
        active_append_mark(self->ledger, renews);
    if (renews)
        self->renew_us = now + RENEW_MS * CR_US_PER_MS;
    for (size_t i = 0; err == CR_OK && i < *sent; i += self->queue[i].group) {
        err = take_replies(self, &self->queue[i]);
        if (err != CR_OK)
            *fault = self->queue[i].op->fault;
    }
    return err == CR_OK && (writes || renews) ? take_mark(self->ledger, fault) : err;
}

/* Answers what is stored and what may fail; says whether something must be written again. */
static bool
settle_all(thread_t *self, size_t sent, cr_fault_t *fault)
{
    bool repeat = false, audit_failed = false;
    for (size_t i = 0; i < sent; i++) {
        entry_t *entry = &self->queue[i];
        if (entry->op->err != CR_OK)
            *fault = entry->op->fault;
        audit_failed |= entry->op->err != CR_OK && entry->op->audit;
        settle(self, entry, &repeat);
    }
    compact(self);
    return repeat || audit_failed;
}

/* Somebody flushed the functions: nothing of the pipeline was done that could not be done again. */
static cr_err_t
reload(thread_t *self, cr_fault_t *fault)
{
    redo_forget_after(self->ledger->redo, self->ledger->acknowledged);
    cr_err_t err = redis_load_functions(self->ledger->redis, fault);
    cr_log(CR_LOG_WARN, "functions_reloaded", "result=%s", cr_err_name(err));
    return err == CR_OK ? load_audit_end(self->ledger, fault) : err;
}

static void
exchange(thread_t *self)
{
    size_t sent;
    cr_fault_t fault = {.text = "a write was refused"};
    cr_err_t err = send_and_take(self, &sent, &fault);
    if (err == CR_NOTFOUND)
        err = reload(self, &fault);
    else if (err == CR_OK && settle_all(self, sent, &fault))
        err = CR_AGAIN;
    /* Reconnecting re-loads the functions and the end of the audit chain, and waits a little. */
    if (is_the_end(err))
        end_with(self, err, &fault);
    else if (err != CR_OK)
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
    if (self->ledger->over != CR_OK)
        return OVER_MS;
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
        if (self.away_ms > 0 && self.next_try_us <= cr_clock_mono_us() &&
            self.ledger->over == CR_OK)
            reconnect(&self);
        if (self.away_ms > 0 || self.ledger->over != CR_OK)
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
    cr_hand_over(self.ledger);
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
    cr_take_over(self);
    if (self->redis && self->epoch > 0 && self->over == CR_OK)
        active_release(self);
    redis_close(&self->redis);
    redo_close(&self->redo);
    free(self);
    *self_p = NULL;
}
