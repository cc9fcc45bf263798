#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cr_clock.h"
#include "cr_log.h"
#include "smsc_session.h"

#define AGAIN_US (500 * CR_US_PER_MS)
#define NOBODYS_ID (UINT64_C(1) << 62)

enum { POSTS_MAX = 1000000, UNDER_WAY_MAX = 256, REPLY_TEXT_MAX = 1000, LOG_EVERY_MS = 10000 };

static void
log_full(smsc_t *house)
{
    uint64_t suppressed;
    if (cr_log_limit(&house->full, cr_clock_mono_us(), LOG_EVERY_MS, &suppressed))
        cr_log(CR_LOG_WARN, "receipt_dropped", "channel=sms held=%zu suppressed=%zu", house->posts,
               (size_t)suppressed);
}

static smsc_post_t *
post_new(smsc_account_t *account, cr_slice_t phone, cr_slice_t ours, cr_slice_t text)
{
    smsc_t *house = account->house;
    bool fits = phone.length < SMSC_NUMBER_MAX && ours.length < SMSC_NUMBER_MAX;
    smsc_post_t *post =
        fits && house->posts < POSTS_MAX ? calloc(1, sizeof *post + text.length + 1) : NULL;
    if (!post)
        return NULL;
    post->account = account;
    memcpy(post->phone, phone.text, phone.length);
    memcpy(post->ours, ours.text, ours.length);
    memcpy(post->text, text.text, text.length);
    post->next_held = house->held;
    if (house->held)
        house->held->previous_held = post;
    house->held = post;
    house->posts++;
    return post;
}

static void
post_free(smsc_post_t *post)
{
    smsc_t *house = post->account->house;
    if (post->previous_held)
        post->previous_held->next_held = post->next_held;
    else
        house->held = post->next_held;
    if (post->next_held)
        post->next_held->previous_held = post->previous_held;
    house->posts--;
    free(post);
}

static void
enqueue(smsc_post_t *post)
{
    smsc_account_t *account = post->account;
    post->next = NULL;
    *account->last_due = post;
    account->last_due = &post->next;
}

static void
on_post_due(void *context)
{
    smsc_post_t *post = context;
    smsc_account_t *account = post->account;
    enqueue(post);
    smsc_post_pump(account);
    smsc_session_reap(account->house);
}

static cr_err_t
post_later(smsc_post_t *post, int64_t delay_us)
{
    cr_err_t err = delay_until(post->account->house->options.delay, cr_clock_mono_us() + delay_us,
                               on_post_due, post);
    if (err != CR_OK)
        post_free(post);
    return err;
}

static void
post_receipt(smsc_session_t *self, const smsc_submit_t *submit, const smsc_verdict_t *verdict)
{
    smsc_post_t *post = post_new(self->account, submit->destination, submit->source, CR_SLICE(""));
    if (!post) {
        log_full(self->house);
        return;
    }
    post->is_receipt = true;
    post->failed = verdict->failed;
    post->id = verdict->wrong ? verdict->id ^ NOBODYS_ID : verdict->id;
    post->submitted_us = cr_clock_wall_us();
    if (post_later(post, verdict->receipt_us) != CR_OK)
        log_full(self->house);
}

void
smsc_post_receipt(smsc_session_t *self, const smsc_submit_t *submit, const smsc_verdict_t *verdict)
{
    for (unsigned i = 0; i < verdict->copies; i++)
        post_receipt(self, submit, verdict);
}

cr_err_t
smsc_reply(smsc_t *self, cr_slice_t phone, cr_slice_t text, int64_t delay_us)
{
    if (text.length > REPLY_TEXT_MAX)
        return CR_TOOBIG;
    smsc_account_t *account = self->last_account;
    smsc_post_t *post =
        account ? post_new(account, phone, cr_slice_of(account->number), text) : NULL;
    if (!post) {
        log_full(self);
        return CR_NOMEM;
    }
    return post_later(post, delay_us);
}

/* The receiver with the least on its way; NULL: none has room. */
static smsc_session_t *
receiver_of(const smsc_account_t *account)
{
    smsc_session_t *best = NULL;
    for (smsc_session_t *at = account->house->first; at; at = at->next)
        if (at->account == account && at->may_receive && !at->leaving &&
            at->under_way_count < UNDER_WAY_MAX &&
            (!best || at->under_way_count < best->under_way_count))
            best = at;
    return best;
}

bool
smsc_has_receiver(const smsc_t *self)
{
    for (const smsc_session_t *at = self->first; at; at = at->next)
        if (at->account == self->last_account && at->may_receive && !at->leaving)
            return true;
    return false;
}

void
smsc_post_pump(smsc_account_t *account)
{
    smsc_session_t *session;
    while (account->first_due && (session = receiver_of(account)) != NULL) {
        smsc_post_t *post = account->first_due;
        account->first_due = post->next;
        if (!account->first_due)
            account->last_due = &account->first_due;
        post->sequence = smsc_session_sequence(session);
        post->next = session->under_way;
        session->under_way = post;
        session->under_way_count++;
        account->house->options.protocol->deliver(session, post);
    }
}

void
smsc_session_settle(smsc_session_t *self, uint32_t sequence, bool taken)
{
    smsc_post_t **at = &self->under_way;
    while (*at && (*at)->sequence != sequence)
        at = &(*at)->next;
    smsc_post_t *post = *at;
    if (!post)
        return;
    *at = post->next;
    self->under_way_count--;
    if (taken) {
        if (post->is_receipt)
            counts_add(&self->house->options.desk->gateway->counts, COUNT_receipts,
                       cr_clock_mono_us());
        post_free(post);
    } else if (post_later(post, AGAIN_US) != CR_OK) {
        log_full(self->house);
    }
    smsc_post_pump(self->account);
}

void
smsc_post_return(smsc_session_t *self)
{
    while (self->under_way) {
        smsc_post_t *post = self->under_way;
        self->under_way = post->next;
        enqueue(post);
    }
    self->under_way_count = 0;
    if (self->account)
        smsc_post_pump(self->account);
}

void
smsc_post_free_all(smsc_t *house)
{
    for (smsc_post_t *at = house->held, *next; at; at = next) {
        next = at->next_held;
        free(at);
    }
    for (smsc_account_t *at = house->accounts, *next; at; at = next) {
        next = at->next;
        free(at);
    }
}

const char *
smsc_date_text(int64_t wall_us, char out[SMSC_DATE_MAX])
{
    time_t seconds = (time_t)(wall_us / CR_US_PER_S);
    struct tm when;
    localtime_r(&seconds, &when);
    char whole[SMSC_DATE_MAX];
    strftime(whole, sizeof whole, "%Y%m%d%H%M", &when);
    memcpy(out, whole + 2, sizeof whole - 2);
    return out;
}
