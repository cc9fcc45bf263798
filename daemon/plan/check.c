#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cr_text.h"
#include "wording.h"

/* ---- where and why ---- */

enum { NO_PLACE = SIZE_MAX };

const char *
wording_path(const wording_place_t *place, bool is_field, const char *name,
             char out[WORDING_PATH_MAX])
{
    snprintf(out, WORDING_PATH_MAX, "wordings.%s.%s%s%s%.64s", place->language,
             cr_channel_name(place->channel), is_field ? ".fields" : "", name ? "." : "",
             name ? name : "");
    return out;
}

/* `at` is a byte of the text; the fault says which character it is. */
static cr_err_t CR_PRINTF(4, 5) refuse(const wording_place_t *place, const wording_text_t *text,
                                       size_t at, const char *format, ...)
{
    char reason[160], path[WORDING_PATH_MAX], where[40] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);

    size_t column = at == NO_PLACE ? 0 : cr_text_length((cr_slice_t){*text->text, at}) + 1;
    if (column > 0)
        snprintf(where, sizeof(where), ", character %zu", column);
    return cr_fault_set_at(place->fault, CR_INVAL, 0, column, "%s%s: %s",
                           wording_path(place, text->is_field, text->name, path), where, reason);
}

/* ---- characters ---- */

static cr_err_t
check_clean(const wording_text_t *text, const wording_place_t *place)
{
    cr_slice_t all = cr_slice_of(*text->text);
    size_t at;
    uint32_t code;
    if (cr_text_find_forbidden(all, &at, &code))
        return refuse(place, text, at, "the character U+%04X must not be sent", code);
    at = strcspn(*text->text, "\r\n");
    if (text->rules & WORDING_ONE_LINE && at < all.length)
        return refuse(place, text, at, "a line break is not possible here");
    return CR_OK;
}

/* ---- placeholders ---- */

static const char attribute_prefix[] = "attr.";
enum { ATTRIBUTE_PREFIX = sizeof(attribute_prefix) - 1 };

static const struct {
    const char *name;
    size_t typical;
} recipient_names[] = {{"name", 4}, {"town", 4}, {"id", 10}, {"language", 5}};
enum { TYPICAL = 10 };

/* What directory_value knows beside attributes: {attr.KEY} cannot mean them. */
static const char *const fields[] = {"id", "name", "division", "town", "language"};

static bool
is_field(cr_slice_t key)
{
    for (size_t i = 0; i < CR_COUNT(fields); i++)
        if (cr_slice_equal(key, cr_slice_of(fields[i])))
            return true;
    return false;
}

static bool
is_attribute(cr_slice_t name)
{
    return name.length > ATTRIBUTE_PREFIX &&
           memcmp(name.text, attribute_prefix, ATTRIBUTE_PREFIX) == 0;
}

cr_slice_t
wording_directory_key(cr_slice_t name)
{
    if (!is_attribute(name))
        return name;
    return (cr_slice_t){name.text + ATTRIBUTE_PREFIX, name.length - ATTRIBUTE_PREFIX};
}

bool
wording_is_recipient(cr_slice_t name)
{
    if (is_attribute(name))
        return !is_field(wording_directory_key(name));
    for (size_t i = 0; i < CR_COUNT(recipient_names); i++)
        if (cr_slice_equal(name, cr_slice_of(recipient_names[i].name)))
            return true;
    return false;
}

size_t
wording_typical(cr_slice_t name)
{
    for (size_t i = 0; i < CR_COUNT(recipient_names); i++)
        if (cr_slice_equal(name, cr_slice_of(recipient_names[i].name)))
            return recipient_names[i].typical;
    return TYPICAL;
}

static cr_err_t
check_name(const template_t *owner, const wording_text_t *text, const cr_fill_piece_t *piece,
           const wording_place_t *place)
{
    size_t at = (size_t)(piece->raw.text - *text->text);
    int length = (int)piece->text.length;
    if (text->rules & WORDING_FIXED)
        return refuse(place, text, at, "no placeholder is possible here");
    if (template_has_variable(owner, piece->text) || wording_is_recipient(piece->text))
        return CR_OK;
    return refuse(place, text, at,
                  "{%.*s} is neither declared in variables nor one of the recipient's: name, "
                  "town, id, language, attr.KEY",
                  length, piece->text.text);
}

static cr_err_t
check_names(const template_t *owner, const wording_text_t *text, const wording_place_t *place)
{
    cr_fill_piece_t piece;
    for (size_t at = 0; cr_fill_next(cr_slice_of(*text->text), &at, &piece);) {
        cr_err_t err = CR_OK;
        if (piece.kind == CR_FILL_BAD)
            err = refuse(place, text, (size_t)(piece.raw.text - *text->text),
                         "a brace without its other half; write {{ or }} for a brace");
        else if (piece.kind == CR_FILL_NAME)
            err = check_name(owner, text, &piece, place);
        if (err)
            return err;
    }
    return CR_OK;
}

static cr_err_t
check_link(const wording_text_t *text, const wording_place_t *place)
{
    bool is_link =
        strncmp(*text->text, "https://", 8) == 0 || strncmp(*text->text, "http://", 7) == 0;
    if (text->rules & WORDING_LINK && !is_link)
        return refuse(place, text, 0, "a link begins with https:// or http://");
    return CR_OK;
}

/* ---- WeChat fields ---- */

static bool
is_any(unsigned char c)
{
    (void)c;
    return true;
}

static bool
is_digit(unsigned char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+';
}

static bool
is_letter(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_ascii(unsigned char c)
{
    return c < 0x80;
}

/* Limits of values by the kind that begins the field's name ("thing1"), as the platform gives them
 * for template and subscription messages; the last row is for kinds it adds later. */
typedef struct {
    const char *kind;
    size_t limit;
    bool columns; /* the limit counts Han characters as two */
    bool (*allows)(unsigned char c);
    const char *of;
} field_kind_t;
static const field_kind_t kinds[] = {
    {"thing", 20, false, is_any, "characters"},
    {"character_string", 32, false, is_ascii, "letters, digits or symbols"},
    {"phrase", 5, false, is_any, "Han characters"},
    {"name", 20, true, is_any, "columns (10 Han characters or 20 letters)"},
    {"number", 32, false, is_digit, "digits"},
    {"amount", 32, false, is_any, "characters"},
    {"letter", 32, false, is_letter, "letters"},
    {"symbol", 5, false, is_any, "symbols"},
    {"phone_number", 17, false, is_digit, "digits"},
    {"car_number", 8, false, is_any, "characters"},
    {"time", 32, false, is_any, "characters"},
    {"date", 32, false, is_any, "characters"},
    {"", 200, false, is_any, "characters"},
};

static const field_kind_t *
kind_of(const char *field)
{
    size_t row = 0;
    for (;; row++) {
        size_t length = strlen(kinds[row].kind);
        const char *digits = field + length;
        if (length == 0 || (strncmp(field, kinds[row].kind, length) == 0 &&
                            strspn(digits, "0123456789") == strlen(digits)))
            return &kinds[row];
    }
}

bool
wording_is_thing(const char *field)
{
    return kind_of(field) == &kinds[0];
}

static size_t
piece_length(const field_kind_t *kind, const cr_fill_piece_t *piece)
{
    if (piece->kind == CR_FILL_NAME)
        return wording_typical(piece->text) * (kind->columns ? 2 : 1);
    return kind->columns ? cr_text_width(piece->text) : cr_text_length(piece->text);
}

static size_t
value_length(const field_kind_t *kind, const char *value)
{
    size_t length = 0;
    cr_fill_piece_t piece;
    for (size_t at = 0; cr_fill_next(cr_slice_of(value), &at, &piece);)
        length += piece_length(kind, &piece);
    return length;
}

size_t
wording_field_room(const char *field, const char *value)
{
    const field_kind_t *kind = kind_of(field);
    size_t length = value_length(kind, value);
    return length < kind->limit ? kind->limit - length : 0;
}

static cr_err_t
check_field(const wording_text_t *text, const wording_place_t *place)
{
    const field_kind_t *kind = kind_of(text->name);
    size_t length = value_length(kind, *text->text);
    if (length > kind->limit)
        return refuse(place, text, NO_PLACE, "WeChat takes at most %zu %s here, this has %zu",
                      kind->limit, kind->of, length);
    cr_fill_piece_t piece;
    for (size_t at = 0; cr_fill_next(cr_slice_of(*text->text), &at, &piece);)
        for (size_t i = 0; piece.kind == CR_FILL_LITERAL && i < piece.text.length; i++)
            if (!kind->allows((unsigned char)piece.text.text[i]))
                return refuse(place, text, (size_t)(piece.text.text - *text->text) + i,
                              "WeChat takes only %s here", kind->of);
    return CR_OK;
}

static cr_err_t
check_field_name(const wording_text_t *text, const wording_place_t *place)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t length = strlen(text->name);
    if (length == 0 || length > 32 || strspn(text->name, allowed) != length)
        return refuse(place, text, NO_PLACE, "a field is named like thing1");
    return CR_OK;
}

/* A drill is marked in a thing field: no other kind takes free text. */
static cr_err_t
check_has_thing(const dispatch_wording_t *self, const wording_place_t *place)
{
    for (size_t i = 0; i < self->field_count; i++)
        if (wording_is_thing(self->field_names[i]))
            return CR_OK;
    return cr_fault_set(place->fault, CR_INVAL,
                        "wordings.%s.wechat.fields: a thing field is needed, for a drill to be "
                        "marked in",
                        place->language);
}

/* ---- the whole ---- */

static cr_err_t
check_text(const template_t *owner, const wording_text_t *text, const wording_place_t *place)
{
    cr_err_t err = check_clean(text, place);
    if (!err && text->is_field)
        err = check_field_name(text, place);
    if (!err)
        err = check_names(owner, text, place);
    return err ? err : check_link(text, place);
}

cr_err_t
wording_check(const template_t *owner, dispatch_wording_t *self, const wording_place_t *place)
{
    wording_text_t texts[WORDING_TEXTS_MAX];
    size_t count = wording_texts(self, place->channel, texts);
    for (size_t i = 0; i < count; i++) {
        cr_err_t err = check_text(owner, &texts[i], place);
        if (err)
            return err;
    }
    return place->channel == CR_CHANNEL_WECHAT ? check_has_thing(self, place) : CR_OK;
}

/* A letter takes one unit in either encoding, so it stands for the characters of any value. */
static bool
typical_value(void *context, cr_slice_t name, cr_slice_t *value)
{
    static const char letters[] = "xxxxxxxxxx";
    (void)context;
    *value = (cr_slice_t){letters, wording_typical(name)};
    CR_ASSERT(value->length < sizeof(letters));
    return true;
}

cr_err_t
wording_measure(cr_slice_t text, cr_sms_size_t *size)
{
    cr_str_t filled;
    cr_str_init(&filled, WORDING_TEXT_BYTES);
    cr_err_t err = cr_fill(text, CR_FILL_PLAIN, typical_value, NULL, &filled);
    if (!err)
        *size = cr_sms_measure(cr_str_slice(&filled));
    cr_str_fini(&filled);
    return err;
}

static cr_err_t
check_parts(const wording_text_t *text, const wording_place_t *place)
{
    cr_sms_size_t size;
    cr_err_t err = wording_measure(cr_slice_of(*text->text), &size);
    if (err)
        return cr_fault_set(place->fault, err, "%s", cr_err_text(err));
    if (size.parts > TEMPLATE_SMS_PARTS_MAX)
        return refuse(place, text, NO_PLACE, "it would take %u short messages, at most %d may be",
                      size.parts, TEMPLATE_SMS_PARTS_MAX);
    return CR_OK;
}

cr_err_t
wording_check_size(dispatch_wording_t *self, const wording_place_t *place)
{
    wording_text_t texts[WORDING_TEXTS_MAX];
    size_t count = wording_texts(self, place->channel, texts);
    for (size_t i = 0; i < count; i++) {
        cr_err_t err = CR_OK;
        if (place->channel == CR_CHANNEL_SMS)
            err = check_parts(&texts[i], place);
        else if (texts[i].is_field)
            err = check_field(&texts[i], place);
        if (err)
            return err;
    }
    return CR_OK;
}
