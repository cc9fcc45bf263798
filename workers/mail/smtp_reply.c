#include "smtp_reply.h"

#include <string.h>

enum { CODE_DIGITS = 3 };

void
smtp_reply_clear(smtp_reply_t *self)
{
    self->code = 0;
    self->length = self->lines = self->bytes = 0;
    self->more = false;
}

/* Three digits, then the end, a blank or a hyphen. Sets `more`. */
static bool
read_code(smtp_reply_t *self)
{
    unsigned code = 0;
    if (self->length < CODE_DIGITS)
        return false;
    for (size_t i = 0; i < CODE_DIGITS; i++) {
        if (self->line[i] < '0' || self->line[i] > '9')
            return false;
        code = code * 10 + (unsigned)(self->line[i] - '0');
    }
    char mark = self->length > CODE_DIGITS ? self->line[CODE_DIGITS] : ' ';
    bool first = self->lines == 0;
    if (code < 200 || code > 599 || (mark != ' ' && mark != '-') || (!first && code != self->code))
        return false;
    self->code = code;
    self->more = mark == '-';
    return true;
}

cr_err_t
smtp_reply_take(smtp_reply_t *self, cr_slice_t *in)
{
    const char *end = memchr(in->text, '\n', in->length);
    size_t whole = end ? (size_t)(end - in->text) + 1 : in->length;
    self->bytes += end ? whole : 0;
    if (whole > SMTP_LINE_MAX || self->lines == SMTP_LINES_MAX || self->bytes > SMTP_REPLY_MAX)
        return CR_INVAL;
    if (!end)
        return CR_AGAIN;
    size_t length = whole - 1;
    if (length > 0 && in->text[length - 1] == '\r')
        length--;
    memcpy(self->line, in->text, length);
    self->length = length;
    in->text += whole;
    in->length -= whole;
    if (!read_code(self))
        return CR_INVAL;
    self->lines++;
    return CR_OK;
}

cr_slice_t
smtp_reply_text(const smtp_reply_t *self)
{
    size_t skip = CODE_DIGITS + 1;
    return self->length > skip ? (cr_slice_t){self->line + skip, self->length - skip}
                               : (cr_slice_t){self->line, 0};
}
