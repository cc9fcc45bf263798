/*
 * suggest - the known name that was probably meant
 *
 * Names are compared character by character, as people mistype them: 孔庄镇 is one step from 孔村镇.
 * Too far is no suggestion: one step for up to five characters, then a third of the length.
 *
 * Ownership  the best name is borrowed from whoever offered it.
 */
#ifndef AUDIENCE_SUGGEST_H
#define AUDIENCE_SUGGEST_H

#include "cr_base.h"

enum { SUGGEST_CHARACTERS_MAX = 64 };

typedef struct {
    uint32_t wanted[SUGGEST_CHARACTERS_MAX];
    size_t length; /* 0: too long to compare */
    cr_slice_t best;
    size_t distance; /* of `best`, or the first that is too far */
} suggest_t;

void suggest_init(suggest_t *self, cr_slice_t wanted);
void suggest_offer(suggest_t *self, cr_slice_t name);
/* An empty slice: nothing is near. */
cr_slice_t suggest_best(const suggest_t *self);

#endif
