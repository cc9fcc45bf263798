#include "target.h"

#include <string.h>

#include "cr_text.h"

bool
target_next_segment(const char **at, cr_slice_t *segment)
{
    if (**at != '/')
        return false;
    (*at)++;
    *segment = (cr_slice_t){*at, strcspn(*at, "/?")};
    *at += segment->length;
    return true;
}

const char *
target_query(const char *target)
{
    const char *mark = strchr(target, '?');
    return mark ? mark + 1 : "";
}

bool
target_next_parameter(const char **at, cr_slice_t *name, cr_slice_t *value)
{
    *at += strspn(*at, "&");
    if (**at == '\0')
        return false;
    size_t length = strcspn(*at, "&");
    size_t equals = strcspn(*at, "=&");
    *name = (cr_slice_t){*at, equals};
    size_t from = equals < length ? equals + 1 : length;
    *value = (cr_slice_t){*at + from, length - from};
    *at += length;
    return true;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static cr_err_t
unescape(cr_slice_t raw, char blank, cr_str_t *out, cr_fault_t *fault)
{
    for (size_t i = 0; i < raw.length; i++) {
        char c = raw.text[i];
        if (c == '%') {
            int high = i + 2 < raw.length ? hex_digit(raw.text[i + 1]) : -1;
            int low = i + 2 < raw.length ? hex_digit(raw.text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return cr_fault_set(fault, CR_INVAL, "'%%' must be followed by two hex digits");
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == blank) {
            c = ' ';
        }
        cr_str_append_char(out, c);
    }
    return CR_OK;
}

static cr_err_t
check_text(cr_slice_t text, cr_fault_t *fault)
{
    size_t at;
    uint32_t code;
    if (memchr(text.text, '\0', text.length) || !cr_text_is_utf8(text))
        return cr_fault_set(fault, CR_INVAL, "is not UTF-8 text");
    if (cr_text_find_forbidden(text, &at, &code))
        return cr_fault_set(fault, CR_INVAL, "holds the character U+%04X", (unsigned)code);
    return CR_OK;
}

static cr_err_t
decode(cr_slice_t raw, char blank, cr_str_t *out, cr_fault_t *fault)
{
    cr_str_t bytes;
    cr_str_init(&bytes, out->limit);
    cr_err_t err = unescape(raw, blank, &bytes, fault);
    if (err == CR_OK && cr_str_err(&bytes) != CR_OK)
        err =
            cr_fault_set(fault, cr_str_err(&bytes), "is too long (%zu bytes at most)", out->limit);
    if (err == CR_OK)
        err = check_text(cr_str_slice(&bytes), fault);
    if (err == CR_OK)
        err = cr_text_normalise(cr_str_slice(&bytes), out);
    if (err == CR_OK)
        err = cr_str_err(out);
    cr_str_fini(&bytes);
    return err;
}

cr_err_t
target_decode_name(cr_slice_t raw, cr_str_t *out, cr_fault_t *fault)
{
    cr_err_t err = decode(raw, '\0', out, fault);
    if (err == CR_OK && strpbrk(cr_str_text(out), "/\t\n"))
        return cr_fault_set(fault, CR_INVAL, "holds a character that no name has");
    return err;
}

cr_err_t
target_decode_value(cr_slice_t raw, cr_str_t *out, cr_fault_t *fault)
{
    return decode(raw, '+', out, fault);
}
