/*
 * registry - which signatures and texts are registered with an operator
 *
 * An operator drops, or fines, what bears a signature that it does not know; so nothing unregistered
 * leaves. A file says what this gateway's account has, a line each: a state and what it is about,
 *
 *     registered 【平阴科普】
 *     pending 【平阴县科协】
 *     registered 您好，{}是全国防灾减灾日。{}
 *
 * Only "registered" counts; other states (pending, refused) are for people. A text must begin with a
 * registered signature; if there are registered templates, the rest must be one of them, with
 * anything where it has {}.
 *
 * Threads    none.
 * Limits     a file of 256 KiB.
 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "cr_base.h"

typedef struct registry registry_t;

/* CR_INVAL with the line, CR_IO, CR_TOOBIG, CR_NOMEM. */
cr_err_t registry_load(const char *file, registry_t **registry, cr_fault_t *fault) CR_MUST_USE;
/* The same of the file's text. */
cr_err_t registry_read(cr_slice_t text, registry_t **registry, cr_fault_t *fault) CR_MUST_USE;
void registry_destroy(registry_t **self_p);

bool registry_has(const registry_t *self, cr_slice_t text);

#endif
