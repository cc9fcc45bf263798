/*
 * view - the API's objects as tables and records, described by data
 *
 * A command that shows something is an array of fields: which member, under which title, written
 * how. A list prints one row an item, a record one line a field.
 */
#ifndef VIEW_H
#define VIEW_H

#include <jansson.h>

#include "cr_str.h"
#include "words.h"

typedef enum {
    VIEW_TEXT,
    VIEW_NAME,   /* a machine name, in words */
    VIEW_NUMBER, /* right-aligned */
    VIEW_TIME,   /* "2026-05-12 09:00:00", in the office's zone as the API gives it */
    VIEW_FLAG,   /* yes or no */
    VIEW_NAMES,  /* a list of machine names, or the members of an object but for zeros */
    VIEW_MS,     /* milliseconds, as seconds */
    VIEW_WAIT,   /* what something waits for */
} view_kind_t;

typedef struct {
    const char *member; /* NULL ends the table */
    view_kind_t kind;
    word_t title;
} view_field_t;

void view_append(cr_str_t *out, view_kind_t kind, const json_t *value);
/* CR_NOMEM. */
cr_err_t view_list(const json_t *items, const view_field_t *fields) CR_MUST_USE;
/* Members that are null, empty or absent are left out. CR_NOMEM. */
cr_err_t view_record(const json_t *object, const view_field_t *fields) CR_MUST_USE;
/* The document as the API gave it. CR_NOMEM. */
cr_err_t view_json(const json_t *document) CR_MUST_USE;

#endif
