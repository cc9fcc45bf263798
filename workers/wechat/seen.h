/*
 * seen - what was pushed already, of late
 *
 * Each key has one place in a table; a newer one of the same place pushes it out, so that the newest
 * ten thousands are known. Forgetting one is no loss: it would have to be pushed again within its
 * time by somebody who may sign.
 *
 * Memory     1 MiB. Time: an argument.
 */
#ifndef SEEN_H
#define SEEN_H

#include "cr_base.h"

typedef struct seen seen_t;

seen_t *seen_new(void);
void seen_destroy(seen_t **self_p);
/* Whether this text was added less than `for_s` seconds ago. */
bool seen_has(const seen_t *self, cr_slice_t text, int64_t now_s, int64_t for_s);
void seen_add(seen_t *self, cr_slice_t text, int64_t now_s);

#endif
