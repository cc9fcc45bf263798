/*
 * holders - who has one of some addresses on a channel
 *
 * A household has one phone, and a child is reached by its guardian's: an address is that of everybody
 * whom a notice reaches there. The directory keeps no index by address, which would cost every office
 * twelve bytes a recipient and channel; those who answer are few, so everybody is looked at instead,
 * many addresses in one pass and a pass in pieces.
 *
 * Ownership  holds a reference to the directory; addresses are borrowed.
 * Threads    none.
 * Time       some 30 ns a recipient and pass.
 */
#ifndef AUDIENCE_HOLDERS_H
#define AUDIENCE_HOLDERS_H

#include "directory.h"

typedef struct holders holders_t;

/* NULL: no memory. */
holders_t *holders_new(directory_t *directory, cr_channel_t channel, const cr_slice_t *addresses,
                       size_t count);
void holders_destroy(holders_t **self_p);
/* Looks at `most` people more; true when all have been. CR_NOMEM ends it. */
cr_err_t holders_step(holders_t *self, uint32_t most, bool *done) CR_MUST_USE;
/* Those who have address `i`; NULL: nobody. Lives as long as the search. */
const roaring_bitmap_t *holders_of(const holders_t *self, size_t i);

#endif
