/*
 * json_text - JSON strings written straight into a request
 *
 * A submit's body is a dozen members known beforehand; building a tree for each would cost more
 * than the submit. Text stays UTF-8: WeChat refuses \u escapes (40033), so the few control
 * characters that have no short escape become a blank.
 */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include "cr_str.h"

/* Appends `text` in quotes. */
void json_text_append(cr_str_t *out, cr_slice_t text);

#endif
