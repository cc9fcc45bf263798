/*
 * receipts - pushes what became of each message to whoever asked to be told
 *
 * A receipt waits until its delay is over, then goes out by HTTP POST, alone or in a batch, and
 * again until the other side says that it has it. Real gateways give up after some tries; here only
 * the fault settings lose a receipt, so that a lost one is always on purpose.
 *
 * Ownership  receipts_add takes the text.
 * Limits     1,000,000 receipts wait at most; the newest are dropped beyond that, and logged. They
 *            also wait while no URL is set.
 */
#ifndef RECEIPTS_H
#define RECEIPTS_H

#include "counts.h"
#include "cr_http.h"
#include "delay.h"

typedef struct receipts receipts_t;

typedef struct {
    const char *name;         /* for the log */
    const char *content_type; /* "Content-Type: ..." */
    const char *open, *close; /* around a batch, whose texts are joined by commas */
    size_t batch_max;
    size_t flights_max;
    /* Appends the URL to post to; NULL: the URL as it was set. */
    void (*append_url)(const void *context, const char *url, cr_str_t *out);
    bool (*is_taken)(const cr_http_answer_t *answer);
    const void *context;
} receipts_kind_t;

/* The kind is borrowed for ever. */
receipts_t *receipts_new(const receipts_kind_t *kind, cr_http_t *http, delay_t *delay,
                         counts_t *counts) CR_MUST_USE;
/* Destroy the cr_http_t first, so that no answer comes back to what is gone. */
void receipts_destroy(receipts_t **self_p);

/* "" stops pushing. CR_NOMEM. */
cr_err_t receipts_set_url(receipts_t *self, const char *url) CR_MUST_USE;
const char *receipts_url(const receipts_t *self);

/* Takes `text`, also when it fails; NULL is a text that could not be made. */
void receipts_add(receipts_t *self, int64_t due_us, char *text);

#endif
