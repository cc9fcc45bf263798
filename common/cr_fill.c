#include "cr_fill.h"

#include <string.h>

#include "cr_text.h"

static bool
is_brace(char c)
{
    return c == '{' || c == '}';
}

/* Bytes of the name that begins at `text`, up to its closing brace; 0 when it is none. */
static size_t
name_length(cr_slice_t text)
{
    size_t length = 0;
    while (length < text.length && !is_brace(text.text[length])) {
        unsigned char c = (unsigned char)text.text[length];
        if (c <= ' ' || c == 0x7F)
            return 0;
        length++;
    }
    bool closed = length < text.length && text.text[length] == '}';
    return closed && length <= CR_FILL_NAME_MAX ? length : 0;
}

static size_t
literal_length(cr_slice_t text)
{
    const char *open = memchr(text.text, '{', text.length);
    size_t length = open ? (size_t)(open - text.text) : text.length;
    const char *closed = memchr(text.text, '}', length);
    return closed ? (size_t)(closed - text.text) : length;
}

static void
read_brace(cr_slice_t rest, cr_fill_piece_t *piece)
{
    if (rest.length > 1 && rest.text[1] == rest.text[0]) {
        *piece = (cr_fill_piece_t){CR_FILL_LITERAL, {rest.text, 1}, {rest.text, 2}};
        return;
    }
    cr_slice_t inner = {rest.text + 1, rest.length - 1};
    size_t length = rest.text[0] == '{' ? name_length(inner) : 0;
    if (length > 0)
        *piece = (cr_fill_piece_t){CR_FILL_NAME, {inner.text, length}, {rest.text, length + 2}};
    else
        *piece = (cr_fill_piece_t){CR_FILL_BAD, rest, rest};
}

bool
cr_fill_next(cr_slice_t text, size_t *at, cr_fill_piece_t *piece)
{
    if (*at >= text.length)
        return false;
    cr_slice_t rest = {text.text + *at, text.length - *at};
    cr_slice_t literal = {rest.text, literal_length(rest)};
    if (literal.length > 0)
        *piece = (cr_fill_piece_t){CR_FILL_LITERAL, literal, literal};
    else
        read_brace(rest, piece);
    *at += piece->raw.length;
    return true;
}

static cr_err_t
append_value(cr_slice_t name, cr_fill_mode_t mode, cr_fill_value_fn *value, void *context,
             cr_str_t *out)
{
    cr_slice_t found;
    if (!value(context, name, &found))
        return CR_NOTFOUND;
    if (mode == CR_FILL_HTML)
        cr_text_append_html(out, found);
    else
        cr_str_append_slice(out, found);
    return CR_OK;
}

cr_err_t
cr_fill(cr_slice_t text, cr_fill_mode_t mode, cr_fill_value_fn *value, void *context, cr_str_t *out)
{
    cr_fill_piece_t piece;
    for (size_t at = 0; cr_fill_next(text, &at, &piece);) {
        cr_err_t err = CR_OK;
        if (piece.kind == CR_FILL_BAD)
            err = CR_INVAL;
        else if (piece.kind == CR_FILL_NAME)
            err = append_value(piece.text, mode, value, context, out);
        else
            cr_str_append_slice(out, piece.text);
        if (err)
            return err;
    }
    return cr_str_err(out);
}
