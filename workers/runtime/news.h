/*
 * news - what a gateway says by itself: receipts, and what residents reply
 *
 * Both wait for the daemon's acknowledgement (bag.h): only then may the gateway be told that they
 * are taken.
 *
 * Source     docs/protocol.md sections 5 and 6.
 * Ownership  texts are copied.
 * Time       an argument.
 * Limits     1,024 receipts a batch, 32 on their way; one of 256 replies; more is refused until the
 *            next.
 */
#ifndef NEWS_H
#define NEWS_H

#include "cr_status.h"
#include "runtime/bag.h"

enum {
    NEWS_RECEIPT_BATCHES = 32, /* on their way */
    NEWS_RECEIPTS_MAX = 1024,
    NEWS_REPLIES_MAX = 256,
    NEWS_ID_MAX = 128,
    NEWS_ADDRESS_MAX = 254,
    NEWS_TEXT_MAX = 2000
};

typedef struct {
    cr_slice_t reference, gateway_id; /* one of them, the other empty */
    cr_status_t outcome;              /* DELIVERED or FAILED_* */
} receipt_t;

typedef struct {
    Crier__V1__Replies__Kind kind;
    cr_slice_t address; /* the resident's, as leases have it */
    cr_slice_t text;    /* of TEXT */
} reply_t;

typedef struct news news_t;

/* Batches are numbered from `first_batch`, which must grow over restarts. */
news_t *news_new(uint64_t first_batch);
void news_destroy(news_t **self_p);

/* CR_TOOBIG: as much as may wait is waiting. CR_INVAL: a text that is too long. */
cr_err_t news_receipt(news_t *self, const receipt_t *receipt) CR_MUST_USE;
cr_err_t news_reply(news_t *self, const reply_t *reply) CR_MUST_USE;
/* How many are collecting: more after a push than before it means that the push must wait. */
size_t news_collecting(const news_t *self);
/* `ticket` is released when all that was added up to now is acknowledged. CR_TOOBIG. */
cr_err_t news_wait(news_t *self, uint64_t ticket) CR_MUST_USE;

/* The next batch to send, new or repeated; false when none is due. Borrowed until the next call. */
bool news_due(news_t *self, int64_t now_us, Crier__V1__Frame *frame);
int64_t news_due_us(const news_t *self);
/* After a Welcome: what is on its way is due at once. */
void news_resend(news_t *self);

/* From ReceiptsAck and RepliesAck. */
void news_receipts_taken(news_t *self, uint64_t batch, bag_release_fn *release, void *context);
void news_replies_taken(news_t *self, uint64_t batch, bag_release_fn *release, void *context);
bool news_is_empty(const news_t *self);

#endif
