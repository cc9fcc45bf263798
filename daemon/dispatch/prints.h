/*
 * prints - gateways' ids of submits whose receipts may still come, each with its delivery
 *
 * An id is kept as a 64-bit hash of its bytes (its print), 16 bytes in all. That two of ten million
 * ids have the same print has a chance of three in a million.
 *
 * Layout     a thousand small tables, chosen by the upper bits of the print, each probed linearly
 *            and at most four fifths full. Each grows by a quarter on its own, so that no call takes
 *            longer than copying one of them: some ten microseconds.
 * Limits     `most` places; when a table can grow no further the ids of its oldest broadcast make
 *            room. Ranks below 2^28, attempts up to 15.
 * Threads    none: one owner.
 */
#ifndef PRINTS_H
#define PRINTS_H

#include "cr_id.h"

enum { PRINTS_TABLES = 1024 };

typedef struct prints prints_t;

/* NULL: no memory. */
prints_t *prints_new(size_t most);
void prints_destroy(prints_t **self_p);

/* SipHash-2-4 under a key of zeros: what is stored under it outlives the process. */
uint64_t prints_of(cr_slice_t id);

/* A print that is there already gets the new delivery. False: others, or this one, had to give way. */
bool prints_put(prints_t *self, uint64_t print, const cr_delivery_t *delivery);
bool prints_get(const prints_t *self, uint64_t print, cr_delivery_t *delivery);
size_t prints_count(const prints_t *self);

/* Looks at the next of the tables, and drops what belongs to broadcasts that are not kept. */
typedef bool prints_is_kept_fn(const void *context, uint64_t broadcast);
void prints_sweep(prints_t *self, prints_is_kept_fn *is_kept, const void *context);

#endif
