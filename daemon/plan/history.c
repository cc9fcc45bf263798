/*
 * Broadcasts that have ended. A document is mostly the wording it froze, and a thousand of them take
 * longer to parse than all that is under way takes to go on. So at start their text is set aside and
 * read when dispatch has begun again; nobody can ask for one before. Where people are capped they
 * count for what goes out first, and are read at once.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

typedef struct {
    uint64_t id;
    size_t length;
    char text[];
} past_t;

/* As the ledger writes it. Inside a text the quotes would be escaped, and nothing else in a document
 * has a member of that name. */
static bool
is_settled(cr_slice_t text)
{
    static const char member[] = "\"settled\":true";
    return memmem(text.text, text.length, member, sizeof member - 1) != NULL;
}

bool
history_keep(plan_t *self, uint64_t id, cr_slice_t text)
{
    if (self->config.frequency.max > 0 || !is_settled(text))
        return false;
    past_t *past = malloc(sizeof *past + text.length);
    if (!past)
        return false;
    past->id = id;
    past->length = text.length;
    memcpy(past->text, text.text, text.length);
    zlist_append(self->history, past);
    return true;
}

cr_err_t
history_read(plan_t *self, cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    for (past_t *past; err == CR_OK && (past = zlist_pop(self->history)) != NULL; free(past))
        err = broadcasts_load(self, past->id, (cr_slice_t){past->text, past->length}, fault);
    return err;
}

void
history_destroy(plan_t *self)
{
    for (past_t *past; self->history && (past = zlist_pop(self->history)) != NULL;)
        free(past);
    zlist_destroy(&self->history);
}
