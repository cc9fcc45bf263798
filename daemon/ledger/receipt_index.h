/*
 * receipt_index - which delivery a gateway's id belongs to, for as long as its receipt may come
 *
 * An id lies in one of many small hashes (few enough entries that Redis keeps them packed, about 40
 * bytes each), named by a hash of the id and by the day. The hashes of a shard share a hash tag, so
 * that one function call serves many ids.
 *
 * Each function appends its commands and says how many replies will come.
 */
#ifndef RECEIPT_INDEX_H
#define RECEIPT_INDEX_H

#include "redis.h"

/* The gateway ids of all the ops, and what they forget. */
size_t receipt_index_put(redis_t *redis, ledger_op_t *const *ops, size_t count);
size_t receipt_index_forget(redis_t *redis, ledger_op_t *const *ops, size_t count);
size_t receipt_index_find(redis_t *redis, const ledger_op_t *op);
/* Takes a reply to the last into the op. */
void receipt_index_absorb(ledger_op_t *op, const redis_reply_t *reply);

#endif
