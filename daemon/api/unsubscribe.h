/*
 * unsubscribe - what a person sees who follows the link in a mail
 *
 * The page asks first: programs that look into mails open every link in them. The button, and a mail
 * provider on behalf of its user, post List-Unsubscribe=One-Click to the same address.
 *
 * Source     RFC 8058.
 * Threads    none; pure.
 */
#ifndef UNSUBSCRIBE_H
#define UNSUBSCRIBE_H

#include "answer.h"
#include "cr_str.h"

/* Whether the body of a form, in either encoding, says what it must. */
bool unsubscribe_is_asked(cr_slice_t body);
/* The page with the button. */
void unsubscribe_ask(cr_str_t *out);
/* The answer as a page, with its status. */
void unsubscribe_say(answer_t *answer);

#endif
