/*
 * terminal - what the output is written to
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdio.h>

#include "cr_str.h"

bool terminal_is(FILE *stream);
/* Columns of the terminal behind `stream`; 80 when it does not say. */
size_t terminal_width(FILE *stream);
/* On a terminal, unless NO_COLOR is set (no-color.org). */
bool terminal_has_colour(FILE *stream);

/* A pipe whose reader is gone. */
bool terminal_is_unread(FILE *stream);

/* Outside text on one line: what must not reach a terminal (controls, bidi overrides, broken UTF-8)
 * is shown as "?". */
void terminal_append(cr_str_t *out, const char *text);
/* As many characters of `text` as fit into `columns`. */
cr_slice_t terminal_cut(cr_slice_t text, size_t columns);

#endif
