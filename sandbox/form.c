#include "form.h"

#include <string.h>

static int
hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
    return found ? (int)(found - digits) : -1;
}

static bool
decode(cr_slice_t text, cr_str_t *out)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.text[i];
        if (c == '%') {
            int high = i + 2 < text.length ? hex_digit(text.text[i + 1]) : -1;
            int low = i + 2 < text.length ? hex_digit(text.text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        cr_str_append_char(out, c);
    }
    return true;
}

/* The text up to `end`, which is taken off `rest` together with it. */
static cr_slice_t
take_until(cr_slice_t *rest, char end)
{
    const char *at = rest->length ? memchr(rest->text, end, rest->length) : NULL;
    cr_slice_t taken = {rest->text, at ? (size_t)(at - rest->text) : rest->length};
    size_t used = taken.length + (at != NULL);
    *rest = (cr_slice_t){rest->text + used, rest->length - used};
    return taken;
}

cr_err_t
form_value(cr_slice_t form, const char *name, cr_str_t *out)
{
    while (form.length > 0) {
        cr_slice_t value = take_until(&form, '&');
        cr_slice_t key = take_until(&value, '=');
        if (!cr_slice_equal(key, cr_slice_of(name)))
            continue;
        return decode(value, out) ? cr_str_err(out) : CR_INVAL;
    }
    return CR_NOTFOUND;
}
