#include "json_text.h"

static const char *
escape_of(unsigned char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return c < 0x20 ? " " : NULL;
    }
}

void
json_text_append(cr_str_t *out, cr_slice_t text)
{
    cr_str_append_char(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < text.length; i++) {
        const char *escape = escape_of((unsigned char)text.text[i]);
        if (!escape)
            continue;
        cr_str_append(out, text.text + from, i - from);
        cr_str_append_text(out, escape);
        from = i + 1;
    }
    cr_str_append(out, text.text + from, text.length - from);
    cr_str_append_char(out, '"');
}
