#include "reference.h"

#include <string.h>
#include <strings.h>

cr_err_t
reference_read(cr_slice_t text, cr_delivery_t *delivery)
{
    if (cr_reference_parse(text, delivery) == CR_OK)
        return CR_OK;
    static const char attempt[] = ".1";
    char whole[CR_REFERENCE_TEXT_MAX];
    if (text.length + sizeof attempt > sizeof whole)
        return CR_INVAL;
    memcpy(whole, text.text, text.length);
    memcpy(whole + text.length, attempt, sizeof attempt);
    return cr_reference_parse(cr_slice_of(whole), delivery);
}

/* The next line of the header with its CRLF taken off; false at the blank line or the end. */
static bool
header_line(cr_slice_t *rest, cr_slice_t *line)
{
    const char *end = memmem(rest->text, rest->length, "\r\n", 2);
    if (!end || end == rest->text)
        return false;
    *line = (cr_slice_t){rest->text, (size_t)(end - rest->text)};
    *rest = (cr_slice_t){end + 2, rest->length - line->length - 2};
    return true;
}

static cr_slice_t
between_brackets(cr_slice_t text)
{
    const char *open = memchr(text.text, '<', text.length);
    if (!open)
        return CR_SLICE("");
    size_t left = text.length - (size_t)(open + 1 - text.text);
    const char *at = memchr(open + 1, '@', left);
    return at ? (cr_slice_t){open + 1, (size_t)(at - open - 1)} : CR_SLICE("");
}

cr_slice_t
reference_of_mail(cr_slice_t mail)
{
    static const char name[] = "message-id:";
    cr_slice_t line;
    while (header_line(&mail, &line)) {
        if (line.length < sizeof name - 1 || strncasecmp(line.text, name, sizeof name - 1) != 0)
            continue;
        cr_slice_t folded;
        while (mail.length > 0 && (*mail.text == ' ' || *mail.text == '\t') &&
               header_line(&mail, &folded))
            line.length = (size_t)(folded.text + folded.length - line.text);
        return between_brackets(line);
    }
    return CR_SLICE("");
}
