/*
 * parts - the receipts of a text's parts, put together into the one that its delivery gets
 *
 * A delivery of n parts has n ids at the gateway and one in the ledger: "FIRST+n", of the first
 * part's id. When all parts are delivered, or the first of them failed, that name gets its receipt.
 * Nobody else knows which ids belong together: when the worker dies, the receipts of such deliveries
 * find nothing any more, and they end as unconfirmed, never as delivered on the word of one part
 * (docs/adr/0008).
 *
 * Early      a receipt that overtakes the answer to its submit is remembered until the answer comes,
 *            as long as few others have come between.
 * Limits     two halves; when the young one is full, the old one is forgotten.
 * Threads    none; pure.
 */
#ifndef PARTS_H
#define PARTS_H

#include "cr_status.h"

enum { PARTS_NAME_MAX = 80, PARTS_KEY_BYTES = 16 };

typedef struct parts parts_t;

/* What the daemon is to be told; `name` borrowed until the next call. */
typedef struct {
    cr_slice_t name;
    cr_status_t outcome;
} parts_news_t;

/* Room for so many texts in a half. `key` makes places of ids unguessable. */
parts_t *parts_new(size_t texts, const uint8_t key[PARTS_KEY_BYTES]);
void parts_destroy(parts_t **self_p);

/* A text of `total` parts, the first of which was accepted with this id. Returns its handle. */
uint64_t parts_open(parts_t *self, uint8_t total, cr_slice_t first_id);
/* Its name in the ledger; empty when it was forgotten. */
cr_slice_t parts_name(const parts_t *self, uint64_t handle);
/* One more of its parts was accepted. */
void parts_accept(parts_t *self, uint64_t handle, cr_slice_t id);
/* After the last part's answer: whether its receipts were all there before. */
bool parts_early(parts_t *self, uint64_t handle, parts_news_t *news);

typedef enum {
    PARTS_NOT,  /* of a text of one part, as far as is known: the receipt speaks for itself */
    PARTS_HELD, /* more receipts are due */
    PARTS_NEWS
} parts_verdict_t;
parts_verdict_t parts_receipt(parts_t *self, cr_slice_t id, cr_status_t outcome,
                              parts_news_t *news);
/* The news of this receipt could not be passed on: it is told again when the receipt comes again. */
void parts_untell(parts_t *self, cr_slice_t id);

/* Texts of which receipts are due. */
size_t parts_count(const parts_t *self);

#endif
