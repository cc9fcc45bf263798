/*
 * mail_outcome - what a mail server's reply means
 *
 * The enhanced status code says more than the reply code and is asked first; two tables decide. A
 * reply that was lost after the mail had left is UNKNOWN: the fixed Message-ID makes
 * sending again harmless to the reader.
 *
 * Source     RFC 5321 section 4.2, RFC 3463.
 */
#ifndef MAIL_OUTCOME_H
#define MAIL_OUTCOME_H

#include "runtime/outcome.h"
#include "smtp_session.h"

outcome_t mail_outcome(const smtp_answer_t *answer);

#endif
