/*
 * cr_str - a growing string with a limit
 *
 * The only way outside text is built up: "too long" becomes CR_TOOBIG and stays, so a caller may
 * append many times and ask once at the end.
 *
 * Ownership  cr_str_init owns nothing yet; cr_str_fini frees. cr_str_take passes the buffer on.
 * Limits     never holds more than `limit` bytes (without the closing NUL).
 */
#ifndef CR_STR_H
#define CR_STR_H

#include "cr_base.h"

typedef struct {
    char *text; /* NUL-terminated; NULL while empty */
    size_t length;
    size_t capacity;
    size_t limit;
    cr_err_t err; /* first failure; later appends do nothing */
} cr_str_t;

void cr_str_init(cr_str_t *self, size_t limit);
void cr_str_fini(cr_str_t *self);
/* Empties the string and its error; keeps the memory. */
void cr_str_clear(cr_str_t *self);

void cr_str_append(cr_str_t *self, const void *bytes, size_t length);
void cr_str_append_text(cr_str_t *self, const char *text);
void cr_str_append_slice(cr_str_t *self, cr_slice_t slice);
void cr_str_append_char(cr_str_t *self, char c);
void cr_str_appendf(cr_str_t *self, const char *format, ...) CR_PRINTF(2, 3);

/* CR_OK, CR_TOOBIG or CR_NOMEM. */
cr_err_t cr_str_err(const cr_str_t *self) CR_MUST_USE;
/* Never NULL: "" while empty. Lives until the next change. */
const char *cr_str_text(const cr_str_t *self);
cr_slice_t cr_str_slice(const cr_str_t *self);
/* Caller frees; NULL if the string failed. The string is empty afterwards. */
char *cr_str_take(cr_str_t *self) CR_MUST_USE;

#endif
