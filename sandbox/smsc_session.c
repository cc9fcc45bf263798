#include "smsc_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cr_clock.h"
#include "person.h"

enum { OUTPUT_FULL = 256 * 1024, READS_MAX = 16, ACCOUNTS_MAX = 64 };

/* An answer that leaves later. */
typedef struct smsc_answer {
    smsc_session_t *session;
    struct smsc_answer *previous, *next;
    uint32_t sequence;
    smsc_verdict_t verdict;
} answer_t;

static const fault_settings_t *
settings_of(const smsc_session_t *self)
{
    return &self->house->options.desk->gateway->faults.settings;
}

/* ---- life ----------------------------------------------------------------------------------- */

void
smsc_session_open(smsc_t *house, int fd)
{
    smsc_session_t *self = calloc(1, sizeof *self);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};
    if (!self || epoll_ctl(house->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(self);
        close(fd);
        return;
    }
    self->house = house;
    self->fd = fd;
    self->watched = EPOLLIN;
    self->version = CR_CMPP_30;
    self->heard_us = cr_clock_mono_us();
    cr_str_init(&self->output, SMSC_OUTPUT_MAX);
    self->next = house->first;
    if (self->next)
        self->next->previous = self;
    house->first = self;
    house->count++;
}

void
smsc_session_hang_up(smsc_session_t *self)
{
    if (self->fd < 0)
        return;
    close(self->fd); /* which takes it out of the epoll set */
    self->fd = -1;
    self->may_receive = false;
    self->house->dead++;
    smsc_post_return(self);
}

static answer_t *
answer_new(smsc_session_t *self, uint32_t sequence, const smsc_verdict_t *verdict)
{
    answer_t *answer = malloc(sizeof *answer);
    if (!answer)
        return NULL;
    *answer = (answer_t){self, NULL, self->answers, sequence, *verdict};
    if (self->answers)
        self->answers->previous = answer;
    self->answers = answer;
    return answer;
}

static void
answer_free(answer_t *answer)
{
    if (answer->previous)
        answer->previous->next = answer->next;
    else
        answer->session->answers = answer->next;
    if (answer->next)
        answer->next->previous = answer->previous;
    free(answer);
}

static void
session_free(smsc_session_t *self)
{
    for (answer_t *at = self->answers, *next; at; at = next) { /* of a centre that stops */
        next = at->next;
        free(at);
    }
    if (self->previous)
        self->previous->next = self->next;
    else
        self->house->first = self->next;
    if (self->next)
        self->next->previous = self->previous;
    self->house->count--;
    self->house->dead--;
    cr_str_fini(&self->output);
    free(self);
}

void
smsc_session_reap(smsc_t *house)
{
    if (house->dead == 0)
        return;
    for (smsc_session_t *at = house->first, *next; at; at = next) {
        next = at->next;
        if (at->fd < 0 && at->timers == 0)
            session_free(at);
    }
}

/* ---- out ------------------------------------------------------------------------------------ */

static void
watch(smsc_session_t *self)
{
    bool more = self->sent < self->output.length;
    bool full = self->output.length - self->sent > OUTPUT_FULL;
    uint32_t events =
        (full || self->leaving ? 0u : EPOLLIN) | (more && !self->trickling ? EPOLLOUT : 0u);
    if (self->watched == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = self};
    epoll_ctl(self->house->epoll_fd, EPOLL_CTL_MOD, self->fd, &event);
    self->watched = events;
}

/* Up to `most` octets; false when the connection is over. */
static bool
send_some(smsc_session_t *self, size_t most)
{
    size_t left = self->output.length - self->sent;
    ssize_t sent = send(self->fd, self->output.text + self->sent, left < most ? left : most,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        smsc_session_hang_up(self);
        return false;
    }
    self->sent += sent > 0 ? (size_t)sent : 0;
    if (self->sent == self->output.length) {
        cr_str_clear(&self->output);
        self->sent = 0;
    }
    return true;
}

static void flush(smsc_session_t *self);

static void
on_trickle(void *context)
{
    smsc_session_t *self = context;
    self->timers--;
    self->trickling = false;
    if (self->fd >= 0)
        flush(self);
    smsc_session_reap(self->house);
}

static bool
trickle(smsc_session_t *self, int64_t wait_us)
{
    if (!send_some(self, 1))
        return false;
    self->trickling = delay_until(self->house->options.delay, cr_clock_mono_us() + wait_us,
                                  on_trickle, self) == CR_OK;
    self->timers += self->trickling;
    return true;
}

static void
flush(smsc_session_t *self)
{
    int64_t wait_us = settings_of(self)->trickle_ms * CR_US_PER_MS;
    bool more = self->sent < self->output.length;
    if (more && !self->trickling &&
        !(wait_us > 0 ? trickle(self, wait_us) : send_some(self, SIZE_MAX)))
        return;
    if (self->leaving && self->sent == self->output.length)
        smsc_session_hang_up(self);
    else
        watch(self);
}

void
smsc_session_send(smsc_session_t *self, const void *octets, size_t length)
{
    if (self->fd < 0)
        return;
    cr_str_append(&self->output, octets, length);
    if (cr_str_err(&self->output) != CR_OK)
        smsc_session_hang_up(self); /* it does not read */
    else if (!self->reading)
        flush(self);
}

void
smsc_session_leave(smsc_session_t *self)
{
    self->leaving = true;
    if (self->fd >= 0 && !self->reading)
        flush(self);
}

/* ---- in ------------------------------------------------------------------------------------- */

/* All whole frames that were read; what is left moves to the front. */
static void
take_frames(smsc_session_t *self)
{
    const smsc_protocol_t *protocol = self->house->options.protocol;
    size_t at = 0, length;
    cr_err_t err = CR_OK;
    while (self->fd >= 0 && !self->leaving) {
        cr_slice_t rest = {(const char *)self->input + at, self->input_length - at};
        err = cr_pdu_frame(rest, protocol->header, protocol->frame_max, &length);
        if (err != CR_OK)
            break;
        protocol->on_frame(self, (cr_slice_t){rest.text, length});
        at += length;
    }
    self->input_length -= at;
    memmove(self->input, self->input + at, self->input_length);
    if (err == CR_INVAL) {
        protocol->on_bad_length(self);
        smsc_session_leave(self);
    }
}

static void
read_all(smsc_session_t *self)
{
    for (int i = 0; i < READS_MAX && self->fd >= 0 && !self->leaving; i++) {
        ssize_t got = recv(self->fd, self->input + self->input_length,
                           sizeof self->input - self->input_length, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (got <= 0) {
            smsc_session_hang_up(self);
            return;
        }
        self->heard_us = cr_clock_mono_us();
        self->input_length += (size_t)got;
        take_frames(self);
    }
}

void
smsc_session_ready(smsc_session_t *self)
{
    self->reading = true;
    read_all(self);
    self->reading = false;
    if (self->fd >= 0)
        flush(self);
}

/* ---- what the protocols ask for ------------------------------------------------------------- */

bool
smsc_session_knows(const smsc_session_t *self, cr_slice_t account)
{
    const char *known = self->house->options.account;
    return account.length < SMSC_ACCOUNT_MAX && account.length >= strlen(known) &&
           memcmp(account.text, known, strlen(known)) == 0;
}

/* NULL: too many, or memory. */
static smsc_account_t *
account_of(smsc_t *house, cr_slice_t name)
{
    size_t count = 0;
    for (smsc_account_t *at = house->accounts; at; at = at->next, count++)
        if (cr_slice_equal(cr_slice_of(at->name), name))
            return at;
    smsc_account_t *account = count < ACCOUNTS_MAX ? calloc(1, sizeof *account) : NULL;
    if (!account)
        return NULL;
    memcpy(account->name, name.text, name.length);
    account->house = house;
    account->last_due = &account->first_due;
    account->next = house->accounts;
    house->accounts = account;
    return account;
}

bool
smsc_session_let_in(smsc_session_t *self, cr_slice_t account, bool may_submit, bool may_receive)
{
    self->account = account_of(self->house, account);
    if (!self->account)
        return false;
    self->may_submit = may_submit;
    self->may_receive = may_receive;
    smsc_post_pump(self->account);
    return true;
}

uint32_t
smsc_session_sequence(smsc_session_t *self)
{
    self->next_sequence = self->next_sequence % CR_SMPP_SEQUENCE_MAX + 1;
    return self->next_sequence;
}

static void
answer_now(smsc_session_t *self, uint32_t sequence, const smsc_verdict_t *verdict)
{
    if (verdict->hang_up)
        smsc_session_hang_up(self);
    else if (!verdict->silent)
        self->house->options.protocol->answer(self, sequence, verdict);
}

static void
on_answer_due(void *context)
{
    answer_t *answer = context;
    smsc_session_t *self = answer->session;
    self->timers--;
    if (self->fd >= 0)
        answer_now(self, answer->sequence, &answer->verdict);
    answer_free(answer);
    smsc_session_reap(self->house);
}

static void
answer_later(smsc_session_t *self, uint32_t sequence, const smsc_verdict_t *verdict)
{
    answer_t *answer = answer_new(self, sequence, verdict);
    if (!answer)
        return;
    int64_t due_us = cr_clock_mono_us() + verdict->delay_us;
    if (delay_until(self->house->options.delay, due_us, on_answer_due, answer) == CR_OK)
        self->timers++;
    else
        answer_free(answer);
}

static void
hear_back(smsc_t *house, const smsc_submit_t *submit, fault_person_t person)
{
    int64_t delay_us = house->options.desk->gateway->faults.settings.reply_delay_ms * CR_US_PER_MS;
    cr_slice_t words = cr_slice_of(person_words(person, submit->destination));
    cr_err_t ignored = smsc_reply(house, submit->destination, words, delay_us); /* logged there */
    (void)ignored;
}

void
smsc_session_take(smsc_session_t *self, uint32_t sequence, const smsc_submit_t *submit)
{
    smsc_t *house = self->house;
    smsc_verdict_t verdict = smsc_desk_take(house->options.desk, submit);
    if (house->options.protocol->make_id)
        verdict.id = house->options.protocol->make_id(verdict.id);
    house->last_account = self->account;
    if (submit->source.length < SMSC_NUMBER_MAX)
        snprintf(self->account->number, sizeof self->account->number, "%.*s",
                 (int)submit->source.length, submit->source.text);
    int64_t lives = settings_of(self)->hang_up_after;
    verdict.hang_up = verdict.hang_up || (lives > 0 && ++self->submits >= lives);
    if (verdict.result == SMSC_TAKEN)
        smsc_post_receipt(self, submit, &verdict);
    if (verdict.person != FAULT_READS)
        hear_back(house, submit, verdict.person);
    if (verdict.delay_us > 0)
        answer_later(self, sequence, &verdict);
    else
        answer_now(self, sequence, &verdict);
}
