/*
 * reply - what it means that a resident said or did something
 *
 * A text that consists of an opt-out word is one, however it is written: full-width or not, in capital
 * letters or not, with blanks, stops or brackets around it. Everything else is kept and changes
 * nothing: who writes "don't send me TD again" wants to be read by a person.
 *
 * Source     the opt-out wordings of Chinese operators (拒收请回复R, 退订回T, 回TD退订); Unicode UAX 15
 *            (NFKC, by utf8proc).
 * Threads    none; no clock, no store.
 */
#ifndef PLAN_REPLY_H
#define PLAN_REPLY_H

#include "cr_str.h"
#include "crier.pb-c.h"

/* name, as it is stored and shown. Stored: never re-used for something else. */
#define REPLY_ACT_LIST(X)                                                                          \
    X(KEEP, "kept")             /* changes nothing */                                              \
    X(OPT_OUT, "opted_out")     /* wants nothing more on the channel */                            \
    X(BAD, "address_left")      /* cannot be reached at the address any more */                    \
    X(GOOD, "address_returned") /* can be reached there again */

typedef enum {
#define X(name, text) REPLY_##name,
    REPLY_ACT_LIST(X)
#undef X
        REPLY_ACT_COUNT
} reply_act_t;

enum { REPLY_WORD_MAX = 24 };

typedef struct {
    reply_act_t act;
    char word[REPLY_WORD_MAX]; /* of OPT_OUT: the word of the table; else "" */
} reply_verdict_t;

/* `further` are an office's own opt-out words, separated by blanks; "" for none. Any bytes may be in
 * the text. */
reply_verdict_t reply_judge(Crier__V1__Replies__Kind kind, cr_slice_t text, const char *further);
const char *reply_act_name(reply_act_t act);

/* Appends the text as it may be stored: what is not UTF-8, and every character that may not be sent,
 * becomes U+FFFD. */
void reply_clean(cr_slice_t text, cr_str_t *out);
/* Appends it as it may be shown: of seven digits and more in a row only the last four are. */
void reply_mask(cr_slice_t text, cr_str_t *out);

#endif
