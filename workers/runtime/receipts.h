/*
 * receipts - what gateways said later, on its way to the daemon
 *
 * Receipts collect while a batch waits for its acknowledgement and then go together, so that a
 * flood of single pushes costs one message a round trip. A batch is repeated unchanged until it is
 * acknowledged; whoever waits for it (a push that must be answered) leaves a ticket.
 *
 * Ownership  texts are copied.
 * Time       an argument.
 * Threads    none.
 * Limits     a batch has at most RECEIPTS_MAX receipts and as many tickets; one batch is on its way
 *            and one collects, more is refused (the gateway pushes again).
 */
#ifndef RECEIPTS_H
#define RECEIPTS_H

#include "cr_status.h"
#include "cr_wire.h"

enum { RECEIPTS_MAX = 1024, RECEIPTS_ID_MAX = 128 };

typedef struct {
    cr_slice_t reference, gateway_id; /* one of them, the other empty */
    cr_status_t outcome;              /* DELIVERED or FAILED_* */
} receipt_t;

typedef struct receipts receipts_t;

/* Batches are numbered from `first_batch`, which must grow over restarts. */
receipts_t *receipts_new(uint64_t first_batch);
void receipts_destroy(receipts_t **self_p);

/* CR_TOOBIG: as much as may wait is waiting. CR_INVAL: an id that is too long. */
cr_err_t receipts_add(receipts_t *self, const receipt_t *receipt) CR_MUST_USE;
/* How many are collecting: more after a push than before it means that the push must wait. */
size_t receipts_collecting(const receipts_t *self);
/* `ticket` is released when all that was added up to now is acknowledged. CR_TOOBIG. */
cr_err_t receipts_wait(receipts_t *self, uint64_t ticket) CR_MUST_USE;

/* The next batch to send, new or repeated; false when none is due. Borrowed until the next call. */
bool receipts_due(receipts_t *self, int64_t now_us, Crier__V1__Receipts *message);
int64_t receipts_due_us(const receipts_t *self);
/* After a Welcome: what is on its way is due at once. */
void receipts_resend(receipts_t *self);

typedef void receipts_release_fn(void *context, uint64_t ticket);
void receipts_acknowledge(receipts_t *self, uint64_t batch, receipts_release_fn *release,
                          void *context);
bool receipts_is_empty(const receipts_t *self);

#endif
