/*
 * cr_log - one logfmt line an event, on stderr
 *
 * `<N>ts=... level=... program=... event=leased broadcast=B-... channel=sms`: the priority prefix
 * is read by journald and left out on a terminal. The caller writes key=value pairs; cr_log_value
 * quotes outside text. Never a message body, a whole address or a token: addresses go through
 * cr_mask_* (cr_text.h).
 *
 * Threads    any; one line is one write(2).
 */
#ifndef CR_LOG_H
#define CR_LOG_H

#include "cr_base.h"

typedef enum { CR_LOG_ERR = 3, CR_LOG_WARN = 4, CR_LOG_INFO = 6, CR_LOG_DEBUG = 7 } cr_log_level_t;

/* Call once, before any thread. `program` is borrowed for ever. */
void cr_log_open(const char *program, cr_log_level_t level);
/* "err", "warn", "info", "debug"; CR_INVAL otherwise. */
cr_err_t cr_log_level_parse(const char *text, cr_log_level_t *level) CR_MUST_USE;
bool cr_log_enabled(cr_log_level_t level);

void cr_log(cr_log_level_t level, const char *event, const char *format, ...) CR_PRINTF(3, 4);

/* A logfmt-quoted copy of outside text in `out`: quotes when needed, \n and controls escaped, cut
 * with "...". */
const char *cr_log_value(cr_slice_t text, char out[160]);

/*
 * For failures that repeat: true at the first call and then once per `every_ms`, with the number of
 * calls that were suppressed since. `state` starts zeroed and belongs to one thread.
 */
typedef struct {
    int64_t next_us;
    uint64_t suppressed;
} cr_log_limit_t;
bool cr_log_limit(cr_log_limit_t *state, int64_t now_mono_us, int64_t every_ms,
                  uint64_t *suppressed);

#endif
