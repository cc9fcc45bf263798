/*
 * answer - what a platform's answer means: one table of codes, one rule for what is no answer
 *
 * WeChat and WeCom answer 200 to everything; `errcode` in the body decides, by the platform's table.
 * A code that is not in it was a refusal, so nothing was sent and trying again is safe. What is no
 * JSON with an errcode comes from something before the platform, and is named in `odd`.
 *
 * Account    what stops the gateway fails no recipient: their messages are tried again, elsewhere or
 *            when the account works again.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "cr_http.h"
#include "runtime/outcome.h"

enum { ANSWER_MSGID_MAX = 24 };

typedef enum {
    ANSWER_TAKEN,
    ANSWER_RETRY,   /* later: the platform is busy or throttles */
    ANSWER_TOKEN,   /* the access token is not known any more: a new one may help */
    ANSWER_NEVER,   /* the recipient */
    ANSWER_CONTENT, /* template and text */
    ANSWER_QUOTA,   /* of the day is used up */
    ANSWER_STOP,    /* the account: no message would pass */
    ANSWER_UNKNOWN  /* it may have been taken */
} answer_class_t;

typedef struct {
    int from, to; /* errcodes; a table ends with one whose class is ANSWER_UNKNOWN */
    answer_class_t class;
    cr_status_t never; /* of ANSWER_NEVER */
    uint32_t retry_after_ms;
} answer_code_t;

typedef struct {
    answer_class_t class;
    int64_t code; /* errcode, 0 where there is none */
    outcome_t outcome;
    const char *odd;              /* names what is no answer of the platform; NULL: it is one */
    char msgid[ANSWER_MSGID_MAX]; /* what outcome.gateway_id shows */
} answer_t;

/* `self` must not be moved while its outcome is used. */
void answer_judge(answer_t *self, const answer_code_t *codes, const cr_http_answer_t *answer);
/* As if the platform had answered so; RETRY after `retry_after_ms`. */
void answer_make(answer_t *self, answer_class_t class, uint32_t retry_after_ms);

#endif
