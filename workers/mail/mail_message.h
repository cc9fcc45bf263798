/*
 * mail_message - a message as the mail that leaves: one recipient, correct MIME
 *
 * The Message-ID is made of the delivery and not of the attempt, so that a mail that was sent twice
 * is one mail to the reader's program. Two things come back from strangers and carry the delivery's
 * reference with a MAC: the address that bounces go to, and the link by which a reader leaves.
 *
 * Source     RFC 5322, 2045-2047 (mime.h), 3834 (Auto-Submitted), 2919 (List-Id), 2369 and 8058
 *            (List-Unsubscribe by one click).
 * Limits     lines of 76 bytes, but for List-Unsubscribe, which relays must not fold after they sign.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include "cr_str.h"
#include "runtime/render.h"

typedef struct {
    const char *from;            /* address of the office */
    const char *domain;          /* right half of the Message-ID */
    const char *unsubscribe_url; /* the token goes behind it; "": no link */
    const char *bounce_domain;   /* "": bounces go to `from` */
    uint8_t key[32];             /* of the tokens */
} mail_sender_t;

/* Appends the whole mail; `wall_us` becomes its Date. CR_INVAL: an address or a header value that may
 * not stand in a mail; CR_TOOBIG, CR_NOMEM. */
cr_err_t mail_message_build(const message_t *message, const mail_sender_t *sender, int64_t wall_us,
                            cr_str_t *out) CR_MUST_USE;
/* Appends the sender of its envelope, where bounces go. */
void mail_message_return_path(const message_t *message, const mail_sender_t *sender, cr_str_t *out);

#endif
