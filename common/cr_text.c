#include "cr_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Decodes the character at `at`; bytes it takes, or 0 for what is not UTF-8. */
static size_t
decode(cr_slice_t text, size_t at, int32_t *code)
{
    utf8proc_ssize_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)text.text + at,
                                              (utf8proc_ssize_t)(text.length - at), code);
    return bytes > 0 ? (size_t)bytes : 0;
}

bool
cr_text_is_utf8(cr_slice_t text)
{
    for (size_t at = 0; at < text.length;) {
        int32_t code;
        size_t bytes = (unsigned char)text.text[at] < 0x80 ? 1 : decode(text, at, &code);
        if (bytes == 0)
            return false;
        at += bytes;
    }
    return true;
}

bool
cr_text_is_ascii(cr_slice_t text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.text[i] >= 0x80)
            return false;
    return true;
}

size_t
cr_text_length(cr_slice_t text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += ((unsigned char)text.text[i] & 0xC0) != 0x80;
    return count;
}

size_t
cr_text_width(cr_slice_t text)
{
    size_t columns = 0;
    for (size_t at = 0; at < text.length;) {
        int32_t code = 0;
        size_t bytes = decode(text, at, &code);
        if (bytes == 0) {
            at++;
            continue;
        }
        int width = utf8proc_charwidth(code);
        columns += width > 0 ? (size_t)width : 0;
        at += bytes;
    }
    return columns;
}

cr_err_t
cr_text_normalise(cr_slice_t text, cr_str_t *out)
{
    if (cr_text_is_ascii(text)) {
        cr_str_append_slice(out, text);
        return cr_str_err(out);
    }
    utf8proc_uint8_t *normal = NULL;
    utf8proc_ssize_t length =
        utf8proc_map((const utf8proc_uint8_t *)text.text, (utf8proc_ssize_t)text.length, &normal,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (length == UTF8PROC_ERROR_NOMEM)
        return CR_NOMEM;
    if (length < 0)
        return CR_INVAL;
    cr_str_append(out, normal, (size_t)length);
    free(normal);
    return cr_str_err(out);
}

static bool
is_forbidden(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x08},     {0x0B, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},     {0x200B, 0x200F},
        {0x202A, 0x202E}, {0x2060, 0x2069}, {0xD800, 0xDFFF}, {0xFDD0, 0xFDEF}, {0xFEFF, 0xFEFF},
    };
    for (size_t i = 0; i < CR_COUNT(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return (code & 0xFFFE) == 0xFFFE;
}

bool
cr_text_find_forbidden(cr_slice_t text, size_t *at, uint32_t *code)
{
    for (size_t i = 0; i < text.length;) {
        int32_t value = (unsigned char)text.text[i];
        size_t bytes = value < 0x80 ? 1 : decode(text, i, &value);
        if (bytes == 0 || is_forbidden((uint32_t)value)) {
            *at = i;
            *code = (uint32_t)value;
            return true;
        }
        i += bytes;
    }
    return false;
}

bool
cr_text_has_line_break(cr_slice_t text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.text[i] == '\r' || text.text[i] == '\n' || text.text[i] == '\0')
            return true;
    return false;
}

void
cr_text_append_html(cr_str_t *out, cr_slice_t text)
{
    for (size_t i = 0; i < text.length; i++) {
        switch (text.text[i]) {
        case '&':
            cr_str_append_text(out, "&amp;");
            break;
        case '<':
            cr_str_append_text(out, "&lt;");
            break;
        case '>':
            cr_str_append_text(out, "&gt;");
            break;
        case '"':
            cr_str_append_text(out, "&quot;");
            break;
        case '\'':
            cr_str_append_text(out, "&#39;");
            break;
        default:
            cr_str_append_char(out, text.text[i]);
        }
    }
}

const char *
cr_mask_phone(cr_slice_t phone, char out[32])
{
    if (phone.length < 8)
        snprintf(out, 32, "****");
    else
        snprintf(out, 32, "%.3s****%.4s", phone.text, phone.text + phone.length - 4);
    return out;
}

const char *
cr_mask_email(cr_slice_t email, char out[80])
{
    const char *at = email.length > 0 ? memchr(email.text, '@', email.length) : NULL;
    if (!at || at == email.text) {
        snprintf(out, 80, "***");
        return out;
    }
    int domain = (int)(email.length - (size_t)(at - email.text));
    snprintf(out, 80, "%c***%.*s", email.text[0], domain > 64 ? 64 : domain, at);
    return out;
}

const char *
cr_mask_openid(cr_slice_t openid, char out[32])
{
    if (openid.length < 12)
        snprintf(out, 32, "****");
    else
        snprintf(out, 32, "%.4s...%.4s", openid.text, openid.text + openid.length - 4);
    return out;
}

const char *
cr_mask_name(cr_slice_t name, char out[64])
{
    int32_t code;
    size_t bytes = name.length > 0 ? decode(name, 0, &code) : 0;
    if (bytes == 0)
        snprintf(out, 64, "*");
    else
        snprintf(out, 64, "%.*s*", (int)bytes, name.text);
    return out;
}
