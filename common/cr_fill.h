/*
 * cr_fill - texts with placeholders: {name}, and {{ }} for braces
 *
 * Authoring, preview and workers read a wording by the same rules, so that what was previewed is
 * what is sent. A name is 1 to 64 bytes without braces, blanks and control characters.
 *
 * Ownership  pieces are slices of the text they were read from.
 * Limits     those of the string that is filled.
 */
#ifndef CR_FILL_H
#define CR_FILL_H

#include "cr_str.h"

enum { CR_FILL_NAME_MAX = 64 };

typedef enum {
    CR_FILL_LITERAL, /* text as it is; for a doubled brace, the one brace */
    CR_FILL_NAME,    /* the name between the braces */
    CR_FILL_BAD      /* a brace without its other half, or not a name; nothing follows */
} cr_fill_kind_t;

typedef struct {
    cr_fill_kind_t kind;
    cr_slice_t text;
    cr_slice_t raw; /* the same as it is written, braces included */
} cr_fill_piece_t;

/* The piece at byte `*at`, which moves on; false at the end. Begin with 0. */
bool cr_fill_next(cr_slice_t text, size_t *at, cr_fill_piece_t *piece);

/* What `name` stands for; false: nobody knows. */
typedef bool cr_fill_value_fn(void *context, cr_slice_t name, cr_slice_t *value);

typedef enum {
    CR_FILL_PLAIN, /* values as they are */
    CR_FILL_HTML   /* values escaped; the text around them is HTML already */
} cr_fill_mode_t;

/* Appends the filled text. CR_INVAL: a bad brace; CR_NOTFOUND: a name without a value; CR_TOOBIG or
 * CR_NOMEM from `out`, which then holds a part. */
cr_err_t cr_fill(cr_slice_t text, cr_fill_mode_t mode, cr_fill_value_fn *value, void *context,
                 cr_str_t *out) CR_MUST_USE;

#endif
