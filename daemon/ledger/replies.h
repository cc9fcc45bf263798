/*
 * replies - what one batch of replies changes and leaves, as one call stores it
 *
 * The call is atomic and remembers the batch, so a batch that is sent again changes nothing
 * (crier_replies in crier.lua). Lists are laid out as the function reads them: integers of four bytes,
 * little-endian, and texts behind their length.
 *
 * Ownership  each function appends to what the caller owns.
 */
#ifndef LEDGER_REPLIES_H
#define LEDGER_REPLIES_H

#include "cr_str.h"

enum { LEDGER_REPLIES_BYTES_MAX = 64 << 20 };

typedef struct {
    char worker[32];
    uint64_t batch;
    cr_str_t opted_out; /* ordinal and reason of each */
    cr_str_t bad, good; /* ordinals: addresses that are none, and that are some again */
    cr_str_t records;   /* sealed, one a reply */
} ledger_replies_t;

ledger_replies_t *ledger_replies_new(const char *worker, uint64_t batch);
void ledger_replies_destroy(ledger_replies_t **self_p);

void ledger_put_number(cr_str_t *out, uint32_t number);
void ledger_put_text(cr_str_t *out, cr_slice_t text);
/* The next text of such a list, which moves behind it; false at the end. */
bool ledger_next_text(cr_slice_t *list, cr_slice_t *text);

#endif
