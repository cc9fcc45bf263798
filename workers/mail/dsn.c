#include "dsn.h"

#include <string.h>
#include <strings.h>

enum { LOCAL_PART_MAX = 64 };

static const char return_path[] = "bounces+";

/* The first match counts; one that ends in '.' matches what begins so. Only what says for certain that
 * nobody can be reached there makes an address bad. */
static const struct {
    const char *code;
    dsn_verdict_t verdict;
    cr_status_t outcome;
} codes[] = {
    {"5.1.1", DSN_FAILED, CR_STATUS_FAILED_ADDRESS},  /* no such mailbox */
    {"5.1.2", DSN_FAILED, CR_STATUS_FAILED_ADDRESS},  /* no such domain */
    {"5.1.3", DSN_FAILED, CR_STATUS_FAILED_ADDRESS},  /* no such syntax */
    {"5.1.6", DSN_FAILED, CR_STATUS_FAILED_ADDRESS},  /* moved, nobody knows where */
    {"5.1.10", DSN_FAILED, CR_STATUS_FAILED_ADDRESS}, /* the domain takes no mail */
    {"5.2.1", DSN_FAILED, CR_STATUS_FAILED_MAILBOX},  /* disabled */
    {"5.2.2", DSN_FAILED, CR_STATUS_FAILED_MAILBOX},  /* full */
    {"5.7.", DSN_POLICY, CR_STATUS_FAILED_RECEIPT},   {"", DSN_FAILED, CR_STATUS_FAILED_RECEIPT},
};

/* ---- lines ----------------------------------------------------------------------------------- */

/* Takes the next line, without its end, off `rest`. */
static bool
next_line(cr_slice_t *rest, cr_slice_t *line)
{
    if (rest->length == 0)
        return false;
    const char *end = memchr(rest->text, '\n', rest->length);
    size_t length = end ? (size_t)(end - rest->text) : rest->length;
    *line = (cr_slice_t){rest->text, length};
    rest->text += length + (end != NULL);
    rest->length -= length + (end != NULL);
    if (line->length > 0 && line->text[line->length - 1] == '\r')
        line->length--;
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool
begins(cr_slice_t text, const char *prefix)
{
    size_t length = strlen(prefix);
    return text.length >= length && strncasecmp(text.text, prefix, length) == 0;
}

static bool
contains(cr_slice_t text, const char *part)
{
    for (; text.length >= strlen(part); text.text++, text.length--)
        if (begins(text, part))
            return true;
    return false;
}

/* The value of the field with this name; false: the line is another one. */
static bool
read_field(cr_slice_t line, const char *name, cr_slice_t *value)
{
    size_t length = strlen(name);
    if (!begins(line, name) || line.length <= length || line.text[length] != ':')
        return false;
    *value = (cr_slice_t){line.text + length + 1, line.length - length - 1};
    while (value->length > 0 && is_blank(value->text[0])) {
        value->text++;
        value->length--;
    }
    return true;
}

/* Reads a head to the empty line after it. Whether its Content-Type, on however many lines, names
 * the type. */
static bool
head_has_type(cr_slice_t *rest, const char *type)
{
    cr_slice_t line, value;
    bool in_type = false, found = false;
    while (next_line(rest, &line) && line.length > 0) {
        in_type = is_blank(line.text[0]) ? in_type : read_field(line, "Content-Type", &value);
        found = found || (in_type && contains(line, type));
    }
    return found;
}

/* ---- a report --------------------------------------------------------------------------------- */

/* Of the first recipient that the report is about: our mails have one. */
static bool
read_status(cr_slice_t rest, cr_slice_t *action, cr_slice_t *code)
{
    cr_slice_t line;
    bool has_action = false, has_code = false;
    while (!(has_action && has_code) && next_line(&rest, &line) && !begins(line, "--")) {
        has_action = has_action || read_field(line, "Action", action);
        has_code = has_code || read_field(line, "Status", code);
    }
    return has_action && has_code;
}

/* Parts begin after a line of dashes, whatever the boundary is said to be. */
static bool
find_status(cr_slice_t rest, cr_slice_t *action, cr_slice_t *code)
{
    cr_slice_t line;
    if (!head_has_type(&rest, "multipart/report"))
        return false;
    while (next_line(&rest, &line))
        if (begins(line, "--") && head_has_type(&rest, "message/delivery-status"))
            return read_status(rest, action, code);
    return false;
}

static bool
is_code(cr_slice_t code, const char *known)
{
    size_t length = strlen(known);
    if (length == 0 || known[length - 1] == '.')
        return begins(code, known);
    return begins(code, known) && (code.length == length || code.text[length] == ' ');
}

static void
judge(dsn_t *self, cr_slice_t action)
{
    size_t i = 0;
    self->verdict = DSN_NOTED;
    if (!begins(action, "failed"))
        return;
    while (!is_code(self->code, codes[i].code))
        i++;
    self->verdict = codes[i].verdict;
    self->outcome = codes[i].outcome;
}

/* ---- whose ------------------------------------------------------------------------------------ */

static bool
find_reference(cr_slice_t mail, const uint8_t *key, cr_slice_t *reference)
{
    const char *end = mail.text + mail.length, *at = mail.text;
    size_t length = sizeof return_path - 1;
    while ((at = memmem(at, (size_t)(end - at), return_path, length)) != NULL) {
        at += length;
        size_t left = (size_t)(end - at) < LOCAL_PART_MAX ? (size_t)(end - at) : LOCAL_PART_MAX;
        const char *stop = memchr(at, '@', left);
        if (stop && cr_token_check((cr_slice_t){at, (size_t)(stop - at)}, key, CR_TOKEN_BOUNCE,
                                   reference) == CR_OK)
            return true;
    }
    return false;
}

dsn_t
dsn_read(cr_slice_t mail, const uint8_t key[CR_TOKEN_KEY_BYTES])
{
    dsn_t self = {.verdict = DSN_STRAY};
    cr_slice_t action;
    if (!find_reference(mail, key, &self.reference))
        return self;
    self.verdict = DSN_OTHER;
    if (find_status(mail, &action, &self.code))
        judge(&self, action);
    return self;
}
