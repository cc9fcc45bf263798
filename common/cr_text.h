/*
 * cr_text - what outside text must pass before it is stored or sent
 *
 * Text is UTF-8 in normalisation form C. Control characters other than newline and tab,
 * bidirectional overrides and invisible characters are found here, so that intake and authoring
 * refuse the same things.
 *
 * Source     Unicode UAX 15 (NFC, by utf8proc), UTS 39 (invisible and bidi controls); HTML 5
 * escaping.
 */
#ifndef CR_TEXT_H
#define CR_TEXT_H

#include "cr_str.h"

bool cr_text_is_utf8(cr_slice_t text);
bool cr_text_is_ascii(cr_slice_t text);
/* Characters (code points); the text must be UTF-8. */
size_t cr_text_length(cr_slice_t text);
/* Columns a terminal needs (Han characters take two). */
size_t cr_text_width(cr_slice_t text);

/* Appends the NFC form of `text`. CR_INVAL when it is not UTF-8. */
cr_err_t cr_text_normalise(cr_slice_t text, cr_str_t *out) CR_MUST_USE;

/*
 * Looks for the first character that must not be sent: controls except \n and \t, U+200B..U+200F,
 * U+202A..U+202E, U+2060..U+2069, U+FEFF, U+00AD, lone surrogates, non-characters. Sets `at` (byte
 * offset) and `code`.
 */
bool cr_text_find_forbidden(cr_slice_t text, size_t *at, uint32_t *code);
/* CR, LF or NUL: what no header value may hold. */
bool cr_text_has_line_break(cr_slice_t text);

/* & < > " ' become entities. */
void cr_text_append_html(cr_str_t *out, cr_slice_t text);

/* The only ways an address is ever printed: 138****1234, z***@domain, oA1b...x9Yz, and a name as
 * 张*. */
const char *cr_mask_phone(cr_slice_t phone, char out[32]);
const char *cr_mask_email(cr_slice_t email, char out[80]);
const char *cr_mask_openid(cr_slice_t openid, char out[32]);
const char *cr_mask_name(cr_slice_t name, char out[64]);

#endif
