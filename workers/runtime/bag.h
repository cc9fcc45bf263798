/*
 * bag - what gateways say by themselves, on its way to the daemon
 *
 * Items (two texts and a byte each) collect while a batch waits for its acknowledgement and then go
 * together, so that a flood of single pushes costs one message a round trip; more batches leave
 * before that one is acknowledged only when they are full. A batch is repeated unchanged until it is
 * acknowledged; whoever waits for it leaves a ticket.
 *
 * Ownership  texts are copied.
 * Time       an argument.
 * Threads    none.
 * Limits     so many batches are on their way and one collects, each of so many items and as many
 *            tickets; more is refused (whoever said it says it again).
 */
#ifndef BAG_H
#define BAG_H

#include "cr_wire.h"

typedef struct bag bag_t;

typedef struct {
    size_t batches;       /* on their way */
    size_t items;         /* of a batch */
    size_t text_bytes[2]; /* of an item */
} bag_limits_t;

/* Batches are numbered from `first_batch`, which must grow over restarts. */
bag_t *bag_new(uint64_t first_batch, const bag_limits_t *limits);
void bag_destroy(bag_t **self_p);

/* CR_TOOBIG: as much as may wait is waiting. CR_INVAL: a text that is too long. */
cr_err_t bag_add(bag_t *self, const cr_slice_t texts[2], uint8_t value) CR_MUST_USE;
/* How many are collecting: more after a push than before it means that the push must wait. */
size_t bag_collecting(const bag_t *self);
/* `ticket` is released when all that was added up to now is acknowledged. CR_TOOBIG. */
cr_err_t bag_wait(bag_t *self, uint64_t ticket) CR_MUST_USE;

typedef struct {
    uint64_t number;
    Crier__V1__Pool *texts[2];
    ProtobufCBinaryData values;
} bag_batch_t;

/* The next batch to send, new or repeated; false when none is due. Borrowed until the next call. */
bool bag_due(bag_t *self, int64_t now_us, bag_batch_t *out);
int64_t bag_due_us(const bag_t *self);
/* After a Welcome: what is on its way is due at once. */
void bag_resend(bag_t *self);

typedef void bag_release_fn(void *context, uint64_t ticket);
void bag_acknowledge(bag_t *self, uint64_t number, bag_release_fn *release, void *context);
bool bag_is_empty(const bag_t *self);
/* Whether somebody waits under this ticket. */
bool bag_holds(const bag_t *self, uint64_t ticket);

#endif
