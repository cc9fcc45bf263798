/*
 * show - the endings that most commands share: print the answer as a table, a record or JSON
 *
 * Ownership  every function here frees the answer it is given.
 */
#ifndef SHOW_H
#define SHOW_H

#include "../ctl.h"
#include "../view.h"

/* GET of a list with `items`. */
cr_err_t show_list(ctl_t *ctl, const char *path, const view_field_t *fields) CR_MUST_USE;
cr_err_t show_record(ctl_t *ctl, json_t *answer, const view_field_t *fields) CR_MUST_USE;
/* One sentence with the texts of two members (NULL: none), or JSON. */
cr_err_t show_sentence(ctl_t *ctl, json_t *answer, word_t sentence, const char *first,
                       const char *second) CR_MUST_USE;

/* Text of a member, "" when it is absent. Borrowed. */
const char *show_text(const json_t *object, const char *member);
/* A member's number as text. */
const char *show_number(const json_t *object, const char *member, char out[24]);

/* When and why somebody opted out, from {"at","source","detail"}, behind the words for `channel`; NULL:
 * as a line of a story. Nothing without a reason. */
void show_opt_out(const char *channel, const json_t *reason);

#endif
