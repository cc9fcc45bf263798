/*
 * redis - one blocking connection with pipelining, the only place that knows hiredis
 *
 * Commands are built as lists of arguments (never as format strings, so nothing from outside can
 * become a command), appended, and their replies taken in order.
 *
 * Ownership  a reply belongs to the caller (redis_reply_free); slices live as long as their reply.
 *            Arguments are borrowed until the command is appended.
 * Errors     CR_CLOSED: the connection is lost, reconnect. CR_AGAIN: Redis refused for now (loading,
 *            memory, read-only). CR_CONFLICT: fenced, another daemon writes. CR_CORRUPT: the store
 *            was emptied. CR_NOTFOUND: the functions are gone. CR_IO: any other error reply.
 */
#ifndef REDIS_H
#define REDIS_H

#include "ledger.h"
#include "redo.h"

typedef struct redis redis_t;
typedef struct redisReply redis_reply_t;

/* Asks Sentinel for the master where there is one, connects, authenticates, loads the function library. CR_AGAIN when Redis is away; CR_CONFLICT for
 * a server that loses data by its configuration. */
cr_err_t redis_open(const ledger_config_t *config, redis_t **self, cr_fault_t *fault) CR_MUST_USE;
void redis_close(redis_t **self_p);
cr_err_t redis_load_functions(redis_t *self, cr_fault_t *fault) CR_MUST_USE;

enum { REDIS_ARGUMENTS_MAX = 176, REDIS_TEXT_MAX = 4096 };

typedef struct {
    cr_slice_t argument[REDIS_ARGUMENTS_MAX];
    size_t count;
    char text[REDIS_TEXT_MAX]; /* where formatted arguments lie */
    size_t used;
} redis_command_t;

void redis_command(redis_command_t *self, const char *name);
void redis_argument(redis_command_t *self, cr_slice_t bytes);
void redis_argumentf(redis_command_t *self, const char *format, ...) CR_PRINTF(2, 3);

void redis_append(redis_t *self, const redis_command_t *command);
/* Commands appended from now on are added to `redo` under `mark`; NULL: no more. */
void redis_record(redis_t *self, redo_t *redo, uint64_t mark);
/* A command as it was added there. */
void redis_append_bytes(redis_t *self, cr_slice_t bytes);
cr_err_t redis_next(redis_t *self, redis_reply_t **reply, cr_fault_t *fault) CR_MUST_USE;
/* Append and next, when nothing else is in flight. */
cr_err_t redis_call(redis_t *self, const redis_command_t *command, redis_reply_t **reply,
                    cr_fault_t *fault) CR_MUST_USE;

/* Takes `count` replies of which only a refusal matters; the first of them. */
cr_err_t redis_drain(redis_t *self, size_t count, cr_fault_t *fault) CR_MUST_USE;

void redis_reply_free(redis_reply_t **reply_p);
bool redis_reply_is_nil(const redis_reply_t *reply);
int64_t redis_reply_integer(const redis_reply_t *reply); /* of an integer or decimal text, else 0 */
cr_slice_t redis_reply_text(const redis_reply_t *reply); /* "" for what is not text */
size_t redis_reply_count(const redis_reply_t *reply);    /* items of an array, else 0 */
const redis_reply_t *redis_reply_item(const redis_reply_t *reply, size_t index);

#endif
