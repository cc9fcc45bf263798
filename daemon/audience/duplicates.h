/*
 * duplicates - whose address somebody before them in an audience has, too
 *
 * A household has one phone, and a child is reached by its guardian's: a broadcast that wants each
 * address once goes to the first of those who share it. Computed once, when sending starts or is
 * taken up again.
 *
 * Ownership  the caller frees the bits.
 * Threads    none.
 * Time       some 60 ns a recipient.
 */
#ifndef AUDIENCE_DUPLICATES_H
#define AUDIENCE_DUPLICATES_H

#include "cr_status.h"
#include "directory.h"

typedef struct {
    const directory_t *directory;
    const roaring_bitmap_t *audience; /* rank -> ordinal */
    const roaring_bitmap_t *barred;   /* do not get it in any case; NULL: nobody */
    const cr_status_t *status;        /* by rank, of one taken up again; NULL: all waiting */
    cr_channel_t channel;
} duplicates_t;

/*
 * Of those who share an address one is left out of the answer: the one that was tried already, else
 * the first that is not barred. Who was settled without being tried is left as it is. A bit per rank,
 * set for those who are left out; CR_NOMEM.
 */
cr_err_t duplicates_find(const duplicates_t *self, uint64_t **out) CR_MUST_USE;
/* The first of the audience that has the ordinal's address and is not barred; DIRECTORY_NONE. */
uint32_t duplicates_first(const duplicates_t *self, uint32_t ordinal);

#endif
