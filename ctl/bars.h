/*
 * bars - the live picture of `crierctl watch` as lines of text
 *
 * Pure: what is known goes in, lines come out, none wider than the terminal, so the picture can be
 * redrawn in place. Each part of a bar has a letter of its own and, with colour, a background: what
 * it means never hangs on colour alone, and no character of ambiguous width is used. What does not
 * fit is left out, the rate first, then the time left, then the numbers.
 *
 * Limits     made for 40 columns and more; below that lines are cut.
 */
#ifndef BARS_H
#define BARS_H

#include "cr_str.h"
#include "progress.h"

typedef struct {
    const progress_t *progress;
    double per_s[CR_CHANNEL_COUNT]; /* of each channel; 0: not known */
    int64_t elapsed_ms;             /* since the watch began */
    size_t width;                   /* columns of the terminal */
    bool colour;
    const char *trouble; /* shown in the last line; "" for none */
} bars_t;

/* Appends the lines, each ended by "\n"; returns how many. */
size_t bars_draw(const bars_t *self, cr_str_t *out);
/* The same in one plain line without an end, for logs and pipes. */
void bars_line(const progress_t *progress, cr_str_t *out);

#endif
