/*
 * mail_outcome - what a mail server's reply means
 *
 * The enhanced status code says more than the reply code and is asked first; two tables decide. A
 * reply that was lost after the mail had begun to leave is UNKNOWN: the fixed Message-ID makes
 * sending again harmless to the reader.
 *
 * Source     RFC 5321 section 4.2, RFC 3463.
 */
#ifndef MAIL_OUTCOME_H
#define MAIL_OUTCOME_H

#include "cr_http.h"
#include "runtime/outcome.h"

/* `reply` is the server's last line: "550 5.1.1 no such mailbox". */
outcome_t mail_answer_outcome(const cr_http_answer_t *answer, cr_slice_t reply);

#endif
