/*
 * wechat_person - plays the resident who writes to the account, follows or leaves it
 *
 *   POST /inbox/wechat {"address":A,"does":"text","text":T}
 *   POST /inbox/wechat {"address":A,"does":"subscribe"}    also "unsubscribe"
 *
 * The event is pushed to the account's event URL like the results, again until it is taken. Nothing
 * that is sent afterwards changes by it.
 */
#ifndef WECHAT_PERSON_H
#define WECHAT_PERSON_H

#include "gateway.h"
#include "web.h"

/* The context is the gateway_t. */
web_route_fn wechat_person_answer;

#endif
