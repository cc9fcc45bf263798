/*
 * inbox - shows residents their messages
 *
 *   GET /                                    the page (page.h)
 *   GET /inbox/recent?limit=N                the newest messages, newest first
 *   GET /inbox/search?address=A              the messages of a phone, openid or mailbox
 *   GET /inbox/resident?address=A|number=N   all messages of the person who got that message,
 *                                            channel by channel; without either: somebody at random
 *   GET /inbox/counters                      what the gateways did, and their last minute
 *   GET /inbox/mail?number=N                 the HTML of an e-mail, for a frame without rights
 *
 * Addresses are shown whole: whoever may open the sandbox plays all residents at once.
 */
#ifndef INBOX_H
#define INBOX_H

#include "gateway.h"
#include "web.h"

typedef struct {
    const store_t *store;
    gateway_t *gateways; /* one per channel */
    uint64_t dice;       /* state of the random residents */
} inbox_t;

/* The context is the inbox_t. */
web_route_fn inbox_answer_recent;
web_route_fn inbox_answer_search;
web_route_fn inbox_answer_resident;
web_route_fn inbox_answer_counters;
web_route_fn inbox_answer_mail;

#endif
