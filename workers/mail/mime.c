#include "mime.h"

#include <string.h>

enum {
    LINE_MAX_BYTES = 76,
    BASE64_LINE = 57, /* bytes that become 76 letters */
    WORD_BYTES = 39,  /* bytes in an encoded word: 64 letters, which fit behind a header's name */
    PLAIN_VALUE = 60, /* bytes of a value that fits behind a header's name */
    HEADER_NAME_MAX = 12,
};

static const char digits[] = "0123456789ABCDEF";

static bool
is_printable(char c)
{
    return c > ' ' && c <= '~';
}

static bool
is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Bytes of the character that begins the text. */
static size_t
character(cr_slice_t text)
{
    size_t length = 1;
    while (length < text.length && length < 4 && is_continuation(text.text[length]))
        length++;
    return length;
}

static void
skip(cr_slice_t *text, size_t length)
{
    text->text += length;
    text->length -= length;
}

/* ---- base64 --------------------------------------------------------------------------------- */

static size_t
base64(const char *bytes, size_t length, char *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)bytes;
    char *at = out;
    for (; length > 0; length -= length < 3 ? length : 3, in += 3) {
        uint32_t group = (uint32_t)in[0] << 16;
        if (length > 1)
            group |= (uint32_t)in[1] << 8;
        if (length > 2)
            group |= in[2];
        *at++ = letters[group >> 18];
        *at++ = letters[group >> 12 & 63];
        *at++ = length > 1 ? letters[group >> 6 & 63] : '=';
        *at++ = length > 2 ? letters[group & 63] : '=';
    }
    return (size_t)(at - out);
}

static void
append_base64(cr_str_t *out, cr_slice_t bytes)
{
    char line[LINE_MAX_BYTES + 2];
    while (bytes.length > 0) {
        size_t part = bytes.length < BASE64_LINE ? bytes.length : BASE64_LINE;
        size_t length = base64(bytes.text, part, line);
        memcpy(line + length, "\r\n", 2);
        cr_str_append(out, line, length + 2);
        skip(&bytes, part);
    }
}

/* Line ends are CRLF before they are encoded (RFC 2045 section 6.8). */
static void
append_canonical(cr_str_t *out, cr_slice_t text)
{
    for (const char *end; text.length && (end = memchr(text.text, '\n', text.length)) != NULL;) {
        size_t length = (size_t)(end - text.text);
        size_t kept = length > 0 && end[-1] == '\r' ? length - 1 : length;
        cr_str_append(out, text.text, kept);
        cr_str_append_text(out, "\r\n");
        skip(&text, length + 1);
    }
    cr_str_append_slice(out, text);
}

/* ---- quoted-printable ----------------------------------------------------------------------- */

/* A character of a canonical text as it is written; a space at the end of a line would get lost. */
static size_t
quote(cr_slice_t text, size_t length, char *out)
{
    char c = text.text[0];
    bool blank = c == ' ' || c == '\t';
    bool last = text.length == 1 || text.text[1] == '\r';
    if (length == 1 && ((is_printable(c) && c != '=') || (blank && !last))) {
        *out = c;
        return 1;
    }
    for (size_t i = 0; i < length; i++) {
        *out++ = '=';
        *out++ = digits[(unsigned char)text.text[i] >> 4];
        *out++ = digits[(unsigned char)text.text[i] & 15];
    }
    return 3 * length;
}

static void
append_quoted(cr_str_t *out, cr_slice_t text)
{
    size_t column = 0;
    while (text.length > 0) {
        if (text.length > 1 && memcmp(text.text, "\r\n", 2) == 0) {
            cr_str_append(out, "\r\n", 2);
            skip(&text, 2);
            column = 0;
            continue;
        }
        char quoted[12];
        size_t length = character(text), width = quote(text, length, quoted);
        if (column + width >= LINE_MAX_BYTES) {
            cr_str_append(out, "=\r\n", 3);
            column = 0;
        }
        cr_str_append(out, quoted, width);
        skip(&text, length);
        column += width;
    }
    if (column > 0)
        cr_str_append(out, "=\r\n", 3);
}

/* A quoted byte takes three, base64 four for each three. */
static bool
is_shorter_quoted(cr_slice_t text)
{
    size_t quoted = 0;
    for (size_t i = 0; i < text.length; i++)
        quoted += !is_printable(text.text[i]) && text.text[i] != ' ' && text.text[i] != '\n';
    return quoted * 6 < text.length;
}

void
mime_append_part(cr_str_t *out, const char *subtype, cr_slice_t text)
{
    bool quoted = is_shorter_quoted(text);
    cr_str_t canonical;
    cr_str_init(&canonical, 2 * text.length + 1);
    append_canonical(&canonical, text);
    cr_str_append_text(out, "Content-Type: text/");
    cr_str_append_text(out, subtype);
    cr_str_append_text(out, "; charset=utf-8\r\nContent-Transfer-Encoding: ");
    cr_str_append_text(out, quoted ? "quoted-printable\r\n\r\n" : "base64\r\n\r\n");
    (quoted ? append_quoted : append_base64)(out, cr_str_slice(&canonical));
    if (cr_str_err(&canonical) != CR_OK)
        out->err = cr_str_err(&canonical);
    cr_str_fini(&canonical);
}

/* ---- headers -------------------------------------------------------------------------------- */

static size_t
word_length(cr_slice_t text)
{
    size_t length = 0;
    while (length < text.length) {
        size_t next = character((cr_slice_t){text.text + length, text.length - length});
        if (length + next > WORD_BYTES)
            break;
        length += next;
    }
    return length;
}

/* Words follow each other on lines of their own: blanks between them do not count. */
static void
append_words(cr_str_t *out, cr_slice_t text)
{
    char word[2 * LINE_MAX_BYTES];
    while (text.length > 0) {
        size_t part = word_length(text);
        cr_str_append_text(out, "=?UTF-8?B?");
        cr_str_append(out, word, base64(text.text, part, word));
        skip(&text, part);
        cr_str_append_text(out, text.length > 0 ? "?=\r\n " : "?=");
    }
}

static bool
is_plain(cr_slice_t text, const char *besides)
{
    for (size_t i = 0; i < text.length; i++)
        if ((!is_printable(text.text[i]) && text.text[i] != ' ') || strchr(besides, text.text[i]))
            return false;
    return text.length <= PLAIN_VALUE && !memmem(text.text, text.length, "=?", 2);
}

static void
begin_header(cr_str_t *out, const char *name)
{
    CR_ASSERT(strlen(name) <= HEADER_NAME_MAX);
    cr_str_append_text(out, name);
    cr_str_append_text(out, ": ");
}

void
mime_append_header(cr_str_t *out, const char *name, cr_slice_t value)
{
    begin_header(out, name);
    if (is_plain(value, ""))
        cr_str_append_slice(out, value);
    else
        append_words(out, value);
    cr_str_append_text(out, "\r\n");
}

void
mime_append_mailbox(cr_str_t *out, const char *name, cr_slice_t person, cr_slice_t address)
{
    begin_header(out, name);
    if (person.length > 0 && is_plain(person, "\"\\")) {
        cr_str_append_char(out, '"');
        cr_str_append_slice(out, person);
        cr_str_append_char(out, '"');
    } else
        append_words(out, person);
    cr_str_append_text(out, person.length > 0 ? "\r\n <" : "<");
    cr_str_append_slice(out, address);
    cr_str_append_text(out, ">\r\n");
}
