#include "terminal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cr_text.h"

enum { WIDTH_DEFAULT = 80 };

bool
terminal_is(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

size_t
terminal_width(FILE *stream)
{
    struct winsize size;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                            : WIDTH_DEFAULT;
}

bool
terminal_has_colour(FILE *stream)
{
    const char *refused = getenv("NO_COLOR");
    return terminal_is(stream) && (!refused || refused[0] == '\0');
}

bool
terminal_is_unread(FILE *stream)
{
    struct pollfd at = {.fd = fileno(stream), .events = POLLOUT};
    return poll(&at, 1, 0) == 1 && (at.revents & POLLERR) != 0;
}

/* Bytes of the character at the start of `text`, which is not empty. */
static size_t
character_bytes(cr_slice_t text)
{
    size_t bytes = 1;
    while (bytes < text.length && ((unsigned char)text.text[bytes] & 0xC0) == 0x80)
        bytes++;
    return bytes;
}

void
terminal_append(cr_str_t *out, const char *text)
{
    cr_slice_t rest = cr_slice_of(text);
    while (rest.length > 0) {
        size_t bytes = character_bytes(rest), at;
        uint32_t code;
        bool forbidden = rest.text[0] == '\n' || rest.text[0] == '\t' ||
                         cr_text_find_forbidden((cr_slice_t){rest.text, bytes}, &at, &code);
        if (forbidden)
            cr_str_append_char(out, rest.text[0] == '\n' || rest.text[0] == '\t' ? ' ' : '?');
        else
            cr_str_append(out, rest.text, bytes);
        rest.text += bytes;
        rest.length -= bytes;
    }
}

cr_slice_t
terminal_cut(cr_slice_t text, size_t columns)
{
    size_t length = 0, width = 0;
    while (length < text.length) {
        cr_slice_t rest = {text.text + length, text.length - length};
        size_t bytes = character_bytes(rest);
        width += cr_text_width((cr_slice_t){rest.text, bytes});
        if (width > columns)
            break;
        length += bytes;
    }
    return (cr_slice_t){text.text, length};
}
