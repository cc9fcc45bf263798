/*
 * mail_message - a message as the mail that leaves: one recipient, correct MIME
 *
 * The Message-ID is made of the delivery and not of the attempt, so that a mail that was sent twice
 * is one mail to the reader's program. Encodings and folding are GMime's.
 *
 * Source     RFC 5322, 2045-2047, 3834 (Auto-Submitted).
 * Limits     lines of 76 bytes, CRLF at their ends.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include <glib.h>

#include "runtime/render.h"

typedef struct {
    const char *from;   /* address of the office */
    const char *domain; /* right half of the Message-ID */
} mail_sender_t;

/* Call once, before the first mail. */
void mail_message_init(void);
/* The whole mail; caller releases it with g_byte_array_unref. NULL: an address or a header value
 * that may not stand in a mail. `wall_us` becomes its Date. */
GByteArray *mail_message_build(const message_t *message, const mail_sender_t *sender,
                               int64_t wall_us);

#endif
