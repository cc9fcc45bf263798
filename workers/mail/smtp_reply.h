/*
 * smtp_reply - the replies of a mail server, line by line
 *
 * A reply may have many lines; its code is that of the last, and of the text the last line is kept,
 * which has the enhanced status code. Lines of EHLO's reply are shown one by one.
 *
 * Source     RFC 5321 section 4.2, RFC 2034.
 * Limits     a line of 2,000 bytes, 100 lines or 64 KiB a reply: more is no reply.
 * Threads    none; pure.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "cr_base.h"

enum { SMTP_LINE_MAX = 2000, SMTP_LINES_MAX = 100, SMTP_REPLY_MAX = 64 * 1024 };

typedef struct {
    unsigned code; /* 200 to 599 */
    char line[SMTP_LINE_MAX];
    size_t length; /* of the newest line, without its end */
    size_t lines, bytes;
    bool more; /* another line follows */
} smtp_reply_t;

void smtp_reply_clear(smtp_reply_t *self);
/* Takes the next line from `in` (which moves behind it). CR_OK: `line` is new, the reply is whole
 * unless `more`; CR_AGAIN: the line is not all there; CR_INVAL: no reply, or one beyond the limits. */
cr_err_t smtp_reply_take(smtp_reply_t *self, cr_slice_t *in) CR_MUST_USE;
/* What stands behind the code. */
cr_slice_t smtp_reply_text(const smtp_reply_t *self);

#endif
