#include "cr_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cr_clock.h"

static const struct {
    cr_log_level_t level;
    const char *name;
} levels[] = {
    {CR_LOG_ERR, "err"}, {CR_LOG_WARN, "warn"}, {CR_LOG_INFO, "info"}, {CR_LOG_DEBUG, "debug"}};

static const char *log_program = "crier";
static cr_log_level_t log_level = CR_LOG_INFO;
static bool log_to_terminal;

void
cr_log_open(const char *program, cr_log_level_t level)
{
    log_program = program;
    log_level = level;
    log_to_terminal = isatty(STDERR_FILENO) == 1;
}

cr_err_t
cr_log_level_parse(const char *text, cr_log_level_t *level)
{
    for (size_t i = 0; i < CR_COUNT(levels); i++) {
        if (strcmp(levels[i].name, text) == 0) {
            *level = levels[i].level;
            return CR_OK;
        }
    }
    return CR_INVAL;
}

bool
cr_log_enabled(cr_log_level_t level)
{
    return level <= log_level;
}

static const char *
level_name(cr_log_level_t level)
{
    for (size_t i = 0; i < CR_COUNT(levels); i++)
        if (levels[i].level == level)
            return levels[i].name;
    return "info";
}

void
cr_log(cr_log_level_t level, const char *event, const char *format, ...)
{
    if (!cr_log_enabled(level))
        return;
    char line[1024], time[CR_TIME_TEXT_MAX], priority[8] = "";
    const size_t room = sizeof line - 1; /* one byte is kept for the newline */
    if (!log_to_terminal)
        snprintf(priority, sizeof priority, "<%d>", (int)level);
    int length =
        snprintf(line, room, "%sts=%s level=%s program=%s event=%s ", priority,
                 cr_time_format(cr_clock_wall_us(), time), level_name(level), log_program, event);
    va_list arguments;
    va_start(arguments, format);
    if (length < (int)room)
        length += vsnprintf(line + length, room - (size_t)length, format, arguments);
    va_end(arguments);
    size_t end = length < (int)room ? (size_t)length : room - 1;
    line[end] = '\n';
    if (write(STDERR_FILENO, line, end + 1) < 0)
        return; /* there is nowhere left to say so */
}

static bool
is_plain(cr_slice_t text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.text[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F)
            return false;
    }
    return text.length > 0;
}

/* Writes one byte of the value in quoted form; the number of bytes written (4 at most). */
static size_t
escape(unsigned char c, char *out)
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\' || c == '\n') {
        out[0] = '\\';
        out[1] = c == '\n' ? 'n' : (char)c;
        return 2;
    }
    if (c < ' ' || c == 0x7F) {
        memcpy(out, "\\x", 2);
        out[2] = hex[c >> 4];
        out[3] = hex[c & 15];
        return 4;
    }
    out[0] = (char)c;
    return 1;
}

const char *
cr_log_value(cr_slice_t text, char out[160])
{
    const size_t room = 160 - 8; /* for a last escape, "...", the quote and the NUL */
    bool quoted = !is_plain(text);
    size_t length = 0, i = 0;
    if (quoted)
        out[length++] = '"';
    while (i < text.length && length < room)
        length += escape((unsigned char)text.text[i++], out + length);
    if (i < text.length) {
        while (length > 0 && ((unsigned char)out[length - 1] & 0xC0) == 0x80)
            length--; /* back to the start of the cut character, which goes too */
        if (length > 0 && ((unsigned char)out[length - 1] & 0x80))
            length--;
        memcpy(out + length, "...", 3);
        length += 3;
    }
    if (quoted)
        out[length++] = '"';
    out[length] = '\0';
    return out;
}

bool
cr_log_limit(cr_log_limit_t *state, int64_t now_mono_us, int64_t every_ms, uint64_t *suppressed)
{
    if (state->next_us != 0 && now_mono_us < state->next_us) {
        state->suppressed++;
        return false;
    }
    *suppressed = state->suppressed;
    state->suppressed = 0;
    state->next_us = now_mono_us + every_ms * CR_US_PER_MS;
    return true;
}
