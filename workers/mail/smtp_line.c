#include "smtp_line.h"

#include <sodium.h>
#include <stdlib.h>

#include "cr_clock.h"
#include "cr_log.h"

enum { READ_BYTES = 16384, READS_A_TURN = 16, SHORTEST_PERCENT = 50, LOG_MS = 10000 };

static const int64_t first_wait_us = CR_US_PER_S, longest_wait_us = 30 * CR_US_PER_S;
static const int64_t idle_us = 30 * CR_US_PER_S;

struct smtp_line {
    smtp_place_t place;
    smtp_session_t *session;
    peer_link_t *link;        /* NULL: not connected */
    bool opening;             /* its handshake is not done */
    bool begun;               /* the session knows of it */
    bool polls_writable;      /* the loop tells when there is room */
    int64_t wait_us, next_us; /* after a failure; not before */
    int64_t opened_us, used_us;
    size_t under_way;
    cr_log_limit_t log_limit;
};

static void step(smtp_line_t *self);

/* ---- the loop's watch on the socket --------------------------------------------------------- */

static int
on_socket(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    step(context);
    return 0;
}

static void
unwatch(smtp_line_t *self)
{
    zmq_pollitem_t item = {.fd = peer_socket(self->link)};
    zloop_poller_end(self->place.loop, &item);
}

static void
watch(smtp_line_t *self, bool writable)
{
    zmq_pollitem_t item = {.fd = peer_socket(self->link),
                           .events = (short)(ZMQ_POLLIN | (writable ? ZMQ_POLLOUT : 0))};
    CR_ASSERT(zloop_poller(self->place.loop, &item, on_socket, self) == 0);
    self->polls_writable = writable;
}

static void
rewatch(smtp_line_t *self, bool writable)
{
    if (self->polls_writable == writable)
        return;
    unwatch(self);
    watch(self, writable);
}

/* ---- coming and going ----------------------------------------------------------------------- */

static void
back_off(smtp_line_t *self)
{
    self->wait_us = self->wait_us == 0 ? first_wait_us : self->wait_us * 2;
    if (self->wait_us > longest_wait_us)
        self->wait_us = longest_wait_us;
    int64_t percent = SHORTEST_PERCENT + (int64_t)randombytes_uniform(100 - SHORTEST_PERCENT + 1);
    self->next_us = cr_clock_mono_us() + self->wait_us * percent / 100;
}

/* `reason` NULL: good-bye was said, and nothing is wrong. */
static void
hang_up(smtp_line_t *self, const char *reason)
{
    uint64_t suppressed;
    char quoted[320];
    if (!self->link)
        return;
    unwatch(self);
    peer_close(&self->link);
    if (reason && cr_log_limit(&self->log_limit, cr_clock_mono_us(), LOG_MS, &suppressed))
        cr_log(CR_LOG_WARN, "relay_lost", "reason=%s suppressed=%llu",
               cr_log_value(cr_slice_of(reason), quoted), (unsigned long long)suppressed);
    if (reason)
        back_off(self);
    smtp_session_lost(self->session);
}

static void
call(smtp_line_t *self)
{
    int64_t now_us = cr_clock_mono_us();
    self->link = peer_connect(self->place.peer);
    if (!self->link) {
        back_off(self);
        smtp_session_lost(self->session);
        return;
    }
    self->opening = true;
    self->begun = false;
    self->opened_us = self->used_us = now_us;
    watch(self, true);
}

static void
on_answer(void *context, void *tag, const smtp_answer_t *answer)
{
    smtp_line_t *self = context;
    self->under_way--;
    self->used_us = cr_clock_mono_us();
    if (answer->answered)
        self->wait_us = 0;
    self->place.on_answer(self->place.context, tag, answer);
}

static void
on_tls(void *context)
{
    smtp_line_t *self = context;
    self->opening = true;
    peer_secure(self->link);
}

static const smtp_events_t events = {on_answer, on_tls};

smtp_line_t *
smtp_line_new(const smtp_place_t *place)
{
    smtp_line_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->place = *place;
    self->session = smtp_session_new(place->rules, &events, self);
    if (!self->session)
        smtp_line_destroy(&self);
    return self;
}

void
smtp_line_destroy(smtp_line_t **self_p)
{
    smtp_line_t *self = *self_p;
    if (!self)
        return;
    if (self->link && smtp_session_quit(self->session)) {
        cr_slice_t out = smtp_session_output(self->session);
        (void)!peer_write(self->link, out.text, out.length);
    }
    hang_up(self, NULL);
    smtp_session_destroy(&self->session);
    free(self);
    *self_p = NULL;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

/* NULL, or why the connection ends. */
static const char *
open_up(smtp_line_t *self)
{
    peer_state_t state = peer_step(self->link);
    if (state == PEER_FAILED)
        return peer_reason(self->link);
    rewatch(self, peer_wants_to_write(self->link));
    if (state == PEER_CONNECTING)
        return NULL;
    self->opening = false;
    int64_t now_us = cr_clock_mono_us();
    if (self->begun)
        smtp_session_secured(self->session, now_us);
    else
        smtp_session_begin(self->session, peer_is_secure(self->link), now_us);
    self->begun = true;
    return NULL;
}

static const char *
read_on(smtp_line_t *self, cr_fault_t *fault)
{
    char bytes[READ_BYTES];
    for (int i = 0; i < READS_A_TURN && self->link && !self->opening; i++) {
        ssize_t length = peer_read(self->link, bytes, sizeof bytes);
        if (length < 0)
            return "the relay hung up";
        if (length == 0)
            return NULL;
        const cr_slice_t said = {bytes, (size_t)length};
        cr_err_t err = smtp_session_take(self->session, said, cr_clock_mono_us(), fault);
        if (err != CR_OK)
            return err == CR_CLOSED ? "" : fault->text;
    }
    return NULL;
}

static const char *
write_on(smtp_line_t *self)
{
    smtp_session_advance(self->session, cr_clock_mono_us());
    if (self->under_way == 0 && !smtp_session_has_room(self->session))
        smtp_session_quit(self->session); /* it has had its number of mails */
    for (;;) {
        cr_slice_t out = smtp_session_output(self->session);
        ssize_t length = out.length > 0 ? peer_write(self->link, out.text, out.length) : 0;
        if (length < 0)
            return "the relay does not listen any more";
        if (length == 0) {
            rewatch(self, out.length > 0);
            return NULL;
        }
        smtp_session_wrote(self->session, (size_t)length, cr_clock_mono_us());
    }
}

static void
step(smtp_line_t *self)
{
    cr_fault_t fault;
    const char *reason = self->opening ? open_up(self) : NULL;
    if (!reason && !self->opening)
        reason = read_on(self, &fault);
    if (!reason && self->opening) /* STARTTLS has just been granted */
        reason = open_up(self);
    if (!reason && !self->opening)
        reason = write_on(self);
    /* Relays close what nobody uses: that is no failure. */
    bool unused = self->under_way == 0 && smtp_session_is_up(self->session);
    if (reason)
        hang_up(self, *reason && !unused ? reason : NULL);
}

/* ---- for the kind --------------------------------------------------------------------------- */

bool
smtp_line_is_coming(const smtp_line_t *self, int64_t now_us)
{
    return self->link || now_us >= self->next_us;
}

bool
smtp_line_has_room(const smtp_line_t *self, int64_t now_us)
{
    return smtp_line_is_coming(self, now_us) && smtp_session_has_room(self->session);
}

void
smtp_line_submit(smtp_line_t *self, const smtp_mail_t *mail, void *tag)
{
    self->under_way++;
    smtp_session_submit(self->session, mail, tag);
}

void
smtp_line_flush(smtp_line_t *self)
{
    if (self->under_way == 0)
        return;
    if (!self->link)
        call(self);
    else if (!self->opening)
        step(self);
}

void
smtp_line_tick(smtp_line_t *self)
{
    int64_t now_us = cr_clock_mono_us();
    if (!self->link)
        return;
    int64_t due_us = self->opening ? self->opened_us + self->place.rules->timeout_us
                                   : smtp_session_due_us(self->session);
    if (now_us >= due_us)
        hang_up(self, "the relay does not answer");
    else if (self->under_way == 0 && now_us - self->used_us > idle_us &&
             smtp_session_quit(self->session))
        step(self);
}
