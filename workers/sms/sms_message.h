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

/* Appends "PhoneNumbers=...&SignName=...". CR_TOOBIG, CR_NOMEM. */
cr_err_t sms_message_form(const message_t *message, const sms_template_t *template,
                          cr_str_t *out) CR_MUST_USE;

/* Adds the receipts and replies of a pushed JSON array; those are not to be pulled any more (`pull`
 * may be NULL). CR_INVAL: not one; CR_TOOBIG: later. */
cr_err_t sms_push_read(cr_slice_t body, news_t *news, pull_t *pull) CR_MUST_USE;

/* Appends the form that asks what became of a message. CR_NOMEM. */
cr_err_t sms_details_form(const pull_item_t *item, cr_str_t *out) CR_MUST_USE;
/* What the answer says of this message; ACCEPTED: nothing that is final. */
cr_status_t sms_details_outcome(const cr_http_answer_t *answer, const char *reference);

#endif
