/* Which of several daemons is the active one: a lease in Redis, and the epoch that fences the others. */
#include <inttypes.h>
#include <stdlib.h>

#include "cr_log.h"
#include "internal.h"

/* The first lease lasts until what is stored has been loaded. */
enum { LEASE_MS = 5000, FIRST_LEASE_MS = 15000 };

static void
build(redis_command_t *command, const char *function)
{
    redis_command(command, "FCALL");
    redis_argument(command, cr_slice_of(function));
    redis_argument(command, CR_SLICE("2"));
    redis_argument(command, CR_SLICE("{p}:epoch"));
    redis_argument(command, CR_SLICE("{p}:active"));
}

static void
build_renewal(const ledger_t *self, redis_command_t *command, int lease_ms)
{
    build(command, "crier_renew");
    redis_argument(command, cr_slice_of(self->epoch_text));
    redis_argument(command, cr_slice_of(self->name));
    redis_argumentf(command, "%d", lease_ms);
}

cr_err_t
active_claim(ledger_t *self, cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply;
    build(&command, "crier_claim");
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
active_append_renewal(ledger_t *self)
{
    redis_command_t command;
    build_renewal(self, &command, LEASE_MS);
    redis_append(self->redis, &command);
}

/* A standby need not wait for the lease's end. Without Redis it must. */
void
active_release(ledger_t *self)
{
    redis_command_t command;
    redis_reply_t *reply;
    cr_fault_t fault;
    build_renewal(self, &command, 0);
    if (redis_call(self->redis, &command, &reply, &fault) == CR_OK)
        redis_reply_free(&reply);
    else
        cr_log(CR_LOG_WARN, "lease_not_released", "epoch=%" PRIu64, self->epoch);
}
