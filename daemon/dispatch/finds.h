/*
 * finds - which delivery a gateway's id stands for
 *
 * Ids are stored with their broadcasts, a few bytes appended to a string with every report, and kept
 * in memory (prints.h), where all are found. After a start they are read back, the newest broadcasts
 * first; until that is done a look-up that fails waits. So it does when there are more than memory
 * may hold: then all that are stored are read past the ids that are looked for, at most once a
 * second.
 *
 * Limits     look-ups by the core's batches; one read of the ledger is under way at a time.
 * Threads    the actor's.
 */
#ifndef FINDS_H
#define FINDS_H

#include "../ledger/ledger.h"
#include "core.h"

typedef struct finds finds_t;
/* Takes the op over. */
typedef void finds_send_fn(void *context, ledger_op_t *op);
typedef void finds_found_fn(void *context, uint32_t batch, const cr_delivery_t *found,
                            size_t count);

/* `most`: places for ids in memory, 16 bytes each. NULL: no memory. */
finds_t *finds_new(size_t most, finds_send_fn *send, void *context);
void finds_destroy(finds_t **self_p);

/* The ids of a write go with its op, and are found from now on. `wait_us`: how long a receipt may
 * take; 0: as long as any. */
void finds_keep(finds_t *self, const core_write_t *write, int64_t wait_us, ledger_op_t *op);
void finds_ask(finds_t *self, uint32_t batch, const cr_slice_t *ids, size_t count);
/* Gives the answers that there are. */
void finds_answer(finds_t *self, finds_found_fn *found);
bool finds_has_answers(const finds_t *self);

/* What the ledger answered; the op stays the caller's. */
void finds_take_books(finds_t *self, ledger_op_t *op);
void finds_take_ids(finds_t *self, const ledger_op_t *op);
/* Every 100 ms or so: reads what must be read, lets go of what is over. */
void finds_tick(finds_t *self, core_time_t now);

#endif
