/*
 * What the files of the ledger share: the struct, the keys, and how an op becomes commands.
 */
#ifndef LEDGER_INTERNAL_H
#define LEDGER_INTERNAL_H

#include <stdatomic.h>

#include "redis.h"
#include "redo.h"

struct ledger {
    ledger_config_t config;
    redis_t *redis; /* NULL while away */
    uint64_t epoch;
    uint64_t operation; /* of the last BLOCK sent; grows over the daemon's life */
    uint64_t newest_broadcast;
    redo_t *redo;
    uint64_t mark, acknowledged; /* of the newest pipeline; the newest that is stored */
    uint64_t audit_number;
    char audit_hash[65]; /* SHA-256 of the newest line, hex */
    char epoch_text[24];
    char name[160];  /* under which the lease on being active is held */
    atomic_int over; /* cr_err_t: why nothing can be written any more; set by the thread */
    zactor_t *actor;
};

/* load.c: after a reconnection. CR_CONFLICT: another daemon took the store over; CR_CORRUPT: what we
 * had stored is gone. Else the audit chain's end is read again. */
cr_err_t ledger_resume(ledger_t *self, cr_fault_t *fault) CR_MUST_USE;
cr_err_t load_audit_end(ledger_t *self, cr_fault_t *fault) CR_MUST_USE;

/* active.c: the lease on being the active daemon, and the marks. */
cr_err_t active_claim(ledger_t *self, cr_fault_t *fault) CR_MUST_USE;
void active_append_mark(ledger_t *self, bool renews);
/* The newest mark of the epoch in the store; CR_CONFLICT, CR_CORRUPT as above. */
cr_err_t active_resume(ledger_t *self, uint64_t epoch, uint64_t *marked,
                       cr_fault_t *fault) CR_MUST_USE;
void active_release(ledger_t *self);

/* resume.c: what Redis has forgotten of ours, or of the daemon before us, is sent again. */
cr_err_t resume_connection(ledger_t *self, cr_fault_t *fault) CR_MUST_USE;
cr_err_t resume_predecessor(ledger_t *self, cr_fault_t *fault) CR_MUST_USE;

/* Status string, leases, trail and so on of one channel of a broadcast: "{b:12}:s:sms:0". */
void ledger_key(redis_command_t *command, uint64_t broadcast, const char *part);
void ledger_channel_key(redis_command_t *command, const ledger_op_t *op, char part);
/* "{d}:optout:sms" */
void ledger_mark_key(redis_command_t *command, ledger_mark_t mark, cr_channel_t channel);

/* "{d}:why:sms" */
void ledger_reason_key(redis_command_t *command, cr_channel_t channel);

enum { OPS_GROUP_MAX = 14 };

/* blocks.c: how many of the ops, from the first on, go in one call: blocks of one broadcast whose
 * numbers follow one another. */
size_t ops_group(ledger_op_t *const *ops, size_t count);
/* Such a group; the number of replies. */
size_t blocks_append(ledger_t *self, ledger_op_t *const *ops, size_t count);
/* One block; which broadcasts have ids; ids. As in the table of ops. */
size_t blocks_append_one(ledger_t *self, ledger_op_t *op);
size_t blocks_append_registry_read(ledger_t *self, ledger_op_t *op);
void blocks_absorb_registry(ledger_op_t *op, size_t index, const redis_reply_t *reply);
size_t blocks_append_ids_read(ledger_t *self, ledger_op_t *op);
void blocks_absorb_ids(ledger_op_t *op, size_t index, const redis_reply_t *reply);

/* replies.c: as in the table of ops. */
size_t replies_append_seen(ledger_t *self, ledger_op_t *op);
void replies_absorb_seen(ledger_op_t *op, size_t index, const redis_reply_t *reply);
size_t replies_append_put(ledger_t *self, ledger_op_t *op);
size_t replies_append_read(ledger_t *self, ledger_op_t *op);
void replies_absorb_read(ledger_op_t *op, size_t index, const redis_reply_t *reply);

/*
 * Appends the commands of one op, or of a group of blocks; the number of replies. `ops_absorb` takes
 * reply `index` of them into the op's result. BLOCK: the operation number in `op->cursor` is set by
 * the caller.
 */
size_t ops_append(ledger_t *self, ledger_op_t *const *ops, size_t count);
void ops_absorb(ledger_op_t *op, size_t index, const redis_reply_t *reply);
/* A text as it is, into `bytes`. */
void ops_absorb_bytes(ledger_op_t *op, size_t index, const redis_reply_t *reply);
/* Writes of dispatch are repeated until they are stored; those of plan are refused when Redis is
 * away. */
bool ops_must_be_stored(const ledger_op_t *op);
bool ops_only_reads(const ledger_op_t *op);
/* Gives the next audit line its number, time and hash. */
void ops_number_audit(ledger_t *self, ledger_op_t *op);

#endif
