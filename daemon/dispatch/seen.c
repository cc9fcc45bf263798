#include "seen.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, SETS = 1 << 17 }; /* a set is a line of the cache, the newest first */

bool
seen_init(seen_t *self)
{
    self->prints = calloc((size_t)SETS * WAYS, sizeof *self->prints);
    return self->prints != NULL;
}

void
seen_fini(seen_t *self)
{
    free(self->prints);
    self->prints = NULL;
}

/* FNV-1a; never 0, which is an empty place. */
static uint64_t
print_of(cr_slice_t id)
{
    uint64_t print = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < id.length; i++)
        print = (print ^ (unsigned char)id.text[i]) * UINT64_C(1099511628211);
    return print | 1;
}

static uint64_t *
set_of(const seen_t *self, uint64_t print)
{
    return &self->prints[((print ^ print >> 32) >> 1 & (SETS - 1)) * WAYS];
}

void
seen_add(seen_t *self, cr_slice_t id)
{
    uint64_t print = print_of(id), *set = set_of(self, print);
    memmove(set + 1, set, (WAYS - 1) * sizeof *set);
    set[0] = print;
}

bool
seen_has(const seen_t *self, cr_slice_t id)
{
    uint64_t print = print_of(id);
    const uint64_t *set = set_of(self, print);
    for (int i = 0; i < WAYS; i++)
        if (set[i] == print)
            return true;
    return false;
}
