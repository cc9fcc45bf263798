/*
 * sms_message - a message as the form that SendSms takes, and its receipts as they come back
 *
 * The aggregator puts the signature before the text itself: the leading 【sender】 of the wording is
 * taken off and sent as SignName, the rest is the template's one parameter.
 *
 * Source     Dysmsapi 2017-05-25, SendSms and SmsReport; RFC 3986 for the encoding.
 */
#ifndef SMS_MESSAGE_H
#define SMS_MESSAGE_H

#include "cr_str.h"
#include "runtime/news.h"
#include "runtime/render.h"

typedef struct {
    const char *code;      /* of the template that is nothing but one parameter */
    const char *parameter; /* its name */
} sms_template_t;

/* Appends "PhoneNumbers=...&SignName=...". CR_TOOBIG, CR_NOMEM. */
cr_err_t sms_message_form(const message_t *message, const sms_template_t *template,
                          cr_str_t *out) CR_MUST_USE;

/* Adds the receipts of a pushed JSON array. CR_INVAL: not one; CR_TOOBIG: later. */
cr_err_t sms_receipts_read(cr_slice_t body, news_t *news) CR_MUST_USE;

#endif
