#include "bars.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cr_text.h"
#include "terminal.h"
#include "words.h"

enum { BAR_MIN = 10, FIELD_MAX = 48, LINE_BYTES_MAX = 4096 };

/* The parts of a bar from left to right; what is left over waits. */
typedef enum {
    PART_DELIVERED,
    PART_FAILED,
    PART_UNKNOWN,
    PART_NOT_SENT,
    PART_IN_FLIGHT,
    PART_WAITING
} part_t;
enum { PARTS = PART_WAITING + 1 };

static const struct {
    char letter, coloured;
    const char *colour;
    const char *name; /* for word_for */
} parts[PARTS] = {
    [PART_DELIVERED] = {'#', ' ', "\033[42m", "delivered"},
    [PART_FAILED] = {'x', 'x', "\033[97;41m", "failed"},
    [PART_UNKNOWN] = {'?', '?', "\033[97;45m", "unknown"},
    [PART_NOT_SENT] = {'-', '-', "\033[30;43m", "not_sent"},
    [PART_IN_FLIGHT] = {'>', '>', "\033[97;44m", "in_flight"},
    [PART_WAITING] = {'.', '.', "\033[2m", "waiting"},
};
static const char colour_end[] = "\033[0m";

static void
parts_of(const progress_channel_t *channel, int64_t sizes[PARTS])
{
    const int64_t *counts = channel->counts;
    sizes[PART_DELIVERED] = counts[PROGRESS_DELIVERED];
    sizes[PART_FAILED] = counts[PROGRESS_FAILED];
    sizes[PART_UNKNOWN] = counts[PROGRESS_UNKNOWN];
    sizes[PART_NOT_SENT] =
        counts[PROGRESS_SUPPRESSED] + counts[PROGRESS_EXPIRED] + counts[PROGRESS_CANCELLED];
    sizes[PART_IN_FLIGHT] = progress_in_flight(channel);
    sizes[PART_WAITING] = counts[PROGRESS_TOTAL];
    for (int i = 0; i < PART_WAITING; i++)
        sizes[PART_WAITING] -= sizes[i];
    if (sizes[PART_WAITING] < 0)
        sizes[PART_WAITING] = 0;
}

static void
append_part(cr_str_t *out, part_t part, int64_t columns, bool colour)
{
    if (columns <= 0)
        return;
    cr_str_append_text(out, colour ? parts[part].colour : "");
    for (int64_t i = 0; i < columns; i++)
        cr_str_append_char(out, colour ? parts[part].coloured : parts[part].letter);
    cr_str_append_text(out, colour ? colour_end : "");
}

/* Ends of parts are rounded, not parts, so that the bar is always full. */
static void
append_bar(cr_str_t *out, const progress_channel_t *channel, int64_t columns, bool colour)
{
    int64_t sizes[PARTS], total = 0, passed = 0, drawn = 0;
    parts_of(channel, sizes);
    for (int i = 0; i < PARTS; i++)
        total += sizes[i];
    if (total == 0)
        sizes[PART_DELIVERED] = total = 1; /* nobody to reach: done */
    for (int i = 0; i < PARTS; i++) {
        passed += sizes[i];
        int64_t end = (passed * columns + total / 2) / total;
        append_part(out, (part_t)i, end - drawn, colour);
        drawn = end;
    }
}

/* "1:05", "2:03:04" */
static void
write_duration(int64_t seconds, char out[FIELD_MAX])
{
    int64_t hours = seconds / 3600;
    if (hours > 0)
        snprintf(out, FIELD_MAX, "%" PRId64 ":%02d:%02d", hours, (int)(seconds / 60 % 60),
                 (int)(seconds % 60));
    else
        snprintf(out, FIELD_MAX, "%d:%02d", (int)(seconds / 60), (int)(seconds % 60));
}

static int
percent_of(const progress_channel_t *channel)
{
    int64_t total = channel->counts[PROGRESS_TOTAL];
    return total > 0 ? (int)(progress_settled(channel) * 100 / total) : 100;
}

/* What stands right of a bar, the dearest first. */
typedef enum { FIELD_PERCENT, FIELD_COUNT, FIELD_LEFT, FIELD_RATE, FIELDS } field_t;

static void
write_fields(const progress_channel_t *channel, double per_s, char fields[FIELDS][FIELD_MAX])
{
    int64_t total = channel->counts[PROGRESS_TOTAL], settled = progress_settled(channel);
    char left[FIELD_MAX] = "";
    if (per_s > 0 && settled < total)
        write_duration((int64_t)((double)(total - settled) / per_s) + 1, left);
    snprintf(fields[FIELD_PERCENT], FIELD_MAX, " %3d%%", percent_of(channel));
    snprintf(fields[FIELD_COUNT], FIELD_MAX, " %*" PRId64 "/%" PRId64,
             snprintf(NULL, 0, "%" PRId64, total), settled, total);
    snprintf(fields[FIELD_LEFT], FIELD_MAX, " %7.16s", left);
    snprintf(fields[FIELD_RATE], FIELD_MAX, " %6.0f/s", per_s);
}

static void
append_padded(cr_str_t *out, const char *text, size_t width)
{
    cr_str_append_text(out, text);
    for (size_t used = cr_text_width(cr_slice_of(text)); used < width; used++)
        cr_str_append_char(out, ' ');
}

static void
append_channel(const bars_t *self, size_t index, size_t label_width, cr_str_t *out)
{
    const progress_channel_t *channel = &self->progress->channels[index];
    char fields[FIELDS][FIELD_MAX];
    write_fields(channel, self->per_s[index], fields);
    size_t bar = self->width - 1 - label_width - 1, shown = 0;
    for (; shown < FIELDS && bar >= BAR_MIN + strlen(fields[shown]); shown++)
        bar -= strlen(fields[shown]);
    append_padded(out, word_for(channel->name), label_width + 1);
    append_bar(out, channel, (int64_t)bar, self->colour);
    for (size_t i = 0; i < shown; i++)
        cr_str_append_text(out, fields[i]);
    cr_str_append_char(out, '\n');
}

/* Outside text as a line of its own, cut to the terminal. */
static size_t
append_line(const bars_t *self, const cr_str_t *text, cr_str_t *out)
{
    cr_str_append_slice(out, terminal_cut(cr_str_slice(text), self->width - 1));
    cr_str_append_char(out, '\n');
    return 1;
}

static size_t
append_heading(const bars_t *self, cr_str_t *out)
{
    const progress_t *progress = self->progress;
    char elapsed[FIELD_MAX];
    write_duration(self->elapsed_ms / 1000, elapsed);
    cr_str_t line;
    cr_str_init(&line, LINE_BYTES_MAX);
    cr_str_appendf(&line, "%s  %s%s%s  %s  ", progress->id, word_for(progress->state),
                   progress->drill ? "  " : "", progress->drill ? word(W_DRILL) : "", elapsed);
    terminal_append(&line, progress->title);
    size_t lines = append_line(self, &line, out);
    cr_str_fini(&line);
    return lines;
}

/* What the letters in the picture mean, with the numbers of all channels; as many lines as it
 * takes. */
static size_t
append_legend(const bars_t *self, cr_str_t *out)
{
    int64_t sums[PARTS] = {0}, sizes[PARTS];
    for (size_t i = 0; i < self->progress->channel_count; i++) {
        parts_of(&self->progress->channels[i], sizes);
        for (int part = 0; part < PARTS; part++)
            sums[part] += sizes[part];
    }
    size_t used = 0, lines = 1;
    for (int part = 0; part < PARTS; part++) {
        if (sums[part] == 0 && part != PART_DELIVERED)
            continue;
        char text[FIELD_MAX * 2];
        snprintf(text, sizeof text, "%s %" PRId64, word_for(parts[part].name), sums[part]);
        size_t width = cr_text_width(cr_slice_of(text)) + 2;
        bool wraps = used > 0 && used + 2 + width > self->width - 1;
        cr_str_append_text(out, wraps ? "\n" : used > 0 ? "  " : "");
        append_part(out, (part_t)part, 1, self->colour);
        cr_str_appendf(out, " %s", text);
        lines += wraps;
        used = wraps ? width : used + (used > 0 ? 2 : 0) + width;
    }
    cr_str_append_char(out, '\n');
    return lines;
}

static size_t
append_notes(const bars_t *self, cr_str_t *out)
{
    size_t lines = 0;
    cr_str_t line, wait;
    cr_str_init(&line, LINE_BYTES_MAX);
    cr_str_init(&wait, LINE_BYTES_MAX);
    for (size_t i = 0; i < self->progress->channel_count; i++) {
        const progress_channel_t *channel = &self->progress->channels[i];
        if (channel->waits_for[0] == '\0')
            continue;
        cr_str_clear(&line);
        cr_str_clear(&wait);
        words_wait(&wait, channel->waits_for);
        words_fill(&line, W_CHANNEL_WAITS, word_for(channel->name), cr_str_text(&wait), NULL);
        lines += append_line(self, &line, out);
    }
    if (self->trouble[0] != '\0') {
        cr_str_clear(&line);
        terminal_append(&line, self->trouble);
        lines += append_line(self, &line, out);
    }
    cr_str_fini(&wait);
    cr_str_fini(&line);
    return lines;
}

size_t
bars_draw(const bars_t *self, cr_str_t *out)
{
    CR_ASSERT(self->width > BAR_MIN * 2);
    size_t lines = append_heading(self, out), label_width = 0;
    for (size_t i = 0; i < self->progress->channel_count; i++) {
        size_t width = cr_text_width(cr_slice_of(word_for(self->progress->channels[i].name)));
        label_width = width > label_width ? width : label_width;
    }
    for (size_t i = 0; i < self->progress->channel_count; i++)
        append_channel(self, i, label_width, out);
    lines += self->progress->channel_count;
    lines += append_legend(self, out);
    return lines + append_notes(self, out);
}

void
bars_line(const progress_t *progress, cr_str_t *out)
{
    cr_str_appendf(out, "%s %s", progress->id, word_for(progress->state));
    for (size_t i = 0; i < progress->channel_count; i++) {
        const progress_channel_t *channel = &progress->channels[i];
        cr_str_appendf(out, "  %s %d%% %" PRId64 "/%" PRId64, word_for(channel->name),
                       percent_of(channel), progress_settled(channel),
                       channel->counts[PROGRESS_TOTAL]);
    }
}
