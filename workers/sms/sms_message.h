/*
 * sms_message - a message as the form that SendSms takes, its receipts as they come back, and replies
 *
 * The aggregator puts the signature before the text itself: the leading 【sender】 of the wording is
 * taken off and sent as SignName, the rest is the template's one parameter.
 *
 * Source     Dysmsapi 2017-05-25, SendSms, SmsReport, SmsUp and QuerySendDetails; RFC 3986 for the encoding.
 */
#ifndef SMS_MESSAGE_H
#define SMS_MESSAGE_H

#include "cr_http.h"
#include "cr_str.h"
#include "pull.h"
#include "runtime/news.h"
#include "runtime/render.h"

typedef struct {
    const char *code;      /* of the template that is nothing but one parameter */
    const char *parameter; /* its name */
} sms_template_t;

/* Appends "PhoneNumbers=...&SignName=...&OutId=...". CR_TOOBIG, CR_NOMEM. */
cr_err_t sms_message_form(const message_t *message, const sms_template_t *template,
                          cr_str_t *out) CR_MUST_USE;
/* The same in two pieces, for several numbers with one text, which have no reference of ours: what is
 * alike in all of them, and the form around it. `phones` are joined by commas. */
cr_err_t sms_batch_text(const message_t *message, const sms_template_t *template,
                        cr_str_t *out) CR_MUST_USE;
cr_err_t sms_batch_form(cr_slice_t phones, cr_slice_t text, cr_str_t *out) CR_MUST_USE;
/* The id that a number of a batch has: "BIZID/PHONE". */
enum { SMS_BATCH_ID_MAX = 96 };
const char *sms_batch_id(const char *biz_id, const char *phone, char out[SMS_BATCH_ID_MAX]);

/* Who reads a push. */
typedef struct {
    news_t *news;
    pull_t *pull; /* what comes is not to be pulled any more; NULL: nothing is */
    bool by_id;   /* receipts are of numbers in batches, else of our references */
} sms_reader_t;

/* Adds the receipts and replies of a pushed JSON array. CR_INVAL: not one; CR_TOOBIG: later. */
cr_err_t sms_push_read(cr_slice_t body, const sms_reader_t *reader) CR_MUST_USE;

/* Appends the form that asks what became of a message. CR_NOMEM. */
cr_err_t sms_details_form(const pull_item_t *item, cr_str_t *out) CR_MUST_USE;
/* What the answer says of this message; ACCEPTED: nothing that is final. */
cr_status_t sms_details_outcome(const cr_http_answer_t *answer, const char *reference);

#endif
