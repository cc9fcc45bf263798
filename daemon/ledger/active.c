/* Which of several daemons is the active one: a lease in Redis, and the epoch that fences the others. */
#include <inttypes.h>
#include <stdlib.h>

#include "cr_log.h"
#include "internal.h"

/* The first lease lasts until what is stored has been loaded. */
enum { LEASE_MS = 5000, FIRST_LEASE_MS = 15000 };

static void
begin(redis_command_t *command, const char *function, bool marks)
{
    redis_command(command, "FCALL");
    redis_argument(command, cr_slice_of(function));
    redis_argument(command, marks ? CR_SLICE("3") : CR_SLICE("2"));
    redis_argument(command, CR_SLICE("{p}:epoch"));
    if (marks)
        redis_argument(command, CR_SLICE("{p}:mark"));
    redis_argument(command, CR_SLICE("{p}:active"));
}

cr_err_t
active_claim(ledger_t *self, cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply;
    begin(&command, "crier_claim", false);
    redis_argument(&command, cr_slice_of(self->name));
    redis_argumentf(&command, "%d", FIRST_LEASE_MS);
    cr_err_t err = redis_call(self->redis, &command, &reply, fault);
    if (err != CR_OK)
        return err;
    cr_slice_t holder = redis_reply_text(reply);
    if (holder.length > 0)
        err = cr_fault_set(fault, CR_EXISTS, "%.*s", (int)holder.length, holder.text);
    else
        self->epoch = (uint64_t)redis_reply_integer(reply);
    snprintf(self->epoch_text, sizeof self->epoch_text, "%" PRIu64, self->epoch);
    redis_reply_free(&reply);
    return err;
}

void
active_append_mark(ledger_t *self, bool renews)
{
    redis_command_t command;
    begin(&command, "crier_mark", true);
    redis_argument(&command, cr_slice_of(self->epoch_text));
    redis_argumentf(&command, "%" PRIu64, self->mark);
    redis_argument(&command, cr_slice_of(self->name));
    redis_argumentf(&command, "%d", renews ? LEASE_MS : 0);
    redis_append(self->redis, &command);
}

cr_err_t
active_resume(ledger_t *self, uint64_t epoch, uint64_t *marked, cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply;
    begin(&command, "crier_resume", true);
    redis_argumentf(&command, "%" PRIu64, epoch);
    redis_argument(&command, cr_slice_of(self->name));
    redis_argumentf(&command, "%d", FIRST_LEASE_MS);
    cr_err_t err = redis_call(self->redis, &command, &reply, fault);
    if (err != CR_OK)
        return err;
    *marked = (uint64_t)redis_reply_integer(reply);
    redis_reply_free(&reply);
    return CR_OK;
}

/* A standby need not wait for the lease's end. Without Redis it must. */
void
active_release(ledger_t *self)
{
    redis_command_t command;
    redis_reply_t *reply;
    cr_fault_t fault;
    begin(&command, "crier_release", false);
    redis_argument(&command, cr_slice_of(self->epoch_text));
    if (redis_call(self->redis, &command, &reply, &fault) == CR_OK)
        redis_reply_free(&reply);
    else
        cr_log(CR_LOG_WARN, "lease_not_released", "epoch=%" PRIu64, self->epoch);
}
