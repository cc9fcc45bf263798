/*
 * shelf - the templates there are, by name, with who wrote them and when
 *
 * Ownership  templates belong to the shelf; a pointer lives until its name is put again.
 * Threads    none.
 * Limits     SHELF_MAX templates.
 */
#ifndef SHELF_H
#define SHELF_H

#include "template.h"

enum { SHELF_MAX = 1024 };

typedef struct shelf shelf_t;

typedef struct {
    template_t *template;
    char *author;
    int64_t updated_us;
} shelf_entry_t;

shelf_t *shelf_new(void);
void shelf_destroy(shelf_t **self_p);

/* NULL: there is none. */
const shelf_entry_t *shelf_find(const shelf_t *self, const char *name);
bool shelf_is_full(const shelf_t *self);
/* Takes the template over, in place of one of its name. */
cr_err_t shelf_put(shelf_t *self, template_t *template, const char *author,
                   int64_t updated_us) CR_MUST_USE;

/* What is stored: {"template","author","updated"}; and back. CR_CORRUPT. */
json_t *shelf_document(const template_t *template, const char *author, int64_t updated_us);
cr_err_t shelf_load(shelf_t *self, const json_t *document, const char *sender,
                    cr_fault_t *fault) CR_MUST_USE;

/* The API's view of one (the template with `updated` and `author` beside it) and the list, in the
 * order of names. */
json_t *shelf_list(const shelf_t *self);

#endif
