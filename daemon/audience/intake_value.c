#include "intake_value.h"

#include <string.h>

#include "cr_id.h"
#include "cr_text.h"

enum {
    ID_MAX = 64,
    NAME_MAX_BYTES = 128,
    LIST_ENTRY_MAX = 64,
    LIST_ENTRIES_MAX = 32,
    ATTRIBUTE_MAX = 1024,
    PHONE_MAX = 16, /* plus sign and 15 digits */
    MOBILE_DIGITS = 11,
    EMAIL_MAX = 254,
    LOCAL_PART_MAX = 64,
    LABEL_MAX = 63,
    LANGUAGE_MAX = 35
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c);
}

/*
 * Printable ASCII and the characters U+4000 to U+9FFF, which is nearly all that a county writes:
 * such text is in NFC and holds nothing to refuse, and one look at each byte shows it.
 */
static bool
is_plain(cr_slice_t text)
{
    const unsigned char *at = (const unsigned char *)text.text, *end = at + text.length;
    while (at < end) {
        if (*at >= 0x20 && *at < 0x7F)
            at++;
        else if (*at >= 0xE4 && *at <= 0xE9 && end - at >= 3 && (at[1] & 0xC0) == 0x80 &&
                 (at[2] & 0xC0) == 0x80)
            at += 3;
        else
            return false;
    }
    return true;
}

/* Text of people: NFC, one line, nothing invisible. */
static const char *
append_text(cr_slice_t raw, size_t limit, cr_str_t *out)
{
    size_t at;
    uint32_t code;
    if (raw.length <= limit && is_plain(raw)) {
        cr_str_append_slice(out, raw);
        return NULL;
    }
    if (!cr_text_is_utf8(raw))
        return "not UTF-8";
    if (cr_text_find_forbidden(raw, &at, &code) || cr_text_has_line_break(raw) ||
        memchr(raw.text, '\t', raw.length))
        return "control or invisible character";
    size_t before = out->length;
    if (cr_text_normalise(raw, out) != CR_OK)
        return "too long";
    return out->length - before > limit ? "too long" : NULL;
}

const char *
intake_value_id(cr_slice_t raw, cr_str_t *out)
{
    for (size_t i = 0; i < raw.length; i++)
        if (is_one_of(raw.text[i], " \"/\\?#%;"))
            return "space or one of \" / \\ ? # % ;";
    return append_text(raw, ID_MAX, out);
}

const char *
intake_value_name(cr_slice_t raw, cr_str_t *out)
{
    return append_text(raw, NAME_MAX_BYTES, out);
}

const char *
intake_value_attribute(cr_slice_t raw, cr_str_t *out)
{
    return append_text(raw, ATTRIBUTE_MAX, out);
}

/* Without spaces and hyphens; false when something else is in it or it is too long. */
static bool
squeeze_phone(cr_slice_t raw, char out[PHONE_MAX + 4], size_t *length)
{
    size_t used = 0;
    for (size_t i = 0; i < raw.length; i++) {
        char c = raw.text[i];
        if (c == ' ' || c == '-')
            continue;
        if (used == PHONE_MAX + 4 || !(is_digit(c) || (c == '+' && used == 0)))
            return false;
        out[used++] = c;
    }
    *length = used;
    return true;
}

static bool
is_mobile(const char *digits, size_t length)
{
    return length == MOBILE_DIGITS && digits[0] == '1' && digits[1] >= '3';
}

static bool
is_foreign(const char *number, size_t length)
{
    bool is_chinese = length > 3 && memcmp(number, "+86", 3) == 0;
    return length >= 9 && length <= PHONE_MAX && number[0] == '+' && number[1] != '0' &&
           !is_chinese;
}

const char *
intake_value_phone(cr_slice_t raw, cr_str_t *out)
{
    static const char *const prefixes[] = {"+86", "0086"};
    char number[PHONE_MAX + 4];
    size_t length;
    if (!squeeze_phone(raw, number, &length))
        return "not a number";
    for (size_t i = 0; i < CR_COUNT(prefixes); i++) {
        size_t skip = strlen(prefixes[i]);
        if (length > skip && memcmp(number, prefixes[i], skip) == 0 &&
            is_mobile(number + skip, length - skip)) {
            cr_str_append(out, number + skip, length - skip);
            return NULL;
        }
    }
    if (!is_mobile(number, length) && !is_foreign(number, length))
        return "neither a mobile number of 11 digits nor + and 8 to 15 digits";
    cr_str_append(out, number, length);
    return NULL;
}

const char *
intake_value_openid(cr_slice_t raw, cr_str_t *out)
{
    if (raw.length < 20 || raw.length > 32 || raw.text[0] != 'o')
        return "must be 28 characters that begin with o";
    for (size_t i = 0; i < raw.length; i++)
        if (!is_letter(raw.text[i]) && !is_digit(raw.text[i]) && !is_one_of(raw.text[i], "_-"))
            return "only letters, digits, _ and - may be in it";
    cr_str_append_slice(out, raw);
    return NULL;
}

static bool
is_local_part(const char *text, size_t length)
{
    if (length == 0 || length > LOCAL_PART_MAX || text[length - 1] == '.')
        return false;
    char before = '.';
    for (size_t i = 0; i < length; before = text[i++]) {
        bool is_atom =
            is_letter(text[i]) || is_digit(text[i]) || is_one_of(text[i], "!#$%&'*+-/=?^_`{|}~");
        if (!is_atom && !(text[i] == '.' && before != '.'))
            return false;
    }
    return true;
}

/* Two labels or more of letters, digits and inner hyphens. */
static bool
is_domain(const char *text, size_t length)
{
    size_t label = 0, labels = 1;
    for (size_t i = 0; i < length; i++) {
        bool is_end = i + 1 == length || text[i + 1] == '.';
        if (text[i] == '.') {
            labels++;
            label = 0;
        } else if (++label > LABEL_MAX || !(is_letter(text[i]) || is_digit(text[i]) ||
                                            (text[i] == '-' && label > 1 && !is_end))) {
            return false;
        }
        if (text[i] == '.' && is_end)
            return false;
    }
    return labels > 1 && text[0] != '.';
}

const char *
intake_value_email(cr_slice_t raw, cr_str_t *out)
{
    if (raw.length > EMAIL_MAX)
        return "too long";
    const char *at = memchr(raw.text, '@', raw.length);
    if (!at)
        return "no @";
    size_t local = (size_t)(at - raw.text);
    if (!is_local_part(raw.text, local))
        return "the part before @ is not one that mail servers take";
    if (local + 1 == raw.length || !is_domain(at + 1, raw.length - local - 1))
        return "the part after @ is not a domain name";
    cr_str_append_slice(out, raw);
    return NULL;
}

const char *
intake_value_division(cr_slice_t raw, cr_str_t *out)
{
    bool is_code = raw.length == 12;
    for (size_t i = 0; i < raw.length; i++)
        is_code = is_code && is_digit(raw.text[i]);
    if (!is_code)
        return "must be a code of 12 digits";
    cr_str_append_slice(out, raw);
    return NULL;
}

static cr_slice_t
trim(cr_slice_t text)
{
    while (text.length > 0 && text.text[0] == ' ')
        text = (cr_slice_t){text.text + 1, text.length - 1};
    while (text.length > 0 && text.text[text.length - 1] == ' ')
        text.length--;
    return text;
}

/* The next of the names joined by ';'; false at the end. */
static bool
next_name(cr_slice_t *rest, cr_slice_t *name)
{
    if (rest->length == 0)
        return false;
    const char *end = memchr(rest->text, ';', rest->length);
    size_t length = end ? (size_t)(end - rest->text) : rest->length;
    *name = trim((cr_slice_t){rest->text, length});
    length += end != NULL;
    *rest = (cr_slice_t){rest->text + length, rest->length - length};
    return true;
}

static bool
is_listed(cr_slice_t list, cr_slice_t name)
{
    cr_slice_t entry;
    while (next_name(&list, &entry))
        if (cr_slice_equal(entry, name))
            return true;
    return false;
}

/* What a selector would take for something else, and the full-width semicolon, which is a slip. */
static bool
has_operator(cr_slice_t name)
{
    static const char *const wide[] = {"；", "＆", "｜", "！", "（", "）", "："};
    for (size_t i = 0; i < name.length; i++)
        if (is_one_of(name.text[i], "\"&|!():"))
            return true;
    if (!memchr(name.text, wide[0][0], name.length)) /* they all begin with the same byte */
        return false;
    for (size_t i = 0; i < CR_COUNT(wide); i++)
        if (memmem(name.text, name.length, wide[i], strlen(wide[i])))
            return true;
    return false;
}

const char *
intake_value_list(cr_slice_t raw, cr_str_t *out)
{
    size_t start = out->length, entries = 0;
    cr_slice_t name;
    while (next_name(&raw, &name)) {
        cr_slice_t before = {cr_str_text(out) + start, out->length - start};
        if (name.length == 0 || is_listed(before, name))
            continue;
        if (++entries > LIST_ENTRIES_MAX)
            return "more than 32 names";
        if (has_operator(name))
            return "names are joined by ; and hold none of \" & | ! ( ) :";
        if (entries > 1)
            cr_str_append_char(out, ';');
        const char *why = append_text(name, LIST_ENTRY_MAX, out);
        if (why)
            return why;
    }
    return NULL;
}

/* Casing of RFC 5646 section 2.1.1: zh-Hans-CN. */
static char
in_case(char c, size_t subtag, size_t length, size_t index)
{
    bool is_upper = subtag > 0 && (length == 2 || (length == 4 && index == 0));
    if (!is_letter(c))
        return c;
    return (char)(is_upper ? c & ~0x20 : c | 0x20);
}

const char *
intake_value_language(cr_slice_t raw, cr_str_t *out)
{
    static const char why[] = "must be a language tag like zh-CN";
    if (raw.length > LANGUAGE_MAX)
        return why;
    size_t start = 0;
    for (size_t subtag = 0; start <= raw.length; subtag++) {
        size_t length = 0;
        while (start + length < raw.length && raw.text[start + length] != '-')
            length++;
        if (length == 0 || length > 8 || (subtag == 0 && (length < 2 || length > 3)))
            return why;
        if (subtag > 0)
            cr_str_append_char(out, '-');
        for (size_t i = 0; i < length; i++) {
            char c = raw.text[start + i];
            if (!is_letter(c) && (subtag == 0 || !is_digit(c)))
                return why;
            cr_str_append_char(out, in_case(c, subtag, length, i));
        }
        start += length + 1;
    }
    return NULL;
}

static bool
is_channel(cr_slice_t name)
{
    for (cr_channel_t channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        if (cr_slice_equal(name, cr_slice_of(cr_channel_name(channel))))
            return true;
    return false;
}

const char *
intake_value_opt_out(cr_slice_t raw, cr_str_t *out)
{
    cr_slice_t names = raw, name;
    while (next_name(&names, &name))
        if (name.length > 0 && !is_channel(name))
            return "channels are sms, wechat and mail, joined by ;";
    return intake_value_list(raw, out);
}
