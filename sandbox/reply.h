/*
 * reply - plays the resident who writes back
 *
 *   POST /inbox/reply {"address":A,"text":T}   a short message from this phone
 *
 * It goes to whoever submitted last over SMPP or CMPP; without a connection that takes it, to where
 * the receipts of SMS are pushed, as SmsUp; where there is none either, the answer is 409.
 *
 * Source     Dysmsapi 2017-05-25, SmsUp.
 */
#ifndef REPLY_H
#define REPLY_H

#include "smsc.h"
#include "web.h"

enum { REPLY_CENTRES = 2 };

typedef struct {
    smsc_t *const *centres[REPLY_CENTRES];
    gateway_t *gateway; /* of SMS */
    uint64_t sequence;
} reply_t;

/* The context is the reply_t. */
web_route_fn reply_answer;

#endif
